"""What a plugin's error holds beside its text: the Pulumi protocol packs messages into the status of the call."""

from __future__ import annotations

from typing import Any

import grpc
from pulumi.runtime.proto import errors_pb2, provider_pb2, status_pb2

_ = errors_pb2  # registers the message types that error details may hold


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = status_pb2.Status()
            status.ParseFromString(value if isinstance(value, bytes) else str(value).encode())
            return list(status.details)
    return []


def init_failure(error: grpc.aio.AioRpcError) -> Any | None:
    """The object that exists but did not become ready, when the error is about one."""
    for detail in _details(error):
        if detail.type_url.endswith("/pulumirpc.ErrorResourceInitFailed"):
            failure = provider_pb2.ErrorResourceInitFailed()
            failure.ParseFromString(detail.value)
            return failure
    return None


def missing_keys(error: grpc.aio.AioRpcError) -> str:
    """What the provider's configuration lacks, when the error is about that; else nothing."""
    for detail in _details(error):
        if detail.type_url.endswith("/pulumirpc.ConfigureErrorMissingKeys"):
            missing = provider_pb2.ConfigureErrorMissingKeys()
            missing.ParseFromString(detail.value)
            lines = [f"  {key.name}: {key.description}" for key in missing.missingKeys]
            return "the provider's configuration lacks\n" + "\n".join(lines)
    return ""
