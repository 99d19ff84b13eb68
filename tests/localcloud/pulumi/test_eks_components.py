"""The components of pulumi-eks: their children, names, parents, properties and dependencies."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2

from localcloud.pulumi.wire import MARK, UNKNOWN, decode, encode
from tests.localcloud.pulumi.conftest import Start
from tests.localcloud.pulumi.engine import PROJECT, STACK, Failed, Plugin
from tests.localcloud.pulumi.monitor import Engine, Monitor, Registered

CLUSTER = "eks:index:Cluster"
GROUP = "eks:index:ManagedNodeGroup"
REFERENCE = "5cf8f73096256a8f31e491e813e4eb8e"
ROLE_URN = f"urn:pulumi:{STACK}::{PROJECT}::aws:iam/role:Role::given"


def inputs(**more: Any) -> dict[str, Any]:
    return {
        "name": "c",
        "version": "1.35",
        "vpcId": "vpc-1",
        "publicSubnetIds": ["subnet-1", "subnet-2"],
        "authenticationMode": "API",
        "skipDefaultNodeGroup": True,
        "skipDefaultSecurityGroups": True,
        "endpointPrivateAccess": True,
        "tags": {"team": "ml"},
        "kubeProxyAddonOptions": {"version": "v1.35.0"},
        "vpcCniOptions": {"addonVersion": "v1.20.4"},
        **more,
    }


def with_role(values: dict[str, Any]) -> struct_pb2.Struct:
    """The inputs, and a reference to a role that the program has made."""
    struct = encode(values)
    struct.fields["serviceRole"].struct_value.update(
        {MARK: REFERENCE, "urn": ROLE_URN, "id": "given", "packageVersion": ""}
    )
    return struct


@pytest.fixture(scope="session")
def engine() -> Iterator[str]:
    server, address = Engine().serve()
    yield address
    server.stop(0).wait()


@pytest.fixture(scope="session")
def aws_cli(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `aws` on the plugin's PATH."""
    program = tmp_path_factory.mktemp("bin") / "aws"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.fixture(scope="session")
def eks(start_plugin: Start, engine: str, aws_cli: Path) -> Plugin:
    plugin = start_plugin("eks", engine, PATH=str(aws_cli.parent))
    plugin.call("Handshake", provider_pb2.ProviderHandshakeRequest())
    return plugin


@pytest.fixture
def monitors() -> Iterator[Callable[..., tuple[Monitor, str]]]:
    servers: list[Any] = []

    def make(*, preview: bool = False) -> tuple[Monitor, str]:
        monitor = Monitor(preview)
        role = Registered(ROLE_URN, "aws:iam/role:Role", "given", "", {}, set(), [], "", "", remote=False)
        monitor.resources[ROLE_URN], monitor.outputs[ROLE_URN] = role, {"arn": "arn:given", "name": "given"}
        server, address = monitor.serve()
        servers.append(server)
        return monitor, address

    yield make
    for server in servers:
        server.stop(0).wait()


def construct(
    plugin: Plugin,
    address: str,
    token: str,
    values: struct_pb2.Struct,
    name: str = "k",
    *,
    preview: bool = False,
    stack: str = STACK,
) -> Any:
    return plugin.call(
        "Construct",
        provider_pb2.ConstructRequest(
            project=PROJECT,
            stack=stack,
            dryRun=preview,
            parallel=4,
            monitorEndpoint=address,
            type=token,
            name=name,
            inputs=values,
            accepts_output_values=True,
        ),
    )


def tree(monitor: Monitor) -> dict[str, tuple[str, str]]:
    """Name, and the type and parent's name of everything registered."""
    return {f"{r.type.rsplit(':', 1)[-1]} {r.name}": r.parent.rsplit("::", 1)[-1] for r in registered(monitor)}  # pyright: ignore[reportReturnType]


def registered(monitor: Monitor) -> list[Registered]:
    return [resource for urn, resource in monitor.resources.items() if urn != ROLE_URN]


def one(monitor: Monitor, token: str) -> Registered:
    return next(r for r in monitor.resources.values() if r.type == token)


