"""A cluster that cannot be created leaves nothing of its network behind."""

from __future__ import annotations

import hashlib
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.eks.account import Network
from tests.localcloud.aws.endpoint import Endpoint, eventually


def test_a_cluster_whose_network_fails_can_be_created_again(aws: Endpoint) -> None:
    eks, ec2, name, subnets = aws.client("eks"), aws.client("ec2"), aws.name("cluster"), aws.subnets()
    vpc = ec2.describe_subnets(SubnetIds=subnets)["Subnets"][0]["VpcId"]
    suffix = hashlib.sha256(f"{name}/{vpc}".encode()).hexdigest()[:9]
    group = ec2.create_security_group(GroupName=f"eks-cluster-sg-{name}-{suffix}", Description="taken", VpcId=vpc)
    request = {
        "name": name,
        "roleArn": aws.role_with("eks.amazonaws.com", "AmazonEKSClusterPolicy"),
        "resourcesVpcConfig": {"subnetIds": subnets},
    }
    with pytest.raises(ClientError, match="already exists"):
        eks.create_cluster(**request)
    assert name not in eks.list_clusters()["clusters"]
    ec2.delete_security_group(GroupId=group["GroupId"])
    eks.create_cluster(**request)
    eventually(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")


class FullSubnets:
    """Has room for one interface."""

    def __init__(self) -> None:
        self.enis: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}

    def create_security_group(self, name: str, *_: str, **__: Any) -> Any:
        self.groups["sg-1"] = SimpleNamespace(id="sg-1", name=name)
        return self.groups["sg-1"]

    def get_security_group_from_id(self, identifier: str) -> Any:
        return self.groups.get(identifier)

    def delete_security_group(self, *, group_id: str) -> None:
        del self.groups[group_id]

    def get_subnet(self, identifier: str) -> str:
        return identifier

    def create_network_interface(self, *_: Any, description: str, **__: Any) -> None:
        if self.enis:
            raise ValueError("no address is free")
        self.enis["eni-1"] = SimpleNamespace(description=description)


def test_half_a_network_is_taken_away() -> None:
    backend = FullSubnets()
    with pytest.raises(ValueError, match="no address is free"):
        Network(lambda: backend, threading.RLock()).create_cluster_network("c", "vpc-1", ["subnet-1", "subnet-2"])
    assert not backend.enis
    assert not backend.groups
