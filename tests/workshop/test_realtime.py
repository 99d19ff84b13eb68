"""Calling the model one row at a time, by the real-time contract."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from workshop import model


class Model(BaseHTTPRequestHandler):
    """Answers with the row it was asked, or refuses the word `bad`."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        row = self.rfile.read(int(self.headers["Content-Length"]))
        good = self.path == "/invocations" and self.headers["Content-Type"] == "text/csv" and row != b"bad"
        body = row + b"\n" if good else b"could not convert"
        self.send_response(200 if good else 415)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server uses
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Model)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_each_row_is_a_request_of_its_own(url: str) -> None:
    assert model.one_by_one(["1,2", "3,4"], model.over_http(url)) == ["1,2", "3,4"]


def test_answers_are_compared_with_the_batch_result_as_text(url: str) -> None:
    found = model.asked(["1,2", "3,4"], ["1,2", "3,40"], model.over_http(url))
    assert (found.count, found.equal) == (2, 1)


def test_a_refusal_is_reported_with_what_the_container_says(url: str) -> None:
    with pytest.raises(RuntimeError, match="answered 415: could not convert"):
        model.over_http(url)("bad")


@pytest.mark.parametrize("address", ["127.0.0.1:8080", "https://127.0.0.1:8080", "http://", ""])
def test_what_is_no_address_of_a_container_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="use http://host:port"):
        model.over_http(address)
