"""From a customer to the numbers that the model sees, and the split into learned and held-out customers.

The model sees all columns unchanged, in the table's order, except two: `churn`, which it predicts, and `state`, whose 51
values contain no signal and would triple the size of each request. Yes and no are 1 and 0 in the table already.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from model.table import Customer

FEATURES: Final = tuple(name for name in Customer._fields if name not in {"state", "churn"})
HELD_OUT: Final = 667  # one customer in five


class Split(NamedTuple):
    learned: Sequence[Customer]
    held_out: Sequence[Customer]


def split(customers: Sequence[Customer], held_out: int = HELD_OUT) -> Split:
    """The last customers are held out: the table's order has no meaning, so this is a random choice."""
    return Split(learned=customers[:-held_out], held_out=customers[-held_out:])


def features(customers: Iterable[Customer]) -> npt.NDArray[np.float32]:
    """One row for each customer, one column for each feature."""
    return np.array([_values(customer) for customer in customers], dtype=np.float32)


def labels(customers: Iterable[Customer]) -> npt.NDArray[np.float32]:
    return np.array([customer.churn for customer in customers], dtype=np.float32)


def batch_input_csv(customers: Iterable[Customer]) -> str:
    """The input of the batch job: numbers only, because a header or a label would be sent to the model, too."""
    return _csv(_values(customer) for customer in customers)


def truth_csv(customers: Sequence[Customer]) -> str:
    """The customer of each line of the batch input and of its result; `row` counts lines from 1."""
    header = ("row", *Customer._fields)
    return _csv([header, *((row, *customer) for row, customer in enumerate(customers, start=1))])


def _values(customer: Customer) -> list[int | float]:
    return [getattr(customer, name) for name in FEATURES]


def _csv(rows: Iterable[Iterable[str | int | float]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
