"""What commands print."""

from __future__ import annotations

import subprocess
import sys


def test_a_command_goes_on_if_nobody_reads_its_output_any_more() -> None:
    script = """
import sys
from localcloud.console import say
for number in range(10_000): say(str(number))
print("done", file=sys.stderr)
"""
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline() == b"0\n"
        running.stdout.close()
        assert running.stderr.read() == b"done\n"
    assert running.returncode == 0
