"""Whatever happened before, `make destroy` leaves nothing behind, and deletes resources in the order that AWS needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import calls
from tests.e2e.interruptions import assert_nothing_left, cut_off
from tests.e2e.jobs_as_code import added

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("destroy")]
CHANGES = ("Create", "Put", "Attach", "Modify", "Associate")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose stack each test brings up and takes down: the cloud runs on, nothing of a test outlives it."""
    made = Checkout.make(tmp_path_factory.mktemp("destroy") / "checkout")
    yield made
    made.make_target("reset")


@pytest.mark.soak
def test_an_up_cut_off_after_any_creation_is_destroyed(checkout: Checkout) -> None:
    start = len(calls(checkout))
    assert checkout.make_target("up").code == 0
    # Not the job's log: the job makes that, and it is kept.
    whole = [name for name in calls(checkout)[start:] if name.startswith(CHANGES) and "Log" not in name]
    assert_nothing_left(checkout)
    for index, operation in enumerate(whole):
        count = whole[: index + 1].count(operation)
        print(f"cut off after {operation} number {count}", flush=True)
        cut_off(checkout, operation, count)
        assert_nothing_left(checkout)


def slow_job() -> dict[str, str]:
    """A job that would run for a minute or more: one row a request, one request at a time."""
    return {"slow": 'input="slow.csv", batch_strategy="SingleRecord", max_concurrent_transforms=1'}


def test_an_up_that_was_cut_off_while_a_job_runs_is_destroyed_and_the_job_stops(checkout: Checkout) -> None:
    rows = (checkout.path / "model/batch_input.csv").read_text()
    with added(checkout, slow_job(), {"slow.csv": rows * 200}):
        cut_off(checkout, "CreateTransformJob", 2)
        assert "InProgress" in checkout.transform_jobs().values()
        assert_nothing_left(checkout)
    assert "Stopped" in checkout.transform_jobs().values()


@pytest.mark.last
@pytest.mark.xdist_group("standing")
def test_destroy_after_half_of_the_stack_and_the_cluster_were_deleted_by_hand(standing: Checkout) -> None:
    assert_destroyed_after_a_loss(standing, ["objects", "cluster"])


@pytest.mark.soak
@pytest.mark.parametrize("lost", [pytest.param([what], id=what) for what in ("objects", "cluster")])
def test_destroy_after_things_were_deleted_by_hand(checkout: Checkout, lost: list[str]) -> None:
    assert checkout.make_target("up").code == 0
    assert_destroyed_after_a_loss(checkout, lost)


def assert_destroyed_after_a_loss(checkout: Checkout, lost: list[str]) -> None:
    outputs = checkout.outputs()
    if "objects" in lost:
        delete_objects(checkout, outputs)
    if "cluster" in lost:
        delete_cluster(checkout, outputs["cluster_name"])
    destroyed = assert_nothing_left(checkout)
    assert ("EKS says that the cluster is gone" in destroyed.text) is ("cluster" in lost)


def delete_cluster(checkout: Checkout, name: str) -> None:
    eks: Any = checkout.client("eks")
    for group in eks.list_nodegroups(clusterName=name)["nodegroups"]:
        eks.delete_nodegroup(clusterName=name, nodegroupName=group)
        eks.get_waiter("nodegroup_deleted").wait(
            clusterName=name, nodegroupName=group, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
    eks.delete_cluster(name=name)
    eks.get_waiter("cluster_deleted").wait(name=name, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def delete_objects(checkout: Checkout, outputs: dict[str, Any]) -> None:
    """The model, the execution role, and all that is in the bucket."""
    s3, bucket = checkout.client("s3"), outputs["bucket_name"]
    checkout.client("sagemaker").delete_model(ModelName=outputs["model_name"])
    for found in s3.list_objects_v2(Bucket=bucket)["Contents"]:
        s3.delete_object(Bucket=bucket, Key=found["Key"])
    s3.delete_bucket_policy(Bucket=bucket)
    role = outputs["execution_role_arn"].rpartition("/")[2]
    iam: Any = checkout.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        iam.delete_role_policy(RoleName=role, PolicyName=name)
    iam.delete_role(RoleName=role)
