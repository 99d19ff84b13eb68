"""The stack's outputs, as whichever `pulumi` stands on PATH tells them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workshop import stack

Pulumi = Callable[[str], None]


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """Puts a `pulumi` on PATH that runs this line of shell."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    def put(script: str) -> None:
        program = tmp_path / "pulumi"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    return put


def test_a_job_is_found_by_its_declared_name(pulumi: Pulumi) -> None:
    pulumi("""echo '{"transform_jobs": {"churn": {"job_name": "w-churn-1"}}}'""")
    assert stack.transform_job("churn") == {"job_name": "w-churn-1"}


def test_the_named_stack_is_asked(pulumi: Pulumi) -> None:
    pulumi("""echo "{\\"asked\\": \\"$*\\"}" """)
    assert stack.outputs("dev") == {"asked": "stack output --json --stack dev"}
    assert stack.outputs() == {"asked": "stack output --json"}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        pytest.param("""echo '{"transform_jobs": {"a": {}, "b": {}}}'""", "there are a, b", id="another job"),
        pytest.param("echo '{}'", "it has none: `make up STACK=dev` runs them", id="no job"),
        pytest.param("echo 'error: no stack selected' >&2; exit 255", "no stack selected", id="pulumi's own error"),
    ],
)
def test_what_is_missing_is_said(pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch, script: str, words: str) -> None:
    pulumi(script)
    monkeypatch.setenv("PULUMI_STACK", "dev")
    with pytest.raises(stack.StackError, match=words):
        stack.transform_job("churn")


def test_without_pulumi_on_path_the_way_to_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(stack.StackError, match="make shell"):
        stack.outputs()
