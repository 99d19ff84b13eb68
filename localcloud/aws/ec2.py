"""Amazon EC2 where moto falls short of it: what is in use cannot be deleted, and a default security group has its rule."""

from __future__ import annotations

import re
from collections.abc import Mapping
from threading import RLock
from typing import Any

from localcloud.aws.moto import backend
from localcloud.aws.protocol.exchange import HttpResponse
from localcloud.aws.protocol.wire import AwsError, Call, Service

NODE_INTERFACE = "Amazon EKS node "
_VPC_ID = re.compile(rb"<vpcId>(vpc-[0-9a-f]+)</vpcId>")


class NetworkRules:
    """The checks before EC2's deletions, and the addition to CreateVpc."""

    def __init__(self, lock: RLock) -> None:
        self._lock = lock

    def service(self) -> Service:
        guards = {
            "DeleteSubnet": self._subnet,
            "DeleteVpc": self._vpc,
            "DeleteSecurityGroup": self._security_group,
            "DetachInternetGateway": self._gateway,
        }
        return Service(guards=guards, amendments={"CreateVpc": self._admit_members})

    def tags_of(self, arn: str) -> Mapping[str, str]:
        """Return the tags of a resource; one that does not exist has none."""
        region, account_id, resource = arn.split(":", 5)[3:]
        with self._lock:
            return dict(backend("ec2", account_id, region).tags.get(resource.rpartition("/")[2]) or {})

    def _admit_members(self, call: Call, response: HttpResponse) -> HttpResponse:
        """Give the default security group of a new VPC its rule: members may reach each other."""
        found = _VPC_ID.search(response.body)
        if found is None:
            return response
        vpc_id = found[1].decode()
        with self._lock:
            ec2 = self._ec2(call)
            group = next(group for group in ec2.groups[vpc_id].values() if group.name == "default")
            ec2.authorize_security_group_ingress(
                group.id, "-1", "-1", "-1", ip_ranges=[], source_groups=[{"GroupId": group.id}], vpc_id=vpc_id
            )
        return response

    def _subnet(self, call: Call) -> None:
        subnet_id = str(call.params["SubnetId"])
        with self._lock:
            if any(interface.subnet.id == subnet_id for interface in self._ec2(call).enis.values()):
                raise _violation(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")

    def _vpc(self, call: Call) -> None:
        vpc_id = str(call.params["VpcId"])
        with self._lock:
            ec2 = self._ec2(call)
            gateways = [row for row in ec2.internet_gateways.values() if row.vpc is not None and row.vpc.id == vpc_id]
            groups = [group for group in ec2.groups.get(vpc_id, {}).values() if group.name != "default"]
            endpoints = [row for row in ec2.vpc_end_points.values() if row.vpc_id == vpc_id and row.state != "deleted"]
        if gateways or groups or endpoints:
            raise _violation(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")

    def _security_group(self, call: Call) -> None:
        group_id = str(call.params.get("GroupId"))
        with self._lock:
            ec2 = self._ec2(call)
            users = [row for row in ec2.enis.values() if group_id in {group.id for group in row.group_set}]
            default = ec2.get_security_group_from_id(group_id)
        if users:
            raise _violation(f"resource {group_id} has a dependent object")
        if default is not None and default.name == "default":
            raise AwsError(
                "CannotDelete", f'the specified group: "{group_id}" name: "default" cannot be deleted by a user'
            )

    def _gateway(self, call: Call) -> None:
        vpc_id = str(call.params["VpcId"])
        with self._lock:
            mapped = [
                row
                for row in self._ec2(call).enis.values()
                if row.subnet.vpc_id == vpc_id and str(row.description).startswith(NODE_INTERFACE)
            ]
        if mapped:
            raise _violation(
                f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before "
                "detaching the gateway."
            )

    def _ec2(self, call: Call) -> Any:
        return backend("ec2", call.principal.account_id, call.region)


def _violation(message: str) -> AwsError:
    return AwsError("DependencyViolation", message)
