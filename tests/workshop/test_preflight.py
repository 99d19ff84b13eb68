"""Each thing that would stop a first `up` is found, and its line says how to mend it."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
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

from workshop import preflight

PLACE = "us-east-1"


class FakeClient:
    """Answers recorded from the services' documented shapes."""

    def __init__(
        self, *, quota: float | None = 1, default: float | None = None, version: str = "STANDARD_SUPPORT"
    ) -> None:
        self.quota, self.default, self.version = quota, default, version

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::111122223333:user/ana", "Account": "111122223333", "UserId": "A"}

    def get_paginator(self, operation: str) -> FakeQuotas:
        return FakeQuotas(self.default if operation == "list_aws_default_service_quotas" else self.quota)

    def describe_cluster_versions(self, **_: Any) -> dict[str, Any]:
        return {"clusterVersions": [{"clusterVersion": "1.35", "versionStatus": self.version}] if self.version else []}


class FakeQuotas:
    """One page with the quota, or with none."""

    def __init__(self, value: float | None) -> None:
        self.value = value

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        name = "ml.m5.large for transform job usage"
        return [{"Quotas": [] if self.value is None else [{"QuotaName": name, "Value": self.value}]}]


@pytest.fixture
def address() -> Iterator[str]:
    """A server on this machine that tells every caller the same public address."""

    class Tell(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"203.0.113.7\n")

        def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002  the base class's name

    with http.server.HTTPServer(("127.0.0.1", 0), Tell) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def use(monkeypatch: pytest.MonkeyPatch, client: FakeClient) -> None:
    monkeypatch.setattr("boto3.client", lambda *_, **__: client)


def test_the_caller_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeClient())
    assert preflight.identity(PLACE) == "arn:aws:iam::111122223333:user/ana in account 111122223333"


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
            EndpointConnectionError(endpoint_url="https://x"), "see that aws:region names", id="no such region"
        ),
    ],
)
@pytest.mark.parametrize(
    ("check", "permission"),
    [
        pytest.param(lambda: preflight.identity(PLACE), "sts:GetCallerIdentity", id="credentials"),
        pytest.param(
            lambda: preflight.transform_quota("ml.m5.large", PLACE), "servicequotas:ListServiceQuotas", id="quota"
        ),
        pytest.param(lambda: preflight.eks_version("1.35", PLACE), "eks:DescribeClusterVersions", id="version"),
    ],
)
def test_a_call_that_fails_is_told_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, check: Callable[[], str], permission: str, error: Exception, cure: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("boto3.client", refuse)
    with pytest.raises(preflight.Problem, match=cure.replace("PERMISSION", permission)) as told:
        check()
    assert len(str(told.value).splitlines()) == 1


def test_a_stack_without_a_region_is_told_the_command() -> None:
    with pytest.raises(preflight.Problem, match="pulumi config set aws:region us-east-1"):
        preflight.region(None)


def test_a_profile_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(preflight.Problem, match=r"nobody.*sign in"):
        preflight.region(PLACE)


@pytest.mark.parametrize(
    ("quota", "words"),
    [
        pytest.param(0, "is 0: ask for 1", id="quota 0"),
        pytest.param(None, "to a type that us-east-1 has", id="no such quota"),
    ],
)
def test_a_quota_that_lets_no_job_run_is_found(
    monkeypatch: pytest.MonkeyPatch, quota: float | None, words: str
) -> None:
    use(monkeypatch, FakeClient(quota=quota))
    with pytest.raises(preflight.Problem, match=words):
        preflight.transform_quota("ml.m5.large", PLACE)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        pytest.param("EXTENDED_SUPPORT", "1.35 is EXTENDED_SUPPORT: set kubernetesVersion", id="extended support"),
        pytest.param("", "unknown to EKS", id="no such version"),
    ],
)
def test_a_version_that_costs_more_or_is_none_is_found(
    monkeypatch: pytest.MonkeyPatch, status: str, words: str
) -> None:
    use(monkeypatch, FakeClient(version=status))
    with pytest.raises(preflight.Problem, match=words):
        preflight.eks_version("1.35", PLACE)


def test_a_quota_that_nobody_has_changed_is_found_among_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeClient(quota=None, default=4))
    assert preflight.transform_quota("ml.m5.large", PLACE).endswith(": 4")


def test_all_well_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, FakeClient())
    assert preflight.transform_quota("ml.m5.large", PLACE).endswith(": 1")
    assert preflight.eks_version("1.35", PLACE) == "1.35 is in standard support"


def test_another_region_in_the_environment_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(preflight.Problem, match="export AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1"):
        preflight.region(PLACE)


@pytest.mark.parametrize(
    ("said", "good"),
    [
        pytest.param("aws-cli/1.46.3 Python/3.11", True, id="a new 1"),
        pytest.param("aws-cli/2.15.0 Python/3.11", True, id="a new 2"),
        pytest.param("aws-cli/2.6.9 Python/3.9", False, id="an old 2"),
        pytest.param("aws-cli/1.22.1 Python/3.6", False, id="an old 1"),
    ],
)
def test_an_aws_cli_that_is_too_old_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, good: bool
) -> None:
    (tmp_path / "aws").write_text(f"#!/bin/sh\necho '{said}'\n")
    (tmp_path / "aws").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    if good:
        assert preflight.aws_cli().startswith(str(tmp_path))
    else:
        with pytest.raises(preflight.Problem, match="or newer is needed"):
            preflight.aws_cli()


