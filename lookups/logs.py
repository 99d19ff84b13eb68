"""The logs of a transform job, from CloudWatch, as SageMaker writes them.

Group `/aws/sagemaker/TransformJobs`; streams `<job>/<instance>` (the container) and `<job>/<instance>/data-log`
(the agent that feeds it).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.exceptions import ClientError

from lookups import error_code

GROUP = "/aws/sagemaker/TransformJobs"


@dataclass(frozen=True, order=True)
class Line:
    """One log event."""

    milliseconds: int  # since the epoch, UTC
    stream: str  # the part after `<job>/` in the stream's name
    message: str

    def __str__(self) -> str:
        when = dt.datetime.fromtimestamp(self.milliseconds / 1000, dt.UTC)
        return f"{when:%Y-%m-%dT%H:%M:%S}.{self.milliseconds % 1000:03}Z [{self.stream}] {self.message}"


@dataclass
class JobLogs:
    """The logs of one job; `new` continues where it stopped."""

    job_name: str
    region: str | None = None
    _tokens: dict[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        self._client: Any = boto3.client("logs", region_name=self.region)

    def new(self) -> list[Line]:
        """Return the lines written since the last call, oldest first; empty if the job has no logs yet."""
        lines = (line for stream in self._streams() for line in self._read(stream))
        return sorted(lines, key=lambda line: line.milliseconds)  # stable: lines of one moment keep their order

    def last(self, count: int) -> list[Line]:
        """Return the last lines, oldest first; no more than these are read from any stream."""
        lines = (line for stream in self._streams() for line in self._end(stream, count))
        return sorted(lines, key=lambda line: line.milliseconds)[-count:]

    def _streams(self) -> list[str]:
        pages = self._client.get_paginator("describe_log_streams")
        try:
            found = pages.paginate(logGroupName=GROUP, logStreamNamePrefix=f"{self.job_name}/")
            return [stream["logStreamName"] for page in found for stream in page["logStreams"]]
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":  # no job of the account has logged yet
                return []
            raise

    def _end(self, stream: str, count: int) -> list[Line]:
        """Return the last lines of a stream; CloudWatch may return fewer at once, and its token then leads backwards."""
        lines: list[Line] = []
        token = ""
        while len(lines) < count:
            page = self._events(stream, token, startFromHead=False, limit=count)
            lines = [*_lines(stream, page), *lines]
            if page["nextBackwardToken"] == token:
                break
            token = page["nextBackwardToken"]
        return lines[-count:]

    def _read(self, stream: str) -> Iterator[Line]:
        """Yield the new lines of a stream; CloudWatch repeats the token when there are no more for now."""
        while True:
            token = self._tokens.get(stream, "")
            page = self._events(stream, token, startFromHead=True)
            yield from _lines(stream, page)
            if page["nextForwardToken"] == token:
                return
            self._tokens[stream] = page["nextForwardToken"]

    def _events(self, stream: str, token: str, **how: Any) -> dict[str, Any]:
        after = {"nextToken": token} if token else {}
        return self._client.get_log_events(logGroupName=GROUP, logStreamName=stream, **how, **after)


def _lines(stream: str, page: dict[str, Any]) -> Iterator[Line]:
    short = stream.partition("/")[2]
    return (Line(event["timestamp"], short, event["message"].rstrip("\n")) for event in page["events"])


def last_lines(job_name: str, count: int) -> list[str]:
    """Return the last lines of a job's logs, for a message that says why it failed."""
    return [str(line) for line in JobLogs(job_name).last(count)]
