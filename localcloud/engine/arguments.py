"""What all verbs of the command line share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from localcloud.engine.errors import EngineError, UsageError

Arguments = argparse.Namespace


class Parser(argparse.ArgumentParser):
    """Says what there is when it is asked for something that there is not."""

    _mixing = False

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]  less is asked of it here
        """Take flags wherever they stand, also between the words of a verb."""
        if self._mixing or self._subparsers is not None:
            return super().parse_known_args(args, namespace)
        self._mixing = True  # what follows comes back here
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._mixing = False

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}\n{self.format_usage().strip()}")


def add_verb(
    verbs: Any, name: str, help_: str, command: Callable[[Arguments], int], aliases: Sequence[str] = ()
) -> Parser:
    verb = verbs.add_parser(name, help=help_, aliases=list(aliases), allow_abbrev=False)
    verb.set_defaults(command=command, parser=verb)
    verb.add_argument("-s", "--stack", help="the stack to use instead of the selected one")
    verb.add_argument("-C", "--cwd", help="run as if started in this folder")
    verb.add_argument("--non-interactive", action="store_true", help="never ask")
    verb.add_argument("--color", choices=["always", "never", "auto"], default="auto")
    return verb


def directory_of(found: Arguments) -> str | None:
    return found.cwd or found.cwd_first


def one_name(argument: str | None, flag: str | None) -> str | None:
    """The stack that a verb names, by its argument or by --stack."""
    if argument and flag:
        raise UsageError(f"the stack is named twice: {argument} and --stack {flag}")
    return argument or flag


def confirm(found: Arguments, question: str) -> None:
    """Have the user confirm what cannot be undone, unless the command line does."""
    if found.yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("--yes must be passed in to proceed when running in non-interactive mode")
    if input(question).strip().lower() not in ("y", "yes"):
        raise EngineError("confirmation declined")
