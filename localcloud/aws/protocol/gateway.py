"""The WSGI application: every request's way from the socket to its answer."""

from __future__ import annotations

import json
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.moto.upstream import Upstream
from localcloud.aws.protocol import validation, wire
from localcloud.aws.protocol.errors import AwsError, NotAvailableError
from localcloud.aws.protocol.exchange import Environ, HttpRequest, HttpResponse
from localcloud.aws.protocol.journal import Journal
from localcloud.aws.protocol.wire import Call, Operation

Internal = Callable[[HttpRequest], HttpResponse]
_ERROR_CODE = re.compile(rb"<Code>([^<]+)</Code>")
INTERNAL_PREFIX = "/_localcloud/"


class Gateway:
    """Authenticates, authorises, answers and logs each request.

    Attributes:
        native: operations that we implement ourselves, by service and operation.
        guards: checks that run before moto's implementation and may refuse the call.
        rewrites: the request that moto gets in place of the client's.
        amendments: what moto's answer or state lacks, applied after a call that succeeded.
        failures: likewise for a call that failed.
        internal: routes of the local cloud itself, by the first part of the path below `/_localcloud/`.
    """

    def __init__(
        self, authenticator: Authenticator, authorizer: Authorizer, upstream: Upstream, journal: Journal
    ) -> None:
        self.native: dict[tuple[str, str], Operation] = {}
        self.guards: dict[tuple[str, str], Callable[[Call], None]] = {}
        self.amendments: dict[tuple[str, str], Callable[[Call, HttpResponse], HttpResponse]] = {}
        self.rewrites: dict[tuple[str, str], Callable[[Call], HttpRequest]] = {}
        self.failures: dict[tuple[str, str], Callable[[Call, HttpResponse], HttpResponse]] = {}
        self.internal: dict[str, Internal] = {}
        self._owned: set[str] = set()
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._upstream = upstream
        self._journal = journal

    def register(self, service: str, operations: Mapping[str, Operation]) -> None:
        """Take over a service: what these operations do not cover is not available, whatever moto has."""
        self._owned.add(service)
        self.native |= {(service, name): operation for name, operation in operations.items()}

    def __call__(self, environ: Environ, start_response: Callable[..., object]) -> Iterable[bytes]:
        request = HttpRequest.from_environ(environ)
        response = self.handle(request)
        if request.method == "HEAD":
            response.body = b""
        elif response.header("content-length") is None:
            response.headers.append(("Content-Length", str(len(response.body))))
        start_response(f"{response.status} {_reason(response.status)}", response.headers)
        return [response.body]

    def handle(self, request: HttpRequest) -> HttpResponse:
        if request.raw_path.startswith(INTERNAL_PREFIX):
            return self._internal(request)
        return self._api(request)

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
        entry: dict[str, object] = {"principal": None, "service": "s3", "operation": None}
        try:
            response = self._answer(request, entry)
            if response.status >= 400:
                entry["error"] = _error_code(response)
        except AwsError as error:
            response = wire.error_response(request, str(entry["service"]), _text(entry["operation"]), error)
            entry |= {"error": error.code, "message": error.message}
        except Exception as error:  # noqa: BLE001  likewise
            entry |= {"error": "InternalFailure", "traceback": traceback.format_exc()}
            failure = AwsError("InternalFailure", f"The local cloud failed: {type(error).__name__}: {error}", 500)
            response = wire.error_response(request, str(entry["service"]), _text(entry["operation"]), failure)
        self._journal.write({**entry, "status": response.status})
        return response

    def _answer(self, request: HttpRequest, entry: dict[str, object]) -> HttpResponse:
        scope = self._authenticator.scope(request)
        entry["service"] = service = wire.service_of(request, scope.service)
        principal, request = self._authenticator.authenticate(request, scope)
        entry["principal"] = principal.arn or "anonymous"
        operation, params = wire.parse(request, service)
        entry["operation"] = operation
        call = Call(service, operation, scope.region, params, principal, request)
        if service in self._owned:
            if (service, operation) not in self.native:
                raise NotAvailableError(service, operation)
            validation.check(service, operation, params)
        self._authorizer.authorize(call)
        return self._execute(call)

    def _execute(self, call: Call) -> HttpResponse:
        key = (call.service, call.operation)
        native = self.native.get(key)
        if native is not None:
            return wire.result_response(call, native(call))
        if key in self.guards:
            self.guards[key](call)
        request = self.rewrites[key](call) if key in self.rewrites else call.request
        response = self._upstream.forward(request, call.service, call.operation, call.region)
        hook = self.amendments.get(key) if response.status < 300 else self.failures.get(key)
        return hook(call, response) if hook is not None else response


def json_response(status: int, body: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(status, [("Content-Type", "application/json")], json.dumps(body).encode())


def _error_code(response: HttpResponse) -> str | None:
    """The code in an error that moto has written."""
    found = _ERROR_CODE.search(response.body)
    return found[1].decode() if found else response.header("x-amzn-errortype")


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
