"""`kubectl smlogs`: the job is found as kubectl finds it, its logs are read from CloudWatch."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lookups import logs
from workshop import smlogs

JOB = "ws-churn-1a2b3c4d"
NOW = int(time.time()) * 1000  # CloudWatch takes no events of another season


def item(status: dict[str, Any], name: str = JOB, created: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "creationTimestamp": created},
        "spec": {"transformJobName": name},
        "status": status,
    }


@pytest.fixture
def account(connect: Callable[..., Any]) -> Any:
    return connect("logs", region_name="us-east-1")


Answer = Callable[..., None]


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Answer:
    """A kubectl on PATH that answers by object name, by declared name, or with the whole list."""

    def answer(
        by_name: dict[str, Any] | None = None, declared: list[Any] | None = None, names: list[Any] | None = None
    ) -> None:
        (tmp_path / "object").write_text(json.dumps(by_name) if by_name else "")
        (tmp_path / "declared").write_text(json.dumps({"items": declared or []}))
        (tmp_path / "all").write_text(json.dumps({"items": names or []}))
        program = tmp_path / "kubectl"
        program.write_text(
            f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n'
            f'case "$*" in *--ignore-not-found*) cat {tmp_path}/object;; *--selector*) cat {tmp_path}/declared;; '
            f"*) cat {tmp_path}/all;; esac\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")

    return answer


def wrote(client: Any, *messages: str, stream: str = f"{JOB}/i-1/data-log") -> None:
    if not client.describe_log_groups()["logGroups"]:
        client.create_log_group(logGroupName=logs.GROUP)
    client.create_log_stream(logGroupName=logs.GROUP, logStreamName=stream)
    events = [{"timestamp": NOW + i, "message": message} for i, message in enumerate(messages)]
    client.put_log_events(logGroupName=logs.GROUP, logStreamName=stream, logEvents=events)


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([JOB], id="name alone"),
        pytest.param(["transformjob", JOB], id="kind of today"),
        pytest.param(["BatchTransformJob", JOB], id="kind of 2020"),
        pytest.param(["btj", JOB], id="short name"),
        pytest.param([f"transformjobs/{JOB}"], id="kind and name in one word"),
        pytest.param(["transformjobs.sagemaker.services.k8s.aws", JOB], id="kind with its group"),
    ],
)
def test_the_logs_of_an_object_are_shown(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    kubectl(item({"transformJobStatus": "Completed"}))
    wrote(account, "MaxConcurrentTransforms=2")
    assert smlogs.main(arguments) == 0
    line = capsys.readouterr().out
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z \[i-1/data-log\] MaxConcurrentTransforms=2\n", line)


def test_a_declared_name_means_its_newest_job(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    old = item({"transformJobStatus": "Completed"}, "ws-churn-old", "2026-01-01T00:00:00Z")
    new = item({"transformJobStatus": "Completed"}, JOB, "2026-02-01T00:00:00Z")
    kubectl(declared=[old, new])
    wrote(account, "of the new one")
    assert smlogs.main(["churn"]) == 0
    assert "of the new one" in capsys.readouterr().out


def test_tail_shows_the_last_lines_only(account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    kubectl(item({"transformJobStatus": "Completed"}))
    wrote(account, "one", "two", "three")
    assert smlogs.main([JOB, "--tail", "2"]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["two", "three"]


def test_following_ends_with_the_job(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(item({"transformJobStatus": "InProgress"}))
    wrote(account, "first")

    late = iter(["second", "third"])

    def meanwhile(_: float) -> None:
        wrote(account, line := next(late), stream=f"{JOB}/{line}")
        kubectl(item({"transformJobStatus": "Completed"}))

    monkeypatch.setattr(smlogs, "time", SimpleNamespace(sleep=meanwhile))  # and no other thread's
    assert smlogs.main([JOB, "-f"]) == 0
    assert [line.split()[-1] for line in capsys.readouterr().out.splitlines()] == ["first", "second", "third"]


def test_following_stays_with_its_job_when_a_newer_one_is_declared(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kubectl(declared=[item({"transformJobStatus": "InProgress"})])
    wrote(account, "first")

    def meanwhile(_: float) -> None:
        kubectl(
            item({"transformJobStatus": "Stopped"}),
            declared=[item({"transformJobStatus": "InProgress"}, "ws-churn-newer", "2026-03-01T00:00:00Z")],
        )

    monkeypatch.setattr(smlogs, "time", SimpleNamespace(sleep=meanwhile))  # and no other thread's
    assert smlogs.main(["churn", "-f"]) == 0
    assert capsys.readouterr().out.splitlines()[0].endswith("first")


def test_context_and_namespace_are_handed_to_kubectl(account: Any, kubectl: Answer, tmp_path: Path) -> None:
    kubectl(item({"transformJobStatus": "Completed"}))
    wrote(account, "line")
    assert smlogs.main([JOB, "-n", "batch", "--context", "mine"]) == 0
    assert (tmp_path / "asked").read_text().startswith("--namespace batch --context mine get transformjobs")


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        pytest.param({"transformJobStatus": "InProgress"}, 0, "has no logs yet; add -f", id="no logs yet"),
        pytest.param({}, 1, "has not started", id="not started"),
        pytest.param(
            {"conditions": [{"type": "ACK.Recoverable", "status": "True", "message": "Could not find model"}]},
            1,
            "has not started: Could not find model",
            id="cannot start",
        ),
        pytest.param(
            {"transformJobStatus": "Failed", "failureReason": "AlgorithmError"},
            0,
            "Failed: AlgorithmError",
            id="no logs at all",
        ),
    ],
)
def test_a_job_without_logs_is_explained(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str], status: dict[str, Any], code: int, words: str
) -> None:
    assert account
    kubectl(item(status))
    assert smlogs.main([JOB]) == code
    assert words in capsys.readouterr().err


def test_a_job_that_does_not_exist_is_answered_with_those_that_do(
    account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    kubectl(names=[item({})])
    assert smlogs.main(["nope"]) == 1
    assert capsys.readouterr().err == f"error: there is no transform job 'nope' here; there are: {JOB}\n"


def test_only_some_of_many_jobs_are_named(account: Any, kubectl: Answer, capsys: pytest.CaptureFixture[str]) -> None:
    assert account
    kubectl(names=[item({}, f"job-{number}") for number in range(12)])
    assert smlogs.main(["nope"]) == 1
    assert capsys.readouterr().err.endswith("job-9 and 2 more\n")


@pytest.mark.parametrize(
    "arguments", [["pod", "x"], ["a", "b", "c"], [JOB, "--tail", "-1"]], ids=["kind", "words", "tail"]
)
def test_wrong_usage_says_what_there_is(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        smlogs.main(arguments)
    assert ended.value.code == 2
    assert "usage: kubectl smlogs" in capsys.readouterr().err


def test_without_kubectl_it_says_so(
    account: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert account
    monkeypatch.setenv("PATH", "/nowhere")
    assert smlogs.main([JOB]) == 1
    assert "kubectl is not on PATH" in capsys.readouterr().err
