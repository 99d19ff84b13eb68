"""Sends rows to the same model one at a time, in real time: POST /invocations, or a SageMaker endpoint."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3

Ask = Callable[[str], str]
"""Sends text/csv records to a model and returns its answer."""


@dataclass(frozen=True)
class Asked:
    """The same records, sent in real time.

    Attributes:
        count: records.
        equal: how many answers are equal to the batch result, text for text.
        one_by_one_seconds: time of as many requests of one record each.
        together_seconds: time of one request of all records.
    """

    count: int
    equal: int
    one_by_one_seconds: float
    together_seconds: float


def asked(records: Sequence[str], batch: Sequence[str], ask: Ask) -> Asked:
    """Send records one by one, then all at once, and compare the answers with the batch result.

    Args:
        records: the lines of the job's input.
        batch: the lines of its result.
        ask: sends records to the model.
    """
    started = time.perf_counter()
    answers = one_by_one(records, ask)
    alone = time.perf_counter() - started
    started = time.perf_counter()
    ask("\n".join(records))
    together = time.perf_counter() - started
    equal = sum(answer == line for answer, line in zip(answers, batch, strict=True))
    return Asked(len(records), equal, alone, together)


def over_http(url: str) -> Ask:
    """Ask a model container directly.

    Args:
        url: the container's address, such as http://127.0.0.1:8080; every request goes over one connection.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.netloc:
        raise ValueError(f"{url!r} is not the address of a container; use http://host:port")
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)

    def ask(row: str) -> str:
        connection.request("POST", "/invocations", row.encode(), {"Content-Type": "text/csv", "Accept": "text/csv"})
        answer = connection.getresponse()
        body = answer.read().decode()
        if answer.status != 200:
            raise RuntimeError(f"{url}/invocations answered {answer.status}: {body}")
        return body

    return ask


def over_endpoint(name: str) -> Ask:
    """Ask a SageMaker real-time endpoint of this name."""
    client = boto3.client("sagemaker-runtime")

    def ask(row: str) -> str:
        answer = client.invoke_endpoint(EndpointName=name, ContentType="text/csv", Accept="text/csv", Body=row)
        return answer["Body"].read().decode()

    return ask


def one_by_one(rows: Sequence[str], ask: Ask) -> list[str]:
    """The answers to these rows, one request each, as text without line ends."""
    return [ask(row).strip() for row in rows]
