"""A document that shows outdated output of a command is found."""

from __future__ import annotations

import pytest

from tests.docs import recording


@pytest.mark.parametrize(
    ("shown", "lacking"),
    [
        pytest.param(["a", "...", "d"], [], id="lines left out"),
        pytest.param(["a", "d"], ["a", "d"], id="lines left out without a mark"),
        pytest.param(["d", "...", "a"], ["a"], id="another order"),
        pytest.param(["a", "...", "x"], ["x"], id="a line of old"),
    ],
)
def test_lines_that_are_not_printed_are_named(shown: list[str], lacking: list[str]) -> None:
    assert recording.absent(shown, ["a", "b", "c", "d"]) == lacking


@pytest.mark.parametrize(
    ("shown", "printed"),
    [
        pytest.param("Local cloud: 0.6 s", "Local cloud: 1.7 s", id="seconds"),
        pytest.param("created (1.11s)", "created (12.3s)", id="seconds of a row"),
        pytest.param("batch-workshop-churn-486cb729", "batch-workshop-churn-fca4acc5", id="a digest"),
        pytest.param("Logs: .local/logs", "Logs: /home/me/a checkout/.local/logs", id="the checkout's folder"),
    ],
)
def test_differences_from_run_to_run_do_not_count(shown: str, printed: str) -> None:
    assert recording.absent([shown], [printed]) == []
