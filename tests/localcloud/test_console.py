"""What commands print."""

from __future__ import annotations

import subprocess
import sys

import pytest

from localcloud.console import fail

MANY_LINES = """
import sys
from localcloud.console import fail, say
for number in range(10_000): {printer}(str(number))
print("done", file=sys.{other})
"""


@pytest.mark.parametrize(
    ("printer", "closed", "other"),
    [pytest.param("say", "stdout", "stderr", id="output"), pytest.param("fail", "stderr", "stdout", id="errors")],
)
def test_a_command_goes_on_if_nobody_reads_its_lines_any_more(printer: str, closed: str, other: str) -> None:
    script = MANY_LINES.format(printer=printer, other=other)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        pipe, end = getattr(running, closed), getattr(running, other)
        assert pipe.readline().endswith(b"0\n")
        pipe.close()
        assert end.read() == b"done\n"
    assert running.returncode == 0


def test_an_error_in_a_file_has_no_colour_although_the_output_is_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    fail("no such stack")
    assert capsys.readouterr().err == "error: no such stack\n"
