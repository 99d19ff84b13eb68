"""Secrets, checkpoints, the integrity rules, the journal, the file backend."""

import asyncio
import contextlib
import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from differential import PASSPHRASE, SALT
from hypothesis import given, settings
from hypothesis import strategies as some
from test_values import values

from localcloud.engine import backend
from localcloud.engine.backend import Backend, StackFiles
from localcloud.engine.checkpoint import Deployment, decode_deployment, parse_checkpoint
from localcloud.engine.codec import Codec, encode_number
from localcloud.engine.errors import EngineError, LockedError, SecretsError, StateError, UnsupportedError
from localcloud.engine.graph import Graph, deletion_order
from localcloud.engine.integrity import verify
from localcloud.engine.journal import Journal
from localcloud.engine.recovery import drop_dead_locks
from localcloud.engine.resource import SHAPE, Resource
from localcloud.engine.secrets import SecretsManager
from localcloud.engine.values import Secret, equal, without_secrets


@pytest.fixture(scope="module")
def manager() -> SecretsManager:
    return SecretsManager(PASSPHRASE, SALT)


def files(folder: Path) -> StackFiles:
    stack = Backend(folder).stack("p", "s")
    stack.create()
    return stack


# --- secrets


def test_texts_are_decrypted_to_what_they_were(manager: SecretsManager) -> None:
    assert manager.decrypt(manager.encrypt("hush")) == "hush"
    assert manager.encrypt("hush") != manager.encrypt("hush")
    assert manager.encrypt("hush", "here") == manager.encrypt("hush", "here")


def test_a_recorded_ciphertext_of_the_official_engine_is_read() -> None:
    """From the test vectors of Pulumi's own repository."""
    known = SecretsManager("password", "v1:fozI5u6B030=:v1:F+6ZduKKd8G0/V7L:PGMFeIzwobWRKmEAzUdaQHqC5mMRIQ==")
    known.verify()


def test_a_wrong_passphrase_is_named() -> None:
    with pytest.raises(SecretsError, match="incorrect passphrase"):
        SecretsManager("wrong", SALT).verify()


# --- checkpoints


@settings(max_examples=50, deadline=None)
@given(some.dictionaries(some.text(max_size=5), values, max_size=3))
def test_values_survive_the_state(properties: dict[str, Any]) -> None:
    codec = Codec(None, show_secrets=True)
    encoded = json.loads(json.dumps(codec.encode(properties, "u")))
    assert equal(without_secrets(codec.decode(encoded, "u")), without_secrets(properties))


def test_nothing_secret_is_written_in_clear(manager: SecretsManager) -> None:
    encoded = Codec(manager).encode({"a": Secret({"b": [Secret("hush hush")]})}, "u")
    assert "hush" not in json.dumps(encoded)
    assert equal(Codec(manager).decode(encoded, "u"), {"a": Secret({"b": ["hush hush"]})})


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(1.0, "1", id="whole"),
        pytest.param(1.5, "1.5", id="fraction"),
        pytest.param(1e20, "1" + "0" * 20, id="large"),
    ],
)
def test_numbers_are_written_as_go_does(number: float, expected: str) -> None:
    assert json.dumps(encode_number(number)) == expected


def test_infinity_survives_the_state() -> None:
    codec = Codec(None)
    assert codec.decode(codec.encode({"a": float("-inf")}, ""), "") == {"a": float("-inf")}


STACK = {"urn": "urn:pulumi:s::p::pulumi:pulumi:Stack::p-s", "custom": False, "type": "pulumi:pulumi:Stack"}


def test_what_is_not_known_in_a_file_survives() -> None:
    deployment = decode_deployment(
        {"resources": [{**STACK, "novelty": {"x": 1}}], "snippets": [1], "pending_operations": None}, Codec(None)
    )
    journal = Journal(deployment, Codec(None), "organization/p/s", None)
    written = parse_checkpoint(journal.text(), "f")
    assert written is not None
    assert written["resources"] == [{**STACK, "novelty": {"x": 1}}]
    assert written["snippets"] == [1]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        pytest.param('{"version":3,"checkp', StateError, "damaged", id="truncated"),
        pytest.param("[]", StateError, "damaged", id="no document"),
        pytest.param(
            '{"version":3,"checkpoint":{"latest":{"resources":[{"urn":1}]}}}',
            StateError,
            r"resources\[0\].urn is not a text",
            id="wrong form",
        ),
        pytest.param(
            '{"version":4,"features":["hooks"],"checkpoint":{"latest":{}}}', UnsupportedError, "hooks", id="feature"
        ),
        pytest.param('{"version":9,"checkpoint":{"latest":{}}}', UnsupportedError, "version 9", id="newer"),
    ],
)
def test_files_that_cannot_be_used_are_refused(text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        parse_checkpoint(text, "/x/dev.json")


anything = some.recursive(
    some.none() | some.booleans() | some.integers() | some.text(max_size=3),
    lambda inner: some.lists(inner, max_size=2) | some.dictionaries(some.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@settings(deadline=None)
@given(some.dictionaries(some.sampled_from(sorted(SHAPE)), anything, max_size=3))
def test_whatever_a_resource_holds_it_is_read_or_refused(fields: dict[str, Any]) -> None:
    text = json.dumps({"version": 3, "checkpoint": {"latest": {"resources": [STACK, {**STACK, **fields}]}}})
    with contextlib.suppress(EngineError):
        deployment = decode_deployment(parse_checkpoint(text, "f"), Codec(None))
        Journal(deployment, Codec(None), "organization/p/s", None).text()


def test_features_inside_resources_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="hooks"):
        decode_deployment({"resources": [{**STACK, "resourceHooks": {"beforeCreate": ["x"]}}]}, Codec(None))


def resource(name: str, **fields: Any) -> Resource:
    return Resource(urn=f"urn:pulumi:s::p::a:b:C::{name}", type="a:b:C", **fields)


U = "urn:pulumi:s::p::a:b:C::"


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        pytest.param([resource("a", parent=f"{U}b"), resource("b")], "parent", id="parent comes later"),
        pytest.param([resource("a", dependencies=[f"{U}b"])], "dependencies", id="dependency missing"),
        pytest.param([resource("a"), resource("a")], "twice", id="twice"),
        pytest.param([resource("a", id="x")], "no custom", id="id of a component"),
        pytest.param([resource("a", custom=True, provider=f"{U}p::1")], "provider", id="provider missing"),
        pytest.param(
            [resource("a", property_dependencies={"k": [f"{U}z"]})], "propertyDependencies", id="of a property"
        ),
    ],
)
def test_integrity_rules(resources: list[Resource], said: str) -> None:
    with pytest.raises(StateError, match=said):
        verify(resources)


