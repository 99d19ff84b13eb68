"""The command line: verbs and flags as the `pulumi` command has them, as far as this engine goes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.engine.arguments import Arguments, Parser, add_verb, confirm, directory_of, one_name
from localcloud.engine.checkpoint import VERSION
from localcloud.engine.config_commands import add_config_commands
from localcloud.engine.display.text import harmless
from localcloud.engine.errors import (
    BailError,
    EngineError,
)
from localcloud.engine.operations import PARALLEL, Options
from localcloud.engine.operations import run as run_operation
from localcloud.engine.refusals import refuse_flags, refuse_verb
from localcloud.engine.session import Session
from localcloud.engine.stack_commands import add_stack_commands


def main(arguments: Sequence[str]) -> int:
    """Run a command; the exit code. Every failure is one message."""
    try:
        return _dispatch(arguments)
    except BailError:
        return BailError.exit_code
    except EngineError as error:
        print(f"error: {harmless(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return 8
    except BrokenPipeError:
        return 1


def _dispatch(arguments: Sequence[str]) -> int:
    parser = _parser()
    refuse_verb(_words(arguments))
    found, unknown = parser.parse_known_args(list(arguments) or ["--help"])
    refuse_flags(unknown)
    if unknown:
        found.parser.error(f"unknown flag or argument: {' '.join(unknown)}")
    if getattr(found, "color", "auto") == "never":
        os.environ["NO_COLOR"] = "1"
    command: Callable[[Arguments], int] = found.command
    return command(found)


def _words(arguments: Sequence[str]) -> list[str]:
    """The command line without its flags; of those, some take the word that follows."""
    with_value = ("-C", "--cwd", "-s", "--stack", "--color")
    before = ["", *arguments]
    return [word for last, word in zip(before, arguments, strict=False) if word[:1] != "-" and last not in with_value]


def _parser() -> Parser:
    parser = Parser(
        prog="pulumi", description="The embedded engine: deploys Pulumi Python programs.", allow_abbrev=False
    )
    parser.add_argument("-C", "--cwd", dest="cwd_first", help="run as if started in this folder")
    verbs = parser.add_subparsers(metavar="command", required=True, parser_class=Parser)
    for name, kind, alias in (
        ("up", "update", "update"),
        ("preview", "update", "pre"),
        ("destroy", "destroy", "down"),
        ("refresh", "refresh", ""),
    ):
        _operation(verbs, name, kind, [alias] if alias else [])
    add_stack_commands(verbs)
    add_config_commands(verbs)
    cancel = add_verb(verbs, "cancel", "remove the stack's locks, whoever holds them", _cancel)
    cancel.add_argument("stack_name", nargs="?")
    cancel.add_argument("-y", "--yes", action="store_true")
    add_verb(verbs, "version", "print the version", _version)
    return parser


def _operation(verbs: Any, name: str, kind: str, aliases: Sequence[str]) -> None:
    helps = {
        "up": "create or update the stack's resources",
        "preview": "show what up would do",
        "destroy": "delete all of the stack's resources",
        "refresh": "make the state say what is really there",
    }

    def command(found: Arguments) -> int:
        return run_operation(
            Options(
                kind=kind,
                stack=found.stack,
                directory=directory_of(found),
                preview_only=name == "preview" or bool(getattr(found, "preview_only", False)),
                yes=getattr(found, "yes", False) or getattr(found, "skip_preview", False),
                skip_preview=getattr(found, "skip_preview", False),
                refresh=getattr(found, "refresh", False),
                replace=getattr(found, "replace", None) or [],
                json=found.json,
                parallel=found.parallel,
                expect_no_changes=found.expect_no_changes,
                message=found.message,
                interactive=not found.non_interactive,
            )
        )

    verb = add_verb(verbs, name, helps[name], command, aliases)
    if name != "preview":
        verb.add_argument("-y", "--yes", action="store_true", help="do not ask for confirmation")
        verb.add_argument("-f", "--skip-preview", action="store_true", help="do not show a preview first")
        verb.add_argument("--preview-only", action="store_true", help="only show a preview")
    if name != "refresh":
        verb.add_argument("-r", "--refresh", nargs="?", const=True, default=False, type=_boolean)
    if kind == "update":
        verb.add_argument("--replace", action="append", metavar="URN", help="replace this resource")
    verb.add_argument("-j", "--json", action="store_true", help="print one JSON document")
    verb.add_argument(
        "-p", "--parallel", type=int, default=PARALLEL, metavar="N", help="operations at once; 0 is unlimited"
    )
    verb.add_argument("--expect-no-changes", action="store_true", help="fail when there are changes")
    verb.add_argument("-m", "--message", default="", help="kept in the history")


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _cancel(found: Arguments) -> int:
    session = Session.open(directory_of(found))
    stack = session.stack(one_name(found.stack_name, found.stack))
    if sys.stdin.isatty() and not found.non_interactive:
        confirm(
            found, f"This will irreversibly cancel the currently running update for '{stack.name}'! Type yes to go on: "
        )
    count = stack.files.cancel()
    print(
        f"The currently running update for '{stack.name}' has been canceled!"
        if count
        else f"'{stack.name}' is not locked."
    )
    return 0


def _version(found: Arguments) -> int:  # noqa: ARG001
    print(f"{VERSION}+embedded")
    return 0
