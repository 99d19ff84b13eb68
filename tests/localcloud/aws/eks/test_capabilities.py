"""EKS capabilities: created, described, refused and deleted as on EKS; the controller acts with the capability's role."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import Endpoint, Keys, allow, eventually

SERVICE = "capabilities.eks.amazonaws.com"
TRUST = {"Principal": {"Service": SERVICE}, "Action": ["sts:AssumeRole", "sts:TagSession"]}


def create(aws: Endpoint, cluster: str, keys: Keys | None = None, **changed: Any) -> dict[str, Any]:
    wanted = {
        "capabilityName": "ack",
        "type": "ACK",
        "roleArn": changed.pop("roleArn", None) or aws.role(TRUST),
        "deletePropagationPolicy": "RETAIN",
        **changed,
    }
    return aws.client("eks", keys).create_capability(clusterName=cluster, **wanted)["capability"]


def status(aws: Endpoint, cluster: str, name: str = "ack") -> str:
    found = aws.client("eks").describe_capability(clusterName=cluster, capabilityName=name)["capability"]
    return found["status"]


@pytest.fixture(scope="module")
def cluster(aws: Endpoint) -> str:
    return aws.cluster()


@pytest.fixture
def gone(aws: Endpoint, cluster: str) -> Any:
    """The cluster has no capability before and after."""
    yield
    eks = aws.client("eks")
    for known in eks.list_capabilities(clusterName=cluster)["capabilities"]:
        eventually(lambda name=known["capabilityName"]: status(aws, cluster, name) != "CREATING")
        eks.delete_capability(clusterName=cluster, capabilityName=known["capabilityName"])
    eventually(lambda: not eks.list_capabilities(clusterName=cluster)["capabilities"])


@pytest.mark.usefixtures("gone")
def test_a_capability_becomes_active_with_an_access_entry_for_its_role(aws: Endpoint, cluster: str) -> None:
    role = aws.role(TRUST)
    made = create(aws, cluster, roleArn=role, tags={"stack": "dev"})
    assert made["status"] == "CREATING"
    eventually(lambda: status(aws, cluster) == "ACTIVE")
    eks = aws.client("eks")
    assert role in eks.list_access_entries(clusterName=cluster)["accessEntries"]
    assert eks.list_tags_for_resource(resourceArn=made["arn"])["tags"] == {"stack": "dev"}


@pytest.mark.usefixtures("gone")
def test_the_controller_has_the_keys_of_the_capabilitys_role(aws: Endpoint, cluster: str) -> None:
    role = aws.role(TRUST, allow("sagemaker:ListModels"))
    create(aws, cluster, roleArn=role)
    eventually(lambda: status(aws, cluster) == "ACTIVE")
    given = json.loads((aws.home / f"{cluster}.capability.json").read_text())
    keys = Keys(given["AWS_ACCESS_KEY_ID"], given["AWS_SECRET_ACCESS_KEY"], given["AWS_SESSION_TOKEN"])
    assert role.rpartition("/")[2] in aws.client("sts", keys).get_caller_identity()["Arn"]
    aws.client("sagemaker", keys).list_models()
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("s3", keys).list_buckets()


@pytest.mark.usefixtures("gone")
def test_a_cluster_has_one_capability_of_a_type(aws: Endpoint, cluster: str) -> None:
    create(aws, cluster)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        create(aws, cluster, capabilityName="another")


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize(
    "trust",
    [
        pytest.param({"Principal": {"Service": "pods.eks.amazonaws.com"}, "Action": "sts:AssumeRole"}, id="another"),
    ],
)
def test_a_role_that_does_not_trust_capabilities_is_refused(aws: Endpoint, cluster: str, trust: Any) -> None:
    with pytest.raises(ClientError, match=r"it must trust capabilities\.eks\.amazonaws\.com"):
        create(aws, cluster, roleArn=aws.role(trust))


@pytest.mark.usefixtures("gone")
def test_a_role_without_tag_session_fails_the_capability_and_says_why(aws: Endpoint, cluster: str) -> None:
    create(aws, cluster, roleArn=aws.role({**TRUST, "Action": "sts:AssumeRole"}))
    eventually(lambda: status(aws, cluster) == "CREATE_FAILED")
    found = aws.client("eks").describe_capability(clusterName=cluster, capabilityName="ack")["capability"]
    (issue,) = found["health"]["issues"]
    assert issue["code"] == "AccessDenied"
    assert "sts:TagSession" in issue["message"]


@pytest.mark.usefixtures("gone")
def test_a_controller_that_does_not_start_fails_the_capability(aws: Endpoint, cluster: str) -> None:
    create(aws, cluster, capabilityName="broken")
    eventually(lambda: status(aws, cluster, "broken") == "CREATE_FAILED")


@pytest.mark.usefixtures("gone")
def test_a_controller_that_does_not_stop_says_so_and_can_be_deleted_again(aws: Endpoint, cluster: str) -> None:
    eks, where = aws.client("eks"), {"clusterName": cluster, "capabilityName": "stuck"}
    create(aws, cluster, capabilityName="stuck")
    eventually(lambda: status(aws, cluster, "stuck") == "ACTIVE")
    eks.delete_capability(**where)
    eventually(lambda: status(aws, cluster, "stuck") == "DELETE_FAILED")
    (issue,) = eks.describe_capability(**where)["capability"]["health"]["issues"]
    assert issue["message"] == "it did not stop"
    eks.delete_capability(**where)
    eventually(lambda: not eks.list_capabilities(clusterName=cluster)["capabilities"])


def test_a_cluster_goes_only_after_its_capability(aws: Endpoint) -> None:
    name, eks = aws.cluster(), aws.client("eks")
    create(aws, name)
    eventually(lambda: status(aws, name) == "ACTIVE")
    with pytest.raises(ClientError, match="Cluster has capabilities attached"):
        eks.delete_cluster(name=name)
    eks.delete_capability(clusterName=name, capabilityName="ack")
    eventually(lambda: not eks.list_capabilities(clusterName=name)["capabilities"])
    eks.delete_cluster(name=name)


@pytest.mark.usefixtures("gone")
def test_whoever_makes_a_capability_must_be_allowed_to_pass_its_role(aws: Endpoint, cluster: str) -> None:
    keys = aws.session(allow("eks:CreateCapability"))
    with pytest.raises(ClientError, match="iam:PassRole"):
        create(aws, cluster, keys)
