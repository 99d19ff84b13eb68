"""The fake SageMaker behind HTTP, and the call to STS that the controller makes when it starts."""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from localcloud.operator.sagemaker import ApiError
from tests.localcloud.operator.fake_sagemaker import ACCOUNT, FakeSageMaker

_IDENTITY = f"""<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
<GetCallerIdentityResult><Arn>arn:aws:sts::{ACCOUNT}:assumed-role/operator/session</Arn>
<UserId>AROAEXAMPLE:session</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>
<ResponseMetadata><RequestId>fake</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""
_REFUSED = """<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>
<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message></Error>
<RequestId>fake</RequestId></ErrorResponse>"""


class FakeEndpoint:
    """An AWS endpoint on a free port."""

    def __init__(self, sagemaker: FakeSageMaker) -> None:
        self.sagemaker = sagemaker
        self.knows_caller = True
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(endpoint: FakeEndpoint) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one segment, or each answer waits 40 ms for the other side's acknowledgement
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            target = self.headers.get("X-Amz-Target", "")
            if target.startswith("SageMaker."):
                self._sagemaker(target.partition(".")[2], body)
            elif endpoint.knows_caller:
                self._send(200, _IDENTITY.encode(), "text/xml")
            else:
                self._send(403, _REFUSED.encode(), "text/xml")

        def _sagemaker(self, operation: str, body: bytes) -> None:
            region = re.search(r"Credential=[^/]+/\d+/([^/]+)/sagemaker/", self.headers.get("Authorization", ""))
            try:
                answer: Any = endpoint.sagemaker.call(operation, region[1] if region else "", json.loads(body))
            except ApiError as error:
                answer = {"__type": error.code, "message": error.message}
                self._send(error.status, json.dumps(answer).encode(), "application/x-amz-json-1.1")
            else:
                self._send(200, json.dumps(answer).encode(), "application/x-amz-json-1.1")

        def _send(self, status: int, body: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-amzn-RequestId", "fake")
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            pass

    return Handler
