"""How a program ends if it is interrupted or if its host or engine is gone, and that no output is lost."""

from __future__ import annotations

import os
import signal
import sys
import time

import pytest

from tests.localcloud.pulumi.language_host.project import Project
from tests.processes import is_alive

pytestmark = pytest.mark.e2e

SOON = 60.0  # seconds, on a machine that has other work
# The program says when it is where it is to be ended, with its pid, its host's, and that of a process that it has started.
BEGIN = """
import os, signal, subprocess, time
child = subprocess.Popen(["sleep", "600"])
def here():
    print("pids", os.getpid(), os.getppid(), child.pid, flush=True)
"""


class Running:
    """An `up` of a program that never ends by itself."""

    def __init__(self, project: Project, program: str) -> None:
        project.program(BEGIN + program)
        self._up = project.start("up", "--yes", "--skip-preview")
        assert self._up.stdout is not None
        self._text = ""
        for line in self._up.stdout:
            self._text += line
            if " pids " in line:
                self.program, self.host, self.child = (int(pid) for pid in line.split(" pids ")[1].split()[:3])
                break
        else:
            pytest.fail(self._text)

    def interrupt(self) -> None:
        """As Ctrl-C in a terminal does."""
        os.killpg(self._up.pid, signal.SIGINT)

    def kill_cli(self) -> None:
        self._up.kill()
        self._up.communicate()

    def ended(self) -> str:
        """Wait for the end; all that the CLI printed."""
        rest, _ = self._up.communicate(timeout=SOON)
        assert self._up.returncode == 1
        return self._text + rest


def gone(*pids: int) -> bool:
    """Whether none of the processes is there any more, within some time."""
    until = time.monotonic() + SOON
    while time.monotonic() < until:
        if not any(is_alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("here()\ntime.sleep(600)\n", id="in its module"),
        pytest.param(
            "import asyncio, pulumi\nasync def never():\n    here()\n    await asyncio.sleep(600)\n"
            "pulumi.export('a', pulumi.Output.from_input(never()))\n",
            id="in an output that never comes",
        ),
        pytest.param("here()\nsubprocess.run(['sleep', '600'])\n", id="in a command that it runs"),
    ],
)
def test_an_interrupted_program_ends_without_a_traceback(project: Project, program: str) -> None:
    running = Running(project, program)
    running.interrupt()
    text = running.ended()
    assert "error: update canceled" in text
    assert "Traceback" not in text
    assert "KeyboardInterrupt" not in text
    assert gone(running.program, running.host, running.child)


def test_an_interrupted_program_cleans_up(project: Project) -> None:
    running = Running(project, "try:\n    here()\n    time.sleep(600)\nfinally:\n    print('cleaned up')\n")
    running.interrupt()
    assert "cleaned up" in running.ended()


def test_a_program_that_ignores_the_interrupt_ends_all_the_same(project: Project) -> None:
    running = Running(project, "signal.signal(signal.SIGINT, signal.SIG_IGN)\nhere()\ntime.sleep(600)\n")
    running.interrupt()
    running.ended()
    assert gone(running.program, running.host)


def test_a_program_ends_with_its_host(project: Project) -> None:
    running = Running(project, "here()\ntime.sleep(600)\n")
    os.kill(running.host, signal.SIGKILL)
    assert "error" in running.ended()
    assert gone(running.program)


def test_host_and_program_end_with_the_engine(project: Project) -> None:
    running = Running(project, "here()\ntime.sleep(600)\n")
    running.kill_cli()
    assert gone(running.host, running.program, running.child)


def test_what_a_program_leaves_running_ends_with_the_command(project: Project) -> None:
    project.program("import subprocess\nprint('left', subprocess.Popen(['sleep', '600']).pid, 'behind')\n")
    ended = project.up()
    assert ended.code == 0
    if sys.platform == "linux":
        assert gone(int(ended.diagnostics.split("left ")[1].split()[0]))


@pytest.mark.parametrize("end", [pytest.param("", id="returns"), pytest.param("os._exit(3)", id="os._exit")])
def test_a_megabyte_in_one_line_arrives_whole(project: Project, end: str) -> None:
    project.program(f"import os, sys\nprint('x' * 1_000_000 + 'END', end='', file=sys.stderr)\n{end}\n")
    assert "x" * 1_000_000 + "END" in project.preview().text


def test_many_lines_arrive_in_their_order(project: Project) -> None:
    project.program("for number in range(5000):\n    print(f'line {number} of many')\n")
    lines = [line for line in project.preview().diagnostics.splitlines() if line.startswith("line ")]
    assert lines == [f"line {number} of many" for number in range(5000)]


def test_the_program_reads_nothing_from_the_terminal(project: Project) -> None:
    project.program("import sys\nprint(repr(sys.stdin.read()), 'was read')\n")
    assert "'' was read" in project.preview().text


def test_the_program_runs_as_if_by_itself(project: Project) -> None:
    project.program(
        """\
        import os, sys, pulumi
        print("module", __name__, "argv", sys.argv, "folder", os.path.samefile(os.getcwd(), os.path.dirname(__file__)))
        print("prefix", sys.prefix, "variable", os.environ["VIRTUAL_ENV"], "PYTHONPATH", os.environ.get("PYTHONPATH"))
        print("stack", pulumi.get_stack(), "project", pulumi.get_project(), "preview", pulumi.runtime.is_dry_run())
        print("root", pulumi.get_root_directory(), "organization", pulumi.get_organization())
        print("config", pulumi.Config().require("plain"), os.environ["PULUMI_CONFIG_SECRET_KEYS"])
        """
    )
    project.pulumi("config", "set", "plain", "a value")
    project.pulumi("config", "set", "--secret", "hidden", "a secret")
    diagnostics = project.preview().diagnostics
    assert "module __main__ argv ['.'] folder True" in diagnostics
    assert f"prefix {sys.prefix} variable {sys.prefix} PYTHONPATH {os.environ.get('PYTHONPATH')}" in diagnostics
    assert "stack dev project scratch preview True" in diagnostics
    assert f"root {project.folder} organization organization" in diagnostics
    assert 'config a value ["scratch:hidden"]' in diagnostics
