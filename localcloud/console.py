"""The output of commands: steps with their times, and messages that end a command."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager


class CommandError(Exception):
    """A mistake or failure that a person can fix: it is shown as it is, without a traceback; the exit code is 1."""

    exit_code = 1


def colour(text: str, code: str) -> str:
    """The text in an ANSI colour, when standard output is a terminal and NO_COLOR is unset."""
    plain = "NO_COLOR" in os.environ or not sys.stdout.isatty()
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def say(text: str) -> None:
    """One line, shown at once also through a pipe; the command goes on if nobody reads it any more, as behind `| head`."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(text: str) -> None:
    """An error on standard error."""
    print(colour("error: ", "31") + text, file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Generator[None]:
    """Print the title of a step, and at its end how long it took."""
    say(colour(f"==> {title}", "1"))
    started = time.monotonic()
    yield
    say(f"    {title}: {time.monotonic() - started:.1f} s")
