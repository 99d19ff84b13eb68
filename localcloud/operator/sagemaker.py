"""The calls of SageMaker that the operator makes, and their failures in the words of the AWS SDK for Go.

ACK shows SDK errors in conditions, so people and programs read them there: the texts are part of the behaviour.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import botocore.session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError
from botocore.exceptions import ConnectionError as NoConnectionError

from localcloud.operator.fields import Field, spec_fields

Json = dict[str, Any]

_ATTEMPTS: Final = 3
_NETWORK_ERRORS: Final = (HTTPClientError, NoConnectionError)
_THROTTLING: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException"),
        *("TooManyRequestsException", "RequestLimitExceeded", "SlowDown"),
    }
)
# In the SDK, an error that the operation's model names has a type of its own; any other error has a generic type.
_MODELLED: Final[Mapping[str, frozenset[str]]] = {
    "CreateTransformJob": frozenset({"ResourceInUse", "ResourceLimitExceeded", "ResourceNotFound"}),
    "DescribeTransformJob": frozenset({"ResourceNotFound"}),
    "StopTransformJob": frozenset({"ResourceNotFound"}),
}
_NOT_FOUND_PREFIX: Final = "Could not find requested job with name"
_TERMINAL_CODES: Final = frozenset(
    {"ResourceNotFound", "ResourceInUse", "InvalidParameterCombination", "InvalidParameterValue", "MissingParameter"}
)


class CallError(Exception):
    """A call failed before SageMaker could answer it: no connection, no credentials, an incomplete request."""

    terminal = False
    refused = False
    """Whether it is certain that the call had no effect."""

    @property
    def short(self) -> str:
        """The message of a condition."""
        return str(self)


class ApiError(CallError):
    """SageMaker answered with an error."""

    def __init__(
        self, operation: str, code: str, message: str, *, status: int = 400, request_id: str = "", attempts: int = 1
    ) -> None:
        self.code, self.message, self.status = code, message, status
        modelled = code in _MODELLED.get(operation, frozenset())
        self._short = f"{code}: {message}" if modelled else f"api error {code}: {message}"
        super().__init__(
            f"operation error SageMaker: {operation}, {_tries(attempts)}{_answered(status, request_id)}{self._short}"
        )

    @property
    def short(self) -> str:
        return self._short

    @property
    def terminal(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # some of these errors are
        return self.code in _TERMINAL_CODES

    @property
    def refused(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # a server error may follow an effect
        return self.status < 500

    @property
    def throttled(self) -> bool:
        return self.code in _THROTTLING

    @property
    def not_found(self) -> bool:
        """Whether there is no such job; ACK recognises that by this answer only."""
        return self.code == "ValidationException" and self.message.startswith(_NOT_FOUND_PREFIX)


class SageMaker:
    """SageMaker's transform jobs in one region; every method but `peek` raises CallError."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def describe(self, name: str) -> Json:
        return self._call("DescribeTransformJob", {"TransformJobName": name})

    def create(self, request: Json) -> str:
        """Start a job; returns its ARN."""
        check_complete(request)
        return self._call("CreateTransformJob", request)["TransformJobArn"]

    def stop(self, name: str) -> None:
        self._call("StopTransformJob", {"TransformJobName": name})

    def peek(self, name: str) -> str | None:
        """A job's status at little cost: empty if there is no such job, None if the call fails."""
        try:
            return self._client.describe_transform_job(TransformJobName=name)["TransformJobStatus"]
        except ClientError as error:
            return "" if _api_error("DescribeTransformJob", error, 1).not_found else None
        except (BotoCoreError, KeyError):
            return None

    def _call(self, operation: str, request: Json) -> Json:
        # If the answer to a creation is lost, the job may exist: try again only if the call certainly had no effect.
        repeatable = operation != "CreateTransformJob"
        attempt = 1
        while True:
            try:
                return getattr(self._client, xform_name(operation))(**request)
            except ClientError as error:
                failure = _api_error(operation, error, attempt)
                if attempt == _ATTEMPTS or not (failure.throttled or (repeatable and failure.status >= 500)):
                    raise failure from error
            except BotoCoreError as error:
                if attempt == _ATTEMPTS or not (repeatable and isinstance(error, _NETWORK_ERRORS)):
                    raise _call_error(operation, error, attempt) from error
            time.sleep(random.random() * 0.2 * 2**attempt)  # noqa: S311  jitter, no secret
            attempt += 1


