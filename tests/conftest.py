"""The workers and the order of the tests, and checkouts for the end-to-end tests.

Tests that leave a checkout as they found it share one; the others get a checkout of their own.
"""

from __future__ import annotations

import functools
import gc
import json
import marshal
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import JSONFileLoader, Loader
from hypothesis import HealthCheck, settings

from tests.e2e.checkout import Checkout

# The SDK's gRPC would start its threads anew in each fork, and there they write what the test takes for a child's words.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
gc.set_threshold(50_000, 20, 50)  # the SDKs make a million objects that stay, and each look at them all takes a second


@functools.cache
def _packed(file_path: str) -> bytes:
    return marshal.dumps(json.loads(json.dumps(_read_model(JSONFileLoader(), file_path))))


# Each session of the SDK reads the models of its services, megabytes of JSON; a worker parses each once. moto changes
# the model that it gets, so each reader gets its own.
_read_model = JSONFileLoader.load_file
JSONFileLoader.load_file = lambda self, file_path: marshal.loads(_packed(file_path))  # noqa: S302  its own bytes


@functools.cache
def _services(type_name: str) -> list[str]:
    return _list_services(Loader(), type_name)


# It also looks into the folders of all four hundred services, whose models do not change; a worker does so once.
_list_services = Loader.list_available_services
Loader.list_available_services = lambda self, type_name: list(_services(type_name))


# The groups that take minutes begin first, the longest before the others: what is short fills the workers' ends.
LONG = (
    "standing",
    "documents",
    "mishaps",
    "kills",
    "destroy",
    "scheduled",
    "deployer",
    "tests/localcloud/pulumi/language_host",
    "upgrade",
    "account",
    "cluster",
)
# Tests below these folders share servers: one worker starts them, once.
SHARED = (
    "tests/localcloud/aws/sagemaker",
    "tests/localcloud/aws",
    "tests/localcloud/pulumi/language_host",
    "tests/localcloud/pulumi",
)


# How long an example takes says how busy the machine is. `make test` tries the same examples in each run, so that it fails
# for what has changed; `make soak` looks for new ones.
settings.register_profile("tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("soak", settings.get_profile("tests"), derandomize=False, max_examples=2000)
settings.load_profile("tests")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--aws", action="store_true", help="run what is marked `aws` against a real account; costs cents")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group what shares servers or a module's fixtures, and sort the groups.

    In a group the order stays as it is, except that what is marked `last` comes after all others.
    """
    places: dict[str, tuple[int, int]] = {}
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(_group(item.nodeid.partition("::")[0])))
        group = _group_of(item)
        place = LONG.index(group) if group in LONG else len(LONG) + (group not in SHARED)
        places.setdefault(group, (place, len(places)))
    items.sort(key=lambda item: (places[_group_of(item)], item.get_closest_marker("last") is not None))


def _group(module: str) -> str:
    return next((folder for folder in SHARED if module.startswith(f"{folder}/")), module)


def _group_of(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    return marker.args[0] if marker else ""


def pytest_collection_finish() -> None:
    gc.freeze()  # what was imported stays until the end


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Gives a boto3 client of a service of an account that moto pretends; the account goes with the test."""
    import boto3  # noqa: PLC0415  slow to load, and for some tests only
    from moto import mock_aws  # noqa: PLC0415

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield boto3.client


@pytest.fixture(scope="session")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout in which `make up` has ended well.

    A test that uses it leaves program, settings and the job `churn` as they were; what else it added to the stack goes
    with the next `make up`. One marked `last` may destroy the stack.
    """
    checkout = Checkout.make(tmp_path_factory.mktemp("a checkout with spaces"))
    first = checkout.make_target("up")
    try:
        assert first.code == 0, first.text
        yield checkout
    finally:
        checkout.make_target("reset")


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Callable[[], Checkout]]:
    """Makes checkouts in which nothing has run yet, and clears what they started."""
    made: list[Checkout] = []

    def make() -> Checkout:
        made.append(Checkout.make(tmp_path / f"checkout{len(made)}"))
        return made[-1]

    yield make
    for checkout in made:
        checkout.make_target("reset")
