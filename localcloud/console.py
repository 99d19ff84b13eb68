"""The output of commands: steps with their times, and messages that end a command."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO


class CommandError(Exception):
    """A mistake or failure that a person can fix. The message is shown without a traceback."""

    exit_code = 1


def colour(text: str, code: str, stream: TextIO | None = None) -> str:
    """The text in an ANSI colour, if the stream is a terminal and NO_COLOR is unset.

    Args:
        text: the text.
        code: the number of the colour, such as "31".
        stream: where the text will be printed; standard output by default.
    """
    plain = "NO_COLOR" in os.environ or not (stream or sys.stdout).isatty()
    return text if plain else f"\x1b[{code}m{text}\x1b[0m"


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a line at once, also into a pipe. If the pipe is closed, as by `| head`, the command goes on."""
    out = stream or sys.stdout
    try:
        print(text, file=out, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), out.fileno())


def fail(text: str) -> None:
    """Print an error to standard error."""
    say(colour("error: ", "31", sys.stderr) + text, sys.stderr)


@contextmanager
def step(title: str) -> Generator[None]:
    """Print the title of a step, and at its end how long it took."""
    say(colour(f"==> {title}", "1"))
    started = time.monotonic()
    yield
    say(f"    {title}: {time.monotonic() - started:.1f} s")
