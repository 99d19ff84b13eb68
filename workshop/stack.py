"""The stack's outputs, asked of whichever `pulumi` stands on PATH."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


class StackError(Exception):
    """The outputs cannot be had; the text is Pulumi's own, or says what is missing and what to do."""


def project(folder: Path = PROJECT_FOLDER) -> str:
    """The project's name, with which everything of its stacks is tagged."""
    return str(yaml.safe_load((folder / "Pulumi.yaml").read_text())["name"])


def outputs(stack: str | None = None) -> dict[str, Any]:
    """The outputs of a stack, secrets masked.

    Args:
        stack: its name; by default the selected one, or PULUMI_STACK.

    Raises:
        StackError: there is no `pulumi`, or it fails.
    """
    named = ["--stack", stack] if stack else []
    try:
        done = subprocess.run(
            ["pulumi", "stack", "output", "--json", *named],
            cwd=PROJECT_FOLDER,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        raise StackError("`pulumi` is not on PATH; inside `make shell` it is") from None
    if done.returncode:
        raise StackError(done.stderr.strip())
    return json.loads(done.stdout)


def transform_job(name: str, stack: str | None = None) -> dict[str, str]:
    """What a stack tells of a job: `job_name`, `status`, `input_path`, `output_path`, `result_path`.

    Args:
        name: the job's declared name.
        stack: the stack's name; by default the selected one, or PULUMI_STACK.

    Raises:
        StackError: the outputs cannot be had, or no job of this name is among them.
    """
    jobs = outputs(stack).get("transform_jobs") or {}
    if name not in jobs:
        there = (
            f"there are {', '.join(sorted(jobs))}"
            if jobs
            else f"it has none: `make up STACK={stack or os.environ.get('PULUMI_STACK', 'dev')}` runs them"
        )
        raise StackError(f"no job {name!r} is in the stack's outputs; {there}")
    return jobs[name]
