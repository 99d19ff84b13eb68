"""The fast CSV reader may decline an input, but must never read another value than Python's float."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.containers.xgboost.numbers import parse_plain


def _slowly(body: bytes) -> npt.NDArray[np.float32] | None:
    try:
        with np.errstate(over="ignore"):
            rows = [[field or "nan" for field in line.split(",")] for line in body.decode().split("\n")]
            return np.array(rows).astype(float).astype(np.float32)
    except ValueError:
        return None


def _agrees(body: bytes) -> bool:
    fast, slow = parse_plain(body, ","), _slowly(body)
    if fast is None:
        return True
    return (
        slow is not None
        and fast.shape == slow.shape
        and np.array_equal(fast, slow, equal_nan=True)
        and np.array_equal(np.signbit(fast), np.signbit(slow))
    )


@given(st.text(alphabet="0123456789.-,\n", min_size=1, max_size=40))
def test_any_text_of_digits_dots_and_signs(text: str) -> None:
    assert _agrees(text.encode())


@given(st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=8))
def test_any_float_as_python_writes_it(values: list[float]) -> None:
    assert _agrees(",".join(map(repr, values)).encode())


@given(st.lists(st.lists(st.decimals(-99999, 99999, places=2), min_size=3, max_size=3), min_size=1, max_size=5))
def test_tables_of_money_are_read_fast(rows: list[list[object]]) -> None:
    body = "\n".join(",".join(map(str, row)) for row in rows).encode()
    assert parse_plain(body, ",") is not None
    assert _agrees(body)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        pytest.param("1,2.5\n-3,.25", [[1, 2.5], [-3, 0.25]], id="signs and dots"),
        pytest.param("12345678,0.123456", [[12345678, 0.123456]], id="eight characters"),
        pytest.param("-12345678,-0", [[-12345678, -0.0]], id="eight and a sign"),
        pytest.param("123456789,0.30000000000000004", [[123456789, 0.3]], id="more characters"),
        pytest.param("1e-3,2E5", [[0.001, 200000]], id="exponents"),
        pytest.param("1,\n,2", [[1, np.nan], [np.nan, 2]], id="empty fields"),
    ],
)
def test_plain_numbers_are_read(body: str, values: list[list[float]]) -> None:
    read = parse_plain(body.encode(), ",")
    assert read is not None
    np.testing.assert_array_equal(read, np.array(values, dtype=np.float32))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(body, id=repr(body))
        for body in ("a,1", ".,1", "-,1", "1.2.3,4", "--1,2", "1-2,3", "1/2,3", "1,2\n3", "1,2\n\n3,4", "1;2", "1,nan")
    ],
)
def test_text_that_is_not_plain_is_left_to_the_slow_reader(body: str) -> None:
    assert parse_plain(body.encode(), ",") is None


@pytest.mark.parametrize("delimiter", [pytest.param(d, id=repr(d)) for d in ("\t", ";", " ", "|")])
def test_other_delimiters_are_read_fast_too(delimiter: str) -> None:
    read = parse_plain(delimiter.join(["1", "2.5", "-3"]).encode(), delimiter)
    assert read is not None
    assert read.tolist() == [[1, 2.5, -3]]


def test_a_table_of_many_blocks_is_read_whole() -> None:
    values = np.arange(120_000).reshape(-1, 3) / 10
    body = "\n".join(",".join(map(str, row)) for row in values.tolist()).encode()
    np.testing.assert_array_equal(parse_plain(body, ","), values.astype(np.float32))
