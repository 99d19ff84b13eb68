"""Every known difference from AWS is pinned by a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud.aws.differences import DIFFERENCES

_ROOM = Path(__file__).parents[1]


def _exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return re.search(rf"^def {name}\(", (_ROOM / file).read_text(), re.MULTILINE) is not None


def test_each_difference_names_a_test_that_exists() -> None:
    assert [row.test for row in DIFFERENCES if not _exists(row.test)] == []
