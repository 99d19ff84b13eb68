"""Each thing that would stop a first `up` is found, and its line says how to fix it."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workshop import preflight

PLACE = "us-east-1"


class Caller:
    """STS as it answers whoever is signed in."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::111122223333:user/ana", "Account": "111122223333", "UserId": "A"}


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
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_the_caller_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("boto3.client", lambda *_, **__: Caller())
    assert preflight.identity(PLACE) == "arn:aws:iam::111122223333:user/ana in account 111122223333"


def test_a_stack_without_a_region_is_reported_with_the_command_that_sets_it() -> None:
    with pytest.raises(preflight.Problem, match="pulumi config set aws:region us-east-1"):
        preflight.region(None)


def test_a_profile_that_is_not_there_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(preflight.Problem, match=r"nobody.*sign in"):
        preflight.region(PLACE)


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


def test_an_unknown_address_is_a_problem_only_if_no_range_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", "http://127.0.0.1:1/")
    assert "it is not known whether this machine is among them" in preflight.allowed_addresses(
        "dev", ["203.0.113.7/32"]
    )
    with pytest.raises(preflight.Problem, match="set allowedCidrs by hand"):
        preflight.allowed_addresses("dev", [])


def test_a_server_that_does_not_speak_http_tells_no_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", f"http://127.0.0.1:{server.getsockname()[1]}")
        threading.Thread(target=lambda: server.accept()[0].sendall(b"nonsense\r\n"), daemon=True).start()
        with pytest.raises(preflight.Problem, match="set allowedCidrs by hand"):
            preflight.public_address()


def test_an_address_that_is_shut_out_is_found(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match=r"allowedCidrs\[1\]' 203.0.113.7/32"):
        preflight.allowed_addresses("dev", ["198.51.100.0/24"])


def test_this_machines_address_is_written_into_the_config_if_none_is_set(
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


def test_a_missing_stack_is_reported_with_the_command_that_creates_it(
    monkeypatch: pytest.MonkeyPatch, address: str, tmp_path: Path
) -> None:
    (tmp_path / "pulumi").write_text("#!/bin/sh\necho \"error: no stack named 'dev' found\" >&2\nexit 255\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PREFLIGHT_ADDRESS_URL", address)
    with pytest.raises(preflight.Problem, match="`pulumi stack init dev` creates the stack"):
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


def test_jobs_that_the_program_cannot_declare_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(preflight, "PROJECT_FOLDER", tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "lanes.py").write_text("raise SystemExit('The jobs cannot be declared: 1 problem')")
    with pytest.raises(preflight.Problem, match="The jobs cannot be declared: 1 problem"):
        preflight.jobs_at_once({"transformInstanceType": "ml.m5.large"}, PLACE, send=False)


def test_the_quota_is_compared_with_the_instances_that_the_declared_jobs_may_use_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(preflight, "PROJECT_FOLDER", tmp_path)
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "lanes.py").write_text("""print('{"ml.m5.large": 5, "ml.c5.xlarge": 1}')""")
    monkeypatch.setattr(preflight, "transform_quota", lambda kind, place, count, send: f"{kind} {place} {count} {send}")
    line = preflight.jobs_at_once({}, PLACE, send=True)
    assert line == "ml.m5.large us-east-1 5 True; ml.c5.xlarge us-east-1 1 True"


def test_every_check_runs_even_when_one_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> str:
        raise preflight.Problem("no; do this")

    made = {"first": fail, "second": lambda: "fine"}
    monkeypatch.setattr(preflight, "checks", lambda *_, **__: made)
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
