"""boto3 clients for the local endpoint, behind the few typed calls that are made here."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import boto3
import botocore.config

from localcloud.aws.sagemaker.backend import RoleCredentials

_LOCK = threading.Lock()
_CONFIG = botocore.config.Config(
    retries={"mode": "standard", "max_attempts": 4},
    connect_timeout=5,
    read_timeout=300,
    max_pool_connections=32,
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
    s3={"addressing_style": "path"},
)


@cache
def _session() -> boto3.Session:
    return boto3.Session()


def client(service: str, endpoint: str, region: str, credentials: RoleCredentials) -> Any:
    """A client that acts with the given keys; making one is not thread-safe in boto3, using it is."""
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


def warm() -> None:
    """Load what the first clients need, so that the first job does not wait for it."""
    for service in ("s3", "logs"):
        client(service, "http://127.0.0.1:9", "us-east-1", RoleCredentials("warm", "warm"))
