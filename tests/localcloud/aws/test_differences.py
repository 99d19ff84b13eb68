"""Every known difference from AWS is pinned by a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from localcloud.aws.differences import DIFFERENCES, Difference

_ROOM = Path(__file__).parents[1]


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: row.test)
def test_a_difference_names_a_test_that_exists(row: Difference) -> None:
    file, _, name = row.test.partition("::")
    assert re.search(rf"^def {name}\(", (_ROOM / file).read_text(), re.MULTILINE)
