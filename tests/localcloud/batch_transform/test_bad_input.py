"""Objects with small faults: each ends with its output or with the reason in the log, and none affects another."""

from __future__ import annotations

import gzip
import os
import random
import struct
from collections.abc import Callable, Mapping
from typing import Any

import google_crc32c
import pytest

from localcloud.batch_transform.job import DataProcessing, Split, Strategy
from tests.localcloud.batch_transform.doubles import Answer, each_line, echo

OBJECTS_A_JOB = 250
SOAKED = 10_000
JOIN = DataProcessing("$[1:]", join_input=True, output_filter="$[0,-1]")
JSON_JOIN = DataProcessing("$.x", join_input=True, output_filter="$['id','SageMakerOutput']")
JSON_LINES = {"content_type": "application/jsonlines", "accept": "application/jsonlines"}
CSV = b'id-1,2,"a, ""b""",3.5\nid-2,4,,5\r\n"id-3","x",7,\n\nid-4,1,2,3'
JSON = b'{"id":1,"x":[1,2.50,"\\u00e9"]}\n{"id":"b","x":{"y":null}}\n{"x":[],"id":12345678901234567890}'
REASONS = {
    "ClientError: See job logs for more information",
    "AlgorithmError: See job logs for more information",
}


def _masked(data: bytes) -> bytes:
    checksum = google_crc32c.value(data)
    return struct.pack("<I", ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF)


def _recordio(record: bytes) -> bytes:
    return struct.pack("<II", 0xCED7230A, len(record)) + record + bytes(-len(record) % 4)


def _tfrecord(record: bytes) -> bytes:
    length = struct.pack("<Q", len(record))
    return length + _masked(length) + record + _masked(record)


RECORDS = [b"first", b"", bytes(range(20))]
KINDS: Mapping[str, tuple[bytes, dict[str, Any]]] = {
    "CSV": (CSV, {"processing": JOIN}),
    "CSV of single records": (CSV, {"processing": JOIN, "strategy": Strategy.SINGLE_RECORD}),
    "CSV as it is": (CSV, {}),
    "JSON Lines": (JSON, {"processing": JSON_JOIN, **JSON_LINES}),
    "RecordIO": (b"".join(map(_recordio, RECORDS)), {"split": Split.RECORD_IO}),
    "RecordIO of single records": (
        b"".join(map(_recordio, RECORDS)),
        {"split": Split.RECORD_IO, "strategy": Strategy.SINGLE_RECORD},
    ),
    "TFRecord": (b"".join(map(_tfrecord, RECORDS)), {"split": Split.TF_RECORD, "max_payload_mb": 0}),
    "gzip": (gzip.compress(CSV, mtime=0), {"gzip": True, "processing": JOIN}),
}


def mutated(data: bytes, dice: random.Random) -> bytes:
    """The data with one to three small faults."""
    for _ in range(dice.randint(1, 3)):
        at, other = dice.randint(0, len(data)), dice.randint(0, len(data))
        data = dice.choice(_FAULTS)(data, at, other, dice)
    return data


_Fault = Callable[[bytes, int, int, random.Random], bytes]
_TEXTS = (b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\xef\xbb\xbf", b"{", b"]", b"1e999", b"\\ud800", b"[" * 3000)
_FAULTS: tuple[_Fault, ...] = (
    lambda data, at, _, dice: data[:at] + bytes([dice.randrange(256)]) + data[at + 1 :],
    lambda data, at, _, dice: data[:at] + dice.choice(_TEXTS) + data[at:],
    lambda data, at, other, _: data[: min(at, other)] + data[max(at, other) :],
    lambda data, at, other, _: data[:at] + data[min(at, other) : max(at, other)] + data[at:],
    lambda data, at, _other, _dice: data[:at],
)


def answer(body: bytes) -> Answer:
    """As a container that reads what it gets: a byte that is no text is refused."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return Answer(400, b"not text")
    return each_line(lambda _: b"1")(body)


def run_mutated(plane: Any, kind: str, objects: int, seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311  to be repeated, not to be secret
    data, settings = KINDS[kind]
    names = {f"in/{number:05}": mutated(data, dice) for number in range(objects)}
    framed = settings.get("split") in {Split.RECORD_IO, Split.TF_RECORD}
    result = plane.run({**names, "in/fine": data}, echo if framed else answer, max_concurrent=2, **settings)
    assert "out/fine.out" in result.outputs
    assert result.outcome.reason in {None, *REASONS}
    logged = {line.partition(": ")[0].removeprefix("b/") for line in result.logs.lines[1:]}
    written = {key.removeprefix("out/").removesuffix(".out") for key in result.outputs}
    for name, content in names.items():
        assert (name in logged) is (name.removeprefix("in/") not in written), f"seed {seed}, {name}: {content!r}"
    assert (result.outcome.status == "Failed") is bool(logged)


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_with_a_small_fault_hurts_no_other(plane: Any, kind: str) -> None:
    run_mutated(plane, kind, 40, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
def test_many_objects_with_small_faults(plane: Any, kind: str) -> None:
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(2**32))
    print(f"SEED={seed}")
    for number in range(SOAKED // OBJECTS_A_JOB // len(KINDS)):
        run_mutated(plane, kind, OBJECTS_A_JOB, seed + number)
