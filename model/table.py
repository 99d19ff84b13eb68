"""The churn table: customers of an invented telephone company, and which of them left.

The columns are those of the classic churn table (without the phone number, which is an identifier). The people are
invented: every value comes from a seeded generator, so the table is the same on every machine. As in the classic table,
about one in seven leaves, a charge is its minutes times a rate, and people leave because

- they have called customer service four times or more,
- they pay for an international plan that does not suit them,
- they talk a lot by day and have no voice mail plan.

Some leave for a reason that the table does not show, and some stay despite such a reason, so no model can be perfect.

The model sees all columns unchanged, in this order, except two: `churn`, which it predicts, and `state`, whose 51 values
contain no signal and would triple the size of each request. Yes and no are 1 and 0.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from random import Random
from statistics import NormalDist
from typing import Final, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

CUSTOMERS: Final = 3333  # as many as in the classic table
SEED: Final = 42

_STATES: Final = (  # noqa: SIM905  two lines instead of fifty
    "AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS "
    "MT NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY"
).split()
_AREA_CODES: Final = (408, 415, 415, 510)
_DAY_RATE, _EVE_RATE, _NIGHT_RATE, _INTL_RATE = 0.17, 0.085, 0.045, 0.27  # dollars a minute

_Value = TypeVar("_Value")
_SERVICE_CALLS: Final = (0.21, 0.355, 0.23, 0.13, 0.048, 0.018, 0.006, 0.002)
_INTL_CALLS: Final = (0.006, 0.05, 0.145, 0.2, 0.185, 0.14, 0.1, 0.065, 0.035, 0.03, 0.015, 0.01, 0.005, 0.004, 0.003)
HELD_OUT: Final = 667  # one customer in five


class Customer(NamedTuple):
    """One row of the table."""

    state: str
    account_length: int  # days
    area_code: int
    international_plan: int  # 1 if the customer has it, else 0
    voice_mail_plan: int
    number_vmail_messages: int
    total_day_minutes: float
    total_day_calls: int
    total_day_charge: float
    total_eve_minutes: float
    total_eve_calls: int
    total_eve_charge: float
    total_night_minutes: float
    total_night_calls: int
    total_night_charge: float
    total_intl_minutes: float
    total_intl_calls: int
    total_intl_charge: float
    customer_service_calls: int
    churn: int  # 1 if the customer left, else 0


def churn_table(customers: int = CUSTOMERS, seed: int = SEED) -> list[Customer]:
    """Return the table, in random order."""
    draw = _Draw(seed)
    return [_customer(draw) for _ in range(customers)]


def churn_probability(customer: Customer) -> float:
    """Return how likely this customer is to leave: each reason counts by itself, so two make it even likelier."""
    stays = 0.985  # some leave for a reason that no column shows
    for reason in _reasons(customer):
        stays *= 1 - reason
    return 1 - stays


def _reasons(customer: Customer) -> list[float]:
    reasons: list[float] = []
    if customer.customer_service_calls >= 4:
        reasons.append(0.9 if customer.total_day_minutes < 190 else 0.35)  # a customer with little use has less to lose
    if customer.international_plan:
        dear = customer.total_intl_minutes > 13 or customer.total_intl_calls <= 2
        reasons.append(0.95 if dear else 0.05)
    bill = customer.total_day_charge + customer.total_eve_charge
    if not customer.voice_mail_plan and bill > 61:
        reasons.append(0.95 if bill > 62.5 else 0.6)
    return reasons


class _Draw:
    """Random draws from uniform numbers only, which Python guarantees to be the same for a seed in every version."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  a reproducible table, no secret

    def yes(self, probability: float) -> int:
        return int(self._random.random() < probability)

    def among(self, values: Sequence[_Value]) -> _Value:
        return values[int(self._random.random() * len(values))]

    def normal(self, mean: float, deviation: float) -> float:
        uniform = max(self._random.random(), 1e-12)  # the inverse is not defined at 0
        return max(NormalDist(mean, deviation).inv_cdf(uniform), 0.0)

    def count(self, weights: tuple[float, ...]) -> int:
        """0, 1, 2, ... with these probabilities; the rest of the probability belongs to the next number."""
        return bisect(list(accumulate(weights)), self._random.random())


def _customer(draw: _Draw) -> Customer:
    voice_mail = draw.yes(0.28)
    day, eve, night = draw.normal(180, 54), draw.normal(201, 51), draw.normal(201, 51)
    intl = draw.normal(10.2, 2.8)
    customer = Customer(
        state=draw.among(_STATES),
        account_length=1 + round(draw.normal(101, 40)),
        area_code=draw.among(_AREA_CODES),
        international_plan=draw.yes(0.1),
        voice_mail_plan=voice_mail,
        number_vmail_messages=voice_mail * round(draw.normal(29, 7.5)),
        total_day_minutes=round(day, 1),
        total_day_calls=round(draw.normal(100, 20)),
        total_day_charge=_charge(day, _DAY_RATE),
        total_eve_minutes=round(eve, 1),
        total_eve_calls=round(draw.normal(100, 20)),
        total_eve_charge=_charge(eve, _EVE_RATE),
        total_night_minutes=round(night, 1),
        total_night_calls=round(draw.normal(100, 20)),
        total_night_charge=_charge(night, _NIGHT_RATE),
        total_intl_minutes=round(intl, 1),
        total_intl_calls=draw.count(_INTL_CALLS),
        total_intl_charge=_charge(intl, _INTL_RATE),
        customer_service_calls=draw.count(_SERVICE_CALLS),
        churn=0,
    )
    return customer._replace(churn=draw.yes(churn_probability(customer)))


def _charge(minutes: float, rate: float) -> float:
    return round(round(minutes, 1) * rate, 2)


FEATURES: Final = [name for name in Customer._fields if name not in {"state", "churn"}]


class Split(NamedTuple):
    learned: Sequence[Customer]
    held_out: Sequence[Customer]


def split(customers: Sequence[Customer], held_out: int = HELD_OUT) -> Split:
    """Hold out the last customers: the table's order has no meaning, so this is a random choice."""
    return Split(learned=customers[:-held_out], held_out=customers[-held_out:])


def features(customers: Sequence[Customer]) -> npt.NDArray[np.float32]:
    """Return one row for each customer, one column for each feature."""
    return pd.DataFrame(customers)[FEATURES].to_numpy(np.float32)


def labels(customers: Sequence[Customer]) -> npt.NDArray[np.float32]:
    return np.array([customer.churn for customer in customers], dtype=np.float32)


def batch_input_csv(customers: Sequence[Customer]) -> str:
    """Return the input of the batch job: numbers only, because a header or a label would be sent to the model, too."""
    return pd.DataFrame(customers)[FEATURES].to_csv(header=False, index=False, lineterminator="\n")


def truth_csv(customers: Sequence[Customer]) -> str:
    """Return the customer of each line of the batch input and of its result; `row` counts lines from 1."""
    rows = pd.RangeIndex(1, len(customers) + 1, name="row")
    return pd.DataFrame(customers, index=rows).to_csv(lineterminator="\n")
