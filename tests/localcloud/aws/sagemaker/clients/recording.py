"""A client's requests to SageMaker, recorded on their way to the endpoint and sent again later."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

RECORDINGS = Path(__file__).parent / "recordings"
_SERVICES = {"SageMaker": "sagemaker", "Logs_20140328": "logs"}
_HOP = {"connection", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True)
class Call:
    """One call: its operation, such as `SageMaker.CreateTransformJob`, and its body."""

    target: str
    body: Mapping[str, Any]

    @property
    def operation(self) -> str:
        return self.target.partition(".")[2]


def save(client: str, calls: Sequence[Call], names: Mapping[str, str]) -> None:
    """Keep a client's calls, with placeholders for the names of one run; of equal calls the first."""
    kept: list[dict[str, Any]] = []
    for call in calls:
        text = json.dumps(asdict(call))
        for placeholder, name in names.items():
            text = text.replace(name, f"<{placeholder}>")
        # The streams of a log have names of their own in each run.
        found = json.loads(re.sub(r'"(<job>)/i-[^"]*"', r'"\1/<stream>"', text))
        if found not in kept and "<stream>" not in json.dumps(found):
            kept.append(found)
    RECORDINGS.mkdir(exist_ok=True)
    (RECORDINGS / f"{client}.json").write_text(json.dumps(kept, indent=1) + "\n")


def load(client: str, names: Mapping[str, str]) -> list[Call]:
    """A client's calls, with the names of this run."""
    text = (RECORDINGS / f"{client}.json").read_text()
    for placeholder, name in names.items():
        text = text.replace(f"<{placeholder}>", name)
    return [Call(**one) for one in json.loads(text)]


def say(endpoint: str, call: Call) -> tuple[int, dict[str, Any]]:
    """Send a call to an endpoint as the account's administrator; its status and answer."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": call.target}
    request = AWSRequest("POST", f"{endpoint}/", headers, json.dumps(call.body))
    service = _SERVICES[call.target.partition(".")[0]]
    SigV4Auth(Credentials("LOCALCLOUDADMIN", "localcloud"), service, "us-east-1").add_auth(request)
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request("POST", "/", request.body, dict(request.headers))
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"{}")
    finally:
        connection.close()


@contextmanager
def recorder(endpoint: str) -> Generator[tuple[str, list[Call]]]:
    """A server that hands every request on to the endpoint, and keeps the calls that have a target."""
    calls: list[Call] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = self.headers.get("X-Amz-Target", "")
            if target.partition(".")[0] in _SERVICES:
                calls.append(Call(target, json.loads(body)))
            status, headers, answer = _passed_on(endpoint, self.command, self.path, dict(self.headers), body)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_POST = do_PUT = do_HEAD = do_DELETE = do_GET  # noqa: N815  http.server names them

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", calls
    finally:
        server.shutdown()
        server.server_close()


def _passed_on(
    endpoint: str, method: str, path: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(endpoint).netloc, timeout=60)
    try:
        connection.request(method, path, body, {n: v for n, v in headers.items() if n.lower() not in _HOP})
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
        return answer.status, kept, answer.read()
    finally:
        connection.close()
