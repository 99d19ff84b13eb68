"""The changes that we make in moto: no policy checks of its own, small tables, each service model read once.

Every change of moto's internals is in this module.
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable
from typing import Any, cast

import moto.utilities.utils as moto_utilities
from botocore import loaders

# EC2 knows these instance families only: the tables of all types and regions take 200 MB.
INSTANCE_FAMILIES = ("t3", "t3a", "t4g", "m5", "m6i", "c5", "r5")
# AWS managed policies that can be attached; all 1582 would take 100 MB.
MANAGED_POLICIES = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSWorkerNodePolicy",
    "AmazonEKSWorkerNodeMinimalPolicy",
    "AmazonEKS_CNI_Policy",
    "AmazonEKSVPCResourceController",
    "AmazonEKSServicePolicy",
    "AmazonEKSComputePolicy",
    "AmazonEKSBlockStoragePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
    "AmazonEBSCSIDriverPolicy",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonSSMManagedInstanceCore",
    "AmazonSageMakerFullAccess",
    "AmazonSageMakerReadOnly",
    "AmazonS3FullAccess",
    "AmazonS3ReadOnlyAccess",
    "AmazonVPCFullAccess",
    "CloudWatchLogsFullAccess",
    "CloudWatchLogsReadOnlyAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "AdministratorAccess",
    "PowerUserAccess",
)
_OFFERINGS = re.compile(r"ec2/resources/instance_type_offerings/[^/]+/(?P<region>[^.]+)\.json")


def adapt(account_id: str, region: str) -> None:
    """Change moto. Call it before anything of moto but its core is imported."""
    os.environ["MOTO_ACCOUNT_ID"] = account_id  # every request acts in the one local account
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # no web page may call the endpoint
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
    os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(64 * 1024 * 1024))
    _slim_instance_tables(region)
    loaders.Loader.FILE_LOADER_CLASS = _EachOnce


class _EachOnce(loaders.JSONFileLoader):
    """Each service's model is read once: moto and its sessions ask for it up to three times."""

    def load_file(self, file_path: str) -> Any:
        return _model(file_path)


@functools.cache
def _model(file_path: str) -> Any:
    return loaders.JSONFileLoader().load_file(file_path)


def prepare_iam() -> None:
    """Make the managed policies attachable."""
    from moto.iam.models import AWSManagedPolicy, IAMBackend  # noqa: PLC0415  loaded when it is first needed: it is large

    def load(backend: Any) -> list[Any]:
        rows = managed_policy_rows(MANAGED_POLICIES)
        return [AWSManagedPolicy.from_data(name, backend.account_id, backend.region_name, row) for name, row in rows]

    cast("Any", IAMBackend)._init_aws_policies = load  # noqa: SLF001  moto has no public switch for a subset


def prepare_s3() -> None:
    """Let our own evaluation alone decide on bucket policies: moto's ignores conditions and would refuse its user."""
    from moto.iam.access_control import PermissionResult  # noqa: PLC0415  loaded when it is first needed: it is large
    from moto.s3.models import FakeBucket  # noqa: PLC0415

    def permit(_bucket: Any, _action: str, _resource: str) -> Any:
        return PermissionResult.PERMITTED

    cast("Any", FakeBucket).get_permission = permit


def prepare_ec2() -> None:
    """Add and remove the routes of gateway endpoints with their tables, and let an endpoint be deleted twice."""
    from moto.ec2.models import EC2Backend  # noqa: PLC0415  loaded when it is first needed: it is large

    backend = cast("Any", EC2Backend)
    modify, delete = backend.modify_vpc_endpoint, backend.delete_vpc_endpoints

    def modify_with_routes(self: Any, vpc_id: str, **changes: Any) -> None:
        modify(self, vpc_id, **changes)
        prefix_list = self.vpc_end_points[vpc_id].destination_prefix_list_id
        for table in changes.get("add_route_tables") or ():
            self.create_route(table, None, gateway_id=vpc_id, destination_prefix_list_id=prefix_list)
        for table in changes.get("remove_route_tables") or ():
            self.delete_route(table, prefix_list)

    def delete_once(self: Any, vpce_ids: list[str] | None = None) -> None:
        known = self.vpc_end_points
        delete(self, [name for name in vpce_ids or () if name in known and known[name].state != "deleted"])

    backend.modify_vpc_endpoint, backend.delete_vpc_endpoints = modify_with_routes, delete_once


def managed_policy_rows(names: Iterable[str]) -> list[tuple[str, dict[str, Any]]]:
    """The rows of some managed policies, read out of moto's 6 MB of text without parsing the rest."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data as text  # noqa: PLC0415

    rows: list[tuple[str, dict[str, Any]]] = []
    decoder = json.JSONDecoder()
    for name in names:
        start = text.find(f'\n "{name}":')
        if start >= 0:
            row = decoder.raw_decode(text, text.index("{", start))[0]
            rows.append((name, cast("dict[str, Any]", row)))
    return rows


def _slim_instance_tables(region: str) -> None:
    original = moto_utilities.load_resource

    def load(resource: str) -> Any:
        offerings = _OFFERINGS.match(resource)
        if offerings is not None and offerings["region"] != region:
            return []
        loaded = original(resource)
        if offerings is not None:
            return [row for row in loaded if _is_kept(str(row["InstanceType"]))]
        if resource == "ec2/resources/instance_types.json":
            return {name: row for name, row in loaded.items() if _is_kept(name)}
        return loaded

    moto_utilities.load_resource = load


def _is_kept(instance_type: str) -> bool:
    return instance_type.partition(".")[0] in INSTANCE_FAMILIES
