"""Runs that nobody watches: no question, plain output, and an exit code that says what went wrong."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.commands import terminal


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        pytest.param("1", True, id="1"),
        pytest.param("yes", True, id="yes"),
        pytest.param("", False, id="empty"),
        pytest.param("0", False, id="0"),
    ],
)
def test_yes_means_that_nobody_is_there_to_answer(value: str, wanted: bool) -> None:
    environment = {"YES": value}
    assert terminal.is_wanted(environment) is wanted
    assert (terminal.flags(environment) == ("--non-interactive", "--color", "never")) is wanted
    assert (terminal.settings(environment).get("PULUMI_SKIP_CONFIRMATIONS") == "true") is wanted


def jobs(*statuses: str) -> dict[str, Any]:
    return {"transform_jobs": {f"job-{number}": {"status": status} for number, status in enumerate(statuses)}}


@pytest.mark.parametrize(
    ("code", "outputs", "expected"),
    [
        pytest.param(0, jobs("Completed"), 0, id="all went well"),
        pytest.param(255, jobs("Completed", "Failed"), 2, id="a job failed"),
        pytest.param(255, jobs("NotStarted"), 2, id="a job did not start"),
        pytest.param(255, jobs("Completed"), 1, id="something else failed"),
        pytest.param(255, {}, 1, id="it never came to jobs"),
        pytest.param(0, jobs("InProgress"), 0, id="a job for which nobody waits"),
    ],
)
def test_an_up_tells_failed_jobs_from_the_rest(code: int, outputs: dict[str, Any], expected: int) -> None:
    assert terminal.of_up(code, outputs) == expected
