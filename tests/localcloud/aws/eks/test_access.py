"""Who may use a cluster: access entries, EKS tokens, Pod Identity."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import botocore.auth
import pytest
import yaml
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import ACCOUNT, REGION, Endpoint, Keys, allow, eventually

ADMIN_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"
VIEW_POLICY = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
IDENTITY = "http://x/?Action=GetCallerIdentity&X-Amz-SignedHeaders=x-k8s-aws-id"
TRUSTING = {"Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}


@pytest.fixture(scope="module")
def cluster(aws: Endpoint) -> str:
    return aws.cluster()


def cli(aws: Endpoint, *arguments: str, keys: Keys | None = None, **more: str) -> str:
    keys = keys or Keys()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(aws.home),
        "AWS_ENDPOINT_URL": aws.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        **({"AWS_SESSION_TOKEN": keys.session_token} if keys.session_token else {}),
        **more,
    }
    aws_command = [sys.executable, str(Path(sys.executable).with_name("aws"))]  # its own first line cannot hold a space
    return subprocess.run(
        [*aws_command, *arguments], env=environment, check=True, capture_output=True, text=True
    ).stdout


def token(aws: Endpoint, cluster: str, keys: Keys | None = None) -> str:
    """An EKS token as `aws eks get-token` makes it, without the two seconds that the command takes."""
    client = aws.client("sts", keys, read_timeout=60)  # a client of its own, for it signs one header more
    client.meta.events.register(
        "before-sign.sts.GetCallerIdentity", lambda request, **_: request.headers.add_header("x-k8s-aws-id", cluster)
    )
    url = client.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    return encoded(url)


def encoded(url: str) -> str:
    return "k8s-aws-v1." + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def review(aws: Endpoint, cluster: str, given: str) -> dict[str, Any]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": given}}
    request = urllib.request.Request(f"{aws.url}/_localcloud/eks/{cluster}/token-review", json.dumps(body).encode())  # noqa: S310  our own endpoint
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
        return json.load(answer)["status"]


def test_get_token_of_the_aws_cli_is_good(aws: Endpoint, cluster: str) -> None:
    given = json.loads(cli(aws, "eks", "get-token", "--cluster-name", cluster))["status"]["token"]
    status = review(aws, cluster, given)
    assert status["authenticated"]
    assert status["user"]["username"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert status["user"]["groups"] == ["system:masters"]


def test_update_kubeconfig_of_the_aws_cli_works(aws: Endpoint, cluster: str, tmp_path: Path) -> None:
    file = tmp_path / "config"
    cli(aws, "eks", "update-kubeconfig", "--name", cluster, "--kubeconfig", str(file))
    config = yaml.safe_load(file.read_text())
    assert config["clusters"][0]["cluster"]["server"] == "https://127.0.0.1:6443"
    assert (
        config["users"][0]["user"]["exec"]["args"][-1] == "json"
        or cluster in config["users"][0]["user"]["exec"]["args"]
    )


@pytest.mark.parametrize(("minutes", "good"), [(14, True), (16, False)])
def test_a_token_lives_for_fifteen_minutes(
    aws: Endpoint, cluster: str, monkeypatch: pytest.MonkeyPatch, minutes: int, good: bool
) -> None:
    then = datetime.now(UTC) - timedelta(minutes=minutes)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: then.replace(tzinfo=None))
    given = token(aws, cluster)
    assert review(aws, cluster, given)["authenticated"] == good


def test_a_token_is_for_one_cluster(aws: Endpoint, cluster: str) -> None:
    assert not review(aws, aws.cluster(), token(aws, cluster))["authenticated"]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("nonsense", id="no token"),
        pytest.param("k8s-aws-v1.!!!", id="no base64"),
        pytest.param(encoded("http://["), id="no URL"),
        pytest.param(encoded("http://x/?Action=ListUsers"), id="no identity"),
        pytest.param(encoded(f"{IDENTITY}&X-Amz-Expires=²"), id="no number of seconds"),
        pytest.param(encoded(f"{IDENTITY}&X-Amz-Expires={'9' * 5000}"), id="no end of digits"),
    ],
)
def test_a_text_that_is_not_a_token_is_refused(aws: Endpoint, cluster: str, bad: str) -> None:
    status = review(aws, cluster, bad)
    assert not status["authenticated"]
    assert "not valid" in status["error"]


def test_a_forged_token_is_refused(aws: Endpoint, cluster: str) -> None:
    assert not review(aws, cluster, token(aws, cluster, Keys(secret_access_key="guess")))["authenticated"]


def test_a_principal_without_an_entry_is_refused(aws: Endpoint, cluster: str) -> None:
    status = review(aws, cluster, token(aws, cluster, aws.session()))
    assert not status["authenticated"]
    assert "has no access entry" in status["error"]


def test_the_creator_has_an_entry_and_is_administrator(aws: Endpoint) -> None:
    creating = allow(["eks:*", "iam:PassRole"])
    creator = aws.role(TRUSTING, creating)
    keys = aws.assume(creator)
    name = aws.name("owned")
    aws.client("eks", keys).create_cluster(
        name=name,
        roleArn=aws.role("eks.amazonaws.com"),
        resourcesVpcConfig={"subnetIds": aws.subnets()},
        accessConfig={"authenticationMode": "API"},
    )
    assert aws.client("eks").list_access_entries(clusterName=name)["accessEntries"] == [creator]
    status = review(aws, name, token(aws, name, keys))
    assert status["user"]["groups"] == ["system:masters"]
    assert status["user"]["username"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/")


def test_an_entry_and_its_policies_give_groups(aws: Endpoint, cluster: str) -> None:
    eks = aws.client("eks")
    role = aws.role(TRUSTING)
    where = {"clusterName": cluster, "principalArn": role}
    entry = eks.create_access_entry(**where, kubernetesGroups=["viewers"], tags={"a": "b"})["accessEntry"]
    assert entry["type"] == "STANDARD"
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eks.create_access_entry(**where)
    keys = aws.assume(role)
    assert review(aws, cluster, token(aws, cluster, keys))["user"]["groups"] == ["viewers"]
    eks.associate_access_policy(**where, policyArn=VIEW_POLICY, accessScope={"type": "cluster"})
    eks.associate_access_policy(**where, policyArn=ADMIN_POLICY, accessScope={"type": "cluster"})
    held = eks.list_associated_access_policies(**where)["associatedAccessPolicies"]
    assert {row["policyArn"] for row in held} == {VIEW_POLICY, ADMIN_POLICY}
    groups = review(aws, cluster, token(aws, cluster, keys))["user"]["groups"]
    assert groups == ["viewers", "eks-access-policy:view", "system:masters"]
    eks.disassociate_access_policy(**where, policyArn=ADMIN_POLICY)
    eks.update_access_entry(**where, kubernetesGroups=[])
    assert review(aws, cluster, token(aws, cluster, keys))["user"]["groups"] == ["eks-access-policy:view"]
    assert role in eks.list_access_entries(clusterName=cluster, associatedPolicyArn=VIEW_POLICY)["accessEntries"]
    eks.delete_access_entry(**where)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_access_entry(**where)


def test_a_policy_for_a_namespace_is_stored_and_grants_nothing(aws: Endpoint, cluster: str) -> None:
    eks, role = aws.client("eks"), aws.role(TRUSTING)
    where = {"clusterName": cluster, "principalArn": role}
    eks.create_access_entry(**where)
    scope = {"type": "namespace", "namespaces": ["default"]}
    eks.associate_access_policy(**where, policyArn=VIEW_POLICY, accessScope=scope)
    assert review(aws, cluster, token(aws, cluster, aws.assume(role)))["user"]["groups"] == []


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param({"kubernetesGroups": ["system:masters"]}, "cannot start with system:", id="group"),
        pytest.param({"principalArn": f"arn:aws:iam::{ACCOUNT}:group/g"}, "not valid", id="principal"),
    ],
)
def test_a_bad_entry_is_refused(aws: Endpoint, cluster: str, arguments: dict[str, Any], text: str) -> None:
    given = {"clusterName": cluster, "principalArn": f"arn:aws:iam::{ACCOUNT}:role/x", **arguments}
    with pytest.raises(ClientError, match=text):
        aws.client("eks").create_access_entry(**given)


def test_entries_need_the_api_mode(aws: Endpoint) -> None:
    eks, name = aws.client("eks"), aws.name("old")
    eks.create_cluster(
        name=name, roleArn=aws.role("eks.amazonaws.com"), resourcesVpcConfig={"subnetIds": aws.subnets()}
    )
    with pytest.raises(ClientError, match="authentication mode must be set"):
        eks.list_access_entries(clusterName=name)


def pods_role(aws: Endpoint, cluster: str, account: str, *actions: str, **more: Any) -> str:
    condition = {
        "StringEquals": {
            "aws:SourceAccount": ACCOUNT,
            "aws:RequestTag/eks-cluster-name": cluster,
            "aws:RequestTag/kubernetes-namespace": "ack-system",
            "aws:RequestTag/kubernetes-service-account": account,
        }
    }
    trust = {
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": condition,
        **more,
    }
    return aws.role(trust, *(allow(list(actions)) for _ in (0,) if actions))


def test_a_pod_gets_the_credentials_of_its_association(aws: Endpoint, cluster: str) -> None:
    eks = aws.client("eks")
    role = pods_role(aws, cluster, "operator", "eks:ListClusters")
    made = eks.create_pod_identity_association(
        clusterName=cluster, namespace="ack-system", serviceAccount="operator", roleArn=role, tags={"a": "b"}
    )["association"]
    listed = eks.list_pod_identity_associations(clusterName=cluster, namespace="ack-system", serviceAccount="operator")
    assert [row["associationId"] for row in listed["associations"]] == [made["associationId"]]
    answer = aws.client("eks-auth").assume_role_for_pod_identity(clusterName=cluster, token="good.ack-system.operator")
    assert answer["subject"] == {"namespace": "ack-system", "serviceAccount": "operator"}
    assert answer["podIdentityAssociation"]["associationId"] == made["associationId"]
    given = answer["credentials"]
    keys = Keys(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"])
    who = aws.client("sts", keys).get_caller_identity()["Arn"]
    assert who == answer["assumedRoleUser"]["arn"]
    assert who.startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role.rpartition('/')[2]}/eks-{cluster}-")
    aws.client("eks", keys).list_clusters()
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("s3", keys).list_buckets()
    where = {"clusterName": cluster, "associationId": made["associationId"]}
    eks.delete_pod_identity_association(**where)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_pod_identity_association(**where)
    with pytest.raises(ClientError, match="No Pod Identity association"):
        aws.client("eks-auth").assume_role_for_pod_identity(clusterName=cluster, token="good.ack-system.operator")


def test_a_bad_token_gets_no_credentials(aws: Endpoint, cluster: str) -> None:
    with pytest.raises(ClientError, match="InvalidTokenException"):
        aws.client("eks-auth").assume_role_for_pod_identity(clusterName=cluster, token="bad.ack-system.operator")


@pytest.mark.parametrize(
    ("more", "action"),
    [
        pytest.param({"Action": "sts:AssumeRole"}, "sts:TagSession", id="no permission to tag the session"),
        pytest.param(
            {"Condition": {"StringEquals": {"aws:RequestTag/kubernetes-namespace": "default"}}},
            "sts:AssumeRole",
            id="another namespace",
        ),
        pytest.param(
            {"Condition": {"StringEquals": {"aws:SourceAccount": "999999999999"}}},
            "sts:AssumeRole",
            id="another account",
        ),
    ],
)
def test_the_roles_trust_is_heeded(aws: Endpoint, cluster: str, more: dict[str, Any], action: str) -> None:
    account = aws.name("account")
    role = pods_role(aws, cluster, account, **more)
    aws.client("eks").create_pod_identity_association(
        clusterName=cluster, namespace="ack-system", serviceAccount=account, roleArn=role
    )
    with pytest.raises(ClientError) as caught:
        aws.client("eks-auth").assume_role_for_pod_identity(clusterName=cluster, token=f"good.ack-system.{account}")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"perform: {action} on" in caught.value.response["Error"]["Message"]


def test_the_agent_asks_with_the_role_of_its_node(aws: Endpoint) -> None:
    cluster, eks = aws.cluster(), aws.client("eks")
    role = aws.node_role()
    subnets = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    eks.create_nodegroup(clusterName=cluster, nodegroupName="nodes", subnets=subnets, nodeRole=role)
    where = {"clusterName": cluster, "nodegroupName": "nodes"}
    eventually(lambda: eks.describe_nodegroup(**where)["nodegroup"]["status"] == "ACTIVE")
    pods = pods_role(aws, cluster, "operator", "eks:ListClusters")
    eks.create_pod_identity_association(
        clusterName=cluster, namespace="ack-system", serviceAccount="operator", roleArn=pods
    )
    ask = aws.client("eks-auth").assume_role_for_pod_identity
    assert ask(clusterName=cluster, token="good.ack-system.operator")["credentials"]
    aws.client("iam").detach_role_policy(
        RoleName=role.rpartition("/")[2], PolicyArn="arn:aws:iam::aws:policy/AmazonEKSWorkerNodePolicy"
    )
    with pytest.raises(ClientError, match="perform: eks-auth:AssumeRoleForPodIdentity on"):
        ask(clusterName=cluster, token="good.ack-system.operator")
    eks.delete_nodegroup(**where)


def test_an_association_is_made_once_and_needs_a_role_that_trusts_pods(aws: Endpoint, cluster: str) -> None:
    eks = aws.client("eks")
    arguments = {"clusterName": cluster, "namespace": "n", "serviceAccount": aws.name("once")}
    role = aws.role("pods.eks.amazonaws.com")
    eks.create_pod_identity_association(**arguments, roleArn=role)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eks.create_pod_identity_association(**arguments, roleArn=role)
    with pytest.raises(ClientError, match="trusted entity is not correct"):
        eks.create_pod_identity_association(
            **{**arguments, "serviceAccount": "x"}, roleArn=aws.role("ec2.amazonaws.com")
        )


def test_an_association_needs_pass_role(aws: Endpoint, cluster: str) -> None:
    role = aws.role("pods.eks.amazonaws.com")
    arguments = {"clusterName": cluster, "namespace": "n", "serviceAccount": aws.name("pass"), "roleArn": role}
    own = allow("eks:CreatePodIdentityAssociation"), allow("iam:GetRole", role)
    with pytest.raises(ClientError, match="iam:PassRole"):
        aws.client("eks", aws.session(*own)).create_pod_identity_association(**arguments)
    passing = allow("iam:PassRole", role, Condition={"StringEquals": {"iam:PassedToService": "pods.eks.amazonaws.com"}})
    aws.client("eks", aws.session(*own, passing)).create_pod_identity_association(**arguments)


def test_a_cluster_and_a_node_group_need_pass_role(aws: Endpoint, cluster: str) -> None:
    role = aws.role("eks.amazonaws.com")
    keys = aws.session(allow("eks:*"))
    with pytest.raises(ClientError, match="iam:PassRole"):
        aws.client("eks", keys).create_cluster(
            name=aws.name("pass"), roleArn=role, resourcesVpcConfig={"subnetIds": ["subnet-1", "subnet-2"]}
        )
    with pytest.raises(ClientError, match="iam:PassRole"):
        aws.client("eks", keys).create_nodegroup(
            clusterName=cluster, nodegroupName="n", subnets=["subnet-1"], nodeRole=role
        )
