"""Requests to run a job again: stored with the content that they are for, and removed when they no longer apply."""

from __future__ import annotations

from typing import Any, cast

import pytest

from localcloud.commands import jobs, stack
from localcloud.commands.pulumi_cli import PulumiCli
from localcloud.console import CommandError


class Recorded:
    """A CLI that records its arguments."""

    def __init__(self) -> None:
        self.ran: list[str] = []

    def run(self, *arguments: str) -> int:
        self.ran.append(" ".join(arguments))
        return 0


def job(name: str, content: str) -> dict[str, Any]:
    annotations = {"batch-inference/content": content} if content else {}
    inputs = {"metadata": {"annotations": annotations}}
    return {"type": "kubernetes:a/v1:TransformJob", "custom": True, "urn": f"urn::{name}", "inputs": inputs}


JOBS = [job("churn", "0a1b2c3d"), job("late", "4e5f6a7b")]


def ran(monkeypatch: pytest.MonkeyPatch, entries: dict[str, str], act: str, *given: Any) -> list[str]:
    monkeypatch.setattr(stack, "reruns", lambda _: entries)
    cli = Recorded()
    getattr(jobs, act)(cast("PulumiCli", cli), "dev", *given)
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
    assert ran(monkeypatch, entries, "count_up", "churn", lambda: JOBS) == [
        f"config set --stack dev --path rerun.churn {following}"
    ]


def test_a_job_that_the_stack_has_not_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError, match=r"the stack has no job 'chrun' \(JOB\); it has churn, late"):
        ran(monkeypatch, {}, "count_up", "chrun", lambda: JOBS)


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
    assert ran(monkeypatch, entries, "forget_spent", lambda: JOBS) == commands


def test_a_state_of_before_keeps_every_wish(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ran(monkeypatch, {"churn": "2@0a1b2c3d"}, "forget_spent", lambda: [job("churn", "")]) == []
