"""AWS's protocols from the server's side, by botocore's service models.

A request becomes an operation with arguments; a result or an error becomes a response.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, cast

from botocore.utils import parse_timestamp
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS, RequestParserError
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model
from werkzeug.exceptions import NotFound

from localcloud.aws.iam.credentials import Principal
from localcloud.aws.protocol.exchange import HttpRequest, HttpResponse

# Names in credential scopes that differ from botocore's name of the service.
_BY_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "tagging": "resourcegroupstaggingapi",
}
# A message may show an argument with such characters; an answer in XML cannot have them.
_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class AwsError(Exception):
    """An error that the caller sees in its service's own protocol.

    Attributes:
        code: the AWS error code, e.g. `ResourceNotFoundException`.
        message: says what is wrong, where, and what to do.
        status: the HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = _NOT_IN_XML.sub("\ufffd", message)
        self.status = status


class AccessDeniedError(AwsError):
    def __init__(self, message: str, code: str = "AccessDenied") -> None:
        super().__init__(code, message, 403)


class NotAvailableError(AwsError):
    """An operation of AWS that the local cloud does not have."""

    def __init__(self, service: str, operation: str, detail: str = "") -> None:
        message = f"Operation {service}:{operation} is not available in the local cloud.{detail}"
        super().__init__("NotImplemented", message, 501)


@dataclass(frozen=True)
class Call:
    """One API call.

    Attributes:
        service: botocore's name of the service.
        operation: the name of the operation, e.g. `CreateCluster`.
        region: the region in the credential scope.
        params: the arguments, by botocore's member names.
        principal: the caller.
        request: the request, with its decoded body.
    """

    service: str
    operation: str
    region: str
    params: Mapping[str, Any]
    principal: Principal
    request: HttpRequest = field(repr=False)


Operation = Callable[[Call], Mapping[str, Any]]
"""Answers a call in place of moto."""
Guard = Callable[[Call], None]
"""Runs before moto's implementation and may refuse the call."""
Rewrite = Callable[[Call], HttpRequest]
"""Makes the request that moto gets in place of the client's."""
Amendment = Callable[[Call, HttpResponse], HttpResponse]
"""Runs after moto's implementation and completes its answer or its state."""


@dataclass(frozen=True)
class Service:
    """How a service differs from moto's, by operation.

    Attributes:
        native: operations that we implement ourselves.
        owned: whether the service has no other operations; if so, moto's are refused as not available.
        guards: checks that run before moto's implementation and may refuse the call.
        rewrites: make the request that moto gets in place of the client's.
        amendments: complete moto's answer or its state, after a call that succeeded.
        failures: do the same after a call that failed.
    """

    native: Mapping[str, Operation] = field(default_factory=dict[str, Operation])
    owned: bool = False
    guards: Mapping[str, Guard] = field(default_factory=dict[str, Guard])
    rewrites: Mapping[str, Rewrite] = field(default_factory=dict[str, Rewrite])
    amendments: Mapping[str, Amendment] = field(default_factory=dict[str, Amendment])
    failures: Mapping[str, Amendment] = field(default_factory=dict[str, Amendment])


def locked(lock: AbstractContextManager[object], operations: Mapping[str, Operation]) -> dict[str, Operation]:
    """Make operations on shared records run one at a time.

    Their answers are copies, because an answer is serialised after the lock is released, when a record may change again.
    """

    def guarded(operation: Operation) -> Operation:
        def answer(call: Call) -> Mapping[str, Any]:
            with lock:
                return copy.deepcopy(operation(call))

        return answer

    return {name: guarded(operation) for name, operation in operations.items()}


def service_of(request: HttpRequest, signing_name: str) -> str:
    """Return botocore's name of the service that a credential scope names."""
    name = signing_name.lower()
    if name == "s3" and request.raw_path.startswith("/v20180820/"):
        return "s3control"
    return _BY_SIGNING_NAME.get(name, name)


def parse(request: HttpRequest, service: str) -> tuple[str, Mapping[str, Any]]:
    """Return the operation that a request names, and its arguments.

    Raises:
        AwsError: no such service or operation, or the body cannot be read as its arguments.
    """
    wsgi_request = Request(request.to_environ())
    model = _model(service)
    try:
        operation, uri_params = get_service_router(service).match(wsgi_request)
    except (NotFound, NotImplementedError) as error:
        raise AwsError("UnknownOperationException", f"{service} has no operation for this request.", 404) from error
    protocol = determine_request_protocol(model, wsgi_request.content_type)
    parser = PROTOCOL_PARSERS[protocol](operation, map_type=dict, timestamp_parser=parse_timestamp)
    try:
        params = parser.parse(
            {
                "method": wsgi_request.method,
                "values": wsgi_request.values,
                "headers": wsgi_request.headers,
                "body": request.body,
                "url_path": wsgi_request.path,
                "url_params": uri_params,
            }
        )
    except (RequestParserError, ValueError, KeyError, TypeError, AttributeError) as error:
        code = "MalformedXML" if protocol == "rest-xml" else "SerializationException"
        raise AwsError(code, f"The request of {service}:{operation.name} cannot be read: {error}") from error
    return str(operation.name), cast("Mapping[str, Any]", params)


def operation_model(service: str, operation: str) -> OperationModel:
    return _model(service).operation_model(operation)


def result_response(call: Call, result: Mapping[str, Any]) -> HttpResponse:
    """Return a result in the protocol of the call."""
    return _serialize(call.service, operation_model(call.service, call.operation), call.request, result)


def error_response(request: HttpRequest, service: str, operation: str | None, error: AwsError) -> HttpResponse:
    """Return an error in the protocol of the service, or in S3's XML if the service is unknown."""
    try:
        model = _model(service)
        operation_model = model.operation_model(operation) if operation else OperationModel({}, model)
    except AwsError:
        service, model = "s3", _model("s3")
        operation_model = OperationModel({}, model)
    response = _serialize(service, operation_model, request, error)
    response.status = error.status
    return response


def _serialize(service: str, operation: OperationModel, request: HttpRequest, result: object) -> HttpResponse:
    protocol = _protocol(service, request)
    request_id = str(uuid.uuid4())
    serializer = get_serializer_class(service, protocol)(operation, context=SerializationContext(request_id))
    answer = serializer.serialize(result)
    body = answer["body"]
    headers = [(str(name), str(value)) for name, value in answer["headers"].items()]
    id_header = "x-amz-request-id" if service == "s3" else "x-amzn-RequestId"
    return HttpResponse(
        status=int(answer["status_code"]),
        headers=[*headers, (id_header, request_id)],
        body=body.encode() if isinstance(body, str) else body,
    )


def _protocol(service: str, request: HttpRequest) -> str:
    """Return the protocol of the answer: the one of the request's Content-Type, or the service's first one."""
    try:
        return determine_request_protocol(_model(service), request.headers.get("content-type", ""))
    except NotImplementedError:
        return str(_model(service).protocol)


@cache
def _model(service: str) -> ServiceModel:
    try:
        return get_service_model(service)
    except Exception as error:  # botocore's loader has several ways to say that it does not know a name
        raise AwsError(
            "UnknownService", f"The service {service!r} is not available in the local cloud.", 501
        ) from error
