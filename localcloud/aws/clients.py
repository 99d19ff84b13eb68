"""boto3 clients with which services of the local cloud call the AWS endpoint as a role.

A thread that answers a request must not use one, because it would wait for another thread of the same server.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.config

_LOCK = threading.Lock()
_session = cache(boto3.Session)
_CONFIG = botocore.config.Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=5,
    read_timeout=300,
    max_pool_connections=32,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
)


@dataclass(frozen=True)
class RoleCredentials:
    """Temporary keys of a role."""

    access_key_id: str
    secret_access_key: str
    session_token: str | None = None


def client(service: str, endpoint: str, region: str, credentials: RoleCredentials) -> Any:
    """Create a boto3 client of the local endpoint.

    Any thread may call this function; boto3 itself does not create clients in several threads at once.

    Args:
        service: botocore's name of the service.
        endpoint: URL of the endpoint.
        region: the region to call.
        credentials: the keys that sign its requests.
    """
    with _LOCK:
        return _session().client(  # pyright: ignore[reportCallIssue, reportUnknownVariableType] boto3 has no types
            service,  # pyright: ignore[reportArgumentType] any service's name
            endpoint_url=endpoint,
            region_name=region,
            aws_access_key_id=credentials.access_key_id,
            aws_secret_access_key=credentials.secret_access_key,
            aws_session_token=credentials.session_token,
            config=_CONFIG,
        )


def warm_clients() -> None:
    """Load the service models that the first clients need, so that the first job does not wait for them."""
    for service in ("s3", "logs"):
        client(service, "http://127.0.0.1:9", "us-east-1", RoleCredentials("warm", "warm"))
