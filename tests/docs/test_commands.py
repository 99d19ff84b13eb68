"""Every command of README and docs is run as it stands, block by block, in a checkout of its own."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from docs.tables import DOCUMENTS
from tests.docs import documents
from tests.e2e.checkout import Checkout

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("documents")]


@pytest.mark.parametrize(
    "name",
    sorted({block.document for block in documents.ALL if block.runs_here}),
)
def test_the_commands_work_in_the_order_they_are_read(fresh: Callable[[], Checkout], name: str) -> None:
    checkout = fresh()
    for block in (block for block in documents.ALL if block.document == name):
        if block.file:
            checkout.write(block.file, block.body)
        elif block.runs_here:
            said = checkout.plain_shell(block.body)
            assert said.code == 0, f"{name}:{block.line}\n{block.body}\n{said.text}"


def test_what_the_readme_says_that_up_prints_is_what_it_prints(fresh: Callable[[], Checkout]) -> None:
    recorded = next(block.body for block in documents.blocks(DOCUMENTS[0]) if block.language == "text")
    said = fresh().make_target("up")
    assert said.code == 0, said.text
    assert normal(recorded.splitlines()[-4:]) == normal(said.text.splitlines()[-4:])


def normal(lines: list[str]) -> list[str]:
    """Lines without what differs from run to run: names with random parts, digests, times."""
    text = "\n".join(lines)
    text = re.sub(r"-[0-9a-f]{7,16}\b", "-*", text)
    text = re.sub(r"/[0-9a-f]{16}/", "/*/", text)
    return re.sub(r"\d+(\.\d+)? ?s\b", "* s", re.sub(r" +", " ", text)).splitlines()
