"""Requests to run a job again: stored with the content that they are for, and removed when they no longer apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from localcloud.commands import jobs, stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.commands.stack import Stack
from localcloud.console import CommandError


class Recorded:
    """A CLI that records its arguments, on a stack with these jobs."""

    def __init__(self, resources: list[dict[str, Any]]) -> None:
        self.ran: list[str] = []
        self._resources = resources

    def ask(self, *_: str) -> str:
        return json.dumps({"deployment": {"resources": self._resources}})

    def run(self, *arguments: str) -> int:
        self.ran.append(" ".join(arguments))
        return 0


def job(name: str, content: str) -> dict[str, Any]:
    annotations = {"batch-inference/content": content} if content else {}
    inputs = {"metadata": {"annotations": annotations}}
    return {"type": "kubernetes:a/v1:TransformJob", "custom": True, "urn": f"urn::{name}", "inputs": inputs}


JOBS = [job("churn", "0a1b2c3d"), job("late", "4e5f6a7b")]


def ran(
    monkeypatch: pytest.MonkeyPatch,
    entries: dict[str, str],
    act: str,
    *given: str,
    there: list[dict[str, Any]] = JOBS,
) -> list[str]:
    monkeypatch.setattr(stack, "reruns", lambda _: entries)
    cli = Recorded(there)
    getattr(jobs, act)(Stack("dev", Path(), cast("PulumiCli", cli)), *given)
    return cli.ran


@pytest.mark.parametrize(
    ("entries", "following"),
    [
        pytest.param({}, "2@0a1b2c3d", id="the first"),
        pytest.param({"churn": "2@0a1b2c3d"}, "3@0a1b2c3d", id="the next"),
        pytest.param({"churn": "7@ffffffff"}, "8@0a1b2c3d", id="one after the content has changed"),
        pytest.param({"churn": "monday"}, "2@0a1b2c3d", id="one after another word"),
    ],
)
def test_a_wish_counts_on_and_names_the_content(
    monkeypatch: pytest.MonkeyPatch, entries: dict[str, str], following: str
) -> None:
    assert ran(monkeypatch, entries, "count_up", "churn") == [f"config set --stack dev --path rerun.churn {following}"]


def test_a_job_that_the_stack_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match=r"the stack has no job 'chrun' \(JOB\); it has churn, late"):
        ran(monkeypatch, {}, "count_up", "chrun")


@pytest.mark.parametrize(
    ("entries", "commands"),
    [
        pytest.param({}, [], id="none"),
        pytest.param({"churn": "2@0a1b2c3d"}, [], id="one that holds"),
        pytest.param({"churn": "2"}, [], id="one that somebody wrote without a content"),
        pytest.param({"churn": "2@ffffffff"}, ["config rm --stack dev rerun"], id="one for another content, the last"),
        pytest.param(
            {"gone": "2", "churn": "2"}, ["config rm --stack dev --path rerun.gone"], id="one for a job that is gone"
        ),
    ],
)
def test_what_means_nothing_any_more_is_taken_out(
    monkeypatch: pytest.MonkeyPatch, entries: dict[str, str], commands: list[str]
) -> None:
    assert ran(monkeypatch, entries, "forget_spent") == commands


def test_a_state_of_before_keeps_every_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, {"churn": "2@0a1b2c3d"}, "forget_spent", there=[job("churn", "")]) == []
