"""EKS clusters, node groups, add-ons and tags, with pretended clusters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.eks import clusters
from tests.localcloud.aws.endpoint import ACCOUNT, REGION, Endpoint, eventually


@pytest.fixture(scope="module")
def standing(aws: Endpoint) -> str:
    return aws.cluster(version="1.35", tags={"team": "churn"}, upgradePolicy={"supportType": "STANDARD"})


def gone(aws: Endpoint, operation: str, **arguments: str) -> bool:
    try:
        getattr(aws.client("eks"), operation)(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] == "ResourceNotFoundException"
    return False


def test_a_cluster_is_described_as_it_was_asked_for(aws: Endpoint) -> None:
    eks, subnets, name = aws.client("eks"), aws.subnets(), aws.name("described")
    role = aws.role("eks.amazonaws.com")
    made = eks.create_cluster(
        name=name,
        version="1.35",
        roleArn=role,
        resourcesVpcConfig={
            "subnetIds": subnets,
            "endpointPublicAccess": True,
            "endpointPrivateAccess": True,
            "publicAccessCidrs": ["192.0.2.1/32"],
        },
        accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        upgradePolicy={"supportType": "STANDARD"},
        logging={"clusterLogging": [{"types": ["api"], "enabled": True}]},
        encryptionConfig=[{"resources": ["secrets"], "provider": {"keyArn": "arn:aws:kms:us-east-1:1:key/k"}}],
        tags={"a": "b"},
    )["cluster"]
    assert made["status"] == "CREATING"
    assert "endpoint" not in made
    eventually(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")
    cluster = eks.describe_cluster(name=name)["cluster"]
    vpc = cluster["resourcesVpcConfig"]
    assert cluster["arn"] == f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{name}"
    assert cluster["endpoint"] == "https://127.0.0.1:6443"
    assert cluster["certificateAuthority"]["data"]
    assert cluster["accessConfig"]["authenticationMode"] == "API"
    assert cluster["upgradePolicy"] == {"supportType": "STANDARD"}
    assert cluster["encryptionConfig"][0]["resources"] == ["secrets"]
    assert cluster["logging"]["clusterLogging"][0] == {"types": ["api"], "enabled": True}
    assert cluster["identity"]["oidc"]["issuer"].startswith(f"https://oidc.eks.{REGION}.amazonaws.com/id/")
    assert (vpc["endpointPrivateAccess"], vpc["publicAccessCidrs"]) == (True, ["192.0.2.1/32"])
    ec2 = aws.client("ec2")
    assert vpc["vpcId"] == ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    group = ec2.describe_security_groups(GroupIds=[vpc["clusterSecurityGroupId"]])["SecurityGroups"][0]
    assert group["GroupName"].startswith(f"eks-cluster-sg-{name}-")


def test_a_cluster_holds_its_network_until_it_is_deleted(aws: Endpoint) -> None:
    name = aws.cluster()
    eks, ec2 = aws.client("eks"), aws.client("ec2")
    subnets = eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_subnet(SubnetId=subnets[0])
    assert eks.delete_cluster(name=name)["cluster"]["status"] == "DELETING"
    eventually(lambda: gone(aws, "describe_cluster", name=name))
    assert name not in eks.list_clusters()["clusters"]
    for subnet in subnets:
        ec2.delete_subnet(SubnetId=subnet)


def test_a_cluster_that_does_not_start_has_failed_and_says_why(aws: Endpoint) -> None:
    eks, name = aws.client("eks"), aws.name("broken")
    eks.create_cluster(
        name=name, roleArn=aws.role("eks.amazonaws.com"), resourcesVpcConfig={"subnetIds": aws.subnets()}
    )
    eventually(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "FAILED")
    assert "etcd did not start" in eks.describe_cluster(name=name)["cluster"]["health"]["issues"][0]["message"]
    eks.delete_cluster(name=name)
    eventually(lambda: gone(aws, "describe_cluster", name=name))


def test_a_cluster_that_does_not_stop_says_so_and_can_be_deleted_again(aws: Endpoint) -> None:
    eks, name = aws.client("eks"), aws.cluster(name=aws.name("stuck"))
    eks.delete_cluster(name=name)
    eventually(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "FAILED")
    assert "it did not stop" in str(eks.describe_cluster(name=name)["cluster"]["health"])
    eks.delete_cluster(name=name)
    eventually(lambda: gone(aws, "describe_cluster", name=name))


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        pytest.param({"version": "1.30"}, "InvalidParameterException", "unsupported Kubernetes version", id="version"),
        pytest.param(
            {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/none"}, "InvalidParameterException", "does not exist", id="role"
        ),
        pytest.param(
            {"resourcesVpcConfig": {"subnetIds": ["subnet-1"]}}, "InvalidParameterException", "subnet-1", id="subnet"
        ),
        pytest.param({"name": "-bad"}, "InvalidParameterException", "regular expression", id="name"),
    ],
)
def test_a_bad_cluster_is_refused(aws: Endpoint, changes: dict[str, Any], code: str, text: str) -> None:
    good: dict[str, Any] = {
        "name": aws.name("refused"),
        "roleArn": aws.role("eks.amazonaws.com"),
        "resourcesVpcConfig": {"subnetIds": aws.subnets()},
    }
    with pytest.raises(ClientError) as caught:
        aws.client("eks", parameter_validation=False).create_cluster(**{**good, **changes})
    assert caught.value.response["Error"]["Code"] == code
    assert text in caught.value.response["Error"]["Message"]


def test_one_zone_is_not_enough(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match="two different AZs"):
        aws.client("eks").create_cluster(
            name=aws.name("zone"),
            roleArn=aws.role("eks.amazonaws.com"),
            resourcesVpcConfig={"subnetIds": aws.subnets()[:1]},
        )


def test_a_name_is_used_once(aws: Endpoint, standing: str) -> None:
    with pytest.raises(ClientError, match="ResourceInUseException"):
        aws.cluster(name=standing)


def test_an_update_can_be_followed(aws: Endpoint) -> None:
    eks, name = aws.client("eks"), aws.cluster()
    update = eks.update_cluster_config(
        name=name, resourcesVpcConfig={"publicAccessCidrs": ["192.0.2.0/24"], "endpointPrivateAccess": True}
    )["update"]
    assert eks.describe_update(name=name, updateId=update["id"])["update"]["status"] == "Successful"
    assert eks.describe_cluster(name=name)["cluster"]["resourcesVpcConfig"]["publicAccessCidrs"] == ["192.0.2.0/24"]
    eks.update_cluster_config(name=name, upgradePolicy={"supportType": "STANDARD"})
    assert eks.describe_cluster(name=name)["cluster"]["upgradePolicy"]["supportType"] == "STANDARD"


def test_a_cluster_stays_at_its_version(aws: Endpoint, standing: str) -> None:
    with pytest.raises(ClientError, match="Destroy it and create it again"):
        aws.client("eks").update_cluster_version(name=standing, version="1.36")


def test_the_versions_in_standard_support_are_known(aws: Endpoint) -> None:
    rows = aws.client("eks").describe_cluster_versions()["clusterVersions"]
    found = {row["clusterVersion"]: row["versionStatus"] for row in rows}
    assert found["1.36"] == "STANDARD_SUPPORT"
    assert found["1.33"] == "EXTENDED_SUPPORT"
    only = aws.client("eks").describe_cluster_versions(versionStatus="STANDARD_SUPPORT")["clusterVersions"]
    assert {row["versionStatus"] for row in only} == {"STANDARD_SUPPORT"}


@pytest.mark.parametrize(
    ("version", "year", "status"),
    [
        pytest.param("1.35", 2026, "STANDARD_SUPPORT", id="standard"),
        pytest.param("1.35", 2028, "EXTENDED_SUPPORT", id="extended"),
        pytest.param("1.35", 2029, "UNSUPPORTED", id="ended"),
        pytest.param("1.20", 2026, "UNSUPPORTED", id="not in the calendar"),
    ],
)
def test_support_goes_by_the_release_calendar(version: str, year: int, status: str) -> None:
    assert clusters.status_of(version, datetime(year, 3, 1, tzinfo=UTC)) == status


def test_support_is_reported_for_a_fixed_day() -> None:
    assert clusters.status_of(clusters.DEFAULT_VERSION) == "STANDARD_SUPPORT"
    assert clusters.status_of("1.33") == "EXTENDED_SUPPORT"


def nodegroup(aws: Endpoint, cluster: str, name: str, **more: Any) -> dict[str, Any]:
    eks = aws.client("eks")
    subnets = eks.describe_cluster(name=cluster)["cluster"]["resourcesVpcConfig"]["subnetIds"]
    arguments: dict[str, Any] = {
        "clusterName": cluster,
        "nodegroupName": name,
        "subnets": subnets,
        "nodeRole": aws.node_role(),
        "scalingConfig": {"minSize": 1, "maxSize": 1, "desiredSize": 1},
        "instanceTypes": ["t3.small"],
        **more,
    }
    return eks.create_nodegroup(**arguments)["nodegroup"]


def test_a_node_group_lives_within_its_cluster(aws: Endpoint) -> None:
    eks, cluster = aws.client("eks"), aws.cluster()
    made = nodegroup(aws, cluster, "nodes", labels={"kind": "small"})
    assert made["status"] == "CREATING"
    where = {"clusterName": cluster, "nodegroupName": "nodes"}
    eventually(lambda: eks.describe_nodegroup(**where)["nodegroup"]["status"] == "ACTIVE")
    found = eks.describe_nodegroup(**where)["nodegroup"]
    assert (found["instanceTypes"], found["diskSize"], found["version"]) == (["t3.small"], 20, "1.35")
    assert eks.list_nodegroups(clusterName=cluster)["nodegroups"] == ["nodes"]
    with pytest.raises(ClientError, match="ResourceInUseException"):
        nodegroup(aws, cluster, "nodes")
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eks.delete_cluster(name=cluster)
    update = eks.update_nodegroup_config(
        **where, scalingConfig={"maxSize": 2}, labels={"addOrUpdateLabels": {"a": "b"}}
    )
    shown = eks.describe_update(name=cluster, nodegroupName="nodes", updateId=update["update"]["id"])["update"]
    assert shown["status"] == "Successful"
    assert eks.describe_nodegroup(**where)["nodegroup"]["labels"] == {"kind": "small", "a": "b"}
    assert made["nodeRole"] in eks.list_access_entries(clusterName=cluster)["accessEntries"]
    assert eks.delete_nodegroup(**where)["nodegroup"]["status"] == "DELETING"
    eventually(lambda: gone(aws, "describe_nodegroup", **where))
    assert made["nodeRole"] not in eks.list_access_entries(clusterName=cluster)["accessEntries"]
    eks.delete_cluster(name=cluster)


def test_a_node_group_that_gets_no_node_says_so(aws: Endpoint, standing: str) -> None:
    eks = aws.client("eks")
    nodegroup(aws, standing, "broken")
    where = {"clusterName": standing, "nodegroupName": "broken"}
    eventually(lambda: eks.describe_nodegroup(**where)["nodegroup"]["status"] == "CREATE_FAILED")
    issue = eks.describe_nodegroup(**where)["nodegroup"]["health"]["issues"][0]
    assert (issue["code"], issue["message"]) == ("NodeCreationFailure", "no node")
    eks.delete_nodegroup(**where)


@pytest.mark.parametrize(
    ("missing", "action"),
    [
        pytest.param("AmazonEKSWorkerNodePolicy", "eks:DescribeCluster", id="the node's own"),
        pytest.param("AmazonEKS_CNI_Policy", "ec2:AssignPrivateIpAddresses", id="its network's"),
        pytest.param("AmazonEC2ContainerRegistryPullOnly", "ecr:GetAuthorizationToken", id="its images'"),
    ],
)
def test_a_node_needs_each_policy_of_its_role(aws: Endpoint, standing: str, missing: str, action: str) -> None:
    role = aws.node_role(without=missing)
    assert why_no_node(aws, standing, nodeRole=role).startswith("User: arn:aws:sts::")
    assert f"is not authorized to perform: {action} on" in why_no_node(aws, standing, nodeRole=role)


def test_a_cluster_needs_the_policy_of_its_role_to_take_a_node_in(aws: Endpoint) -> None:
    cluster = aws.cluster(roleArn=aws.role("eks.amazonaws.com"))
    assert "is not authorized to perform: ec2:DescribeInstances on" in why_no_node(aws, cluster)


def why_no_node(aws: Endpoint, cluster: str, **more: Any) -> str:
    """What a node group that failed says."""
    eks, name = aws.client("eks"), aws.name("without")
    nodegroup(aws, cluster, name, **more)
    where = {"clusterName": cluster, "nodegroupName": name}
    eventually(lambda: eks.describe_nodegroup(**where)["nodegroup"]["status"] == "CREATE_FAILED")
    (issue,) = eks.describe_nodegroup(**where)["nodegroup"]["health"]["issues"]
    eks.delete_nodegroup(**where)
    assert issue["code"] == "NodeCreationFailure"
    return str(issue["message"])


@pytest.mark.parametrize(
    ("source", "trusted"),
    [
        pytest.param(f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/one-*", True, id="this cluster"),
        pytest.param(f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/another", False, id="another cluster"),
    ],
)
def test_a_cluster_takes_its_role_on_its_own_behalf(aws: Endpoint, source: str, *, trusted: bool) -> None:
    trust = {
        "Principal": {"Service": "eks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": {"aws:SourceArn": source}},
    }
    name = aws.name("one")
    if trusted:
        assert aws.cluster(name=name, roleArn=aws.role(trust)) == name
    else:
        with pytest.raises(ClientError, match="trusted entity is not correct"):
            aws.cluster(name=name, roleArn=aws.role(trust))


@pytest.mark.parametrize("changes", [{"subnets": ["subnet-1"]}, {"nodeRole": f"arn:aws:iam::{ACCOUNT}:role/none"}])
def test_a_node_group_with_an_unknown_subnet_or_role_is_refused(
    aws: Endpoint, standing: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        nodegroup(aws, standing, "refused", **changes)


@pytest.mark.parametrize("name", ["kube-proxy", "vpc-cni", "eks-pod-identity-agent"])
def test_an_addon_comes_and_goes(aws: Endpoint, standing: str, name: str) -> None:
    eks = aws.client("eks")
    versions = eks.describe_addon_versions(addonName=name, kubernetesVersion="1.35")["addons"][0]["addonVersions"]
    default = next(row["addonVersion"] for row in versions if row["compatibilities"][0]["defaultVersion"])
    assert eks.create_addon(clusterName=standing, addonName=name)["addon"]["status"] == "CREATING"
    addon = eks.describe_addon(clusterName=standing, addonName=name)["addon"]
    assert (addon["status"], addon["addonVersion"]) == ("ACTIVE", default)
    with pytest.raises(ClientError, match="ResourceInUseException"):
        eks.create_addon(clusterName=standing, addonName=name)
    update = eks.update_addon(clusterName=standing, addonName=name, resolveConflicts="OVERWRITE")["update"]
    shown = eks.describe_update(name=standing, addonName=name, updateId=update["id"])["update"]
    assert shown["type"] == "AddonUpdate"
    assert name in eks.list_addons(clusterName=standing)["addons"]
    assert eks.delete_addon(clusterName=standing, addonName=name, preserve=True)["addon"]["status"] == "DELETING"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        eks.describe_addon(clusterName=standing, addonName=name)


@pytest.mark.parametrize("kubernetes", ["1.35", "1.36"])
def test_a_kube_proxy_is_offered_for_its_own_kubernetes(aws: Endpoint, kubernetes: str) -> None:
    asked = {"addonName": "kube-proxy", "kubernetesVersion": kubernetes}
    (addon,) = aws.client("eks").describe_addon_versions(**asked)["addons"]
    assert {row["addonVersion"].startswith(f"v{kubernetes}.") for row in addon["addonVersions"]} == {True}


def test_coredns_without_a_node_is_degraded(aws: Endpoint) -> None:
    eks, cluster = aws.client("eks"), aws.cluster()
    eks.create_addon(clusterName=cluster, addonName="coredns")
    assert eks.describe_addon(clusterName=cluster, addonName="coredns")["addon"]["status"] == "DEGRADED"


def test_an_unknown_addon_or_version_is_refused(aws: Endpoint, standing: str) -> None:
    foreign = {"addonName": "kube-proxy", "addonVersion": "v1.36.0-eksbuild.21"}  # goes with another Kubernetes
    for arguments in ({"addonName": "nonsense"}, {"addonName": "vpc-cni", "addonVersion": "v0.0.1"}, foreign):
        with pytest.raises(ClientError, match="not supported"):
            aws.client("eks").create_addon(clusterName=standing, **arguments)


def test_tags_can_be_changed(aws: Endpoint, standing: str) -> None:
    eks = aws.client("eks")
    arn = eks.describe_cluster(name=standing)["cluster"]["arn"]
    eks.tag_resource(resourceArn=arn, tags={"more": "x"})
    eks.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert eks.list_tags_for_resource(resourceArn=arn)["tags"] == {"more": "x"}


def deleting(aws: Endpoint, name: str) -> bool:
    try:
        return aws.client("eks").describe_cluster(name=name)["cluster"]["status"] == "DELETING"
    except ClientError as error:
        return error.response["Error"]["Code"] != "ResourceNotFoundException"


def test_listings_have_pages(aws: Endpoint, standing: str) -> None:
    eks = aws.client("eks")
    aws.cluster()
    names = eks.list_clusters()["clusters"]
    eventually(lambda: not any(deleting(aws, name) for name in names))  # as other tests have left them
    first = eks.list_clusters(maxResults=1)
    assert len(first["clusters"]) == 1
    rest = eks.list_clusters(nextToken=first["nextToken"])["clusters"]
    assert first["clusters"] + rest == eks.list_clusters()["clusters"]
