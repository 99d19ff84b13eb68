"""RecordIO-protobuf: reads the records of a body as a matrix, and writes selected predictions as records.

A frame is a magic number, a word with the kind of the frame and the length of its payload, the payload, and zeros up to
a multiple of four bytes. A payload, or the payloads of a record that is split into several frames, is a protobuf message
`aialgs.data.Record`: named features and labels, each a dense or sparse tensor. The rules are those of ML-IO, the reader
in the image 3.0-5: all records must have the features of the first one, with their types and shapes; labels are ignored.
The image's framing and messages are published with ML-IO and with SageMaker's container toolkit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from scipy.sparse import csr_matrix

_MAGIC: Final = 0xCED7230A
_HEAD: Final = struct.Struct("<II")
_LENGTH_BITS: Final = 29
_WHOLE, _BEGIN, _MIDDLE, _END = range(4)  # the kind of a frame, in the upper three bits of its length
_VALUES: Final = "values"  # the one feature that the image reads
_TYPES: Final[Mapping[str, Any]] = {
    "float32_tensor": np.float32,
    "float64_tensor": np.float64,
    "int32_tensor": np.int32,
}
# Numbers that take the same bytes whatever their value, in the order in which a message has them.
_FIXED_SIZES: Final = {"float32_tensor": np.dtype("<f4"), "float64_tensor": np.dtype("<f8")}


class RecordIOError(ValueError):
    """The body is not RecordIO-protobuf; the message names the record, counted from 1."""


class _Attribute(NamedTuple):
    """What all records must have in common about a feature."""

    tensor: str
    shape: tuple[int, ...]
    sparse: bool


def read_features(body: bytes) -> npt.NDArray[Any] | csr_matrix:
    """The feature `values` of all records, one row for each.

    Raises:
        RecordIOError: a frame or a record is damaged, or a record differs in its features from the first one.
    """
    alike = _read_alike(body)
    return _read_each(body) if alike is None else alike


def _read_alike(body: bytes) -> npt.NDArray[Any] | None:
    """Read all records at once if they differ only in the numbers of one dense tensor; None if they do not."""
    kind, payload, size = _frame(body, 0, 1)
    if kind != _WHOLE or len(body) % size:
        return None
    record = _parse(payload, 1)
    attribute = _attributes(record, 1).get(_VALUES)
    if attribute is None or attribute.tensor not in _FIXED_SIZES:
        return None
    numbers = np.array(getattr(record.features[_VALUES], attribute.tensor).values, dtype=_FIXED_SIZES[attribute.tensor])
    if attribute.sparse or attribute.shape != numbers.shape or payload.count(numbers.tobytes()) != 1:
        return None
    begin = _HEAD.size + payload.index(numbers.tobytes())
    end = begin + numbers.nbytes
    frames = np.frombuffer(body, dtype=np.uint8).reshape(-1, size)
    if (frames[:, :begin] != frames[0, :begin]).any() or (frames[:, end:] != frames[0, end:]).any():
        return None
    return np.ascontiguousarray(frames[:, begin:end]).view(numbers.dtype)


def _read_each(body: bytes) -> npt.NDArray[Any] | csr_matrix:
    rows: list[npt.NDArray[Any]] = []
    columns: list[npt.NDArray[np.int64]] = []
    schema: dict[str, _Attribute] = {}
    for number, payload in enumerate(_payloads(body), start=1):
        record = _parse(payload, number)
        attributes = _attributes(record, number)
        schema = schema or attributes
        if attributes != schema or _VALUES not in record.features:
            raise RecordIOError(_mismatch(attributes, schema, number))
        values, keys = _row(record.features[_VALUES], attributes[_VALUES], number)
        rows.append(values)
        columns.append(keys)
    if not rows:
        raise RecordIOError("the body has no record")
    return _matrix(rows, columns, schema[_VALUES])


def write_labels(predictions: Iterable[Mapping[str, float | list[float]]]) -> bytes:
    """Write a record for each prediction, with each selected value as a label of float32."""
    body = bytearray()
    for prediction in predictions:
        record: Any = _RECORD()
        for name, value in prediction.items():
            record.label[name].float32_tensor.values.extend(value if isinstance(value, list) else [value])
        payload = record.SerializeToString()
        body += _HEAD.pack(_MAGIC, len(payload)) + payload + bytes(-len(payload) % 4)
    return bytes(body)


def _payloads(body: bytes) -> Iterator[bytes]:
    offset, number, parts = 0, 1, bytearray()
    while offset < len(body):
        kind, payload, offset = _frame(body, offset, number)
        if (kind in {_WHOLE, _BEGIN}) == bool(parts) or kind > _END:
            raise RecordIOError(f"record {number} has a frame that does not follow the one before it")
        parts += payload
        if kind in {_WHOLE, _END}:
            yield bytes(parts)
            number += 1
            parts.clear()
    if parts:
        raise RecordIOError(f"record {number} is cut off: its last frame is missing")


def _frame(body: bytes, offset: int, number: int) -> tuple[int, bytes, int]:
    if len(body) - offset < _HEAD.size:
        raise RecordIOError(f"record {number} does not have a valid RecordIO header")
    magic, word = _HEAD.unpack_from(body, offset)
    if magic != _MAGIC:
        raise RecordIOError(f"the header of record {number} does not start with the RecordIO magic number")
    start, length = offset + _HEAD.size, word & (1 << _LENGTH_BITS) - 1
    end = start + length + -length % 4
    if end > len(body):
        raise RecordIOError(
            f"the payload of record {number} has {len(body) - start} bytes, its RecordIO header says {length}"
        )
    return word >> _LENGTH_BITS, body[start : start + length], end


def _parse(payload: bytes, number: int) -> Any:
    record = _RECORD()
    try:
        record.ParseFromString(payload)
    except DecodeError as error:
        raise RecordIOError(f"record {number} contains a corrupt RecordIO-protobuf message") from error
    return record


def _attributes(record: Any, number: int) -> dict[str, _Attribute]:
    labels = {f"label_{name}": _attribute(value, name, number) for name, value in record.label.items()}
    return labels | {name: _attribute(value, name, number) for name, value in record.features.items()}


def _attribute(value: Any, name: str, number: int) -> _Attribute:
    kind = value.WhichOneof("value")
    if kind not in _TYPES:
        raise RecordIOError(f"the feature {name!r} of record {number} has an unsupported data type")
    tensor = getattr(value, kind)
    shape = tuple(tensor.shape)
    # Without keys and values, a shape alone says that it is sparse.
    sparse = bool(tensor.keys) or (bool(shape) and not tensor.values)
    if sparse and not shape:
        raise RecordIOError(f"the sparse feature {name!r} of record {number} has no shape specified")
    return _Attribute(kind, shape or (len(tensor.values),), sparse)


def _mismatch(attributes: Mapping[str, _Attribute], schema: Mapping[str, _Attribute], number: int) -> str:
    if _VALUES not in attributes:
        return f"record {number} has no feature {_VALUES!r}"
    for name in attributes.keys() & schema.keys():
        if attributes[name] != schema[name]:
            found, expected = (_described(each[name]) for each in (attributes, schema))
            return f"the feature {name!r} of record {number} is {found}, while the first record's is {expected}"
    return f"record {number} has the features {sorted(attributes)}, while the first record has {sorted(schema)}"


def _described(attribute: _Attribute) -> str:
    kind = "sparse" if attribute.sparse else "dense"
    return f"a {kind} {attribute.tensor} of shape {attribute.shape}"


def _row(value: Any, attribute: _Attribute, number: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    tensor = getattr(value, attribute.tensor)
    values = np.array(tensor.values, dtype=_TYPES[attribute.tensor])
    keys = np.array(tensor.keys, dtype=np.uint64)
    if not attribute.sparse:
        if values.size != np.prod(attribute.shape, dtype=object):
            raise RecordIOError(f"record {number} has {values.size} values and the shape {attribute.shape}")
        return values.reshape(attribute.shape), keys.astype(np.int64)
    if keys.size != values.size:
        raise RecordIOError(f"record {number} is sparse and has {keys.size} keys for {values.size} values")
    if len(attribute.shape) == 1 and (keys >= attribute.shape[0]).any():
        raise RecordIOError(f"record {number} has a key beyond its shape {attribute.shape}")
    return values, keys.astype(np.int64)


def _matrix(
    rows: list[npt.NDArray[Any]], columns: list[npt.NDArray[np.int64]], attribute: _Attribute
) -> npt.NDArray[Any] | csr_matrix:
    if not attribute.sparse:
        return np.stack(rows)
    width = attribute.shape[0]
    if len(attribute.shape) > 1:
        raise RecordIOError("Only one- and two-dimensional COO tensors are supported.")
    starts = np.cumsum([0, *(len(row) for row in rows)])
    matrix = csr_matrix((np.concatenate(rows), np.concatenate(columns), starts), shape=(len(rows), width))
    matrix.sum_duplicates()
    return matrix


def _record_class() -> type[Message]:
    """The message class of a record, built here, so that no generated code is kept."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="aialgs.data", syntax="proto2")
    for name, kind in (("Float32", field.TYPE_FLOAT), ("Float64", field.TYPE_DOUBLE), ("Int32", field.TYPE_INT32)):
        tensor = file.message_type.add(name=f"{name}Tensor")
        kinds = {"values": kind, "keys": field.TYPE_UINT64, "shape": field.TYPE_UINT64}
        for number, (part, part_kind) in enumerate(kinds.items(), start=1):
            added = tensor.field.add(name=part, number=number, type=part_kind, label=field.LABEL_REPEATED)
            added.options.packed = True
    value = file.message_type.add(name="Value")
    value.oneof_decl.add(name="value")
    for name, number in (("Float32", 2), ("Float64", 3), ("Int32", 7)):
        _add_message(value, f"{name.lower()}_tensor", number, f"{name}Tensor", oneof_index=0)
    record = file.message_type.add(name="Record")
    for name, number in (("features", 1), ("label", 2)):
        entry = record.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        entry.field.add(name="key", number=1, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
        _add_message(entry, "value", 2, "Value")
        _add_message(record, name, number, f"Record.{entry.name}", label=field.LABEL_REPEATED)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aialgs.data.Record"))


def _add_message(message: Any, name: str, number: int, kind: str, label: int = 1, **options: Any) -> None:
    field = descriptor_pb2.FieldDescriptorProto
    message.field.add(
        name=name, number=number, type=field.TYPE_MESSAGE, type_name=f".aialgs.data.{kind}", label=label, **options
    )


_RECORD: Final = _record_class()
