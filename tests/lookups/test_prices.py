"""The dated price table, and the sums that are computed from it."""

import pytest

from lookups import prices


def test_the_standing_cost_is_the_sum_of_its_lines() -> None:
    items = prices.standing("t3.small")
    assert prices.total(items) == pytest.approx(0.10 + 0.0208 + 20 * 0.08 / 730 + 0.005)


def test_the_capability_takes_the_place_of_the_nodes() -> None:
    assert prices.total(prices.standing(None)) == pytest.approx(0.10 + 0.004757)


def test_a_stack_exports_its_cost_and_the_command_that_ends_it() -> None:
    assert prices.summary("t3.small", "ml.m5.large", "dev") == {
        "usd_per_hour": 0.128,
        "usd_per_day": 3.07,
        "usd_per_job": 0.0115,
        "prices": f"on demand, us-east-1, {prices.AS_OF}; a job of 6 minutes on ml.m5.large",
        "stop": "make destroy STACK=dev",
    }


def test_a_stack_without_a_known_price_has_no_cost() -> None:
    said = prices.summary("x9.huge", "ml.x9.huge", "dev")
    assert (said["usd_per_hour"], said["usd_per_day"], said["usd_per_job"]) == (None, None, None)
