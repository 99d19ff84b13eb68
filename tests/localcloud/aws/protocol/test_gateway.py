"""The gateway: it reports what is not available, blocks moto's own paths, and handles calls at the same time."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.localcloud.aws.endpoint import ACCOUNT, Endpoint, allow, document, eventually


def fetch(url: str, method: str = "GET", data: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(url, data, method=method)  # noqa: S310  our own endpoint
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_health_is_answered_without_a_signature(aws: Endpoint) -> None:
    status, body = fetch(f"{aws.url}/_localcloud/health")
    assert (status, json.loads(body)["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("method", "path", "data"),
    [
        ("POST", "/moto-api/reset", None),
        ("POST", "/moto-api/reset-auth", b"inf"),
        ("GET", "/moto-api/data.json", None),
        ("POST", "/moto-api/state-manager/set-transition", b"{}"),
        ("GET", "/latest/meta-data/iam/security-credentials/", None),
        ("GET", "/_localcloud/nothing", None),
    ],
)
def test_motos_own_routes_are_closed(aws: Endpoint, method: str, path: str, data: bytes | None) -> None:
    bucket = aws.bucket()
    status, _ = fetch(aws.url + path, method, data)
    assert status in {403, 404}
    aws.client("s3").head_bucket(Bucket=bucket)


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "named"),
    [
        pytest.param("eks", "list_insights", {"clusterName": "c"}, "eks:ListInsights", id="rest-json"),
        pytest.param("sagemaker", "list_pipelines", {}, "sagemaker:ListPipelines", id="json"),
        pytest.param("sts", "get_access_key_info", {"AccessKeyId": "A" * 16}, "sts:GetAccessKeyInfo", id="query"),
        pytest.param(
            "iam",
            "simulate_custom_policy",
            {"PolicyInputList": ["{}"], "ActionNames": ["s3:x"]},
            "iam:Simulate",
            id="iam",
        ),
        pytest.param(
            "ec2", "describe_aws_network_performance_metric_subscriptions", {}, "ec2:DescribeAwsNet", id="ec2"
        ),
        pytest.param(
            "s3", "get_bucket_intelligent_tiering_configuration", {"Bucket": "BUCKET", "Id": "x"}, "s3:Get", id="s3"
        ),
        pytest.param("logs", "list_anomalies", {}, "logs:ListAnomalies", id="logs"),
        pytest.param(
            "service-quotas",
            "list_requested_service_quota_change_history",
            {},
            "service-quotas:ListRequested",
            id="quotas",
        ),
    ],
)
def test_an_operation_that_is_not_available_is_named(
    aws: Endpoint, service: str, operation: str, arguments: dict[str, Any], named: str
) -> None:
    if arguments.get("Bucket"):
        arguments = {**arguments, "Bucket": aws.bucket()}
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service), operation)(**arguments)
    answer = caught.value.response
    assert answer["Error"]["Code"] == "NotImplemented"
    assert f"Operation {named}" in answer["Error"]["Message"]
    assert "not available in the local cloud" in answer["Error"]["Message"]
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_an_unknown_service_is_refused_as_not_available(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match="not available in the local cloud"):
        aws.client("freetier").get_free_tier_usage()


def test_an_error_about_a_control_character_can_be_read(aws: Endpoint) -> None:
    with pytest.raises(ClientError, match=r"ValidationError.*Value 'a\ufffd' at 'roleSessionName'"):
        aws.client("sts").assume_role(RoleArn=f"arn:aws:iam::{ACCOUNT}:role/role", RoleSessionName="a\x01")


def test_listing_while_creating_does_not_fail(aws: Endpoint) -> None:
    iam = aws.client("iam")
    names = [aws.name("race") for _ in range(24)]

    def create(name: str) -> None:
        iam.create_policy(PolicyName=name, PolicyDocument=document(allow("s3:Get*")))

    with ThreadPoolExecutor(6) as pool:
        listings = [pool.submit(iam.list_policies, Scope="Local") for _ in range(24)]
        list(pool.map(create, names))
        assert all(listing.result() for listing in listings)


@pytest.mark.parametrize("path", ["/", "/a%ZZ", "/%00", "//", "/?Action=", "/b?list-type=2&prefix=%ff"])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "PATCH"])
def test_nonsense_is_answered_with_a_clients_error(aws: Endpoint, path: str, method: str) -> None:
    status, _ = fetch(aws.url + path, method, b"<noise" if method != "GET" else None)
    assert 400 <= status < 500


def test_quotas_can_be_asked_for_and_set(aws: Endpoint) -> None:
    quotas, name = aws.client("service-quotas"), "ml.m5.large for transform job usage"

    def value() -> float:
        pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
        row = next(row for page in pages for row in page["Quotas"] if row["QuotaName"] == name)
        one = quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode=row["QuotaCode"])["Quota"]
        assert one == row
        return row["Value"]

    file = aws.home / "quotas.json"
    assert value() > 0
    try:
        file.write_text(json.dumps({name: 0}))
        assert value() == 0
    finally:
        file.unlink()
    eventually(lambda: value() > 0)
    with pytest.raises(ClientError, match="NoSuchResourceException"):
        quotas.get_service_quota(ServiceCode="sagemaker", QuotaCode="L-0")


def test_an_increase_of_a_quota_is_asked_for_once_and_stays_pending(aws: Endpoint) -> None:
    quotas = aws.client("service-quotas")
    which = {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A"}
    history = quotas.get_paginator("list_requested_service_quota_change_history_by_quota")
    assert [page["RequestedQuotas"] for page in history.paginate(**which)] == [[]]
    with pytest.raises(ClientError, match="must be greater than the current quota value"):
        quotas.request_service_quota_increase(**which, DesiredValue=1)
    asked = quotas.request_service_quota_increase(**which, DesiredValue=500)["RequestedQuota"]
    assert (asked["Status"], asked["DesiredValue"]) == ("PENDING", 500)
    assert [page["RequestedQuotas"] for page in history.paginate(**which)] == [[asked]]
    with pytest.raises(ClientError, match="ResourceAlreadyExistsException"):
        quotas.request_service_quota_increase(**which, DesiredValue=600)


def test_log_events_come_back(aws: Endpoint) -> None:
    logs, group = aws.client("logs"), aws.name("/aws/sagemaker/TransformJobs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    logs.put_log_events(
        logGroupName=group, logStreamName="s", logEvents=[{"timestamp": int(time.time() * 1000), "message": "m"}]
    )
    found = logs.get_log_events(logGroupName=group, logStreamName="s", startFromHead=True)["events"]
    assert [event["message"] for event in found] == ["m"]
