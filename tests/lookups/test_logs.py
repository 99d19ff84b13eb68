"""A job's logs, read from CloudWatch: all new lines, or the last lines of all its streams."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from lookups import logs

JOB = "ws-churn-1a2b3c4d"
NOW = int(time.time()) * 1000  # CloudWatch takes no events of another season


@pytest.fixture
def account(connect: Callable[..., Any]) -> Any:
    client = connect("logs")
    client.create_log_group(logGroupName=logs.GROUP)
    return client


def write(account: Any, stream: str, *events: tuple[int, str]) -> None:
    name = f"{JOB}/{stream}"
    account.create_log_stream(logGroupName=logs.GROUP, logStreamName=name)
    entries = [{"timestamp": NOW + after, "message": message} for after, message in events]
    account.put_log_events(logGroupName=logs.GROUP, logStreamName=name, logEvents=entries)


def messages(lines: list[str]) -> list[str]:
    return [line.rpartition("] ")[2] for line in lines]


def test_the_last_lines_are_the_last_over_all_streams(account: Any) -> None:
    write(account, "i-1", (1, "a"), (3, "c"), (5, "e"))
    write(account, "i-1/data-log", (2, "b"), (4, "d"))
    assert messages(logs.last_lines(JOB, 3)) == ["c", "d", "e"]


def test_all_lines_are_returned_if_there_are_fewer(account: Any) -> None:
    write(account, "i-1", (1, "a"), (2, "b"))
    assert messages(logs.last_lines(JOB, 10)) == ["a", "b"]


def test_only_the_end_of_a_long_log_is_read(account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    write(account, "i-1", *((number, str(number)) for number in range(2000)))
    asked: list[dict[str, Any]] = []
    read = account.get_log_events
    monkeypatch.setattr(account, "get_log_events", lambda **about: asked.append(about) or read(**about))
    monkeypatch.setattr("boto3.client", lambda *_, **__: account)
    assert [line.message for line in logs.JobLogs(JOB).last(2)] == ["1998", "1999"]
    assert [about["limit"] for about in asked] == [2]


def test_a_job_without_logs_has_no_last_lines(account: Any) -> None:
    assert logs.last_lines(JOB, 10) == []


def test_only_new_lines_are_printed(account: Any) -> None:
    write(account, "i-1", (1, "a"))
    job = logs.JobLogs(JOB)
    assert [line.message for line in job.new()] == ["a"]
    assert job.new() == []
