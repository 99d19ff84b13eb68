"""Every command of README and docs is run unchanged, block by block, in a checkout of its own.

What README says last takes the stack down. The pages after it need the stack again, so that block waits for the end.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.tables import DOCUMENTS
from tests.docs import documents, recording
from tests.e2e.checkout import Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("documents")]
CLEAN_UP = "make destroy"
# After a file of the program was written, there is something to do again for these.
AGAIN = {"make preview", "make up"}


class Terminal:
    """Runs blocks of commands, each command of make once, and again only where it has something to do again."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout
        self._known = set[str]()

    def write(self, file: str, text: str) -> None:
        self._checkout.write(file, text)
        if file.endswith(".py"):
            self._known -= AGAIN

    def run(self, block: str, place: str) -> str:
        new = [line for line in block.splitlines() if line not in self._known]
        said = self._checkout.plain_shell("\n".join(new))
        assert said.code == 0, f"{place}\n{block}\n{said.text}"
        for line in new:
            if line.startswith("make "):
                self._known.add(line)
        return said.text


def test_every_command_works_in_the_order_it_is_read_and_the_clean_up_last(fresh: Callable[[], Checkout]) -> None:
    terminal = Terminal(fresh())
    first = terminal.run("make up", "the first command")
    for block in sorted(documents.ALL, key=lambda block: block.body.startswith(CLEAN_UP)):
        if block.file:
            terminal.write(block.file, block.body)
        elif block.runs_here:
            terminal.run(block.body, f"{block.document}:{block.line}")
    shown, _ = documents.recorded(DOCUMENTS[0])
    assert recording.absent(shown, first.splitlines()) == [], first
