"""A stack as the tools see it: its settings, its outputs, and its AWS account."""

from __future__ import annotations

import argparse
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from boto3.session import Session
from botocore.exceptions import BotoCoreError, ClientError

PROJECT_FOLDER = Path(__file__).resolve().parent.parent
LOCAL = "local"
SHELL_FILE = PROJECT_FOLDER / ".local" / "env"
"""Sets the local stack's environment; `make up` writes it."""


class WorkshopError(Exception):
    """Something that a tool cannot show or do; the message says what is wrong, and what to do."""


Tool = Callable[[Sequence[str]], int]
"""The `main` of a tool: it takes the command line's arguments and returns the exit code."""


def tool(main: Tool) -> Tool:
    """Let a tool end with 1 and one line on standard error, not with a traceback, if it or AWS reports an error.

    It ends with 0, and at once, if nobody reads its output any more, as behind `| head`; Ctrl-C ends it with 130.
    """

    @functools.wraps(main)
    def guarded(arguments: Sequence[str]) -> int:
        try:
            code = main(arguments)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes it once more at the end
            return 0
        except (WorkshopError, BotoCoreError, ClientError) as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            return 130
        return code

    return guarded


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return the command line of the tool of this name, with the option that every tool has."""
    made = argparse.ArgumentParser(prog=f"python -m workshop.{name}", description=description)
    made.add_argument("--stack", default=selected(), help="by default PULUMI_STACK, else the local stack")
    return made


def project() -> str:
    """Return the project's name, which is a tag of everything in its stacks."""
    return str(yaml.safe_load((PROJECT_FOLDER / "Pulumi.yaml").read_text())["name"])


def settings(folder: Path, stack: str) -> dict[str, Any]:
    """Return the settings of a stack: the values of its own file, and defaults from Pulumi.yaml.

    Raises:
        WorkshopError: the stack's file does not exist, or is not YAML.
    """
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    values = {key: entry.get("default") for key, entry in project["config"].items() if isinstance(entry, dict)}
    file = folder / f"Pulumi.{stack}.yaml"
    try:
        own = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise WorkshopError(f"the settings of stack {stack} cannot be read from {file}: {error}") from error
    return values | {key.removeprefix(f"{project['name']}:"): value for key, value in own.items()}


def selected(stack: str | None = None) -> str:
    """Return the stack to use: the named one, else PULUMI_STACK, else the local one."""
    return stack or os.environ.get("PULUMI_STACK") or LOCAL


def outputs(stack: str | None = None) -> dict[str, Any]:
    """Return the outputs of a stack, by default the selected one, with secrets masked.

    Raises:
        WorkshopError: there is no `pulumi`, or it fails.
    """
    name = selected(stack)
    command = ["pulumi", "stack", "output", "--json", "--stack", name]
    environment = _environment(name)
    try:
        done = subprocess.run(command, cwd=PROJECT_FOLDER, env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise WorkshopError("`pulumi` is not on PATH; inside `make shell` it is") from None
    if done.returncode:
        raise WorkshopError(done.stderr.strip())
    return json.loads(done.stdout)


def transform_jobs(stack: str | None = None) -> dict[str, dict[str, Any]]:
    """Return a stack's jobs in its outputs, by declared name.

    Raises:
        WorkshopError: the outputs are not available, or the stack has no job.
    """
    jobs = outputs(stack).get("transform_jobs") or {}
    if not jobs:
        raise WorkshopError(f"stack {selected(stack)} has no job yet: `make up STACK={selected(stack)}` runs them")
    return jobs


def scheduled_jobs(stack: str | None = None) -> dict[str, dict[str, str]]:
    """Return a stack's scheduled jobs in its outputs, by declared name; it may have none."""
    return outputs(stack).get("scheduled_jobs") or {}


def transform_job(name: str, stack: str | None = None) -> dict[str, Any]:
    """Return a job's entry in a stack's outputs: `job_name`, `status`, `input_path`, `output_path`, `result_path`.

    Raises:
        WorkshopError: the outputs are not available, or no job of this declared name is among them.
    """
    jobs = transform_jobs(stack)
    if name not in jobs:
        raise WorkshopError(f"stack {selected(stack)} has no job {name!r}; there are {', '.join(sorted(jobs))}")
    return jobs[name]


def fan_out(job: Mapping[str, Any]) -> str | None:
    """Return the fan-out that a job is a member of; None for any other job."""
    return (job.get("data") or {}).get("fan_out")


def client(service: str, stack: str | None = None) -> Any:
    """Return a boto3 client of a service, such as `s3`, in the account of a stack, by default the selected one."""
    values = _environment(selected(stack))
    arguments = {
        "endpoint_url": "AWS_ENDPOINT_URL",
        "region_name": "AWS_REGION",
        "aws_access_key_id": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
    }
    # With this process's own environment, boto3 finds credentials and region by itself.
    known = {} if values is None else {key: values[name] for key, name in arguments.items() if name in values}
    return Session().client(service, **known)  # pyright: ignore[reportCallIssue, reportArgumentType, reportUnknownMemberType] boto3 has no types


def _environment(stack: str) -> Mapping[str, str] | None:
    """Return the environment for a stack's commands; None for this process's own.

    A notebook may have been started without the local stack's shell file, so that file is read here.

    Raises:
        WorkshopError: it is the local stack, and nothing has been set up.
    """
    if stack != LOCAL or os.environ.get("PULUMI_STACK") == LOCAL:
        return None
    if not SHELL_FILE.exists():
        raise WorkshopError("the local stack has not been set up: run `make up`")
    script = '. "$1" && env -0'
    said = subprocess.run(["sh", "-euc", script, "sh", str(SHELL_FILE)], capture_output=True, text=True, check=True)
    return dict(line.split("=", 1) for line in said.stdout.split("\0") if line)


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text in aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
