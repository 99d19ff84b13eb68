"""Reports everything that is wrong at once, before anything is created, and without a traceback.

A program that stops at its first wrong value must be run once for each mistake. So checks collect problems, and one
`pulumi.RunError`, which Pulumi shows without a traceback, reports them all.
"""

import dataclasses
import difflib
import inspect
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, cast

import pulumi

_WORD = re.compile("[a-z]{3,}")  # shorter ones are codes, such as us and m, which differ by a letter anyway


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


def misspelt(name: str, known: Sequence[str]) -> str | None:
    """Return the known name that is meant by one with an unknown word; None if it may be newer than the known ones."""
    words = {word for one in known for word in _WORD.findall(one)}
    if any(word not in words and difflib.get_close_matches(word, words) for word in _WORD.findall(name)):
        close = difflib.get_close_matches(name, known, 3, 0)
        return min(close, key=lambda one: sorted(one) != sorted(name))  # two letters may have changed places
    return None


def missing(path: Path) -> str:
    """Say which part of a path does not exist, or is a folder where a file is needed."""
    whole = path.absolute()
    there = next(folder for folder in whole.parents if folder.is_dir())
    first = whole.relative_to(there).parts[0]
    kind = "folder" if there / first != whole else "file" if whole.exists() else "file or folder"
    rule = "~ is not expanded" if first[0] == "~" else "a relative path starts from the program's folder"
    return f"there is no {kind} {first} in {there}; {rule}"


class NamedArguments:
    """Base of dataclasses that people fill in: a wrong or missing argument is refused, and the right name is given.

    Without it Python prints a traceback, and people who know boto3 or the SageMaker SDK write the names that these use.
    Paths become texts, and other sequences become tuples, so that equal arguments are equal.
    """

    also_called: ClassVar[Mapping[str, str]] = {}
    """The names here by the names in other libraries, in lower case and without underscores."""

    def __new__(cls, *args: Any, **given: Any) -> Self:
        known = [item.name for item in dataclasses.fields(cls)]  # pyright: ignore[reportArgumentType]  all are dataclasses
        if unknown := [name for name in given if name not in known]:
            problems = "; ".join(cls._misnamed(name, known) for name in unknown)
            raise pulumi.RunError(f"{caller()}: {cls.__name__} {problems}")
        try:
            inspect.signature(cls.__init__).bind(None, *args, **given)
        except TypeError as error:
            raise pulumi.RunError(f"{caller()}: {cls.__name__}: {error}") from None
        return super().__new__(cls)

    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]:
        """Give `copy` the arguments, without which it could not make a new object."""
        return (), vars(self)

    def __post_init__(self) -> None:
        for name, value in list(vars(self).items()):
            if isinstance(value, os.PathLike):
                object.__setattr__(self, name, os.fspath(cast("os.PathLike[str]", value)))
            elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
                object.__setattr__(self, name, tuple(cast("Sequence[object]", value)))

    @classmethod
    def _misnamed(cls, name: str, known: Sequence[str]) -> str:
        bare = name.replace("_", "").lower()
        by_bare_name = {item.replace("_", ""): item for item in known}
        meant = by_bare_name.get(bare) or cls.also_called.get(bare)
        close = difflib.get_close_matches(name, known, 1)
        right = f"it is called {meant}" if meant else f"is {close[0]} meant?" if close else f"it has {', '.join(known)}"
        return f"has no argument '{name}'; {right}"


def caller(*own: str) -> str:
    """Return the file and line of the program that made the call; `own` are files that only pass it on."""
    frame = inspect.currentframe()
    while frame and frame.f_code.co_filename in {__file__, dataclasses.__file__, *own}:
        frame = frame.f_back
    if frame is None:
        return "the program"
    path = Path(frame.f_code.co_filename)
    shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return f"{shown}, line {frame.f_lineno}"