def test_a_cluster_is_made_of_the_same_children_as_pulumi_eks(eks: Plugin, monitors: Any) -> None:
    monitor, address = monitors()
    entries = {
        "ops": {
            "principalArn": "arn:aws:iam::1:role/ops",
            "accessPolicies": {"admin": {"policyArn": "arn:p", "accessScope": {"type": "cluster"}}},
        }
    }
    answer = construct(eks, address, CLUSTER, with_role(inputs(accessEntries=entries)))
    assert tree(monitor) == {
        "Cluster k": "",
        "Cluster k-eksCluster": "k",
        "Addon k-kube-proxy": "k",
        "kubernetes k-eks-k8s": "k",
        "AccessEntry k-ops": "k",
        "AccessPolicyAssociation k-ops-admin": "k-ops",
        "VpcCniAddon k-vpc-cni": "k",
        "Addon k-vpc-cni": "k-vpc-cni",
    }
    cluster = one(monitor, "aws:eks/cluster:Cluster")
    assert cluster.inputs == {
        "name": "c",
        "version": "1.35",
        "roleArn": "arn:given",
        "bootstrapSelfManagedAddons": True,
        "vpcConfig": {"subnetIds": ["subnet-1", "subnet-2"], "endpointPrivateAccess": True},
        "accessConfig": {"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
        "tags": {"Name": "k-eksCluster", "team": "ml"},
    }
    assert ROLE_URN in cluster.dependencies
    assert cluster.ignored == ["accessConfig.bootstrapClusterCreatorAdminPermissions", "bootstrapSelfManagedAddons"]
    assert answer.urn.endswith("::k")
    state = decode(answer.state).values
    assert state["kubeconfig"]["users"][0]["user"]["exec"]["args"] == [
        "--region",
        "eu-west-1",
        "eks",
        "get-token",
        "--cluster-name",
        "c",
        "--output",
        "json",
    ]
    assert json.loads(state["kubeconfigJson"]) == state["kubeconfig"]
    assert state["clusterSecurityGroupId"] == "sg-1"
    assert (state["oidcProviderUrl"], state["oidcIssuer"]) == ("https://oidc.example.com/id/X", "oidc.example.com/id/X")
    reference = answer.state.fields["eksCluster"].struct_value.fields
    assert reference[MARK].string_value == REFERENCE
    assert reference["urn"].string_value == cluster.urn
    assert (
        answer.state.fields["core"].struct_value.fields["cluster"].struct_value.fields["urn"].string_value
        == cluster.urn
    )


def test_a_preview_knows_no_more_than_it_can(eks: Plugin, monitors: Any) -> None:
    monitor, address = monitors(preview=True)
    values = inputs(endpointPublicAccess=True)
    values["publicSubnetIds"] = UNKNOWN
    answer = construct(eks, address, CLUSTER, with_role(values), preview=True)
    assert len(registered(monitor)) == 6
    state = decode(answer.state).values
    assert state["kubeconfig"] is UNKNOWN
    assert one(monitor, "aws:eks/cluster:Cluster").inputs["vpcConfig"]["subnetIds"] is UNKNOWN


def test_a_node_group_finds_what_it_needs_in_the_cluster(eks: Plugin, monitors: Any) -> None:
    monitor, address = monitors()
    cluster = construct(eks, address, CLUSTER, with_role(inputs()))
    values = encode(
        {"nodeRoleArn": "arn:node", "instanceTypes": ["t3.small"], "scalingConfig": {"desiredSize": 1, "maxSize": 1}}
    )
    values.fields["cluster"].struct_value.update({MARK: REFERENCE, "urn": cluster.urn, "packageVersion": ""})
    answer = construct(eks, address, GROUP, values, name="nodes")
    group = one(monitor, "aws:eks/nodeGroup:NodeGroup")
    assert (group.name, group.parent.rsplit("::", 1)[-1]) == ("nodes", "nodes")
    assert group.inputs == {
        "clusterName": "c",
        "version": "1.35",
        "nodeRoleArn": "arn:node",
        "instanceTypes": ["t3.small"],
        "scalingConfig": {"desiredSize": 1, "minSize": 1, "maxSize": 1},
        "subnetIds": ["subnet-1", "subnet-2"],
    }
    assert set(decode(answer.state).values) == {"nodeGroup", "placementGroupName"}


def test_components_are_made_side_by_side(eks: Plugin, monitors: Any) -> None:
    made = [monitors() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(
            pool.map(
                lambda i: construct(eks, made[i][1], CLUSTER, with_role(inputs(name=f"c{i}")), name=f"k{i}"), range(4)
            )
        )
    for index, (monitor, _) in enumerate(made):
        assert one(monitor, "aws:eks/cluster:Cluster").inputs["name"] == f"c{index}"
        assert answers[index].urn.endswith(f"::k{index}")
        assert len(registered(monitor)) == 6


@pytest.mark.parametrize(
    ("token", "change", "message"),
    [
        pytest.param(CLUSTER, {"skipDefaultNodeGroup": False}, "add a ManagedNodeGroup", id="default node group"),
        pytest.param(
            CLUSTER, {"fargate": True}, "`fargate`: the local cloud's eks plugin does not support it", id="fargate"
        ),
        pytest.param(
            CLUSTER, {"vpcCniOptions": {}}, "`vpcCniOptions.addonVersion`: the local cloud looks up", id="version"
        ),
        pytest.param(
            CLUSTER,
            {"vpcCniOptions": {"addonVersion": "v1.20.4", "eniMtu": 1500}},
            "`vpcCniOptions.eniMtu`: the local cloud's eks plugin does not support it",
            id="option of the CNI",
        ),
        pytest.param(CLUSTER, {"authenticationMode": "CONFIG_MAP"}, "the mode API only", id="authentication"),
        pytest.param(CLUSTER, {"subnetIds": ["a"]}, "it excludes", id="subnets twice"),
        pytest.param(
            CLUSTER, {"vpcCniOptions": "v1"}, "`vpcCniOptions`: it must be an object", id="text for an object"
        ),
        pytest.param(GROUP, {}, "`cluster`: it is required", id="node group without cluster"),
        pytest.param("eks:index:NodeGroupV2", {}, "no component eks:index:NodeGroupV2", id="unknown component"),
    ],
)
def test_bad_inputs_are_refused_by_name(eks: Plugin, monitors: Any, token: str, change: Any, message: str) -> None:
    monitor, address = monitors()
    with pytest.raises(Failed, match=message) as failure:
        construct(eks, address, token, with_role({**inputs(), **change}) if token == CLUSTER else encode(change))
    assert "Traceback" not in str(failure.value)
    assert not registered(monitor)


def test_a_role_or_a_cluster_that_is_given_by_its_name_is_refused(eks: Plugin, monitors: Any) -> None:
    _, address = monitors()
    with pytest.raises(Failed, match=r"`serviceRole` must be an aws.iam.Role, not 'arn:given'"):
        construct(eks, address, CLUSTER, encode(inputs(serviceRole="arn:given")))
    with pytest.raises(Failed, match=r"`cluster` must be an eks.Cluster or its core, not 'c'"):
        construct(eks, address, GROUP, encode({"cluster": "c", "nodeRoleArn": "arn:node"}), name="nodes")


def test_a_stack_that_is_not_registered_is_refused(eks: Plugin, monitors: Any) -> None:
    _, address = monitors()
    with pytest.raises(Failed, match="not registered"):
        construct(eks, address, CLUSTER, with_role(inputs()), stack="dev")


def test_the_aws_command_line_is_needed(eks: Plugin, aws_cli: Path, monitors: Any, tmp_path: Path) -> None:
    _, address = monitors()
    elsewhere = aws_cli.rename(tmp_path / "aws")
    with pytest.raises(Failed, match="`aws` command line is not on PATH"):
        construct(eks, address, CLUSTER, with_role(inputs()))
    elsewhere.rename(aws_cli)


def test_the_cni_is_configured_as_pulumi_eks_does(eks: Plugin, monitors: Any) -> None:
    monitor, address = monitors()
    construct(eks, address, CLUSTER, with_role(inputs()))
    addon = next(r for r in registered(monitor) if r.type == "aws:eks/addon:Addon" and r.name == "k-vpc-cni")
    config = json.loads(addon.inputs["configurationValues"])
    assert config["init"] == {"env": {"DISABLE_TCP_EARLY_DEMUX": "false"}}
    assert config["env"] == {
        "AWS_VPC_ENI_MTU": "9001",
        "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG": "false",
        "AWS_VPC_K8S_CNI_EXTERNALSNAT": "false",
        "AWS_VPC_K8S_CNI_LOGLEVEL": "DEBUG",
        "AWS_VPC_K8S_CNI_LOG_FILE": "/host/var/log/aws-routed-eni/ipamd.log",
        "AWS_VPC_K8S_CNI_VETHPREFIX": "eni",
        "AWS_VPC_K8S_PLUGIN_LOG_FILE": "/var/log/aws-routed-eni/plugin.log",
        "AWS_VPC_K8S_PLUGIN_LOG_LEVEL": "DEBUG",
        "ENABLE_POD_ENI": "false",
        "WARM_ENI_TARGET": "1",
    }
