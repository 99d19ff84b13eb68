"""Edits of the program as a person would make them, which a test makes and undoes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from tests.e2e.checkout import Checkout

DECLARED = """\
from jobs import churn, extra

DECLARATIONS = (churn.declare, extra.declare)
"""
EXTRA = """\
from jobs import fan_out
from jobs.arguments import Schedule, TransformJobArgs
from jobs.declaration import Jobs


def declare(jobs: Jobs) -> None:
"""


@contextmanager
def added(
    checkout: Checkout, jobs: Mapping[str, str], files: Mapping[str, str] | None = None, more: str = ""
) -> Generator[None]:
    """Declare more jobs in a new file beside the first one; on leaving, the program is as it was.

    Args:
        checkout: where.
        jobs: for each new job its arguments as Python text.
        files: input files to write, by path.
        more: further Python lines of the declaration.
    """
    was = (checkout.path / "jobs/declared.py").read_text()
    body = [f'    jobs.add("{name}", TransformJobArgs({arguments}))' for name, arguments in jobs.items()]
    body += [f"    {line}" for line in more.splitlines()]
    for name, text in (files or {}).items():
        checkout.write(name, text)
    checkout.write("jobs/extra.py", EXTRA + "\n".join(body) + "\n")
    checkout.write("jobs/declared.py", DECLARED)
    try:
        yield
    finally:
        checkout.write("jobs/declared.py", was)
        (checkout.path / "jobs/extra.py").unlink()
        for name in files or {}:
            (checkout.path / name).unlink()
