"""Every command of README and docs is run as it stands, block by block, in a checkout of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docs.tables import DOCUMENTS
from tests.docs import documents, recording
from tests.e2e.checkout import Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("fresh")]


def test_every_command_works_in_the_order_it_is_read(fresh: Callable[[], Checkout]) -> None:
    checkout = fresh()
    first = checkout.plain_shell("make up")
    for block in documents.ALL:
        if block.file:
            checkout.write(block.file, block.body)
        elif block.runs_here and block.body != "make up\n":
            said = checkout.plain_shell(block.body)
            assert said.code == 0, f"{block.document}:{block.line}\n{block.body}\n{said.text}"
    shown, _ = documents.recorded(DOCUMENTS[0])
    assert recording.absent(shown, first.text.splitlines()) == [], first.text
