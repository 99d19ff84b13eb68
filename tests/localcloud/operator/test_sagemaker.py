"""The AWS client over HTTP: errors in the words of the SDK for Go, and retries only if they are safe."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.operator import sagemaker
from localcloud.operator.sagemaker import ApiError, CallError, Regions, SageMaker
from tests.localcloud.operator.fake_endpoint import FakeEndpoint
from tests.localcloud.operator.fake_sagemaker import FakeSageMaker
from tests.localcloud.operator.stage import MemoryStage

Json = dict[str, Any]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeEndpoint]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "LOCALCLOUDADMIN")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "localcloud")
    endpoint = FakeEndpoint(FakeSageMaker())
    yield endpoint
    endpoint.close()


@pytest.fixture
def jobs(endpoint: FakeEndpoint, monkeypatch: pytest.MonkeyPatch) -> SageMaker:
    monkeypatch.setattr(sagemaker, "time", SimpleNamespace(sleep=lambda _seconds: None))
    return Regions(endpoint.url, 2).jobs("eu-west-1")


def request_for(name: str) -> Json:
    return MemoryStage().request(name)


def test_a_job_is_created_described_and_stopped_in_its_region(endpoint: FakeEndpoint, jobs: SageMaker) -> None:
    arn = jobs.create(request_for("churn"))
    assert arn == "arn:aws:sagemaker:eu-west-1:123456789012:transform-job/churn"
    assert jobs.describe("churn")["TransformJobArn"] == arn
    jobs.stop("churn")
    assert jobs.peek("churn") == "Stopping"
    assert {call.region for call in endpoint.sagemaker.calls} == {"eu-west-1"}


def test_an_unknown_job_is_not_found(jobs: SageMaker) -> None:
    with pytest.raises(ApiError) as raised:
        jobs.describe("churn")
    assert raised.value.not_found
    assert raised.value.short == "api error ValidationException: Could not find requested job with name: churn"
    assert str(raised.value) == (
        "operation error SageMaker: DescribeTransformJob, https response error StatusCode: 400, RequestID: fake, "
        "api error ValidationException: Could not find requested job with name: churn"
    )
    assert jobs.peek("churn") == ""


def test_errors_that_the_model_names_have_their_own_form(jobs: SageMaker) -> None:
    jobs.create(request_for("churn"))
    with pytest.raises(ApiError) as raised:
        jobs.create(request_for("churn"))
    assert raised.value.short.startswith("ResourceInUse: Job name must be unique")
    assert raised.value.terminal


@pytest.mark.parametrize(
    ("operation", "code", "status", "attempts"),
    [
        pytest.param("DescribeTransformJob", "ThrottlingException", 400, 3, id="throttled description"),
        pytest.param("CreateTransformJob", "ThrottlingException", 400, 3, id="throttled creation"),
        pytest.param("DescribeTransformJob", "InternalFailure", 500, 3, id="failed description"),
        pytest.param("CreateTransformJob", "InternalFailure", 500, 1, id="failed creation"),
        pytest.param("DescribeTransformJob", "AccessDeniedException", 400, 1, id="refused description"),
    ],
)
def test_only_what_is_safe_is_tried_again(
    endpoint: FakeEndpoint, jobs: SageMaker, operation: str, code: str, status: int, attempts: int
) -> None:
    endpoint.sagemaker.fail(operation, code, "text", status=status)
    with pytest.raises(ApiError) as raised:
        jobs.create(request_for("churn")) if operation == "CreateTransformJob" else jobs.describe("churn")
    assert endpoint.sagemaker.operations("churn") == [operation] * attempts
    assert ("exceeded maximum number of attempts, 3" in str(raised.value)) == (attempts == 3)
    assert raised.value.refused == (status == 400)


def test_an_endpoint_that_is_gone_is_a_failed_call(endpoint: FakeEndpoint, jobs: SageMaker) -> None:
    endpoint.close()
    with pytest.raises(CallError, match=r"exceeded maximum number of attempts, 3, .*request send failed"):
        jobs.describe("churn")
    assert jobs.peek("churn") is None


def test_the_caller_is_known(endpoint: FakeEndpoint) -> None:
    identity = Regions(None, 2).caller_identity("us-east-1", endpoint.url)
    assert identity["Account"] == "123456789012"


def test_a_refused_caller_is_told_so(endpoint: FakeEndpoint) -> None:
    endpoint.knows_caller = False
    with pytest.raises(CallError) as raised:
        Regions(None, 2).caller_identity("us-east-1", endpoint.url)
    assert str(raised.value) == (
        "operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: fake, "
        "api error InvalidClientTokenId: The security token included in the request is invalid."
    )
