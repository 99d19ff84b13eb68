"""Writes the container's log lines in the form that they have in a job's log stream on AWS."""

from __future__ import annotations

import sys
import time
from typing import Final

from localcloud.containers.xgboost.wire import Answer, Request

_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905  English in every locale


def info(message: str) -> None:
    _write(f"[{time.strftime('%Y-%m-%d:%H:%M:%S', time.gmtime())}:INFO] {message}")


def error(message: str) -> None:
    _write(f"[{time.strftime('%Y-%m-%d:%H:%M:%S', time.gmtime())}:ERROR] {message}")


def access(client: str, request: Request, answer: Answer) -> None:
    """Write the access line of the image's web server for a request."""
    now = time.gmtime()
    clock = f"{now.tm_mday:02}/{_MONTHS[now.tm_mon - 1]}/{now.tm_year}:{time.strftime('%H:%M:%S', now)} +0000"
    agent = request.headers.get("user-agent", "-")
    asked = f"{request.method} {request.path} HTTP/1.1"
    _write(f'{client} - - [{clock}] "{asked}" {answer.status} {len(answer.body)} "-" "{agent}"')


def _write(line: str) -> None:
    sys.stderr.write(line + "\n")  # in one call, because the workers share the stream
    sys.stderr.flush()
