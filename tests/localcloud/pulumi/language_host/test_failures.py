"""Every way in which a program can fail, and the CLI's reaction: its exit code and everything that it prints."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent

import pytest

from tests.localcloud.pulumi.language_host.project import Project

pytestmark = pytest.mark.e2e

UNHANDLED = "error: Program failed with an unhandled exception:\n"


@dataclass(frozen=True)
class Failure:
    """A program, the exit code of the CLI, and the diagnostics; `{main}` is the program's file."""

    program: str
    code: int
    diagnostics: str


# Of each kind one, where the time is short.
SHORT = {
    "an exception",
    "no such module",
    "an error in an apply",
    "RunError",
    "a logged error and an exception",
    "sys.exit with a text",
    "killed",
}


def case(name: str, program: str, code: int, diagnostics: str) -> object:
    failure = Failure(dedent(program), code, dedent(diagnostics).strip("\n"))
    return pytest.param(failure, id=name, marks=() if name in SHORT else pytest.mark.soak)


CASES = [
    case(
        "a syntax error",
        "x = = 1\n",
        1,
        UNHANDLED + '  File "{main}", line 1\n    x = = 1\nSyntaxError: invalid syntax',
    ),
    case(
        "an exception",
        "def fail():\n    raise ValueError('the cause')\nfail()\n",
        1,
        UNHANDLED
        + 'Traceback (most recent call last):\n  File "{main}", line 3, in <module>\n    fail()\n'
        + "  File \"{main}\", line 2, in fail\n    raise ValueError('the cause')\nValueError: the cause",
    ),
    case(
        "an exception with a cause",
        "try:\n    {}['key']\nexcept KeyError as error:\n    raise RuntimeError('outer') from error\n",
        1,
        UNHANDLED
        + "Traceback (most recent call last):\n  File \"{main}\", line 2, in <module>\n    {}['key']\nKeyError: 'key'\n"
        + "The above exception was the direct cause of the following exception:\n"
        + 'Traceback (most recent call last):\n  File "{main}", line 4, in <module>\n'
        + "    raise RuntimeError('outer') from error\nRuntimeError: outer",
    ),
    case(
        "no such module",
        "import no_such_module\n",
        1,
        UNHANDLED
        + 'Traceback (most recent call last):\n  File "{main}", line 1, in <module>\n    import no_such_module\n'
        + "ModuleNotFoundError: No module named 'no_such_module'",
    ),
    case(
        "an error in an apply",
        "import pulumi\npulumi.export('a', pulumi.Output.from_input(1).apply(lambda one: one.nothing))\n",
        1,
        UNHANDLED
        + 'Traceback (most recent call last):\n  File "{main}", line 2, in <lambda>\n'
        + "    pulumi.export('a', pulumi.Output.from_input(1).apply(lambda one: one.nothing))\n"
        + "AttributeError: 'int' object has no attribute 'nothing'",
    ),
    case(
        "an error in an output that nothing uses",
        "import pulumi\nasync def fail():\n    raise ValueError('unused')\npulumi.Output.from_input(fail())\n",
        1,
        UNHANDLED
        + "Traceback (most recent call last):\n  File \"{main}\", line 3, in fail\n    raise ValueError('unused')\n"
        + "ValueError: unused",
    ),
    case(
        "an error in an asynchronous program",
        "import pulumi\nasync def main():\n    raise ValueError('in main')\npulumi.run(main)\n",
        1,
        UNHANDLED
        + "Traceback (most recent call last):\n  File \"{main}\", line 3, in main\n    raise ValueError('in main')\n"
        + "ValueError: in main",
    ),
    case(
        "an exception that is no Exception",
        "class Base(BaseException):\n    pass\nraise Base('all the same')\n",
        1,
        UNHANDLED
        + "Traceback (most recent call last):\n  File \"{main}\", line 3, in <module>\n    raise Base('all the same')\n"
        + "Base: all the same",
    ),
    case("RunError", "import pulumi\nraise pulumi.RunError('the reason')\n", 1, "error: the reason"),
    case(
        "a configuration value that is missing",
        "import pulumi\npulumi.Config().require('key')\n",
        1,
        "error: Missing required configuration variable 'scratch:key'\n"
        "\tplease set a value using the command `pulumi config set scratch:key <value>`",
    ),
    case("a logged error", "import pulumi\npulumi.log.error('diagnostics')\n", 0, "error: diagnostics"),
    case(
        "a logged error and an exception",
        "import pulumi\npulumi.log.error('diagnostics')\nraise pulumi.RunError('then')\n",
        1,
        "error: diagnostics\nerror: then",
    ),
    case("sys.exit(0)", "import sys\nprint('before')\nsys.exit(0)\n", 0, "before"),
    case(
        "sys.exit(3)",
        "import sys\nsys.exit(3)\n",
        1,
        "error: an unhandled error occurred: program exited with non-zero exit code: 3",
    ),
    case(
        "sys.exit with a text",
        "import sys\nprint('printed')\nsys.exit('the text')\n",
        1,
        "printed\nthe text\nerror: an unhandled error occurred: program exited with non-zero exit code: 1",
    ),
    case(
        "os._exit",
        "import os\nprint('before', end='')\nos._exit(7)\n",
        1,
        "before\nerror: an unhandled error occurred: program exited with non-zero exit code: 7",
    ),
    case(
        "KeyboardInterrupt",
        "raise KeyboardInterrupt\n",
        1,
        "error: an unhandled error occurred: program was interrupted",
    ),
    case(
        "killed",
        "import os, signal\nprint('before')\nos.kill(os.getpid(), signal.SIGKILL)\n",
        1,
        "before\nerror: an unhandled error occurred: program was ended by SIGKILL",
    ),
    case(
        "a crash of the interpreter",
        "import ctypes\nctypes.string_at(0)\n",
        1,
        "error: an unhandled error occurred: program was ended by SIGSEGV",
    ),
    case(
        "a type of resource that no plugin has",
        "import pulumi\npulumi.CustomResource('nothing:index:Thing', 'one', {})\n",
        1,
        "error: no resource plugin 'pulumi-resource-nothing' found in the workspace or on your $PATH",
    ),
    case(
        "two resources of one name",
        "import pulumi\nfor _ in range(2):\n    pulumi.ComponentResource('a:b:C', 'one')\n",
        1,
        "error: Duplicate resource URN 'urn:pulumi:dev::scratch::a:b:C::one'; try giving it a unique name",
    ),
]


