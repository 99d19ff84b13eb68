"""The media types that the image accepts for requests and for answers."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Format(Enum):
    CSV = "csv"
    LIBSVM = "libsvm"
    PARQUET = "parquet"
    RECORDIO_PROTOBUF = "recordio-protobuf"


_FORMATS: Final = {
    **{short.value: short for short in Format},
    "text/csv": Format.CSV,
    "text/libsvm": Format.LIBSVM,
    "text/x-libsvm": Format.LIBSVM,
    "application/x-parquet": Format.PARQUET,
    "application/x-recordio-protobuf": Format.RECORDIO_PROTOBUF,
}

JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
RECORDIO_PROTOBUF: Final = "application/x-recordio-protobuf"
CSV: Final = "text/csv"
_ACCEPTED: Final = [JSON, JSON_LINES, RECORDIO_PROTOBUF, CSV]


class UnsupportedType(ValueError):  # noqa: N818  a media type, not an error of a type
    """The image does not know this media type."""


def body_format(content_type: str | None) -> Format:
    """The format of a body with this Content-Type; libsvm if there is none.

    Raises:
        UnsupportedType: the image does not know the type, or its label_size is not 1.
    """
    if content_type is None:
        return Format.LIBSVM
    media_type, parameters = parse_header(content_type.lower())
    found = _FORMATS.get(media_type)
    if found is None:
        raise UnsupportedType(f"{content_type} is not an accepted ContentType: {', '.join(_FORMATS)}.")
    if found is Format.CSV and parameters.get("label_size", "1") != "1":
        raise UnsupportedType(
            f"{content_type} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
    return found


def answer_type(accept: str | None, default: str) -> str:
    """The media type of the answer.

    Args:
        accept: the request's Accept header; None if it has none.
        default: the type for requests that accept any.

    Raises:
        UnsupportedType: the image does not answer in this type.
    """
    media_type, _ = parse_header(accept or "")
    if not media_type or media_type == "*/*":
        return default
    if media_type.lower() not in _ACCEPTED:
        raise UnsupportedType(
            f"Accept type {media_type} is not supported. Please use supported accept types: {_ACCEPTED}."
        )
    return media_type.lower()


def parse_header(line: str) -> tuple[str, dict[str, str]]:
    """Split a header into its value and its parameters, without quotes."""
    value, *rest = line.split(";")
    parameters = (part.partition("=") for part in rest if "=" in part)
    return value.strip(), {name.strip().lower(): text.strip().strip('"') for name, _, text in parameters}
