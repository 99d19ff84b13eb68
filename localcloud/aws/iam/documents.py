"""Policy documents: their statements, the patterns in them, and the Condition element.

Conditions have operators, set operators, `IfExists` and policy variables; a missing key is handled as IAM does.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

Conditions = Mapping[str, Mapping[str, tuple[str, ...]]]
"""The Condition element: operator, key, values."""
Context = Mapping[str, tuple[str, ...]]
"""The condition keys of a request in lower case, with their values."""
Keys = dict[str, tuple[str, ...]]
"""The same, while they are being collected."""
_Test = Callable[[str, str], bool]

# What the policy variables ${*} and ${?} stand for: the character itself, not the wildcard.
_LITERAL_STAR = "\ue000"
_LITERAL_MARK = "\ue001"
_EXPRESSIONS = {"*": ".*", "?": ".", _LITERAL_STAR: re.escape("*"), _LITERAL_MARK: re.escape("?")}
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": _LITERAL_STAR, "?": _LITERAL_MARK, "$": "$"}
_ESCAPES = str.maketrans({"*": _LITERAL_STAR, "?": _LITERAL_MARK})
_PLAIN = str.maketrans({_LITERAL_STAR: "*", _LITERAL_MARK: "?"})
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotLike": "ArnLike",
    "ArnNotEquals": "ArnEquals",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}


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
    """A policy, with its name in logs.

    Attributes:
        label: e.g. `inline/transform-jobs`, `managed/arn:aws:iam::aws:policy/...`, `bucket/name`.
    """

    label: str
    statements: tuple[Statement, ...]


def policy(label: str, text: str) -> Policy:
    """Read a policy document.

    Args:
        label: the policy's name in logs.
        text: the document, in JSON.

    Raises:
        ValueError: it is not a policy document. The message says what is wrong.
    """
    return Policy(label, _statements(text))


@lru_cache(maxsize=512)
def _statements(text: str) -> tuple[Statement, ...]:
    try:
        raw = json.loads(text)["Statement"]
        rows = cast("list[Any]", raw if isinstance(raw, list) else [raw])
        return tuple(_statement(row, f"statement-{number}") for number, row in enumerate(rows))
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"it is not an object with a Statement, or a statement has not the form of one: {error}"
        ) from error


def _statement(row: Mapping[str, Any], default_sid: str) -> Statement:
    if row["Effect"] not in {"Allow", "Deny"}:
        raise ValueError(f"the Effect of a statement must be Allow or Deny, and one is {row['Effect']}")
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
    """Say whether a pattern with `*` and `?` matches a value."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:  # noqa: FBT001  cached by position
    expression = "".join(_EXPRESSIONS.get(char) or re.escape(char) for char in pattern)
    return re.compile(expression, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def hold(conditions: Conditions, context: Context) -> bool:
    """Say whether every condition of a statement is met."""
    return all(
        _holds(operator, key.lower(), values, context)
        for operator, tests in conditions.items()
        for key, values in tests.items()
    )


def substitute(text: str, context: Context) -> str | None:
    """Replace the policy variables of a text; None if a variable has no value, because then the text matches nothing."""
    missing = False

    def replace(match: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = match[1].partition(",")
        if name in _LITERALS:
            return _LITERALS[name]
        values = context.get(name.strip().lower())
        if values is None and not default:
            missing = True
            return ""
        value = values[0] if values else default.strip().strip("'")
        return value.translate(_ESCAPES)

    replaced = _VARIABLE.sub(replace, text) if "${" in text else text
    return None if missing else replaced


def _holds(operator: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    quantifier, _, name = operator.rpartition(":")
    base, if_exists = (name[: -len("IfExists")], True) if name.endswith("IfExists") else (name, False)
    values = context.get(key)
    if base == "Null":
        return any((values is None) == (text.lower() == "true") for text in wanted)
    if values is None or (quantifier and not values):
        return _when_missing(quantifier, base, if_exists=if_exists)
    test, negated = _operator(base)
    resolved = [text for text in (substitute(text, context) for text in wanted) if text is not None]
    met = [any(test(text, value) for text in resolved) != negated for value in values]
    return all(met) if quantifier == "ForAllValues" or (negated and not quantifier) else any(met)


def _when_missing(quantifier: str, base: str, *, if_exists: bool) -> bool:
    if quantifier == "ForAnyValue":
        return if_exists
    return if_exists or quantifier == "ForAllValues" or _operator(base)[1]


def _operator(base: str) -> tuple[_Test, bool]:
    if base in _NEGATED:
        return _TESTS[_NEGATED[base]], True
    return _TESTS.get(base, lambda _wanted, _value: False), False


def _arn_like(wanted: str, value: str) -> bool:
    parts, given = wanted.split(":", 5), value.split(":", 5)
    return len(parts) == len(given) == 6 and all(matches(one, other) for one, other in zip(parts, given, strict=True))


def _numeric(compare: Callable[[float, float], bool]) -> _Test:
    def test(wanted: str, value: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _dated(compare: Callable[[float, float], bool]) -> _Test:
    def test(wanted: str, value: str) -> bool:
        left, right = _moment(value), _moment(wanted)
        return left is not None and right is not None and compare(left, right)

    return test


def _moment(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _in_network(wanted: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


_TESTS: Mapping[str, _Test] = {
    "StringEquals": lambda wanted, value: wanted.translate(_PLAIN) == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.translate(_PLAIN).lower() == value.lower(),
    "StringLike": matches,
    "ArnLike": _arn_like,
    "ArnEquals": _arn_like,
    "NumericEquals": _numeric(lambda value, wanted: value == wanted),
    "NumericLessThan": _numeric(lambda value, wanted: value < wanted),
    "NumericLessThanEquals": _numeric(lambda value, wanted: value <= wanted),
    "NumericGreaterThan": _numeric(lambda value, wanted: value > wanted),
    "NumericGreaterThanEquals": _numeric(lambda value, wanted: value >= wanted),
    "DateEquals": _dated(lambda value, wanted: value == wanted),
    "DateLessThan": _dated(lambda value, wanted: value < wanted),
    "DateLessThanEquals": _dated(lambda value, wanted: value <= wanted),
    "DateGreaterThan": _dated(lambda value, wanted: value > wanted),
    "DateGreaterThanEquals": _dated(lambda value, wanted: value >= wanted),
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "BinaryEquals": lambda wanted, value: wanted == value,
    "IpAddress": _in_network,
}
