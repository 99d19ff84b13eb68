"""A running endpoint, and shortcuts for calling it as different principals."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests.localcloud.aws.iam import replay

ACCOUNT = "123456789012"
REGION = "us-east-1"
NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEKS_CNI_Policy", "AmazonEC2ContainerRegistryPullOnly")
_NUMBERS = itertools.count()
_PATIENT_SECONDS = 60.0


@dataclass(frozen=True)
class Keys:
    access_key_id: str = "LOCALCLOUDADMIN"
    secret_access_key: str = "localcloud"
    session_token: str | None = None


@dataclass(frozen=True)
class Endpoint:
    """The endpoint, and what most tests make in it."""

    url: str
    home: Path
    pid: int = 0
    clients: dict[tuple[str, Keys], Any] = field(default_factory=dict)

    def client(self, service: str, keys: Keys | None = None, **options: Any) -> Any:
        """A client of a service; the administrator's unless keys say otherwise."""
        keys = keys or Keys()
        known = (service, keys)
        region = options.pop("region_name", None)
        fresh = bool(region or options)
        if known not in self.clients or fresh:
            made = boto3.client(  # pyright: ignore[reportCallIssue, reportUnknownMemberType] boto3 has no types
                service,  # pyright: ignore[reportArgumentType] any service's name
                endpoint_url=self.url,
                region_name=region or REGION,
                aws_access_key_id=keys.access_key_id,
                aws_secret_access_key=keys.secret_access_key,
                aws_session_token=keys.session_token,
                config=Config(retries={"total_max_attempts": 1}, **options),
            )
            if fresh:
                return made
            self.clients[known] = made
        return self.clients[known]

    def name(self, prefix: str) -> str:
        return f"{prefix}-{next(_NUMBERS)}"

    def bucket(self, objects: Mapping[str, bytes] | None = None) -> str:
        name = self.name("bucket")
        self.client("s3").create_bucket(Bucket=name)
        for key, body in (objects or {}).items():
            self.client("s3").put_object(Bucket=name, Key=key, Body=body)
        return name

    def role(self, trust: Any, *statements: Mapping[str, Any]) -> str:
        """A role that trusts a service or a whole statement; its ARN."""
        name = self.name("role")
        given = {"Principal": {"Service": trust}, "Action": "sts:AssumeRole"} if isinstance(trust, str) else trust
        iam = self.client("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document({"Effect": "Allow", **given}))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=document(*statements))
        return made["Role"]["Arn"]

    def role_with(self, trust: Any, *policies: str) -> str:
        """A role with policies that AWS manages; its ARN."""
        arn = self.role(trust)
        for policy in policies:
            self.client("iam").attach_role_policy(
                RoleName=arn.rpartition("/")[2], PolicyArn=f"arn:aws:iam::aws:policy/{policy}"
            )
        return arn

    def node_role(self, *, without: str = "") -> str:
        """A role that a node can work with, but for a policy left out; its ARN."""
        return self.role_with("ec2.amazonaws.com", *(policy for policy in NODE_POLICIES if policy != without))

    def session(self, *statements: Mapping[str, Any], **assume: Any) -> Keys:
        """Keys of a new role that has these statements."""
        role = self.role(
            {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}, *statements
        )
        return self.assume(role, **assume)

    def assume(self, role: str, keys: Keys | None = None, **options: Any) -> Keys:
        answer = self.client("sts", keys).assume_role(RoleArn=role, RoleSessionName="session", **options)
        found = answer["Credentials"]
        return Keys(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])

    def subnets(self) -> list[str]:
        """Two subnets in two zones of a new VPC."""
        ec2 = self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        return [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"][
                "SubnetId"
            ]
            for number, zone in enumerate("ab")
        ]

    def cluster(self, **arguments: Any) -> str:
        """A cluster that is active; its name."""
        eks = self.client("eks")
        name = arguments.pop("name", None) or self.name("cluster")
        eks.create_cluster(
            name=name,
            roleArn=arguments.pop("roleArn", None) or self.role_with("eks.amazonaws.com", "AmazonEKSClusterPolicy"),
            resourcesVpcConfig={"subnetIds": self.subnets()},
            accessConfig={"authenticationMode": "API", "bootstrapClusterCreatorAdminPermissions": True},
            **arguments,
        )
        eventually(lambda: eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")
        return name

    def log(self, name: str) -> list[dict[str, Any]]:
        return [dict(row) for row in replay.read(self.home / "logs" / f"{name}.jsonl")]


@contextmanager
def served(home: Path, containers: str = "") -> Generator[Endpoint]:
    """An endpoint in a process of its own.

    Args:
        home: folder of its state.
        containers: `module:function` that starts the containers of models; the local cloud's own by default.
    """
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "LOCALCLOUD_"))}
    command = [
        sys.executable,
        str(Path(__file__).with_name("serve.py")),
        str(home),
        *([containers] if containers else []),
    ]
    environment["PYTHONPATH"] = str(Path(__file__).parents[3])
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        try:
            yield Endpoint(json.loads(process.stdout.readline())["endpoint"], home, process.pid)
        finally:
            process.terminate()


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
