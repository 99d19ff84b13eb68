"""Reads the body of a request for the model, and refuses the bodies that the image refuses, in its words."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import xgboost
from scipy.sparse import csr_matrix

from localcloud.containers.xgboost import log
from localcloud.containers.xgboost.media import Format, body_format
from localcloud.containers.xgboost.model import Payload
from localcloud.containers.xgboost.numbers import parse_plain
from localcloud.containers.xgboost.recordio import read_features

_SNIFFED: Final = 512  # characters of the first line that decide about the delimiter


class PayloadError(Exception):
    """A body to which the image answers with status 415."""


def parse(body: bytes, content_type: str | None) -> Payload:
    """Read a body.

    Args:
        body: the body of a request.
        content_type: its Content-Type; None if it has none.

    Raises:
        PayloadError: the body is not valid for its type.
        UnsupportedType: the image knows no such type.
    """
    body_type = body_format(content_type)
    if body_type is Format.CSV:
        return _parsed(_parse_csv, body.strip(), "csv", ":\n {}\n {}")
    if body_type is Format.LIBSVM:
        return _parsed(_parse_libsvm, body.strip(), "libsvm", ":\n {}\n {}")
    if body_type is Format.RECORDIO_PROTOBUF:
        return _parsed(_parse_recordio, body, "recordio-protobuf", ": {} {}")
    raise PayloadError(f"Content-type {content_type} is not supported.")


def _parsed(parser: Callable[[bytes], Payload], body: bytes, name: str, ending: str) -> Payload:
    try:
        return parser(body)
    except Exception as error:
        text = f"Loading {name} data failed with Exception, please ensure data is in {name} format"
        raise PayloadError(text + ending.format(type(error), error)) from error


def _parse_csv(body: bytes) -> Payload:
    delimiter = _delimiter(body)
    values = parse_plain(body, delimiter)
    return _checked(_parse_any_csv(body.decode("utf-8"), delimiter) if values is None else values)


def _checked(values: npt.NDArray[np.float32]) -> Payload:
    if values.ndim != 2 or np.isinf(values).any():
        return xgboost.DMatrix(values, nthread=1)  # raises the library's error
    return values


def _delimiter(body: bytes) -> str:
    line = body.partition(b"\n")[0].decode("utf-8")[:_SNIFFED]
    sniffed = csv.Sniffer().sniff(line).delimiter
    delimiter = "," if sniffed.isalnum() else sniffed
    log.info(f"Determined delimiter of CSV input is '{delimiter}'")
    return delimiter


def _parse_any_csv(text: str, delimiter: str) -> npt.NDArray[np.float32]:
    """Read whatever Python's float accepts, and empty fields as missing values: slowly, and with the image's errors."""
    rows = [[field or "nan" for field in line.split(delimiter)] for line in text.split("\n")]
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused as such
        return np.array(rows).astype(float).astype(np.float32)


def _parse_libsvm(body: bytes) -> Payload:
    """Read items `index:value`. The image 3.0-5 counts columns from 0 and does not shift indexes."""
    rows: list[int] = []
    columns: list[str] = []
    values: list[str] = []
    for row, line in enumerate(body.decode("utf-8").split("\n")):
        for item in line.split(" "):
            if ":" in item:
                column, value = item.split(":")[:2]
                rows.append(row)
                columns.append(column)
                values.append(value)
    indexes = (np.array(rows), np.array(columns).astype(int))
    return xgboost.DMatrix(csr_matrix((np.array(values).astype(float), indexes)), nthread=1)


def _parse_recordio(body: bytes) -> Payload:
    features = read_features(body)
    if isinstance(features, csr_matrix):
        return xgboost.DMatrix(features, nthread=1)
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and refused as such
        return _checked(features.astype(np.float32))