def test_one_urn_may_await_deletion_beside_its_successor() -> None:
    verify([resource("a"), resource("a", delete=True), resource("a", delete=True)])


# --- graph


@given(some.lists(some.lists(some.integers(0, 20), max_size=3), max_size=15))
def test_everything_is_deleted_before_what_it_depends_on(edges: list[list[int]]) -> None:
    resources = [
        resource(str(at), dependencies=sorted({f"{U}{each}" for each in each_of if each < at}))
        for at, each_of in enumerate(edges)
    ]
    groups = deletion_order(Graph(resources), resources)
    place = {each.urn: at for at, group in enumerate(groups) for each in group}
    assert len(place) == len(resources)
    assert all(place[each.urn] < place[urn] for each in resources for urn in each.dependencies)


# --- journal


def test_what_is_under_way_is_on_disk_before_it_begins_and_gone_when_it_is_done() -> None:
    written: list[dict[str, Any]] = []

    async def walk() -> None:
        journal = Journal(Deployment(), Codec(None), "o/p/s", lambda text: written.append(json.loads(text)))
        new = resource("a", custom=True)
        operation = await journal.begin("creating", new)
        new.id = "x"
        new.changed()
        journal.end(operation)
        journal.add(new)
        await journal.flush()

    asyncio.run(walk())
    before, after = (each["checkpoint"]["latest"] for each in written)
    assert before["pending_operations"][0]["type"] == "creating"
    assert "resources" not in before
    assert after["resources"][0]["id"] == "x"
    assert "pending_operations" not in after


def test_writes_that_come_together_are_made_as_one() -> None:
    written: list[str] = []

    async def walk() -> None:
        journal = Journal(Deployment(), Codec(None), "o/p/s", written.append)
        await asyncio.gather(*(journal.begin("creating", resource(str(at))) for at in range(50)))

    asyncio.run(walk())
    assert len(written) <= 3


# --- files


def test_state_is_readable_by_its_owner_only_and_keeps_the_last_version(tmp_path: Path) -> None:
    stack = files(tmp_path)
    before = stack.read()
    stack.write("new")
    assert stack.read() == b"new"
    assert stack.file.with_name("s.json.bak").read_bytes() == before
    assert stat.S_IMODE(stack.file.stat().st_mode) == 0o600
    assert sorted(path.name for path in stack.file.parent.iterdir()) == ["s.json", "s.json.bak"]


def test_a_second_engine_is_refused_by_the_lock_which_says_who_holds_it(tmp_path: Path) -> None:
    stack = files(tmp_path)
    with stack.lock():
        with pytest.raises(LockedError, match=rf"pid {os.getpid()}"), stack.lock():
            pass
        assert drop_dead_locks(stack, tmp_path, print) == 0
    assert stack.holders() == []


def test_the_lock_of_a_dead_process_of_this_host_is_dropped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = files(tmp_path)
    with stack.lock() as path:
        content = json.loads(path.read_text())
        dead, elsewhere = path.with_name("dead.json"), path.with_name("elsewhere.json")
        dead.write_text(json.dumps({**content, "pid": 2**22 - 3}))
        elsewhere.write_text(json.dumps({**content, "pid": 2**22 - 3, "hostname": "elsewhere"}))
        assert drop_dead_locks(stack, tmp_path, print) == 1
        assert not dead.exists()
        assert elsewhere.exists()
    assert "cut off" in capsys.readouterr().out


@pytest.mark.parametrize("url", ["https://api.pulumi.com", "s3://bucket", "gs://x"], ids=["service", "s3", "gs"])
def test_other_backends_are_refused_by_name(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", url)
    with pytest.raises(UnsupportedError, match="official Pulumi CLI"):
        backend.from_environment()


def test_the_last_version_is_kept_where_there_are_no_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no links here")

    monkeypatch.setattr(os, "link", no_links)
    stack = files(tmp_path)
    before = stack.read()
    stack.write("new")
    assert stack.file.with_name("s.json.bak").read_bytes() == before
    assert stack.read() == b"new"
