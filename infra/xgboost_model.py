"""What a model file of xgboost says about itself: how many features it expects, and which version wrote it.

Read with the standard library from JSON or UBJSON, the two formats of `Booster.save_model`. Both write the parameters
of the learner, its objective and the version last, after all trees, so the end of a file is enough, whatever its size.
Files of other formats, such as a pickle, have neither.
"""

import json
import re
import struct
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

IMAGE_VERSION = (3, 0, 5)
"""The xgboost of SageMaker's XGBoost image 3.0-5."""

_CHUNK = 1 << 20  # bytes; the parameters stand within the last few hundred
_START = 64  # bytes, in which a JSON file has its first key
_BLANKS = b" \t\r\n"
_PARAMETERS = b"learner_model_param"
_JSON_VERSION = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
# UBJSON: the key, an array of three integers, each a letter for its type and big-endian bytes.
_UBJSON_VERSION = re.compile(rb"version\[#L.{7}\x03((?:i.|U.|I..|l....|L........){3})", re.DOTALL)
_UBJSON_INTEGERS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q"}


@dataclass(frozen=True)
class XGBoostModel:
    """A saved model; None stands for what its format does not contain.

    Attributes:
        head: how the file starts, at most 1 MiB.
        features: the number of columns that it was trained on.
        version: of the xgboost that saved it.
    """

    head: bytes
    features: int | None = None
    version: tuple[int, ...] | None = None


def read(file: BinaryIO) -> XGBoostModel:
    """Read a model file of any size; only its two ends are kept in memory."""
    head = before = last = file.read(_CHUNK)
    while chunk := file.read(_CHUNK):
        before, last = last, chunk
    end = head if last is head else before + last
    is_json = head[:_START].translate(None, _BLANKS).startswith(b'{"')
    return XGBoostModel(head, _features(end), _version(end, is_json=is_json))


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _features(end: bytes) -> int | None:
    """Return `learner.learner_model_param.num_feature`; trees have parameters of the same name, which do not count."""
    position = end.rfind(_PARAMETERS)
    if position < 0:
        return None
    value = end[position + len(_PARAMETERS) :]
    parameters = _json_object(value) if value.startswith(b'"') else _ubjson_texts(value)
    count = parameters.get("num_feature", "")
    return int(count) if isinstance(count, str) and count.isdecimal() and int(count) else None


def _json_object(value: bytes) -> dict[str, Any]:
    text = value.lstrip(b'" \t\r\n:').decode(errors="replace")
    try:
        found = json.JSONDecoder().raw_decode(text)[0]
    except ValueError:
        return {}
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _ubjson_texts(value: bytes) -> dict[str, str]:
    """Read an object of strings only: `{`, then length and key, `S`, length and value, and `}`."""
    if not value.startswith(b"{"):
        return {}
    found: dict[str, str] = {}
    position = 1
    try:
        while value[position : position + 1] != b"}":
            key, position = _ubjson_text(value, position)
            if value[position : position + 1] != b"S":
                break
            found[key], position = _ubjson_text(value, position + 1)
    except (KeyError, struct.error):
        return {}
    return found


def _ubjson_text(value: bytes, position: int) -> tuple[str, int]:
    form = _UBJSON_INTEGERS[chr(value[position])] if position < len(value) else ">q"
    (length,) = struct.unpack_from(form, value, position + 1)
    start = position + 1 + struct.calcsize(form)
    return value[start : start + length].decode(errors="replace"), start + max(length, 0)


def _version(end: bytes, *, is_json: bool) -> tuple[int, ...] | None:
    """Return the last version in the text: a user's attributes, which come before it, may contain anything."""
    found = (_JSON_VERSION if is_json else _UBJSON_VERSION).findall(end)
    if not found:
        return None
    return tuple(int(number) for number in found[-1]) if is_json else tuple(_integers(found[-1]))


def _integers(packed: bytes) -> list[int]:
    numbers: list[int] = []
    while packed:
        form = _UBJSON_INTEGERS[chr(packed[0])]
        numbers.append(struct.unpack_from(form, packed, 1)[0])
        packed = packed[1 + struct.calcsize(form) :]
    return numbers
