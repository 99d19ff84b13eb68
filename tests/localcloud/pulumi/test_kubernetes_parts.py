"""The parts of the kubernetes plugin that need no cluster: kubeconfigs, tokens, wait expressions, settings."""

from __future__ import annotations

import http.client
import json
import select
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from localcloud.pulumi.kubernetes import kubeconfig, objects
from localcloud.pulumi.kubernetes.api import Api
from localcloud.pulumi.kubernetes.conditions import (
    WaitExpressionError,
    check_annotation,
    deployment_available,
    ready_condition,
)
from localcloud.pulumi.kubernetes.errors import KubernetesError, UnreachableError
from localcloud.pulumi.kubernetes.kubeconfig import Connection, Credentials, KubeconfigError
from localcloud.pulumi.kubernetes.objects import TypeToken
from localcloud.pulumi.kubernetes.provider import KubernetesProvider
from localcloud.pulumi.wire import UNKNOWN


def config(server: str = "https://127.0.0.1:1", authority: str = "") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "contexts": [{"name": "one", "context": {"cluster": "k", "user": "u", "namespace": "n"}}],
        "clusters": [{"name": "k", "cluster": {"server": server, "certificate-authority-data": authority}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
    }


# Kubeconfigs


@pytest.mark.parametrize("form", [pytest.param(f, id=f) for f in ("object", "text", "yaml", "file", "environment")])
def test_a_kubeconfig_comes_in_every_form(form: str, tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text(json.dumps(config()))
    value = {
        "object": config(),
        "text": json.dumps(config(), indent=1),
        "yaml": "\n".join(f"{name}: {json.dumps(value)}" for name, value in config().items()),
        "file": str(path),
        "environment": None,
    }[form]
    connection = kubeconfig.active(kubeconfig.parse(value, {"KUBECONFIG": str(path)}))
    assert (connection.server, connection.namespace, connection.token) == ("https://127.0.0.1:1", "n", "t")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param("/no/such/file", "failed to read the kubeconfig", id="no file"),
        pytest.param("{", "failed to parse the kubeconfig", id="no JSON"),
        pytest.param("{}", "no `clusters`", id="no clusters"),
        pytest.param({**config(), "current-context": "two"}, "no context named 'two'", id="no context"),
        pytest.param({**config(), "clusters": []}, "no cluster named 'k'", id="no cluster"),
        pytest.param({**config(), "users": []}, "no user named 'u'", id="no user"),
    ],
)
def test_a_bad_kubeconfig_is_said_to_be_so(value: Any, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        kubeconfig.active(kubeconfig.parse(value, {}))


@pytest.mark.parametrize(
    ("server", "local"),
    [
        pytest.param("https://127.0.0.1:6443", True, id="loopback"),
        pytest.param("https://localhost:6443", True, id="name"),
        pytest.param("https://[::1]:6443", True, id="IPv6"),
        pytest.param("https://10.0.0.1", False, id="network"),
        pytest.param("https://X.eks.amazonaws.com", False, id="EKS"),
    ],
)
def test_only_clusters_of_this_machine_are_talked_to(server: str, local: bool) -> None:
    connection = kubeconfig.active(config(server))
    if local:
        kubeconfig.require_local(connection)
    else:
        with pytest.raises(KubernetesError, match=r"127\.0\.0\.1 only"):
            kubeconfig.require_local(connection)


# Tokens


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A command that prints a new token each time, and counts."""
    monkeypatch.setenv("LOCALCLOUD_HOME", str(tmp_path / "home"))
    count, script = tmp_path / "count", tmp_path / "token.py"

    def command(lifetime: timedelta = timedelta(minutes=14), failing: str = "") -> dict[str, Any]:
        expires = (datetime.now(UTC) + lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        script.write_text(
            f"import json, pathlib, sys\n{failing}\n"
            f"count = pathlib.Path({str(count)!r})\n"
            "n = int(count.read_text() or 0) + 1 if count.exists() else 1\n"
            "count.write_text(str(n))\n"
            f"print(json.dumps({{'status': {{'token': f'token-{{n}}', 'expirationTimestamp': {expires!r}}}}}))\n"
        )
        return {"command": sys.executable, "args": [str(script)]}

    return command


def credentials(command: dict[str, Any]) -> Credentials:
    return Credentials(Connection("https://127.0.0.1:1", "default", command=command))


def test_a_token_is_kept_until_it_expires_also_by_the_next_process(counting: Any, tmp_path: Path) -> None:
    command = counting()
    first = credentials(command)
    assert first.token() == first.token() == credentials(command).token() == "token-1"
    files = list((tmp_path / "home" / "run" / "tokens").iterdir())
    assert [oct(f.stat().st_mode & 0o777) for f in files] == ["0o600"]
    assert first.forget()
    assert first.token() == "token-2"


def test_a_token_about_to_expire_is_not_used(counting: Any) -> None:
    short = credentials(counting(timedelta(seconds=30)))
    assert short.token() == "token-1"
    assert short.token() == "token-2"


def test_a_command_that_fails_is_told_in_its_last_words(counting: Any) -> None:
    failing = credentials(counting(failing="sys.exit('Unable to locate credentials')"))
    with pytest.raises(KubeconfigError, match="failed with 1: Unable to locate credentials"):
        failing.token()


def test_a_command_that_is_not_there_is_told() -> None:
    with pytest.raises(KubeconfigError, match="getting credentials: exec: no-such-command"):
        credentials({"command": "no-such-command"}).token()


# Wait expressions


def waiting(expression: str, live: dict[str, Any]) -> bool:
    inputs = {"metadata": {"annotations": {"pulumi.com/waitFor": expression}}}
    condition = ready_condition(inputs, live)
    assert condition
    return condition(live)[0]


@pytest.mark.parametrize(
    ("expression", "status", "ready"),
    [
        pytest.param("jsonpath={.status.phase}", {}, False, id="a path that is not there"),
        pytest.param("jsonpath={.status.phase}", {"phase": "x"}, True, id="a path that is"),
        pytest.param("jsonpath={.status.phase}=Done", {"phase": "Done"}, True, id="a value"),
        pytest.param("jsonpath={.status.phase}=Done", {"phase": "Doing"}, False, id="another value"),
        pytest.param("jsonpath={.status.ok}=true", {"ok": True}, True, id="a boolean"),
        pytest.param("jsonpath={.status.n}=3", {"n": 3}, True, id="a number"),
        pytest.param("condition=Ready", {"conditions": [{"type": "Ready", "status": "True"}]}, True, id="a condition"),
        pytest.param(
            "condition=Ready", {"conditions": [{"type": "Ready", "status": "False"}]}, False, id="a false one"
        ),
        pytest.param(
            "condition=Ready=Maybe", {"conditions": [{"type": "ready", "status": "maybe"}]}, True, id="a worded one"
        ),
        pytest.param('["condition=A", "jsonpath={.status.b}"]', {"b": 1}, False, id="all of a list"),
        pytest.param(
            "jsonpath={.status.phase}", {"phase": "x", "observedGeneration": 1}, False, id="of an older version"
        ),
    ],
)
def test_wait_expressions(expression: str, status: dict[str, Any], ready: bool) -> None:
    assert waiting(expression, {"metadata": {"generation": 2}, "status": status}) == ready


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        pytest.param("status.phase", 'expected a "jsonpath=" or "condition=" prefix', id="no prefix"),
        pytest.param("jsonpath=.status", "wrapped in brackets", id="no brackets"),
        pytest.param("jsonpath='{.status}'", "omit shell quotes", id="quotes"),
        pytest.param("jsonpath={.status}=", "requires a value", id="no value"),
        pytest.param("jsonpath={.a}=b=c", "format should be", id="two values"),
        pytest.param("jsonpath={.status[?}", "parsing", id="no path"),
    ],
)
def test_malformed_expressions_are_told(expression: str, message: str) -> None:
    assert message in check_annotation({"metadata": {"annotations": {"pulumi.com/waitFor": expression}}})
    with pytest.raises(WaitExpressionError, match=message):
        waiting(expression, {})


def test_nothing_is_waited_for_when_asked_so() -> None:
    annotations = {"pulumi.com/skipAwait": "true", "pulumi.com/waitFor": "condition=Ready"}
    assert ready_condition({"metadata": {"annotations": annotations}}, {}) is None


def test_a_deployment_is_ready_when_its_newest_version_runs() -> None:
    live = {
        "metadata": {"generation": 2},
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "availableReplicas": 1,
            "conditions": [{"type": "Available", "status": "True"}],
        },
    }
    assert deployment_available(live)[0]
    assert not deployment_available({**live, "metadata": {"generation": 3}})[0]
    unknown = [{"type": "Available", "status": "False", "message": "image x cannot run here"}]
    assert deployment_available({**live, "status": {"observedGeneration": 2, "conditions": unknown}}) == (
        False,
        "image x cannot run here",
    )


# Types and settings


@pytest.mark.parametrize(
    ("token", "kind", "expected"),
    [
        pytest.param("kubernetes:core/v1:Namespace", None, TypeToken("v1", "Namespace", patch=False), id="core"),
        pytest.param(
            "kubernetes:apps/v1:Deployment", None, TypeToken("apps/v1", "Deployment", patch=False), id="group"
        ),
        pytest.param(
            "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinitionPatch",
            "CustomResourceDefinition",
            TypeToken("apiextensions.k8s.io/v1", "CustomResourceDefinition", patch=True),
            id="patch",
        ),
        pytest.param(
            "kubernetes:x.io/v1:CodePatch", "CodePatch", TypeToken("x.io/v1", "CodePatch", patch=False), id="named so"
        ),
    ],
)
def test_types(token: str, kind: str | None, expected: TypeToken) -> None:
    assert TypeToken.parse(token, kind) == expected


@pytest.mark.parametrize(
    ("old", "new", "changed", "replaced"),
    [
        pytest.param({}, {}, False, False, id="nothing"),
        pytest.param(
            {"kubeconfig": json.dumps(config())},
            {"kubeconfig": json.dumps(config("https://127.0.0.1:2"))},
            True,
            True,
            id="other cluster",
        ),
        pytest.param(
            {"kubeconfig": json.dumps(config()), "clusterIdentifier": "c"},
            {"kubeconfig": json.dumps(config("https://127.0.0.1:2")), "clusterIdentifier": "c"},
            True,
            False,
            id="identified cluster",
        ),
        pytest.param({"clusterIdentifier": "c"}, {"clusterIdentifier": "d"}, True, True, id="other identifier"),
        pytest.param({}, {"clusterIdentifier": "d"}, True, False, id="first identifier"),
        pytest.param({"kubeconfig": json.dumps(config())}, {"kubeconfig": UNKNOWN}, True, True, id="unknown cluster"),
        pytest.param({}, {"upsertExistingObjects": "true"}, True, False, id="switch"),
    ],
)
def test_what_a_change_of_settings_means(old: Any, new: Any, changed: bool, replaced: bool) -> None:
    difference = KubernetesProvider({"KUBECONFIG": "/no/such/file"}).diff_config(old, new)
    assert bool(difference.changes) == changed
    assert difference.replaces == replaced


@pytest.mark.parametrize(
    "setting", [pytest.param(s, id=s) for s in ("renderYamlToDirectory", "kubeClientSettings", "kubeconfg")]
)
def test_settings_are_refused_by_name(setting: str) -> None:
    assert [f.property for f in KubernetesProvider({}).check_config({setting: "x"}).failures] == [setting]


def test_a_plugin_is_configured_without_its_cluster() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"https://127.0.0.1:{silent.getsockname()[1]}"
        KubernetesProvider({}).configure({"kubeconfig": json.dumps(config(server))})
        assert not select.select([silent], [], [], 0)[0]


def test_a_watch_that_is_interrupted_before_it_is_connected_ends_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = http.client.HTTPConnection.connect

    def interrupt_and_connect(connection: http.client.HTTPConnection) -> None:
        api.interrupt()
        connect(connection)

    monkeypatch.setattr(http.client.HTTPConnection, "connect", interrupt_and_connect)
    started = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        api = Api(kubeconfig.active(config(f"http://127.0.0.1:{silent.getsockname()[1]}")))
        with pytest.raises(UnreachableError), api.watch("/api/v1/pods", "a", "1", 60):
            pass
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(
    ("status", "said"),
    [
        pytest.param({"transformJobStatus": "InProgress"}, "it is InProgress", id="a job that runs"),
        pytest.param({"phase": "Pending"}, "it is Pending", id="a phase"),
        pytest.param(
            {"conditions": [{"type": "Ready", "status": "False", "message": "api error ThrottlingException: slow"}]},
            "it is not ready: api error ThrottlingException: slow",
            id="a job that cannot start",
        ),
        pytest.param({"conditions": [{"type": "Ready", "status": "True", "message": "fine"}]}, "", id="ready"),
        pytest.param({}, "", id="nothing known"),
    ],
)
def test_how_an_object_stands_when_time_is_up(status: dict[str, Any], said: str) -> None:
    assert objects.standing({"status": status}) == said
    assert objects.standing({}) == ""
