"""The fast writer writes what Python writes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from localcloud.containers.xgboost.answers import batch_text


def _python_text(values: np.ndarray) -> bytes:
    return "".join(f"{value}\n" for value in values.astype(np.float64).tolist()).encode()


@given(arrays(np.float32, st.integers(1, 20), elements=st.floats(width=32)))
def test_any_numbers_are_written_as_python_writes_them(values: np.ndarray) -> None:
    assert batch_text(values) == _python_text(values)


@given(arrays(np.float32, st.integers(1, 20), elements=st.floats(0, 1, width=32)))
def test_probabilities_are_written_as_python_writes_them(values: np.ndarray) -> None:
    assert batch_text(values) == _python_text(values)


@given(arrays(np.float32, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(width=32)))
def test_several_numbers_for_each_record_are_written_as_python_writes_them(values: np.ndarray) -> None:
    assert batch_text(values) == _python_text(values)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(1e-4, b"9.999999747378752e-05\n", id="below the bound, once widened"),
        pytest.param(0.00010001, b"0.00010001000191550702\n", id="above it"),
        pytest.param(4.6518162e-05, b"4.651816198020242e-05\n", id="small"),
        pytest.param(0.0, b"0.0\n", id="nought"),
        pytest.param(-0.0, b"-0.0\n", id="negative nought"),
        pytest.param(2.0, b"2.0\n", id="class"),
        pytest.param(1e16, b"1.0000000272564224e+16\n", id="large"),
        pytest.param(123456792.0, b"123456792.0\n", id="whole"),
        pytest.param(float("nan"), b"nan\n", id="nan"),
        pytest.param(float("-inf"), b"-inf\n", id="infinite"),
    ],
)
def test_a_number_is_written_as_python_writes_it(value: float, text: bytes) -> None:
    assert batch_text(np.array([value], dtype=np.float32)) == text
