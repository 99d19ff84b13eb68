"""Policy documents, parsed into statements."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

# What a policy variable such as ${*} stands for: the character itself, not the wildcard.
LITERAL_STAR = "\ue000"
LITERAL_MARK = "\ue001"
_EXPRESSIONS = {"*": ".*", "?": ".", LITERAL_STAR: re.escape("*"), LITERAL_MARK: re.escape("?")}

Conditions = Mapping[str, Mapping[str, tuple[str, ...]]]


@dataclass(frozen=True)
class Statement:
    """One statement. Of each pair (`actions` and `not_actions`, ...) a document uses at most one."""

    sid: str
    allows: bool
    actions: tuple[str, ...] = ()
    not_actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    not_resources: tuple[str, ...] = ()
    principals: Mapping[str, tuple[str, ...]] | None = None
    not_principals: Mapping[str, tuple[str, ...]] | None = None
    conditions: Conditions = field(default_factory=dict[str, Mapping[str, tuple[str, ...]]])


@dataclass(frozen=True)
class Policy:
    """A policy and what it is called in a log.

    Attributes:
        label: e.g. `inline/transform-jobs`, `managed/arn:aws:iam::aws:policy/...`, `bucket/name`.
    """

    label: str
    statements: tuple[Statement, ...]


def policy(label: str, text: str) -> Policy:
    """Read a document.

    Raises:
        ValueError: it is not a policy document.
    """
    return Policy(label, _statements(text))


@lru_cache(maxsize=512)
def _statements(text: str) -> tuple[Statement, ...]:
    document = json.loads(text)
    if not isinstance(document, dict) or "Statement" not in document:
        raise ValueError("A policy document is an object with a Statement.")
    raw = cast("dict[str, Any]", document)["Statement"]
    rows = cast("list[Any]", raw if isinstance(raw, list) else [raw])
    return tuple(_statement(row, f"statement-{number}") for number, row in enumerate(rows))


def _statement(row: Mapping[str, Any], default_sid: str) -> Statement:
    return Statement(
        sid=str(row.get("Sid") or default_sid),
        allows=row["Effect"] == "Allow",
        actions=_texts(row.get("Action")),
        not_actions=_texts(row.get("NotAction")),
        resources=_texts(row.get("Resource")),
        not_resources=_texts(row.get("NotResource")),
        principals=_principals(row.get("Principal")),
        not_principals=_principals(row.get("NotPrincipal")),
        conditions={
            operator: {key: _texts(values) for key, values in tests.items()}
            for operator, tests in (row.get("Condition") or {}).items()
        },
    )


def _principals(value: Any) -> Mapping[str, tuple[str, ...]] | None:
    if value is None:
        return None
    if value == "*":
        return {"*": ("*",)}
    return {kind: _texts(names) for kind, names in cast("dict[str, Any]", value).items()}


def _texts(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    values = cast("list[Any]", value if isinstance(value, list) else [value])
    return tuple(("true" if item else "false") if isinstance(item, bool) else str(item) for item in values)


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """Whether a pattern with `*` and `?` covers a value."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001  cached by position
    expression = "".join(_EXPRESSIONS.get(char) or re.escape(char) for char in pattern)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
