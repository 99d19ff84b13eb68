"""What somebody deletes by hand beside the stack."""

from __future__ import annotations

from typing import Any

from tests.e2e.checkout import Checkout
from tests.e2e.interruptions import assert_nothing_left


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