class Regions:
    """Makes and keeps a client for each region and endpoint.

    Args:
        endpoint_url: the endpoint of SageMaker, unless a namespace names another; None is AWS's own.
        connections: how many connections each client keeps open.
    """

    def __init__(self, endpoint_url: str | None, connections: int) -> None:
        self._endpoint_url = endpoint_url
        self._config = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=connections,
            parameter_validation=False,  # as with the SDK for Go, SageMaker says what is out of range
            user_agent_extra="aws-controllers-k8s/sagemaker.services.k8s.aws",
        )
        self._session = botocore.session.get_session()
        self._clients: dict[tuple[str, str | None], SageMaker] = {}
        self._lock = threading.Lock()

    def jobs(self, region: str, endpoint_url: str | None = None) -> SageMaker:
        """The transform jobs of a region, at its usual endpoint or at another one."""
        key = (region, endpoint_url or self._endpoint_url)
        with self._lock:
            if key not in self._clients:
                self._clients[key] = SageMaker(self._make("sagemaker", *key))
            return self._clients[key]

    def caller_identity(self, region: str, endpoint_url: str | None) -> Json:
        """The operator's own identity at AWS.

        Raises:
            CallError: it has no credentials, or they are refused.
        """
        sts = self._make("sts", region, endpoint_url)
        try:
            return sts.get_caller_identity()
        except (BotoCoreError, ClientError) as error:
            raise CallError(f"operation error STS: GetCallerIdentity, {_reason(error)}") from error

    def _make(self, service: str, region: str, endpoint_url: str | None) -> Any:
        return self._session.create_client(
            service, region_name=region, endpoint_url=endpoint_url or None, config=self._config
        )


def check_complete(request: Json) -> None:
    """Refuse a request that lacks required members, in the SDK's words.

    Raises:
        CallError: the missing members.
    """
    missing = list(_missing(request, spec_fields(), "CreateTransformJobInput"))
    if missing:
        listed = "".join(f"- missing required field, {path}.\n" for path in missing)
        raise CallError(
            f"operation error SageMaker: CreateTransformJob, {len(missing)} validation error(s) found.\n{listed}"
        )


def _missing(values: Mapping[str, Any], fields: tuple[Field, ...], path: str) -> list[str]:
    found: list[str] = []
    for member in fields:
        here, value = f"{path}.{member.aws}", values.get(member.aws)
        if value is None:
            found += [here] if member.required else []
        elif member.kind == "object":
            found += _missing(value, member.members, here)
        elif member.kind == "list":
            for index, item in enumerate(value):
                found += _missing(item, member.members, f"{here}[{index}]")
    return found


def _api_error(operation: str, error: ClientError, attempts: int) -> ApiError:
    response: Mapping[str, Any] = error.response
    details, metadata = response.get("Error", {}), response.get("ResponseMetadata", {})
    return ApiError(
        operation,
        details.get("Code", "Unknown"),
        details.get("Message", ""),
        status=metadata.get("HTTPStatusCode", 400),
        request_id=metadata.get("RequestId", ""),
        attempts=attempts,
    )


def _call_error(operation: str, error: Exception, attempts: int) -> CallError:
    return CallError(f"operation error SageMaker: {operation}, {_tries(attempts)}{_reason(error)}")


def _tries(attempts: int) -> str:
    return f"exceeded maximum number of attempts, {attempts}, " if attempts > 1 else ""


def _answered(status: int, request_id: str) -> str:
    return f"https response error StatusCode: {status}, RequestID: {request_id}, "


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        metadata, details = error.response["ResponseMetadata"], error.response["Error"]
        answered = _answered(metadata["HTTPStatusCode"], metadata.get("RequestId", ""))
        return f"{answered}api error {details['Code']}: {details['Message']}"
    if isinstance(error, _NETWORK_ERRORS):
        return f"{_answered(0, '')}request send failed, {error}"
    if isinstance(error, NoCredentialsError):
        return f"get identity: get credentials: failed to refresh cached credentials, {error}"
    return str(error)
