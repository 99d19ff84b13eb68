"""The client of the Kubernetes API server: kubeconfig files, requests, refusals, watches."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.kube import (
    Connection,
    KubeApi,
    KubeconfigError,
    KubernetesError,
    Object,
    default_kubeconfig,
    load_kubeconfig,
)

DOCUMENT: dict[str, Any] = {
    "current-context": "here",
    "contexts": [{"name": "here", "context": {"cluster": "local", "user": "operator"}}],
    "clusters": [{"name": "local", "cluster": {"server": "https://127.0.0.1:6443/"}}],
    "users": [{"name": "operator", "user": {"token": "secret"}}],
}


def written(folder: Path, **changes: Any) -> Path:
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(DOCUMENT | changes))
    return path


def test_the_current_context_is_used(tmp_path: Path) -> None:
    connection = load_kubeconfig(written(tmp_path))
    assert connection.server == "https://127.0.0.1:6443"
    assert connection.bearer() == "secret"


def test_a_token_file_is_read_anew_each_time(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("one\n")
    connection = load_kubeconfig(written(tmp_path, users=[{"name": "operator", "user": {"tokenFile": "token"}}]))
    assert connection.bearer() == "one"
    token.write_text("two\n")
    assert connection.bearer() == "two"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"users": []}, "no user 'operator'", id="no such user"),
        pytest.param({"users": [{"name": "operator", "user": {"exec": {}}}]}, "neither a token nor", id="a plugin"),
        pytest.param({"current-context": "there"}, "no context 'there'", id="no such context"),
        pytest.param({"clusters": None}, "TypeError", id="no clusters"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(KubeconfigError, match=message):
        load_kubeconfig(written(tmp_path, **changes))


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="none"):
        load_kubeconfig(tmp_path / "none")


def test_the_environment_names_the_kubeconfig() -> None:
    assert default_kubeconfig({"KUBECONFIG": "/a/b:/c"}) == Path("/a/b")
    assert default_kubeconfig({}).name == "config"


class ApiServer:
    """Gives the answers that a test queued, a status and a body each, and notes the requests."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, Object]] = []
        self.requests: list[tuple[str, str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.requests.append((self.command, self.path, self.headers["Authorization"]))
                status, body = server.answers.pop(0)
                content = json.dumps(body).encode() + b"\n"
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_PATCH = do_DELETE = answer  # noqa: N815  the base class names them so

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
                """Quiet."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{self._http.server_port}"
        self.api = KubeApi(Connection(url, ssl.create_default_context(), token="secret"))

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[ApiServer]:
    server = ApiServer()
    yield server
    server.close()


def test_a_request_carries_its_query_and_the_token(server: ApiServer) -> None:
    server.answers = [(200, {"items": []})]
    assert server.api.get("/api/v1/pods", labelSelector="a=b") == {"items": []}
    assert server.requests == [("GET", "/api/v1/pods?labelSelector=a%3Db", "Bearer secret")]


def test_a_busy_server_is_asked_again(server: ApiServer) -> None:
    server.answers = [(429, {"message": "wait"}), (200, {"kind": "Pod"})]
    assert server.api.patch("/api/v1/pods/a", {}) == {"kind": "Pod"}
    assert [method for method, *_ in server.requests] == ["PATCH", "PATCH"]


def test_a_refusal_has_the_status_and_the_servers_reason(server: ApiServer) -> None:
    server.answers = [(403, {"message": "pods is forbidden"})]
    with pytest.raises(KubernetesError, match="GET /api/v1/pods: pods is forbidden") as raised:
        server.api.get("/api/v1/pods")
    assert raised.value.status == 403


def test_an_object_that_does_not_exist_is_not_found_and_not_deleted(server: ApiServer) -> None:
    server.answers = [(404, {"message": "no"}), (404, {"message": "no"})]
    assert server.api.find("/api/v1/pods/a") is None
    server.api.delete("/api/v1/pods/a")
    assert [method for method, *_ in server.requests] == ["GET", "DELETE"]


def test_a_watch_yields_events_until_the_stream_ends(server: ApiServer) -> None:
    event = {"type": "ADDED", "object": {"kind": "Pod"}}
    server.answers = [(200, event)]
    assert list(server.api.watch("/api/v1/pods", resourceVersion="7")) == [event]
    assert server.requests[0][1] == "/api/v1/pods?resourceVersion=7&watch=true&timeoutSeconds=300"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param((410, {"message": "too old"}), id="refused"),
        pytest.param((200, {"type": "ERROR", "object": {"code": 410, "message": "too old"}}), id="in the stream"),
    ],
)
def test_a_watch_from_a_version_that_is_too_old_says_so(server: ApiServer, answer: tuple[int, Object]) -> None:
    server.answers = [answer]
    with pytest.raises(KubernetesError, match="too old") as raised:
        list(server.api.watch("/api/v1/pods"))
    assert raised.value.gone


def test_a_watch_without_its_token_file_ends_as_if_the_network_had_ended_it(tmp_path: Path) -> None:
    connection = Connection("http://127.0.0.1:9", ssl.create_default_context(), token_file=tmp_path / "token")
    assert list(KubeApi(connection).watch("/api/v1/pods")) == []


def test_a_server_that_cannot_be_reached_has_no_status() -> None:
    api = KubeApi(Connection("http://127.0.0.1:9", ssl.create_default_context()))
    with pytest.raises(KubernetesError, match=r"http://127\.0\.0\.1:9/api") as raised:
        api.get("/api")
    assert raised.value.status == 0
    assert api.unready()
