"""A job's log lines in CloudWatch: a stream for each container and a data log for each instance."""

from __future__ import annotations

import secrets
import threading
import time
from collections import defaultdict
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.batch_transform.logs import stamped

GROUP = "/aws/sagemaker/TransformJobs"
_FLUSH_SECONDS = 0.25
_BATCH_EVENTS = 5000
_BATCH_BYTES = 900_000
_EVENT_OVERHEAD = 26
_EVENT_BYTES = 250_000


class CloudWatchJobLogs:
    """Takes lines from any thread and writes them behind; what cannot be written is dropped, as on AWS.

    Args:
        client: a CloudWatch Logs client with the execution role's permissions.
        job_name: the first part of the streams' names.
        instances: how many instances the job has.
    """

    def __init__(self, client: Any, job_name: str, instances: int) -> None:
        self._client = client
        epoch = int(time.time())
        self._streams = [f"{job_name}/i-{secrets.token_hex(9)[:17]}-{epoch}" for _ in range(instances)]
        self._lock = threading.Lock()
        self._lines: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        self._made: set[str] = set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write_behind, name="logs", daemon=True)
        self._thread.start()

    def container(self, instance: int, name: str, line: bytes, /) -> None:
        with self._lock:
            self._add(f"{self._streams[instance]}/{name}" if name else self._streams[instance], line)

    def data(self, instance: int, line: str, /) -> None:
        with self._lock:
            self._add(f"{self._streams[instance]}/data-log", stamped(line).encode("utf-8", "replace"))

    def close(self) -> None:
        """Write what is left."""
        self._closed.set()
        self._thread.join()

    def _add(self, stream: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        # CloudWatch refuses an empty message.
        self._lines[stream].append((time.time_ns() // 1_000_000, text[:_EVENT_BYTES] or " "))

    def _write_behind(self) -> None:
        while not self._closed.wait(_FLUSH_SECONDS):
            self._flush()
        self._flush()

    def _flush(self) -> None:
        with self._lock:
            taken, self._lines = self._lines, defaultdict(list)
        for stream, lines in taken.items():
            with suppress(ClientError, BotoCoreError):
                self._write(stream, lines)

    def _write(self, stream: str, lines: list[tuple[int, str]]) -> None:
        if stream not in self._made:
            self._make(stream)
        for batch in _batches(lines):
            events = [{"timestamp": moment, "message": text} for moment, text in batch]
            self._client.put_log_events(logGroupName=GROUP, logStreamName=stream, logEvents=events)

    def _make(self, stream: str) -> None:
        """Make the stream, and the group where it is missing."""
        self._made.add(stream)
        try:
            self._make_stream(stream)
        except self._client.exceptions.ResourceNotFoundException:
            with suppress(self._client.exceptions.ResourceAlreadyExistsException):
                self._client.create_log_group(logGroupName=GROUP)
            self._make_stream(stream)

    def _make_stream(self, stream: str) -> None:
        with suppress(self._client.exceptions.ResourceAlreadyExistsException):
            self._client.create_log_stream(logGroupName=GROUP, logStreamName=stream)


def _batches(lines: list[tuple[int, str]]) -> list[list[tuple[int, str]]]:
    """Portions within the limits of PutLogEvents."""
    batches: list[list[tuple[int, str]]] = []
    room = 0
    for line in lines:
        size = len(line[1].encode("utf-8", "replace")) + _EVENT_OVERHEAD
        if not batches or size > room or len(batches[-1]) == _BATCH_EVENTS:
            batches.append([])
            room = _BATCH_BYTES
        batches[-1].append(line)
        room -= size
    return batches
