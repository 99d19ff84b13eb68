"""Helpers of several end-to-end tests: a server that returns an address, waits on logs, results, the journal of API calls."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

from tests.e2e.checkout import Checkout
from tests.localcloud.aws.iam import replay


@contextmanager
def address_server(address: str) -> Generator[str]:
    """A server that answers with an address in plain text, as checkip.amazonaws.com does; yields its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f"{address}\n".encode())

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server uses
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def result(checkout: Checkout, job: str) -> list[str]:
    """The lines of a declared job's result, fetched by its path as a person would."""
    said = checkout.shell(f"aws s3 cp '{checkout.outputs()['transform_jobs'][job]['result_path']}' -")
    assert said.code == 0, said.text
    return said.text.splitlines()


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def calls(checkout: Checkout) -> list[str]:
    """Operations of the AWS endpoint in the order in which they were answered."""
    journal = checkout.home / "logs" / "api.jsonl"
    if not journal.exists():
        return []
    return [row["operation"] for row in replay.read(journal)]
