"""Properties that hold for any bytes, any payload size and any concurrency."""

from __future__ import annotations

import io
import itertools
import time
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.batch_transform import splitting
from localcloud.batch_transform.job import Split, Strategy
from tests.localcloud.batch_transform.doubles import Answer, echo

TEXT = st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b",", b'"', b"\x00", b"\xff", b"abc"]), max_size=60).map(
    b"".join
)
USES_FIXTURE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None, max_examples=25
)


class Trickle:
    """A stream that gives few bytes at a time, as a network may."""

    def __init__(self, data: bytes, portion: int) -> None:
        self._data = io.BytesIO(data)
        self._portion = portion

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._portion))

    def close(self) -> None: ...


@given(TEXT, st.integers(1, 80), st.integers(1, 7))
def test_batches_joined_are_the_object_and_each_fits(data: bytes, limit: int, portion: int) -> None:
    longest = max((len(line) for line in data.splitlines(keepends=True)), default=0)
    limit += max(longest, max((len(line) + 1 for line in data.split(b"\n")), default=0))
    batches = [batch.data for batch in splitting.line_batches(Trickle(data, portion), limit)]
    assert b"".join(batches) == data
    assert all(0 < len(batch) <= limit for batch in batches)
    assert all(batch.endswith(b"\n") for batch in batches[:-1])


@given(TEXT, st.integers(1, 80), st.integers(1, 7))
def test_batches_hold_as_many_lines_as_fit(data: bytes, limit: int, portion: int) -> None:
    limit += max(len(line) + 1 for line in data.split(b"\n"))
    batches = [batch.data for batch in splitting.line_batches(Trickle(data, portion), limit)]
    for batch, following in itertools.pairwise(batches):
        first_line = following[: following.find(b"\n") + 1] or following
        assert len(batch) + len(first_line) > limit


@given(TEXT, st.integers(1, 7))
def test_lines_joined_are_the_object(data: bytes, portion: int) -> None:
    found = list(splitting.lines(Trickle(data, portion), None))
    assert b"\n".join(line.data for line in found) == data.removesuffix(b"\n")
    assert [line.first for line in found] == list(range(1, len(found) + 1))


@USES_FIXTURE
@given(
    data=TEXT.filter(bool),
    concurrency=st.integers(1, 4),
    strategy=st.sampled_from(Strategy),
    split=st.sampled_from([Split.NONE, Split.LINE]),
)
def test_an_echoing_model_gives_the_object_back(
    plane: Any, data: bytes, concurrency: int, strategy: Strategy, split: Split
) -> None:
    result = plane.run(
        {"in/a": data}, echo, split=split, strategy=strategy, max_concurrent=concurrency, assemble_line=False
    )
    single = split is Split.LINE and strategy is Strategy.SINGLE_RECORD
    assert result.outputs == {"out/a.out": data.replace(b"\n", b"") if single else data}


@USES_FIXTURE
@given(st.lists(st.integers(0, 4), min_size=1, max_size=20), st.integers(1, 8))
def test_output_order_is_input_order_however_long_answers_take(plane: Any, delays: list[int], concurrency: int) -> None:
    def behave(body: bytes) -> Answer:
        time.sleep(int(body.split(b":")[1]) / 1000)
        return Answer(body=body)

    lines = b"".join(b"%d:%d\n" % (number, delay) for number, delay in enumerate(delays))
    result = plane.run({"in/a": lines}, behave, strategy=Strategy.SINGLE_RECORD, max_concurrent=concurrency)
    assert result.outputs == {"out/a.out": lines}
