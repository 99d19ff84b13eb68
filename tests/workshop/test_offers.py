"""What AWS offers is compared with what the stack needs, and each message about a shortfall says how to fix it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    UnauthorizedSSOTokenError,
)

from workshop import offers, preflight

PLACE = "us-east-1"
CLUSTER = "batch-workshop"
TRANSFORM = "ml.m5.large for transform job usage"
NODES = "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
REQUEST = "aws service-quotas request-service-quota-increase --region us-east-1 --service-code sagemaker --quota-code L-1 --desired-value"


class Account:
    """Service Quotas, EC2 and EKS in the shapes of their API, for one account.

    Args:
        changed: quotas that somebody has changed, which alone are listed as the account's.
        defaults: AWS's own values.
        requests: increases that were asked for, as (status, value), the newest last.
        version: the support that the Kubernetes version has; empty where EKS does not know it.
        addons: versions of each add-on, the newest first.
        cluster: the version of the stack's cluster; empty before the first `up`.
    """

    def __init__(
        self,
        *,
        changed: dict[str, float] | None = None,
        defaults: dict[str, float] | None = None,
        requests: list[tuple[str, float]] | None = None,
        version: str = "STANDARD_SUPPORT",
        addons: dict[str, list[str]] | None = None,
        cluster: str = "",
    ) -> None:
        self.changed, self.defaults = changed or {}, defaults or {}
        self.requests, self.version, self.addons = requests or [], version, addons or {}
        self.cluster = cluster
        self.sent: list[dict[str, Any]] = []

    def get_paginator(self, operation: str) -> Account.Pages:
        return Account.Pages(self, operation)

    class Pages:
        def __init__(self, account: Account, operation: str) -> None:
            self.account, self.operation = account, operation

        def paginate(self, **asked: Any) -> list[dict[str, Any]]:
            account = self.account
            match self.operation:
                case "list_service_quotas":
                    return [{"Quotas": []}, {"Quotas": quotas(account.changed)}]
                case "list_aws_default_service_quotas":
                    return [{"Quotas": quotas(account.defaults)}]
                case "list_requested_service_quota_change_history_by_quota":
                    return [{"RequestedQuotas": [request(n, *row) for n, row in enumerate(account.requests)]}]
                case _:
                    listed = account.addons[asked["addonName"]]
                    return [{"addons": [{"addonVersions": [{"addonVersion": version} for version in listed]}]}]

    def request_service_quota_increase(self, **asked: Any) -> dict[str, Any]:
        self.sent.append(asked)
        return {"RequestedQuota": request(99, "PENDING", asked["DesiredValue"])}

    def describe_cluster_versions(self, **_: Any) -> dict[str, Any]:
        return {"clusterVersions": [{"clusterVersion": "1.35", "versionStatus": self.version}] if self.version else []}

    def describe_cluster(self, name: str) -> dict[str, Any]:
        if not self.cluster:
            raise refused("ResourceNotFoundException")
        return {"cluster": {"name": name, "version": self.cluster}}

    def describe_instance_types(self, InstanceTypes: list[str]) -> dict[str, Any]:  # noqa: N803  boto3's name
        if InstanceTypes == ["t9.small"]:
            raise refused("InvalidInstanceType")
        return {"InstanceTypes": [{"VCpuInfo": {"DefaultVCpus": 2}}]}


def quotas(values: dict[str, float]) -> list[dict[str, Any]]:
    return [{"QuotaName": name, "QuotaCode": "L-1", "Value": value} for name, value in values.items()]


def request(number: int, status: str, value: float) -> dict[str, Any]:
    made = datetime(2026, 11, 1 + number % 28, tzinfo=UTC)
    return {"Id": f"r{number}", "Status": status, "DesiredValue": value, "Created": made}


def use(monkeypatch: pytest.MonkeyPatch, account: Account) -> Account:
    monkeypatch.setattr("boto3.client", lambda *_, **__: account)
    return account


def refused(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Operation")


@pytest.mark.parametrize(
    ("error", "cure"),
    [
        pytest.param(NoCredentialsError(), "Unable to locate credentials; sign in", id="no credentials"),
        pytest.param(UnauthorizedSSOTokenError(), "sign in", id="a session of SSO that ended"),
        pytest.param(
            ProfileNotFound(profile="me"), r"profile \(me\) could not be found; sign in", id="no such profile"
        ),
        pytest.param(refused("ExpiredToken"), "sign in", id="an expired token"),
        pytest.param(refused("InvalidClientTokenId"), "sign in", id="keys that are no more"),
        pytest.param(refused("UnrecognizedClientException"), "sign in", id="keys unknown to a service"),
        pytest.param(
            refused("AccessDeniedException"), r"PERMISSION is needed \(docs/deployer-policy", id="no permission"
        ),
        pytest.param(refused("Throttling"), "run this again", id="throttled"),
        pytest.param(
            EndpointConnectionError(endpoint_url="https://x"), "check that aws:region names", id="no such region"
        ),
    ],
)
@pytest.mark.parametrize(
    ("check", "permission"),
    [
        pytest.param(lambda: preflight.identity(PLACE), "sts:GetCallerIdentity", id="credentials"),
        pytest.param(
            lambda: offers.transform_quota("ml.m5.large", PLACE), "servicequotas:ListServiceQuotas", id="quota"
        ),
        pytest.param(lambda: offers.eks_version("1.35", PLACE, CLUSTER), "eks:DescribeCluster", id="version"),
    ],
)
def test_a_call_that_fails_is_reported_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], str], permission: str, error: Exception, cure: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("boto3.client", refuse)
    with pytest.raises(offers.Problem, match=cure.replace("PERMISSION", permission)) as problem:
        check()
    assert len(str(problem.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("account", "words"),
    [
        pytest.param(
            Account(changed={TRANSFORM: 0}),
            f"is 0, so no job starts: ask for 1 by `make preflight REQUEST=1` or `{REQUEST} 1`",
            id="quota 0",
        ),
        pytest.param(Account(defaults={TRANSFORM: 0}), "is 0, so no job starts", id="quota 0 by default"),
        pytest.param(Account(), "to a type that us-east-1 has", id="no such quota"),
        pytest.param(
            Account(changed={TRANSFORM: 0}, requests=[("CASE_CLOSED", 1), ("PENDING", 1)]),
            "the request r1 for 1 is PENDING; AWS may take some days",
            id="asked for and pending",
        ),
        pytest.param(
            Account(changed={TRANSFORM: 0}, requests=[("PENDING", 1), ("DENIED", 1)]),
            "AWS refused the request r1 for 1 (DENIED); give AWS Support a reason there",
            id="asked for and denied",
        ),
    ],
)
def test_a_quota_that_lets_no_job_run_is_found(monkeypatch: pytest.MonkeyPatch, account: Account, words: str) -> None:
    use(monkeypatch, account)
    with pytest.raises(offers.Problem) as problem:
        offers.transform_quota("ml.m5.large", PLACE)
    assert words in str(problem.value)
    assert account.sent == []


def test_jobs_that_must_wait_for_others_are_reported_and_fail_no_check(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Account(changed={TRANSFORM: 2}))
    line = offers.transform_quota("ml.m5.large", PLACE, 5)
    assert line.startswith(
        f"{TRANSFORM}: 2; 5 would run at once, and the rest wait: set maxJobsAtOnce to 2, or ask for 5"
    )


def test_the_quota_is_requested_once_if_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    account = use(monkeypatch, Account(changed={TRANSFORM: 0}))
    with pytest.raises(offers.Problem, match=r"asked for 1 now \(request r99, PENDING\)"):
        offers.transform_quota("ml.m5.large", PLACE, send=True)
    assert account.sent == [{"ServiceCode": "sagemaker", "QuotaCode": "L-1", "DesiredValue": 1}]
    account.requests = [("PENDING", 1.0)]
    with pytest.raises(offers.Problem, match="the request r0 for 1 is PENDING"):
        offers.transform_quota("ml.m5.large", PLACE, send=True)
    assert len(account.sent) == 1


def test_a_pending_request_for_less_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    account = use(monkeypatch, Account(changed={TRANSFORM: 1}, requests=[("PENDING", 2)]))
    assert "asked for 5 now" in offers.transform_quota("ml.m5.large", PLACE, 5, send=True)
    assert account.sent[0]["DesiredValue"] == 5


@pytest.mark.parametrize(
    "account",
    [
        pytest.param(Account(changed={TRANSFORM: 4}, defaults={TRANSFORM: 0}), id="changed"),
        pytest.param(Account(defaults={TRANSFORM: 4}), id="by default"),
    ],
)
def test_a_quota_that_is_enough_is_reported(monkeypatch: pytest.MonkeyPatch, account: Account) -> None:
    use(monkeypatch, account)
    assert offers.transform_quota("ml.m5.large", PLACE, 4) == f"{TRANSFORM}: 4"


@pytest.mark.parametrize(
    ("value", "good"), [pytest.param(2, True, id="as many as it has"), pytest.param(1, False, id="fewer")]
)
def test_the_nodes_vcpus_are_compared_with_the_quota(
    monkeypatch: pytest.MonkeyPatch, value: float, *, good: bool
) -> None:
    use(monkeypatch, Account(changed={NODES: value}))
    if good:
        assert offers.node_quota("t3.small", PLACE) == "2 vCPUs may run at once, a t3.small has 2"
    else:
        with pytest.raises(offers.Problem, match=r"1 vCPUs may run at once, and a t3.small has 2: ask for 2"):
            offers.node_quota("t3.small", PLACE)


def test_a_node_type_that_does_not_exist_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Account())
    with pytest.raises(offers.Problem, match=r"EC2 has no t9\.small in us-east-1: set nodeInstanceType"):
        offers.node_quota("t9.small", PLACE)


def test_a_node_type_of_another_quota_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Account())
    assert offers.node_quota("g5.xlarge", PLACE) == "g5.xlarge has a quota of its own, which is not checked"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param("EXTENDED_SUPPORT", "1.35 is EXTENDED_SUPPORT: set kubernetesVersion", id="extended support"),
        pytest.param("", "unknown to EKS", id="no such version"),
    ],
)
def test_a_version_that_costs_more_or_does_not_exist_is_found(
    monkeypatch: pytest.MonkeyPatch, status: str, words: str
) -> None:
    use(monkeypatch, Account(version=status))
    with pytest.raises(offers.Problem, match=words):
        offers.eks_version("1.35", PLACE, CLUSTER)


def test_a_supported_version_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Account())
    assert offers.eks_version("1.35", PLACE, CLUSTER) == "1.35 is in standard support"


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    file = tmp_path / "eks_versions.json"
    file.write_text(json.dumps({"1.35": {"kube-proxy": "v1.35.3-eksbuild.18", "vpc-cni": "v1.22.4-eksbuild.3"}}))
    monkeypatch.setattr(offers, "VERSIONS", file)
    return file


@pytest.mark.usefixtures("table")
def test_addons_that_eks_offers_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    use(
        monkeypatch,
        Account(
            addons={
                "kube-proxy": ["v1.35.4-eksbuild.1", "v1.35.3-eksbuild.18"],
                "vpc-cni": ["v1.22.4-eksbuild.3"],
            }
        ),
    )
    assert offers.addon_versions("1.35", PLACE, CLUSTER) == "kube-proxy v1.35.3-eksbuild.18, vpc-cni v1.22.4-eksbuild.3"


@pytest.mark.usefixtures("table")
def test_an_addon_that_eks_no_longer_offers_is_found_with_the_newest_that_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    use(
        monkeypatch,
        Account(addons={"kube-proxy": ["v1.35.9-eksbuild.2", "v1.35.8-eksbuild.1"], "vpc-cni": ["v1.22.4-eksbuild.3"]}),
    )
    with pytest.raises(
        offers.Problem, match=r"no longer offers .* for 1.35: write there kube-proxy to v1.35.9-eksbuild.2"
    ):
        offers.addon_versions("1.35", PLACE, CLUSTER)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("cluster", "newer"),
    [
        pytest.param("1.34", False, id="older"),
        pytest.param("1.35", False, id="as set"),
        pytest.param("1.36", True, id="newer"),
    ],
)
def test_a_cluster_that_eks_has_upgraded_stops_nobody(
    monkeypatch: pytest.MonkeyPatch, cluster: str, *, newer: bool
) -> None:
    use(monkeypatch, Account(version="EXTENDED_SUPPORT", cluster=cluster))
    if newer:
        assert offers.eks_version("1.35", PLACE, CLUSTER).endswith("pulumi config set kubernetesVersion 1.36")
        assert "no line for 1.36" in offers.addon_versions("1.35", PLACE, CLUSTER)
    else:
        with pytest.raises(offers.Problem, match="EXTENDED_SUPPORT"):
            offers.eks_version("1.35", PLACE, CLUSTER)


@pytest.mark.usefixtures("table")
def test_a_kubernetes_version_without_a_line_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, Account())
    with pytest.raises(offers.Problem, match=r"has no line for 1.34: set kubernetesVersion to one of 1.35"):
        offers.addon_versions("1.34", PLACE, CLUSTER)
