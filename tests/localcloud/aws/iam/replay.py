"""Recorded decisions asked again: would this request still be allowed under other policies?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from localcloud.aws.iam.credentials import ANONYMOUS, Principal
from localcloud.aws.iam.evaluation import Request


def read(log: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a log of the endpoint, which may be at work: the last line may be half written."""
    with log.open() as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


def request_of(row: Mapping[str, Any]) -> Request:
    """The request of a row, for `evaluate`. Session tags and the like are in its context."""
    context = {
        key: tuple(values) if isinstance(values, list) else (str(values),) for key, values in row["context"].items()
    }
    name = str(row["principal"])
    if not name.startswith("arn:"):
        return Request(row["action"], row["resource"], ANONYMOUS, context, None if name == "anonymous" else name)
    identity = context["aws:principalarn"][0]
    principal = Principal(name, context["aws:userid"][0], context["aws:principalaccount"][0], identity)
    return Request(row["action"], row["resource"], principal, context)
