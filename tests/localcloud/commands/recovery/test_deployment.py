"""How the pending operations of an interrupted run are resolved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.commands.recovery import deployment

URN = "urn:pulumi:local::workshop::aws:iam/role:Role::node"
PLANNED = {"urn": URN, "type": "aws:iam/role:Role", "custom": True, "inputs": {"name": "node"}, "parent": "urn:stack"}
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def exported(*operations: tuple[str, dict[str, Any]], resources: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    pending = [{"type": kind, "resource": resource} for kind, resource in operations]
    return {"version": 3, "deployment": {"resources": resources or [], "pending_operations": pending}}


def found(identifier: str | None) -> Any:
    return lambda _kind, _inputs: identifier


def test_an_object_that_may_exist_becomes_a_resource_with_its_planned_inputs() -> None:
    document, taken = deployment.settle(exported(("creating", PLANNED)), found("node"))
    assert document["deployment"] == {"resources": taken}
    assert taken == [PLANNED | {"id": "node", "outputs": {"name": "node"}}]


def test_a_creation_that_left_nothing_is_cleared() -> None:
    document, taken = deployment.settle(exported(("creating", PLANNED)), found(None))
    assert document["deployment"] == {"resources": []}
    assert taken == []


@pytest.mark.parametrize("kind", ["updating", "deleting", "reading"])
def test_what_is_in_the_state_already_stays_as_it_is(kind: str) -> None:
    standing = PLANNED | {"id": "node", "outputs": {"arn": "a"}}
    document, taken = deployment.settle(exported((kind, standing), resources=[standing]), found("node"))
    assert document["deployment"] == {"resources": [standing]}
    assert taken == []


def test_a_provider_is_no_object_of_the_cloud() -> None:
    provider = PLANNED | {"type": "pulumi:providers:aws"}
    assert deployment.settle(exported(("creating", provider)), found("x"))[1] == []


def test_an_object_that_the_state_has_is_not_taken_in_twice() -> None:
    standing = PLANNED | {"id": "node", "outputs": {}}
    document, taken = deployment.settle(exported(("creating", PLANNED), resources=[standing]), found("node"))
    assert document["deployment"]["resources"] == [standing]
    assert taken == []


def test_what_it_replaces_is_still_to_be_deleted() -> None:
    old = PLANNED | {"id": "old"}
    document, _ = deployment.settle(exported(("creating", PLANNED), resources=[old]), found("new"))
    assert [(each["id"], each.get("delete", False)) for each in document["deployment"]["resources"]] == [
        ("old", True),
        ("new", False),
    ]


def test_it_takes_the_place_of_what_was_deleted_before_it() -> None:
    old = PLANNED | {"id": "old", "pendingReplacement": True}
    later = {"urn": "urn:later", "id": "l"}
    document, _ = deployment.settle(exported(("creating", PLANNED), resources=[old, later]), found("new"))
    assert [each["id"] for each in document["deployment"]["resources"]] == ["new", "l"]


def test_the_exported_document_is_not_changed() -> None:
    document = exported(("creating", PLANNED), resources=[PLANNED | {"id": "old"}])
    deployment.settle(document, found("new"))
    assert document == exported(("creating", PLANNED), resources=[PLANNED | {"id": "old"}])


def test_no_secret_names_an_object() -> None:
    seen: list[Mapping[str, Any]] = []
    planned = PLANNED | {"inputs": {"name": "node", "token": SECRET, "list": [SECRET, "x"]}}
    deployment.settle(exported(("creating", planned)), lambda _, inputs: seen.append(inputs))
    assert seen == [{"name": "node", "token": {}, "list": [{}, "x"]}]


def test_a_stack_that_was_never_deployed_has_nothing_pending() -> None:
    assert deployment.pending({"version": 3, "deployment": None}) == []


def test_a_secret_that_was_exported_in_clear_is_read() -> None:
    mark = "4dabf18193072939515e22adb298388d"
    assert deployment.revealed({mark: "1b47", "plaintext": '"text"'}) == "text"
    assert deployment.revealed("plain") == "plain"


def test_the_objects_of_a_cluster_go_with_all_that_refers_to_them() -> None:
    job = {"urn": "job", "type": "kubernetes:a/v1:TransformJob", "id": "default/j"}
    provider = {"urn": "provider", "type": "pulumi:providers:kubernetes", "id": "p"}
    role = {
        "urn": "role",
        "type": "aws:iam/role:Role",
        "dependencies": ["job", "provider"],
        "propertyDependencies": {"name": ["job"]},
        "deletedWith": "job",
    }
    document = deployment.without_objects(exported(("creating", job), resources=[provider, job, role]))
    assert document["deployment"] == {
        "resources": [
            provider,
            {
                "urn": "role",
                "type": "aws:iam/role:Role",
                "dependencies": ["provider"],
                "propertyDependencies": {"name": []},
            },
        ]
    }