def test_an_address_that_may_reach_the_cluster_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    assert preflight.allowed_addresses("dev", ["203.0.113.0/24"]) == "203.0.113.7 is within 203.0.113.0/24"


def test_an_address_that_nobody_tells_stops_only_who_has_set_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", "http://127.0.0.1:1/")
    assert "whether this machine is among them is not known" in preflight.allowed_addresses("dev", ["203.0.113.7/32"])
    with pytest.raises(preflight.Problem, match="set allowedCidrs by hand"):
        preflight.allowed_addresses("dev", [])


def test_an_address_that_is_shut_out_is_found(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match=r"allowedCidrs\[1\]' 203.0.113.7/32"):
        preflight.allowed_addresses("dev", ["198.51.100.0/24"])


def test_with_no_address_set_this_machines_is_written_into_the_config(
    monkeypatch: pytest.MonkeyPatch, address: str, tmp_path: Path
) -> None:
    (tmp_path / "pulumi").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    assert preflight.allowed_addresses("dev", []) == "203.0.113.7/32 written into Pulumi.dev.yaml"
    assert (tmp_path / "said").read_text() == "config set --stack dev --path allowedCidrs[0] 203.0.113.7/32\n"


def test_the_pulumi_cli_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, address: str) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match="not on PATH: install it"):
        preflight.pulumi_cli()
    with pytest.raises(preflight.Problem, match=r"set allowedCidrs to \[203.0.113.7/32\] in Pulumi.dev.yaml"):
        preflight.allowed_addresses("dev", [])


def test_a_stack_that_was_not_made_is_told_how(monkeypatch: pytest.MonkeyPatch, address: str, tmp_path: Path) -> None:
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho \"error: no stack named 'dev' found\" >&2\nexit 255\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match="`pulumi stack init dev` makes the stack"):
        preflight.allowed_addresses("dev", [])


@pytest.mark.parametrize(
    ("cidr", "words"),
    [
        pytest.param("10.0.0.0/8", "a private range, which EKS refuses", id="a private range"),
        pytest.param("192.168.1.7/32", "a private range, which EKS refuses", id="an address behind a router"),
        pytest.param("office", "write an IPv4 range such as", id="no range"),
        pytest.param("2001:db8::/64", "write an IPv4 range such as", id="IPv6"),
    ],
)
def test_a_range_that_eks_refuses_is_found(
    monkeypatch: pytest.MonkeyPatch, address: str, cidr: str, words: str
) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match=words):
        preflight.allowed_addresses("dev", ["203.0.113.7/32", cidr])


def test_every_check_runs_even_when_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise preflight.Problem("no; do this")

    made = [preflight.Check("first", fail), preflight.Check("second", lambda: "fine")]
    monkeypatch.setattr(preflight, "checks", lambda *_: made)
    monkeypatch.setattr(preflight, "settings", lambda *_: {})
    assert preflight.main(["--stack", "dev"]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "FAILED  first              no; do this",
        "ok      second             fine",
    ]


class FakeEks:
    """A cluster with node groups and capabilities of these types, or none."""

    def __init__(self, nodes: list[str] | None = None, capabilities: list[str] | None = None) -> None:
        self.nodes, self.capabilities = nodes, capabilities

    def list_nodegroups(self, **_: Any) -> dict[str, Any]:
        if self.nodes is None:
            raise ClientError(
                {"Error": {"Code": "ResourceNotFoundException", "Message": "no cluster"}}, "ListNodegroups"
            )
        return {"nodegroups": self.nodes}

    def list_capabilities(self, **_: Any) -> dict[str, Any]:
        return {"capabilities": [{"type": kind} for kind in self.capabilities or ()]}


@pytest.mark.parametrize(
    ("install", "cluster", "said"),
    [
        pytest.param("capability", FakeEks(), "capability; the cluster is not there yet", id="no cluster"),
        pytest.param("capability", FakeEks([], ["ACK"]), "capability", id="managed, as wanted"),
        pytest.param("helm", FakeEks(["nodes"]), "helm", id="on a node, as wanted"),
    ],
)
def test_the_operator_of_the_settings_is_the_only_one(
    monkeypatch: pytest.MonkeyPatch, install: str, cluster: FakeEks, said: str
) -> None:
    monkeypatch.setattr("boto3.client", lambda *_, **__: cluster)
    assert preflight.one_operator(install, "batch-workshop", PLACE) == said


@pytest.mark.parametrize(
    ("install", "cluster", "said"),
    [
        pytest.param("capability", FakeEks(["nodes"]), "the cluster has nodes", id="a capability beside Helm's"),
        pytest.param("helm", FakeEks(["nodes"], ["ACK"]), "EKS runs an operator", id="Helm's beside a capability"),
    ],
)
def test_a_second_operator_is_refused(
    monkeypatch: pytest.MonkeyPatch, install: str, cluster: FakeEks, said: str
) -> None:
    monkeypatch.setattr("boto3.client", lambda *_, **__: cluster)
    with pytest.raises(preflight.Problem, match=said):
        preflight.one_operator(install, "batch-workshop", PLACE)
