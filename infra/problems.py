"""Reports everything that is wrong at once, before anything is created, and without a traceback.

A program that stops at its first wrong value must be run once for each mistake. So checks collect problems, and one
`pulumi.RunError`, which Pulumi shows without a traceback, reports them all.
"""

import dataclasses
import difflib
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pulumi


def refuse(problems: Sequence[str], subject: str) -> None:
    """Stop the program if there are problems.

    Args:
        problems: one line each.
        subject: of the problems, such as "the settings".

    Raises:
        pulumi.RunError: there are some; its message counts and lists them.
    """
    if not problems:
        return
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise pulumi.RunError(
        "\n".join([f"{count} in {subject}; nothing was created.", *(f"  - {one}" for one in problems)])
    )


def aws_message(error: Exception) -> str:
    """Return AWS's own message, in one line, from the error of a failed invoke, which the SDK wraps twice."""
    text = str(error).rpartition("returned an error: ")[2]
    return (text.splitlines() or [type(error).__name__])[0].rstrip(".")


class NamedArguments:
    """Base of dataclasses that people fill in: an argument with a wrong name is refused, and the right name is given.

    Without it Python prints a traceback, and people who know boto3 or the SageMaker SDK write the names that these use.
    """

    also_called: ClassVar[Mapping[str, str]] = {}
    """The names here by the names in other libraries, in lower case and without underscores."""

    def __new__(cls, *_: Any, **given: Any) -> Self:
        known = [item.name for item in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]  all are dataclasses
        unknown = [name for name in given if name not in known]
        if unknown:
            problems = "; ".join(cls._misnamed(name, known) for name in unknown)
            raise pulumi.RunError(f"{_caller()}: {cls.__name__} {problems}")
        return super().__new__(cls)

    @classmethod
    def _misnamed(cls, name: str, known: Sequence[str]) -> str:
        bare = name.replace("_", "").lower()
        by_bare_name = {item.replace("_", ""): item for item in known}
        meant = by_bare_name.get(bare) or cls.also_called.get(bare)
        close = difflib.get_close_matches(name, known, 1)
        right = f"it is called {meant}" if meant else f"is {close[0]} meant?" if close else f"it has {', '.join(known)}"
        return f"has no argument '{name}'; {right}"


def _caller() -> str:
    """Return the file and line of the program that makes the arguments."""
    frame = inspect.currentframe()
    own = {__file__, dataclasses.__file__}
    while frame and frame.f_code.co_filename in own:
        frame = frame.f_back
    if frame is None:
        return "the program"
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {frame.f_lineno}"
