"""moto, which keeps the state of plain AWS services: the endpoint forwards to it what it does not implement itself.

moto takes no locks, so a listing may fail because something is created meanwhile ("dictionary changed size during
iteration"). Here each service has one lock, which is held while moto works in memory; bodies are read and written without
it.

All changes of moto's internals are in this module: its policy checks are off, its tables are small, and each service model
is read once.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import re
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, cast

import moto.backend_index
import moto.utilities.utils as moto_utilities
from botocore import loaders
from moto.backends import get_backend
from moto.moto_server.werkzeug_app import create_backend_app
from werkzeug.test import run_wsgi_app

from localcloud.aws.protocol.exchange import Environ, HttpRequest, HttpResponse
from localcloud.aws.protocol.wire import AwsError, NotAvailableError

WsgiApp = Callable[[Environ, Callable[..., object]], Iterable[bytes]]

# moto recognises a service by its host name.
_HOSTS = {
    "budgets": "budgets.amazonaws.com",
    "s3control": "123456789012.s3-control.{region}.amazonaws.com",
    "cloudwatch": "monitoring.{region}.amazonaws.com",
    "resourcegroupstaggingapi": "tagging.{region}.amazonaws.com",
}
# Sub-resources that moto does not know: it would act on the bucket or object itself instead.
_UNKNOWN_TO_S3 = re.compile(
    r"Analytics|IntelligentTiering|Bucket(Metadata|Abac)|Annotation|CreateSession|Torrent|DirectoryBuckets|RenameObject"
    r"|UpdateObjectEncryption|WriteGetObjectResponse"
)
_HIDDEN = {"moto_api", "instance_metadata"}

# The instance families that EC2 has here; the tables of all types and regions would take 200 MB.
INSTANCE_FAMILIES = ("t3", "t3a", "t4g", "m5", "m6i", "c5", "r5")
# AWS managed policies that can be attached; all 1582 would take 100 MB.
MANAGED_POLICIES = (
    *("AmazonEKSClusterPolicy", "AmazonEKSWorkerNodePolicy", "AmazonEKSWorkerNodeMinimalPolicy"),
    *("AmazonEKS_CNI_Policy", "AmazonEKSVPCResourceController", "AmazonEKSServicePolicy"),
    *("AmazonEKSComputePolicy", "AmazonEKSBlockStoragePolicy", "AmazonEKSLoadBalancingPolicy"),
    *("AmazonEKSNetworkingPolicy", "AmazonEBSCSIDriverPolicy", "AmazonSSMManagedInstanceCore"),
    *("AmazonEC2ContainerRegistryPullOnly", "AmazonEC2ContainerRegistryReadOnly", "AmazonVPCFullAccess"),
    *("AmazonSageMakerFullAccess", "AmazonSageMakerReadOnly", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess"),
    *("CloudWatchLogsFullAccess", "CloudWatchLogsReadOnlyAccess", "IAMFullAccess", "IAMReadOnlyAccess"),
    *("AdministratorAccess", "PowerUserAccess"),
)
_OFFERINGS = re.compile(r"ec2/resources/instance_type_offerings/[^/]+/(?P<region>[^.]+)\.json")


class Upstream:
    """Hands requests to moto, which has an application for each service."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._apps: dict[str, WsgiApp] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def lock(self, service: str) -> threading.RLock:
        """Return the lock that guards moto's state of a service."""
        return self._locks[service]

    def forward(self, request: HttpRequest, service: str, operation: str, region: str) -> HttpResponse:
        """Forward a request to moto, and return moto's answer.

        Raises:
            NotAvailableError: moto does not implement the operation.
            AwsError: moto failed.
        """
        if service == "s3" and _UNKNOWN_TO_S3.search(operation):
            raise NotAvailableError(service, operation)
        app = self._app(service, operation, region)
        environ = request.to_environ()
        try:
            with self._locks[service]:
                response = _run(app, environ)
        except NotImplementedError as error:
            raise NotAvailableError(service, operation) from error
        except Exception as error:
            self._log(f"{service}:{operation} failed\n{traceback.format_exc()}")
            message = f"{service}:{operation} failed in the local cloud: {type(error).__name__}: {error}"
            raise AwsError("InternalFailure", message, 500) from error
        content_type = response.header("content-type") or ""
        if response.status in {404, 405, 500} and content_type.startswith("text/html") and service != "s3":
            raise NotAvailableError(service, operation)
        return response

    def warm(self, *services: str, region: str) -> None:
        """Load the applications of services ahead of their first request."""
        for service in services:
            self._app(service, "", region)

    def _app(self, service: str, operation: str, region: str) -> WsgiApp:
        with self._locks[service]:
            if service not in self._apps:
                self._apps[service] = cast("WsgiApp", _create(service, operation, region))
            return self._apps[service]


def _create(service: str, operation: str, region: str) -> Any:
    host = _HOSTS.get(service, "{service}.{region}.amazonaws.com").format(service=service, region=region)
    for module, pattern in moto.backend_index.backend_url_patterns:
        if pattern.match(f"http://{host}") and module not in _HIDDEN:
            _prepare(module)
            return create_backend_app(cast("Any", module))
    raise NotAvailableError(service, operation)


def _prepare(module: str) -> None:
    importlib.import_module(f"moto.{module}")
    if prepare := {"iam": prepare_iam, "s3": prepare_s3, "ec2": prepare_ec2}.get(module):
        prepare()


def _run(app: WsgiApp, environ: Environ) -> HttpResponse:
    chunks, status, headers = run_wsgi_app(cast("Any", app), environ, buffered=True)
    without_body = environ["REQUEST_METHOD"] == "HEAD"  # then only moto knows the length
    kept = [(name, value) for name, value in headers if without_body or name.lower() != "content-length"]
    return HttpResponse(int(status.partition(" ")[0]), kept, b"".join(chunks))


def adapt(account_id: str, region: str) -> None:
    """Change moto's settings. This must be called before anything of moto but its core is imported."""
    os.environ["MOTO_ACCOUNT_ID"] = account_id  # every request acts in the one local account
    os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # no web page may call the endpoint
    os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "false"
    os.environ.setdefault("MOTO_S3_DEFAULT_KEY_BUFFER_SIZE", str(64 * 1024 * 1024))
    _slim_instance_tables(region)
    loaders.Loader.FILE_LOADER_CLASS = _EachOnce


class _EachOnce(loaders.JSONFileLoader):
    """Reads the model of each service once; otherwise moto and botocore's sessions read it up to three times."""

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
    """Turn off moto's evaluation of bucket policies, which ignores conditions; our own decides before moto is called."""
    from moto.iam.access_control import PermissionResult  # noqa: PLC0415  loaded when it is first needed: it is large
    from moto.s3.models import FakeBucket  # noqa: PLC0415

    def permit(_bucket: Any, _action: str, _resource: str) -> Any:
        return PermissionResult.PERMITTED

    cast("Any", FakeBucket).get_permission = permit


def prepare_ec2() -> None:
    """Add and remove a gateway endpoint's routes with its route tables, and let an endpoint be deleted twice."""
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
    """Return the rows of some managed policies, read from moto's 6 MB of text without parsing the rest."""
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


def backend(service: str, account_id: str, region: str = "aws") -> Any:
    """Return moto's state of a service, which is loaded at the first call. Hold `Upstream.lock` of the service to use it.

    Args:
        service: moto's name of the service, e.g. `ec2`.
        account_id: the local account.
        region: a region; `aws` for the services that have one state for all regions (IAM, S3).
    """
    return cast("Any", get_backend)(service)[account_id][region]
