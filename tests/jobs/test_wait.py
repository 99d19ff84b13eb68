"""The wait ends at every end of a job and at nothing else; an implementation of RFC 9535 evaluates it."""

import re
from typing import Any

import jsonpath
import pytest

from jobs import spec

PATTERN = re.fullmatch(r"jsonpath=\{(.*)\}", spec.wait_expression())


def matches(status: dict[str, Any] | None) -> bool:
    """The provider evaluates from the object; `$` may be left out there, and `[?...]` looks at each member."""
    assert PATTERN is not None
    found = {"spec": {}, **({} if status is None else {"status": status})}
    return bool(jsonpath.findall("$" + PATTERN[1], found))


def condition(type_: str, message: str | None = None, status: str = "True") -> dict[str, Any]:
    made = {"type": type_, "status": status}
    return {"conditions": [made if message is None else {**made, "message": message}]}


def over_quota(*, limit: int, used: int, asked: int) -> dict[str, Any]:
    """What the operator writes of a job beyond the quota, in the words of public reports."""
    return condition(
        "ACK.Recoverable",
        "operation error SageMaker: CreateTransformJob, https response error StatusCode: 400, RequestID: 1-2, "
        "ResourceLimitExceeded: The account-level service limit 'ml.m5.large for transform job usage' is "
        f"{limit} Instances, with current utilization of {used} Instances and a request delta of {asked} Instances. "
        "Please use AWS Service Quotas to request an increase for this quota.",
    )


@pytest.mark.parametrize(
    "status",
    [
        pytest.param({"transformJobStatus": "Completed"}, id="Completed"),
        pytest.param({"transformJobStatus": "Failed", "failureReason": "x"}, id="Failed"),
        pytest.param({"transformJobStatus": "Stopped"}, id="Stopped"),
        pytest.param(condition("ACK.Terminal", "Resource already exists"), id="Terminal"),
        pytest.param(condition("ACK.Terminal"), id="Terminal without a message"),
        pytest.param(condition("ACK.Recoverable", "ValidationException: Could not find model"), id="no such model"),
        pytest.param(over_quota(limit=0, used=0, asked=1), id="a quota of 0"),
        pytest.param(over_quota(limit=2, used=0, asked=3), id="a job larger than the whole quota"),
        pytest.param(condition("ACK.Recoverable", "api error AccessDeniedException: no"), id="permission"),
    ],
)
def test_it_ends_on(status: dict[str, Any]) -> None:
    assert matches(status)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(None, id="no status"),
        pytest.param({}, id="an empty status"),
        pytest.param({"transformJobStatus": "InProgress"}, id="InProgress"),
        pytest.param({"transformJobStatus": "Stopping"}, id="Stopping"),
        pytest.param(
            {"transformJobStatus": "InProgress", "failureReason": "Completed"}, id="a reason that reads Completed"
        ),
        pytest.param(condition("ACK.Terminal", "x", status="False"), id="Terminal that is over"),
        pytest.param(condition("ACK.Recoverable", "ThrottlingException: Rate exceeded"), id="throttling"),
        pytest.param(over_quota(limit=1, used=1, asked=1), id="a quota of 1 that another job uses"),
        pytest.param(over_quota(limit=10, used=10, asked=1), id="a quota that ends in 0"),
        pytest.param(over_quota(limit=20, used=10, asked=11), id="a use that ends in 0"),
        pytest.param(condition("ACK.Recoverable"), id="Recoverable without a message"),
        pytest.param(
            condition("ACK.Recoverable", "ValidationException", status="False"), id="Recoverable that is over"
        ),
        pytest.param(condition("ACK.ResourceSynced", "ValidationException"), id="another condition"),
    ],
)
def test_it_waits_on(status: dict[str, Any] | None) -> None:
    assert not matches(status)


def test_it_is_written_as_the_provider_reads_it() -> None:
    expression = spec.wait_expression()
    assert expression.startswith("jsonpath={[?")
    assert expression.endswith("]}")
    assert "}" not in expression[:-1]
    assert not re.search(r"!=|<=|>=", expression)
    assert "@.message && search(@.message" in expression
    assert not re.search(r"(?<![=])=(?![=])", expression.removeprefix("jsonpath="))
