"""The parts of a log that the node serves, and the requests that it refuses rather than fake an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.cluster.kubelet_api import limited, read_log, refusal


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "log"
    path.write_bytes(b"of another\none\ntwo\nthree\n")
    return path


@pytest.mark.parametrize(
    ("tail", "expected"),
    [
        pytest.param(None, b"one\ntwo\nthree\n", id="all"),
        pytest.param(2, b"two\nthree\n", id="the last lines"),
        pytest.param(9, b"one\ntwo\nthree\n", id="more lines than there are"),
        pytest.param(0, b"", id="none"),
    ],
)
def test_the_log_of_a_container_begins_with_its_own_first_line(log: Path, tail: int | None, expected: bytes) -> None:
    assert b"".join(read_log(log, len(b"of another\n"), tail, lambda: False)) == expected


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        pytest.param(None, b"abcdef", id="no limit"),
        pytest.param(4, b"abcd", id="within a chunk"),
        pytest.param(3, b"abc", id="at the end of one"),
        pytest.param(9, b"abcdef", id="beyond the end"),
    ],
)
def test_a_log_is_cut_after_so_many_bytes(most: int | None, expected: bytes) -> None:
    assert b"".join(limited([b"abc", b"def"], most)) == expected


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param({"previous": ["true"]}, 'container "c" in pod "p" not found', id="the one before"),
        pytest.param({"sinceSeconds": ["5"]}, "sinceSeconds", id="since"),
        pytest.param({"timestamps": ["true"]}, "timestamps", id="timestamps"),
    ],
)
def test_a_log_that_the_node_cannot_give_is_refused(query: dict[str, list[str]], words: str) -> None:
    assert words in (refusal(query, "p", "c") or "")


@pytest.mark.parametrize("query", [{}, {"previous": ["false"], "timestamps": ["false"], "tailLines": ["1"]}])
def test_a_log_that_the_node_can_give_is_not_refused(query: dict[str, list[str]]) -> None:
    assert refusal(query, "p", "c") is None
