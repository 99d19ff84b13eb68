"""The WSGI application, which answers each request, and the log of requests."""

from __future__ import annotations

import json
import os
import re
import threading
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from werkzeug.http import HTTP_STATUS_CODES

from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.moto import Upstream
from localcloud.aws.protocol import validation, wire
from localcloud.aws.protocol.exchange import Environ, HttpRequest, HttpResponse
from localcloud.aws.protocol.wire import AwsError, Call, NotAvailableError, Service

Internal = Callable[[HttpRequest], HttpResponse]
_ALL_OF_MOTO = Service()
_ERROR_CODE = re.compile(rb"<Code>([^<]+)</Code>")
INTERNAL_PREFIX = "/_localcloud/"


class Journal:
    """A log with one JSON object in each line, in a file that only the user can read. Any thread may write to it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._lock = threading.Lock()
        self._file = open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab", buffering=0)  # noqa: PTH123, SIM115  mode at creation; open for the life of the process

    def write(self, record: Mapping[str, object]) -> None:
        stamped = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **record}
        line = json.dumps(stamped, default=str, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            self._file.write(line)

    def close(self) -> None:
        with self._lock:
            self._file.close()


class Gateway:
    """Authenticates, authorises, answers and logs each request.

    Attributes:
        internal: routes of the local cloud itself, by the first part of the path below `/_localcloud/`.
        services: the services that are not moto's alone, by botocore's name of the service.
    """

    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, upstream: Upstream, journal: Journal
    ) -> None:
        self.internal: dict[str, Internal] = {}
        self.services: dict[str, Service] = {}
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._upstream = upstream
        self._journal = journal

    def __call__(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        request = HttpRequest.from_environ(environ)
        response = (self._internal if request.raw_path.startswith(INTERNAL_PREFIX) else self._api)(request)
        if request.method == "HEAD":
            response.body = b""
        elif response.header("content-length") is None:
            response.headers.append(("Content-Length", str(len(response.body))))
        start_response(f"{response.status} {HTTP_STATUS_CODES.get(response.status, 'Unknown')}", response.headers)
        return [response.body]

    def _internal(self, request: HttpRequest) -> HttpResponse:
        name = request.raw_path.removeprefix(INTERNAL_PREFIX).partition("/")[0]
        route = self.internal.get(name)
        if route is None:
            return json_response(404, {"message": f"The local cloud has no route {request.raw_path}."})
        try:
            return route(request)
        except Exception:  # noqa: BLE001  a route's failure is answered and logged, never a dropped connection
            self._journal.write({"route": name, "error": traceback.format_exc()})
            return json_response(500, {"message": f"{name} failed; see {self._journal.path}."})

    def _api(self, request: HttpRequest) -> HttpResponse:
        entry: dict[str, Any] = {"principal": None, "service": "s3", "operation": None}
        try:
            response = self._answer(request, entry)
            if response.status >= 400:
                entry["error"] = _error_code(response)
        except AwsError as error:
            response = wire.error_response(request, entry["service"], entry["operation"], error)
            entry |= {"error": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001  the client gets an answer in its protocol, whatever fails
            entry |= {"error": "InternalFailure", "traceback": traceback.format_exc()}
            failure = AwsError("InternalFailure", f"The local cloud failed: {type(error).__name__}: {error}", 500)
            response = wire.error_response(request, entry["service"], entry["operation"], failure)
        self._journal.write({**entry, "status": response.status})
        return response

    def _answer(self, request: HttpRequest, entry: dict[str, Any]) -> HttpResponse:
        scope = self._authenticator.scope(request)
        entry["service"] = service = wire.service_of(request, scope.service)
        principal, request = self._authenticator.authenticate(request, scope)
        entry["principal"] = principal.arn or "anonymous"
        operation, params = wire.parse(request, service)
        entry["operation"] = operation
        call = Call(service, operation, scope.region, params, principal, request)
        if self._service(service).owned:
            if operation not in self._service(service).native:
                raise NotAvailableError(service, operation)
            validation.check(service, operation, params)
        self._authorizer.authorize(call)
        return self._execute(call)

    def _execute(self, call: Call) -> HttpResponse:
        service, operation = self._service(call.service), call.operation
        if native := service.native.get(operation):
            return wire.result_response(call, native(call))
        if guard := service.guards.get(operation):
            guard(call)
        rewrite = service.rewrites.get(operation)
        request = rewrite(call) if rewrite else call.request
        response = self._upstream.forward(request, call.service, operation, call.region)
        hook = (service.amendments if response.status < 300 else service.failures).get(operation)
        return hook(call, response) if hook else response

    def _service(self, name: str) -> Service:
        return self.services.get(name, _ALL_OF_MOTO)


def json_response(status: int, body: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(status, [("Content-Type", "application/json")], json.dumps(body).encode())


def _error_code(response: HttpResponse) -> str | None:
    """Return the code in an error that moto has written."""
    found = _ERROR_CODE.search(response.body)
    return found[1].decode() if found else response.header("x-amzn-errortype")
