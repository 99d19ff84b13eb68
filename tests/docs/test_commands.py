"""Every command of README and docs is run as it stands, block by block, in a checkout of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from docs.tables import DOCUMENTS
from tests.docs import documents
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
    recorded = next(block.body for block in documents.blocks(DOCUMENTS[0]) if block.language == "text")
    assert normal(recorded.splitlines()[-4:]) == normal(first.text.splitlines()[-4:])


def normal(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run: names with random parts, digests, times."""
    text = "\n".join(lines)
    text = re.sub(r"-[0-9a-f]{7,16}\b", "-*", text)
    text = re.sub(r"/[0-9a-f]{16}/", "/*/", text)
    return re.sub(r"\d+(\.\d+)? ?s\b", "* s", re.sub(r" +", " ", text)).splitlines()
