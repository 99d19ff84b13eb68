"""For the tests of a real cluster: a pretended AWS endpoint, and waiting."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

GOOD_TOKEN = "k8s-aws-v1.good"
TEST_IMAGE = "example.test/python"
ROLE = {
    "credentials": {"accessKeyId": "ASIAX", "secretAccessKey": "s", "sessionToken": "t", "expiration": 4000000000},
    "podIdentityAssociation": {"associationArn": "arn:aws:eks:us-east-1:123456789012:podidentityassociation/c/a-1"},
}


class FakeAws:
    """An AWS endpoint that knows one bearer token and one Pod Identity association: (demo, robot).

    Attributes:
        fails: whether it answers every call with status 503.
    """

    def __init__(self) -> None:
        self.fails = False
        handler = type("Handler", (_Handler,), {"aws": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> dict[str, Any]:
        if path.startswith("/_localcloud/eks/"):
            good = body["spec"]["token"] == GOOD_TOKEN
            user = {"username": "arn:aws:iam::123456789012:role/dev", "groups": ["system:masters"]}
            status = {"authenticated": good, **({"user": user} if good else {})}
            return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status}
        if path.endswith("/pod-identity-associations"):
            known = (query["namespace"], query["serviceAccount"]) == (["demo"], ["robot"])
            return {"associations": [{"associationId": "a-1"}] if known else []}
        if path.endswith("/addons"):
            return {"addons": ["eks-pod-identity-agent"]}
        return ROLE

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    aws: FakeAws

    def do_GET(self) -> None:
        split = urlsplit(self.path)
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.aws.answer(split.path, parse_qs(split.query), json.loads(content or b"{}"))
        body = json.dumps(answer).encode()
        self.send_response(503 if self.aws.fails else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815  the base class names it so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it so
        pass


def until(question: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    """The first true answer to a question."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.05)
    return answer
