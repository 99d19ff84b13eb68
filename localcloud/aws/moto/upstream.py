"""moto keeps plain AWS state: the endpoint forwards here what it does not implement itself.

moto dispatches without locks, so a listing may meet a creation ("dictionary changed size during iteration").
Here every service has one lock, held while moto works on memory; bodies are read and written outside it.
"""

from __future__ import annotations

import importlib
import re
import threading
import traceback
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, cast

import moto.backend_index
from moto.moto_server.werkzeug_app import create_backend_app

from localcloud.aws.moto import adaptation as moto_adaptation
from localcloud.aws.protocol.exchange import Environ, HttpRequest, HttpResponse
from localcloud.aws.protocol.wire import AwsError, NotAvailableError

WsgiApp = Callable[[Environ, Callable[..., object]], Iterable[bytes]]

# moto recognises a service by its host name.
_HOSTS = {
    "sagemaker": "api.sagemaker.{region}.amazonaws.com",
    "budgets": "budgets.amazonaws.com",
    "s3control": "123456789012.s3-control.{region}.amazonaws.com",
    "cloudwatch": "monitoring.{region}.amazonaws.com",
    "service-quotas": "servicequotas.{region}.amazonaws.com",
    "resourcegroupstaggingapi": "tagging.{region}.amazonaws.com",
}
# Sub-resources that moto does not know: it would act on the bucket or object itself instead.
_UNKNOWN_TO_S3 = re.compile(
    r"Analytics|IntelligentTiering|Bucket(Metadata|Abac)|Annotation|CreateSession|Torrent|DirectoryBuckets|RenameObject"
    r"|UpdateObjectEncryption|WriteGetObjectResponse"
)
_HIDDEN = {"moto_api", "instance_metadata"}


class Upstream:
    """Hands requests to moto's per-service applications."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._apps: dict[str, WsgiApp] = {}
        self._locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)

    def lock(self, service: str) -> threading.RLock:
        """The lock that guards moto's state of a service."""
        return self._locks[service]

    def forward(self, request: HttpRequest, service: str, operation: str, region: str) -> HttpResponse:
        """Moto's answer.

        Raises:
            NotAvailableError: moto does not implement the operation.
            AwsError: moto failed at it.
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
    if module == "iam":
        moto_adaptation.prepare_iam()
    elif module == "s3":
        moto_adaptation.prepare_s3()
    elif module == "ec2":
        moto_adaptation.prepare_ec2()


def _run(app: WsgiApp, environ: Environ) -> HttpResponse:
    response = HttpResponse(status=500)

    def start_response(status: str, headers: list[tuple[str, str]], _exc_info: object = None) -> None:
        response.status = int(status.split(" ", 1)[0])
        response.headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        if environ["REQUEST_METHOD"] == "HEAD" and length is not None:
            response.headers.append(("Content-Length", length))

    chunks = app(environ, start_response)
    try:
        response.body = b"".join(chunks)
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    return response
