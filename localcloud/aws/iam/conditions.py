"""The Condition element: operators, set operators, IfExists, missing keys, policy variables."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from localcloud.aws.iam.documents import LITERAL_MARK, LITERAL_STAR, Conditions, matches

Context = Mapping[str, tuple[str, ...]]
Keys = dict[str, tuple[str, ...]]
"""Condition keys in lower case with their values, while they are being collected."""
Test = Callable[[str, str], bool]

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": LITERAL_STAR, "?": LITERAL_MARK, "$": "$"}
_ESCAPES = str.maketrans({"*": LITERAL_STAR, "?": LITERAL_MARK})
_PLAIN = str.maketrans({LITERAL_STAR: "*", LITERAL_MARK: "?"})


def hold(conditions: Conditions, context: Context) -> bool:
    """Whether every condition of a statement is met. Keys of the context are lower-case."""
    return all(
        _holds(operator, key.lower(), values, context)
        for operator, tests in conditions.items()
        for key, values in tests.items()
    )


def substitute(text: str, context: Context) -> str | None:
    """A value with its policy variables replaced; None if a variable has no value, for then nothing matches."""
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


def _operator(base: str) -> tuple[Test, bool]:
    if base in _NEGATED:
        return _TESTS[_NEGATED[base]], True
    if base not in _TESTS:
        return _never, False
    return _TESTS[base], False


def _never(_wanted: str, _value: str) -> bool:
    return False


def _arn_like(wanted: str, value: str) -> bool:
    parts, given = wanted.split(":", 5), value.split(":", 5)
    return len(parts) == len(given) == 6 and all(matches(one, other) for one, other in zip(parts, given, strict=True))


def _numeric(compare: Callable[[float, float], bool]) -> Test:
    def test(wanted: str, value: str) -> bool:
        try:
            return compare(float(value), float(wanted))
        except ValueError:
            return False

    return test


def _dated(compare: Callable[[float, float], bool]) -> Test:
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


_TESTS: Mapping[str, Test] = {
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
