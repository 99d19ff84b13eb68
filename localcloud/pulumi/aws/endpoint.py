"""The local AWS endpoint: every call of the plugin goes through `Endpoint.call`."""

from __future__ import annotations

import functools
import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from localcloud.pulumi.aws import parameters as model_check
from localcloud.pulumi.errors import CallError


class EndpointError(CallError):
    """There is no local AWS endpoint, or it does not answer."""


class AwsError(CallError):
    """AWS refused a call.

    Args:
        operation: its name.
        code: AWS's error code.
        reason: AWS's message.
        status: the HTTP status.
    """

    def __init__(self, operation: str, code: str, reason: str, status: int = 400) -> None:
        super().__init__(f"{operation}: {code}: {reason}")
        self.operation = operation
        self.code = code
        self.reason = reason
        self.status = status


def local_endpoint(environment: Mapping[str, str]) -> str:
    """The endpoint that the environment names, which must be on this machine.

    Raises:
        EndpointError: there is none, or it is on another machine.
    """
    endpoint = environment.get("AWS_ENDPOINT_URL", "")
    if not endpoint:
        raise EndpointError(
            "AWS_ENDPOINT_URL is not set: this is the local cloud's aws plugin, which never talks to AWS. "
            "Use `make shell` or `. .local/env`; for a stack on AWS use the official plugin"
        )
    if not _is_loopback(urlsplit(endpoint).hostname or ""):
        raise EndpointError(
            f"AWS_ENDPOINT_URL is {endpoint}: this is the local cloud's aws plugin, which talks to 127.0.0.1 only"
        )
    return endpoint


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass
class Endpoint:
    """Clients of the endpoint, one for each service and region, created when they are first needed.

    Args:
        url: the endpoint's URL.
        region: the provider's region.
        credentials: `accessKey`, `secretKey` and `token`; botocore finds missing ones in the environment.
    """

    url: str
    region: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    _session: Any = None
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(self, service: str, operation: str, parameters: Mapping[str, Any], region: str | None = None) -> Any:
        """Make one call.

        Args:
            service: the service's name, such as `ec2`.
            operation: its name in the service's model, such as `CreateVpc`.
            parameters: under the model's names; those that are None are left out.
            region: the region, if it is not the provider's.

        Raises:
            AwsError: AWS refused the call.
            ParameterError: AWS would refuse the call.
            EndpointError: the endpoint does not answer.
        """
        sent = {name: value for name, value in parameters.items() if value is not None}
        model_check.check(self.model(service, operation, region), sent)
        return self._send(self._client(service, region or self.region), operation, sent)

    def model(self, service: str, operation: str, region: str | None = None) -> Any:
        """Botocore's model of an operation."""
        return self._client(service, region or self.region).meta.service_model.operation_model(operation)

    @functools.cached_property
    def caller_identity(self) -> Mapping[str, str]:
        """The identity that makes the calls: its `Account`, `Arn` and `UserId`."""
        return self.call("sts", "GetCallerIdentity", {})

    def _send(self, client: Any, operation: str, sent: Mapping[str, Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415  a plugin starts without botocore

        method = {api: python for python, api in client.meta.method_to_api_mapping.items()}[operation]
        try:
            return getattr(client, method)(**sent)
        except ClientError as e:
            error: dict[str, Any] = dict(e.response.get("Error", {}))
            status = e.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise AwsError(operation, error.get("Code", "Unknown"), error.get("Message", ""), status) from None
        except BotoCoreError as e:
            raise EndpointError(f"{operation}: {e} (is the local cloud running? `make status`)") from None

    def _client(self, service: str, region: str) -> Any:
        with self._lock:
            key = (service, region)
            if key not in self._clients:
                self._clients[key] = self._new_client(service, region)
            return self._clients[key]

    def _new_client(self, service: str, region: str) -> Any:
        import botocore.config  # noqa: PLC0415  a plugin starts without botocore
        import botocore.session  # noqa: PLC0415

        if self._session is None:
            self._session = botocore.session.get_session()
        config = botocore.config.Config(
            connect_timeout=5,
            read_timeout=120,
            max_pool_connections=64,
            retries={"mode": "standard", "total_max_attempts": 4},
            proxies={},
            s3={"addressing_style": "path"},
        )
        return self._session.create_client(
            service,
            region_name=region,
            endpoint_url=self.url,
            config=config,
            aws_access_key_id=self.credentials.get("accessKey"),
            aws_secret_access_key=self.credentials.get("secretKey"),
            aws_session_token=self.credentials.get("token"),
        )
