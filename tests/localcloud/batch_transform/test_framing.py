"""RecordIO and TFRecord: split at the frames, sent with or without them, and refused if a frame is broken."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import google_crc32c
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.batch_transform import framing
from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from tests.localcloud.batch_transform.doubles import Answer, each_line, echo

FILES = Path(__file__).parent / "framed"
"""Written by other libraries: see the README there."""
CLIENT_ERROR = "ClientError: See job logs for more information"
MAGIC = struct.pack("<I", 0xCED7230A)
SINGLE = Strategy.SINGLE_RECORD


def recordio(record: bytes, part: int = 0) -> bytes:
    return MAGIC + struct.pack("<I", part << 29 | len(record)) + record + bytes(-len(record) % 4)


def tfrecord(record: bytes) -> bytes:
    def masked(data: bytes) -> bytes:
        checksum = google_crc32c.value(data)
        return struct.pack("<I", ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)

    length = struct.pack("<Q", len(record))
    return length + masked(length) + record + masked(record)


FORMATS = [
    pytest.param(Split.RECORD_IO, recordio, id="RecordIO"),
    pytest.param(Split.TF_RECORD, tfrecord, id="TFRecord"),
]
Frame = Callable[[bytes], bytes]


class Stream:
    """Gives few bytes at a time, as a network may."""

    def __init__(self, data: bytes, portion: int) -> None:
        self._data, self._portion, self._at = data, portion, 0

    def read(self, size: int, /) -> bytes:
        part = self._data[self._at : self._at + min(size, self._portion)]
        self._at += len(part)
        return part

    def close(self) -> None: ...


def run(plane: Any, split: Split, data: bytes, behaviour: Any = echo, **job: Any) -> Any:
    return plane.run({"in/a": data}, behaviour, split=split, assemble_line=False, content_type=None, accept=None, **job)


@pytest.mark.parametrize(("split", "frame"), FORMATS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    records=st.lists(st.binary(max_size=20) | st.just(MAGIC) | st.just(b"\n"), max_size=12),
    portion=st.integers(1, 50),
    room=st.integers(0, 80),
)
def test_records_come_out_as_they_went_in(
    split: Split, frame: Frame, records: list[bytes], portion: int, room: int
) -> None:
    frames = [frame(record) for record in records]
    found = list(framing.records(Stream(b"".join(frames), portion), split, None))
    assert [one.data for one in found] == records
    assert [one.first for one in found] == list(range(1, len(records) + 1))
    limit = max(map(len, frames), default=1) + room
    batches = list(framing.record_batches(Stream(b"".join(frames), portion), split, limit))
    assert b"".join(batch.data for batch in batches) == b"".join(frames)
    assert all(len(batch.data) <= limit for batch in batches)
    assert sum(batch.count for batch in batches) == len(records)
    firsts = [batch.first for batch in batches]
    for batch, first in zip(batches, firsts[1:], strict=False):
        assert len(batch.data) + len(frames[first - 1]) > limit


@pytest.mark.parametrize(("split", "frame"), FORMATS)
def test_a_single_record_is_sent_without_its_frame(plane: Any, split: Split, frame: Frame) -> None:
    result = run(plane, split, frame(b"abc") + frame(b"") + frame(b"a\nb"), strategy=SINGLE)
    assert result.bodies == [b"abc", b"", b"a\nb"]
    assert result.outputs == {"out/a.out": b"abca\nb"}


@pytest.mark.parametrize(("split", "frame"), FORMATS)
def test_many_records_are_sent_with_their_frames(plane: Any, split: Split, frame: Frame) -> None:
    data = frame(b"abc") + frame(b"a\nb")
    assert run(plane, split, data).bodies == [data]
    assert run(plane, split, gzip.compress(data), gzip=True).bodies == [data]


@pytest.mark.parametrize(("split", "frame"), FORMATS)
def test_without_a_limit_the_object_is_streamed(plane: Any, split: Split, frame: Frame) -> None:
    data = frame(b"abc") * 3
    result = run(plane, split, data, max_payload_mb=0)
    assert result.bodies == [data]
    assert result.models[0].requests[-1].headers["Transfer-Encoding"] == "chunked"


@pytest.mark.parametrize(("split", "frame"), FORMATS)
def test_an_empty_object_gives_an_empty_output(plane: Any, split: Split, frame: Frame) -> None:
    result = run(plane, split, b"")
    assert (result.bodies, result.outputs) == ([], {"out/a.out": b""})


@pytest.mark.parametrize(("split", "frame"), FORMATS)
def test_the_bytes_that_are_sent_count_towards_the_payload(plane: Any, split: Split, frame: Frame) -> None:
    content = bytes(2**20)
    assert run(plane, split, frame(content), strategy=SINGLE, max_payload_mb=1).outcome.status == "Completed"
    for data, strategy in ((frame(content), Strategy.MULTI_RECORD), (frame(content + b"x"), SINGLE)):
        result = run(plane, split, frame(b"a") + data, strategy=strategy, max_payload_mb=1)
        assert result.outcome.reason == CLIENT_ERROR
        assert result.logs.lines[4] == "b/in/a: Record is larger than MaxPayloadInMB: more than 1048576 bytes"
        assert result.logs.lines[5].startswith("b/in/a: Record 2 of the object: ")


def flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("split", "broken", "reason"),
    [
        pytest.param(
            Split.RECORD_IO, flipped(recordio(b"abcd"), 0), "begins with 0xced7230b", id="a wrong magic number"
        ),
        pytest.param(Split.RECORD_IO, recordio(b"abcd")[:-1], "is cut off: 4 bytes must follow and 3 do", id="cut off"),
        pytest.param(Split.RECORD_IO, recordio(b"abc")[:-1], "is cut off", id="cut off in the zeros"),
        pytest.param(Split.RECORD_IO, MAGIC, "is cut off: 8 bytes must follow and 4 do", id="cut off in the length"),
        pytest.param(Split.RECORD_IO, recordio(b"abcd", part=2), "has a part of kind 2", id="a middle without a start"),
        pytest.param(Split.RECORD_IO, recordio(b"abcd", part=1), "is cut off", id="a start without an end"),
        pytest.param(Split.RECORD_IO, recordio(b"a", 1) + recordio(b"a", 1), "has a part of kind 1", id="two starts"),
        pytest.param(Split.RECORD_IO, b"1,2,3\n4,5,6\n", "begins with 0x2c322c31", id="CSV"),
        pytest.param(Split.TF_RECORD, tfrecord(b"abcd")[:-1], "is cut off: 4 bytes must follow and 3 do", id="no end"),
        pytest.param(
            Split.TF_RECORD, tfrecord(b"abcd")[:15], "is cut off: 4 bytes must follow and 3 do", id="no content"
        ),
        pytest.param(Split.TF_RECORD, tfrecord(b"abcd")[:5], "is cut off: 12 bytes must follow and 5 do", id="no head"),
        pytest.param(
            Split.TF_RECORD, flipped(tfrecord(b"abcd"), 0), "has a length with a wrong checksum", id="a length"
        ),
        pytest.param(
            Split.TF_RECORD, flipped(tfrecord(b"abcd"), 12), "has a content with a wrong checksum", id="a content"
        ),
        pytest.param(Split.TF_RECORD, b"1,2,3\n4,5,6\n", "has a length with a wrong checksum", id="CSV as TFRecord"),
    ],
)
@pytest.mark.parametrize("strategy", [pytest.param(one, id=str(one)) for one in Strategy])
@pytest.mark.parametrize("payload", [6, 0])
def test_a_broken_record_fails_its_object(
    plane: Any, split: Split, broken: bytes, reason: str, strategy: Strategy, payload: int
) -> None:
    frame = recordio if split is Split.RECORD_IO else tfrecord
    objects = {"in/a": frame(b"first") + broken, "in/b": frame(b"1,2")}
    result = plane.run(objects, echo, split=split, strategy=strategy, max_payload_mb=payload, assemble_line=False)
    assert (result.outcome.reason, list(result.outputs)) == (CLIENT_ERROR, ["out/b.out"])
    lines = [line.removeprefix("b/in/a: ") for line in result.logs.lines[1:]]
    assert lines[:3] == ["ClientError: 400", "", "Message:"]
    assert lines[3].startswith(f"Failed to read the object as {split}: record 2 {reason}")
    assert lines[4].startswith("Record 2 of the object: ")


def test_a_record_in_parts_is_put_together(plane: Any) -> None:
    parts = recordio(b"ab__", 1) + recordio(b"", 2) + recordio(b"cd", 3)
    result = run(plane, Split.RECORD_IO, parts + recordio(b"next"), strategy=SINGLE)
    assert result.bodies == [b"ab__" + MAGIC + MAGIC + b"cd", b"next"]


def test_records_that_the_model_refuses_are_named(plane: Any) -> None:
    data = recordio(b"fine") + recordio(b"bad\x00")
    result = run(
        plane, Split.RECORD_IO, data, lambda body: Answer(400 if b"bad" in body else 200, b"no"), strategy=SINGLE
    )
    assert result.logs.lines[-1] == "b/in/a: Record 2 of the object: bad\\x00"
    result = run(plane, Split.RECORD_IO, data, lambda _: Answer(400, b"no"))
    assert "The request held the records 1 to 2 of the object; record 1: " in result.logs.lines[-1]


@pytest.mark.parametrize("split", [Split.RECORD_IO, Split.TF_RECORD])
@pytest.mark.parametrize("processing", [DataProcessing("$[0]"), DataProcessing(join_input=True)])
def test_records_in_frames_are_neither_filtered_nor_joined(
    plane: Any, split: Split, processing: DataProcessing
) -> None:
    result = plane.run({"in/a": b""}, each_line(), split=split, processing=processing)
    assert result.outcome.reason == CLIENT_ERROR
    assert f"Records of SplitType {split} can be neither filtered nor joined" in result.logs.lines[4]


@pytest.mark.parametrize(
    ("name", "split", "contents"),
    [
        pytest.param("sagemaker-sdk.recordio", Split.RECORD_IO, 3, id="RecordIO by the SageMaker SDK"),
        pytest.param("mxnet.recordio", Split.RECORD_IO, 4, id="RecordIO by MXNet, with a record in parts"),
        pytest.param("tensorboard.tfrecord", Split.TF_RECORD, 4, id="TFRecord by TensorBoard"),
    ],
)
def test_files_of_other_libraries_are_read(plane: Any, name: str, split: Split, contents: int) -> None:
    data = (FILES / name).read_bytes()
    assert run(plane, split, data).bodies == [data]
    result = run(plane, split, data, strategy=SINGLE)
    assert result.outcome.status == "Completed"
    expected: Sequence[bytes] = [bytes.fromhex(line) for line in (FILES / f"{name}.hex").read_text().splitlines()]
    assert len(expected) == contents
    assert result.bodies == list(expected)