@pytest.mark.parametrize("failure", CASES)
def test_a_program_that_fails_says_why_and_nothing_else(previewed: Callable[[str], Project], failure: Failure) -> None:
    project = previewed(failure.program)
    ended = project.preview()
    diagnostics = failure.diagnostics.replace("{main}", str(project.folder / "__main__.py"))
    assert ended.code == failure.code, ended.text
    assert sorted(_of_resources(ended.diagnostics)) == sorted(diagnostics.splitlines())


def _of_resources(diagnostics: str) -> list[str]:
    """The lines, without the headings that say which resource they belong to."""
    return [line for line in diagnostics.splitlines() if not line.startswith(("pulumi:", "a:b:C"))]


def test_a_project_without_a_program_is_reported(previewed: Callable[[str], Project]) -> None:
    project = previewed("")
    (project.folder / "__main__.py").unlink()
    ended = project.preview()
    assert ended.code == 1
    assert f"error: unable to find main python program `__main__.py` in `{project.folder}`" in ended.text


def test_without_the_virtual_environment_the_way_to_it_is_named(previewed: Callable[[str], Project]) -> None:
    project = previewed("")
    project.write("no-venv/notes.txt", "something else\n")
    project.settings({"toolchain": "pip", "virtualenv": "no-venv"})
    ended = project.preview()
    assert ended.code != 0
    assert f"names {project.folder / 'no-venv'}, which is not a virtual environment. Run `pulumi install`" in ended.text


def test_an_environment_without_the_sdk_is_reported(previewed: Callable[[str], Project]) -> None:
    project = previewed("")
    project.settings({"toolchain": "pip"})
    project.write("bin/python3", f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n').chmod(0o755)
    env = project.env
    project.env = {**env, "PULUMI_PYTHON_CMD": str(project.folder / "bin" / "python3")}
    ended = project.preview()
    project.env = env
    assert ended.code == 1
    assert "has no Pulumi SDK (No module named 'pulumi')" in ended.diagnostics


@pytest.mark.parametrize(
    ("option", "diagnostics"),
    [
        pytest.param({"toolchain": "poetry"}, "This language host has no toolchain 'poetry'", id="another toolchain"),
        pytest.param({"virtualenv": 3}, "'virtualenv' option in Pulumi.yaml must be a string", id="no text"),
        pytest.param({"typechecker": "pytype"}, "unsupported typechecker option: pytype", id="another type checker"),
    ],
)
def test_an_option_that_is_wrong_is_named(
    previewed: Callable[[str], Project], option: dict[str, object], diagnostics: str
) -> None:
    project = previewed("")
    project.settings(option)
    ended = project.preview()
    assert ended.code != 0
    assert diagnostics in ended.text


def test_what_the_type_checker_finds_stops_the_run(previewed: Callable[[str], Project]) -> None:
    project = previewed("print('it ran')\n")
    project.settings({"virtualenv": sys.prefix, "typechecker": "pyright"})
    ended = project.preview()
    assert ended.code != 0
    assert "pyright failed" in ended.text
    assert "it ran" not in ended.text
