"""How long the program waits for the definition of TransformJob, and when it refuses a newer chart."""

import asyncio
from unittest.mock import patch

import pytest
from pulumi.resource_hooks import ErrorHookArgs

from infra import operator
from infra.operator import crds_problem

MISSING = "CustomResourceDefinition is invalid: [spec.versions: Invalid value: null: must have exactly one version]"


def tried_again(*errors: str, operation: str = "create") -> bool:
    failure = ErrorHookArgs("urn", "", "short-names", "type", failed_operation=operation, errors=list(errors))
    with patch.object(operator, "DEFINITION_SECONDS", 0), patch("pulumi.log.error") as logged:
        again = asyncio.run(operator.await_definition(failure))
    assert logged.called is (len(errors) == operator.DEFINITION_TRIES)
    return again


@pytest.mark.parametrize(
    ("errors", "again"),
    [
        pytest.param((MISSING,), True, id="not there yet"),
        pytest.param((MISSING,) * operator.DEFINITION_TRIES, False, id="not there for minutes"),
        pytest.param(("Unauthorized", MISSING), False, id="another failure"),
        pytest.param((), False, id="no error"),
    ],
)
def test_a_definition_that_is_missing_is_waited_for_until_a_clear_end(errors: tuple[str, ...], again: bool) -> None:
    assert tried_again(*errors) is again


def test_an_update_that_fails_is_not_waited_for() -> None:
    assert tried_again(MISSING, operation="update") is False


@pytest.mark.parametrize(
    ("wanted", "applied", "installed"),
    [
        pytest.param("1.9.1", "", None, id="nothing is installed yet"),
        pytest.param("1.9.1", "", "1.9.1", id="the same version"),
        pytest.param("1.10.0", "1.10.0", "1.9.1", id="its definitions were applied"),
        pytest.param("1.9.1", "", "1.10.0", id="an older one, which newer definitions serve"),
    ],
)
def test_a_chart_version_is_accepted(wanted: str, applied: str, installed: str | None) -> None:
    assert crds_problem(wanted, applied, installed, "dev") is None


@pytest.mark.parametrize("applied", ["", "1.9.1"])
def test_a_raised_version_is_refused_with_the_command_that_helps(applied: str) -> None:
    problem = crds_problem("1.10.0", applied, "1.9.1", "dev")
    assert problem is not None
    assert "has the CRDs of 1.9.1" in problem
    assert "make crds STACK=dev" in problem
