"""A model container as SageMaker's agent uses it: its environment, its start, `/ping` and `/execution-parameters`."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

from localcloud.batch_transform.errors import NO_PING, InstanceFailure
from localcloud.batch_transform.job import (
    DEFAULT_PAYLOAD_MB,
    MEBIBYTE,
    Cancellation,
    ModelContainer,
    Strategy,
    Transform,
)

PING_TIMEOUT_SECONDS = 2.0
PING_LIMIT_SECONDS = 30 * 60.0
_PING_INTERVAL_SECONDS = 1.0
_FIRST_PING_INTERVAL_SECONDS = 0.01
_ENV_SPELLING = {Strategy.MULTI_RECORD: "MULTI_RECORD", Strategy.SINGLE_RECORD: "SINGLE_RECORD"}
_FROM_ENV_SPELLING = {spelling: strategy for strategy, spelling in _ENV_SPELLING.items()}


class Container(Protocol):
    """A running model container."""

    @property
    def url(self) -> str:
        """Its address, for example http://127.0.0.1:8080."""
        ...

    def poll(self) -> int | None:
        """Its exit status; None while it runs."""
        ...

    def stop(self) -> None: ...


ContainerStarter = Callable[[int, Mapping[str, str], Callable[[bytes], None]], Container]
"""Starts a container of the model. It raises `InstanceFailure`.

The arguments are the container's number in the model, from 0, its environment variables, and a function that takes each
line that it writes.
"""


@dataclass(frozen=True)
class Parameters:
    """The execution parameters in effect on an instance.

    Args:
        max_concurrent: how many requests may be open.
        max_payload_mb: the largest body of a request in mebibytes; 0 is unlimited.
        strategy: how many records go into one request.
    """

    max_concurrent: int
    max_payload_mb: int
    strategy: Strategy

    @property
    def payload_bytes(self) -> int | None:
        """The largest body in bytes; None is unlimited."""
        return self.max_payload_mb * MEBIBYTE or None

    def __str__(self) -> str:
        return (
            f"MaxConcurrentTransforms={self.max_concurrent}, MaxPayloadInMB={self.max_payload_mb}, "
            f"BatchStrategy={_ENV_SPELLING[self.strategy]}"
        )


def environment(job: Transform, container: ModelContainer) -> dict[str, str]:
    """The environment variables of a container of this job.

    A size or strategy that the job does not set has no variable. A variable of the job wins over one of the model.
    """
    values = {"SAGEMAKER_BATCH": "true"}
    if job.max_payload_mb is not None:
        values["SAGEMAKER_MAX_PAYLOAD_IN_MB"] = str(job.max_payload_mb)
    if job.strategy is not None:
        values["SAGEMAKER_BATCH_STRATEGY"] = _ENV_SPELLING[job.strategy]
    if job.max_concurrent is not None:
        values["SAGEMAKER_MAX_CONCURRENT_TRANSFORMS"] = str(job.max_concurrent)
    return {**values, **container.environment, **job.environment}


def wait_until_ready(
    container: Container, cancellation: Cancellation, limit: float = PING_LIMIT_SECONDS, name: str = ""
) -> None:
    """Ping a container until it answers with status 200.

    Args:
        container: the container.
        cancellation: ends the wait.
        limit: how many seconds to wait.
        name: its name in an inference pipeline, for the log.

    Raises:
        InstanceFailure: the container exited, or did not answer within the limit.
        Stopped: the job was stopped.
    """
    named = f" {name}" if name else ""
    deadline = time.monotonic() + limit
    interval = _FIRST_PING_INTERVAL_SECONDS
    while True:
        cancellation.check()
        if _get(container.url, "/ping", PING_TIMEOUT_SECONDS)[0] == 200:
            return
        if (status := container.poll()) is not None:
            raise InstanceFailure(NO_PING, (f"Model container{named} exited with status {status}",))
        if time.monotonic() > deadline:
            raise InstanceFailure(NO_PING, (f"Model container{named} did not answer /ping",) if name else ())
        cancellation.wait(interval)
        interval = min(_PING_INTERVAL_SECONDS, interval * 1.5)


def ask_parameters(container: Container, job: Transform) -> Parameters:
    """The execution parameters in effect: the job's, else those of `/execution-parameters`, else the defaults."""
    status, body = _get(container.url, "/execution-parameters", PING_TIMEOUT_SECONDS)
    answered = _parse(body) if status == 200 else {}
    strategy = job.strategy or _FROM_ENV_SPELLING.get(str(answered.get("BatchStrategy")), Strategy.MULTI_RECORD)
    return Parameters(
        job.max_concurrent or _answered_int(answered, "MaxConcurrentTransforms", 1) or 1,
        _answered_int(answered, "MaxPayloadInMB", DEFAULT_PAYLOAD_MB)
        if job.max_payload_mb is None
        else job.max_payload_mb,
        strategy,
    )


def _parse(body: bytes) -> dict[str, Any]:
    try:
        answered: Any = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answered if isinstance(answered, dict) else {}


def _answered_int(answered: Mapping[str, Any], name: str, default: int) -> int:
    value = answered.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else default


def _get(url: str, path: str, timeout: float) -> tuple[int, bytes]:
    """The status and body of the answer; status 0 if there is none."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": "Go-http-client/1.1"})
        response = connection.getresponse()
        return response.status, response.read(MEBIBYTE)
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()
