"""How long the program waits for the definition of TransformJob if EKS installs it."""

import asyncio
from unittest.mock import patch

import pytest
from pulumi.resource_hooks import ErrorHookArgs

from infra import operator

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
