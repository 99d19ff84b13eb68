"""Each type: created, found by recovery, read back without a difference, updated in place, refreshed, deleted."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.commands.recovery import objects
from tests.localcloud.pulumi import aws_cases, schedule_cases
from tests.localcloud.pulumi.case import Case
from tests.localcloud.pulumi.conftest import boto
from tests.localcloud.pulumi.engine import Plugin, Resource
from tests.localcloud.pulumi.world import World, build

CASES = schedule_cases.CASES | aws_cases.CASES


@pytest.fixture(scope="session")
def world(aws: Plugin) -> World:
    built = build(aws)
    aws.create(
        "aws:s3/bucketObjectv2:BucketObjectv2",
        "archive",
        {"bucket": built.bucket.id, "key": "model/model.tar.gz", "content": "not really"},
    )
    return built


@pytest.fixture(scope="module")
def connect(aws_endpoint: str) -> Callable[[str], Any]:
    return lambda service: boto(aws_endpoint, service)


@pytest.mark.parametrize("name", [pytest.param(name, id=name) for name in CASES])
def test_round_trip(
    aws: Plugin, world: World, name: str, connect: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses = list[float]()
    monkeypatch.setattr("botocore.waiter.time", SimpleNamespace(sleep=pauses.append))
    case, name = CASES[name], name.replace(" ", "-")
    made = aws.create(case.token, name, case.inputs(world))
    try:
        assert {**made.outputs, **{k: v for k, v in case.outputs.items() if v is not None}} == made.outputs
        if case.identity:
            assert made.id == case.identity(made)
        recovered(made, connect)
        assert pauses == []  # it is there: no waiter has to wait
        unchanged(aws, made, case.inputs(world))
        current = updated(aws, made, case, world)
        replaced(aws, current, case, world)
        imported(aws, current, case)
        if not case.stays:
            aws.delete(current)
            assert aws.read(current) is None
        aws.delete(current)  # an object that is gone already is deleted
    finally:
        aws.delete(made)


def recovered(made: Resource, connect: Callable[[str], Any]) -> None:
    """Assert that recovery finds the object by the inputs it was made of, had its creation been cut off."""
    expected = None if made.token in objects.REPEATABLE else made.id
    assert objects.identify(made.token, made.inputs, connect) == expected
    objects.await_made(made.token, made.inputs, connect)


def unchanged(aws: Plugin, resource: Resource, inputs: dict[str, Any]) -> None:
    checked, _ = aws.check(resource.token, resource.name, inputs, resource.inputs)
    assert paths(aws.diff(resource, checked)) == {}
    live = aws.read(resource)
    assert live is not None
    assert live.id == resource.id
    assert live.inputs == resource.inputs
    assert live.outputs == resource.outputs


def updated(aws: Plugin, made: Resource, case: Case, world: World) -> Resource:
    if case.updates is None:
        return made
    wanted = case.updates(world)
    checked, _ = aws.check(made.token, made.name, wanted, made.inputs)
    difference = aws.diff(made, checked)
    assert list(difference.diffs)
    assert not difference.replaces
    aws.update(made, wanted, preview=True)
    result = aws.update(made, wanted)
    unchanged(aws, result, wanted)
    return result


def replaced(aws: Plugin, current: Resource, case: Case, world: World) -> None:
    if case.replaces is None:
        return
    checked, failures = aws.check(current.token, current.name, case.replaces(world), current.inputs)
    assert not failures
    assert aws.diff(current, checked).replaces


def imported(aws: Plugin, current: Resource, case: Case) -> None:
    """Assert that an import finds the object, and reads nothing that would replace it."""
    identity = case.imported_as(current) if case.imported_as else current.id
    bare = aws.read(Resource(current.token, current.name, {}, identity))
    assert bare is not None
    assert bare.id == current.id
    checked, _ = aws.check(current.token, current.name, current.inputs, bare.inputs)
    difference = aws.diff(Resource(current.token, current.name, bare.inputs, bare.id, bare.outputs), checked)
    assert not difference.replaces


def paths(difference: Any) -> dict[str, int]:
    return {path: detail.kind for path, detail in difference.detailedDiff.items()}
