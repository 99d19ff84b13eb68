"""The cost is summed from the dated table, and an unknown price is reported as unknown."""

from lookups import prices
from workshop import cost

SETTINGS = {"nodeInstanceType": "t3.small", "transformInstanceType": "ml.m5.large"}


def test_a_day_is_about_three_dollars_and_a_job_about_a_cent() -> None:
    said = cost.report(SETTINGS, "dev")
    assert "$0.1280 an hour, $3.07 a day" in said
    assert "ml.m5.large, 6 minutes" in said
    assert "$0.0115" in said
    assert prices.AS_OF in said
    assert said.endswith("`make destroy STACK=dev` stops the cost.")


def test_an_instance_type_without_a_price_is_said_to_have_none() -> None:
    said = cost.report(SETTINGS | {"nodeInstanceType": "x9.huge"}, "dev")
    assert said.count("(no price known)") == 3


def test_a_stack_whose_operator_eks_runs_pays_for_no_node() -> None:
    said = cost.report(SETTINGS | {"operatorInstall": "capability"}, "dev")
    assert "node" not in said
    assert "$0.1048 an hour" in said
