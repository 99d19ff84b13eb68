"""The stack's outputs, asked of whichever `pulumi` stands on PATH."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

PROJECT_FOLDER = Path(__file__).resolve().parent.parent


class StackError(Exception):
    """The outputs cannot be had; the text is Pulumi's own, or says what is missing and what to do."""


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
        there = f"there are {', '.join(sorted(jobs))}" if jobs else "it has none: `make up` runs them"
        raise StackError(f"no job {name!r} is in the stack's outputs; {there}")
    return jobs[name]
