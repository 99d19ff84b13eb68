"""A job as a whole: containers that misbehave, storage that refuses, memory that stays bounded."""

from __future__ import annotations

import gzip
import io
import threading
import time
import tracemalloc
from typing import Any

import pytest

from localcloud.batch_transform.containers import ask_parameters, wait_until_ready
from localcloud.batch_transform.errors import InstanceFailure, Stopped, StorageError
from localcloud.batch_transform.job import Cancellation, DataProcessing, Split, Strategy, Transform
from localcloud.batch_transform.objects import ObjectInfo
from tests.localcloud.batch_transform.doubles import (
    Answer,
    MemoryStore,
    MemoryWriter,
    ModelDouble,
    Received,
    each_line,
    echo,
    fail,
)

CLIENT_ERROR = "ClientError: See job logs for more information"
NO_PING = "AlgorithmError: Model container failed to respond to ping"


def test_a_container_that_never_gets_ready_fails_the_job(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, model={"ping": 404}, ping_limit=0.2)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", NO_PING)
    pings = [request for request in result.models[0].requests if request.path == "/ping"]
    assert len(pings) > 1
    assert result.models[0].exit_status == 0


def test_ping_is_waited_for_with_growing_pauses() -> None:
    double, pauses = ModelDouble(echo, ping=500), list[float]()

    class Counting(Cancellation):
        def wait(self, seconds: float) -> None:
            pauses.append(seconds)
            double.ping = 200 if len(pauses) == 15 else 500

    wait_until_ready(double, Counting())
    double.stop()
    assert len(double.requests) == 16
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.01, 1)


def test_a_stop_ends_the_wait_for_ping(plane: Any) -> None:
    threading.Timer(0.1, plane.cancellation.cancel).start()
    start = time.monotonic()
    assert plane.run({"in/a.csv": b"1\n"}, model={"ping": 500}).outcome.status == "Stopped"
    assert time.monotonic() - start < 10


def test_a_stop_before_the_start_runs_nothing(plane: Any) -> None:
    plane.cancellation.cancel()
    result = plane.run({"in/a.csv": b"1\n"})
    assert (result.outcome.status, result.bodies) == ("Stopped", [])


@pytest.mark.parametrize("delay", [pytest.param(number / 50, id=f"after {number * 20} ms") for number in range(8)])
def test_a_stop_at_any_moment_leaves_whole_outputs_only(plane: Any, delay: float) -> None:
    slow = each_line(lambda line: time.sleep(0.004) or line)
    threading.Timer(delay, plane.cancellation.cancel).start()
    objects = {f"in/{number}.csv": b"1\n2\n3\n" for number in range(2000)}
    result = plane.run(objects, slow, strategy=Strategy.SINGLE_RECORD, max_concurrent=2)
    assert result.outcome.status == "Stopped"
    assert set(result.outputs.values()) <= {b"1\n2\n3\n"}


@pytest.mark.parametrize(
    "answer", [pytest.param(b"<html>", id="not JSON"), pytest.param(b"[" * 100_000, id="nested too deeply")]
)
def test_unreadable_execution_parameters_are_passed_over(answer: bytes) -> None:
    double = ModelDouble(echo)
    double.answer = lambda _request: Answer(body=answer)  # pyright: ignore[reportAttributeAccessIssue] a stub
    parameters = ask_parameters(double, Transform("s3://b/in", "s3://b/out"))
    assert str(parameters).startswith("MaxConcurrentTransforms=1,")
    double.stop()


def test_an_unreachable_container_fails_with_the_ping_reason() -> None:
    double = ModelDouble(echo)
    double.stop()
    with pytest.raises(InstanceFailure, match=NO_PING):
        wait_until_ready(double, Cancellation(), 5)


def test_waiting_for_ping_can_be_stopped_before_it_starts() -> None:
    cancellation = Cancellation()
    cancellation.cancel()
    with pytest.raises(Stopped):
        wait_until_ready(ModelDouble(echo), cancellation, 5)


class _RefusingStore(MemoryStore):
    """Refuses one operation."""

    refused = ""

    def list(self, bucket: str, prefix: str) -> Any:
        return self._refuse("list") or super().list(bucket, prefix)

    def open(self, bucket: str, key: str) -> Any:
        return self._refuse("open") or super().open(bucket, key)

    def create(self, bucket: str, key: str) -> MemoryWriter:
        self._refuse("create")
        writer = super().create(bucket, key)
        if self.refused == "commit":
            writer.commit = lambda: self._refuse("commit")  # pyright: ignore[reportAttributeAccessIssue] a stub
        return writer

    def _refuse(self, operation: str) -> None:
        if operation == self.refused:
            raise StorageError(f"Cannot {operation}: access denied")


@pytest.mark.parametrize("operation", ["list", "open", "create", "commit"])
def test_storage_that_refuses_fails_the_job_and_says_so(plane: Any, operation: str) -> None:
    store = _RefusingStore({("b", "in/a.csv"): b"1\n"})
    store.refused = operation
    result = plane.run({}, store=store)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert f"Cannot {operation}: access denied" in result.logs.lines[-1]
    assert result.outputs == {}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"1,2\n", "Failed to decompress the object as Gzip: Not a gzipped file", id="no gzip"),
        pytest.param(gzip.compress(b"1,2\n" * 99)[:-9], "Failed to decompress the object as Gzip", id="cut off"),
    ],
)
def test_a_broken_gzip_object_fails_alone(plane: Any, data: bytes, message: str) -> None:
    result = plane.run({"in/a.gz": data, "in/b.gz": gzip.compress(b"1\n")}, gzip=True)
    assert (result.outcome.reason, list(result.outputs)) == (CLIENT_ERROR, ["out/b.gz.out"])
    assert message in result.logs.lines[4]


@pytest.mark.parametrize(
    "manifest",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="an object"),
        pytest.param(b"[]", id="an empty list"),
        pytest.param(b'["a.csv"]', id="no prefix"),
        pytest.param(b'[{"prefix": 1}, "a"]', id="a prefix that is no text"),
        pytest.param(b'[{"prefix": "s3://b/"}, 7]', id="an entry that is no text"),
        pytest.param(b'[{"prefix": "nowhere/"}, "a"]', id="a prefix that is no S3 URI"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[" * 100_000, id="nested too deeply"),
    ],
)
def test_a_manifest_that_is_not_one_fails_the_job(plane: Any, manifest: bytes) -> None:
    result = plane.run({"m": manifest}, input_uri="s3://b/m", manifest=True)
    assert (result.outcome.status, result.outcome.reason) == ("Failed", CLIENT_ERROR)
    assert result.models == []


class _Trickle(io.BytesIO):
    """Gives at most three bytes at a time, as a network may."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(min(size or 0, 3))


def test_a_manifest_that_comes_in_pieces_is_read_whole(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryStore, "open", lambda store, bucket, key: _Trickle(store.objects[bucket, key]))
    objects = {"m": b'[{"prefix": "s3://b/in/"}, "a.csv"]', "in/a.csv": b"1,2\n"}
    assert plane.run(objects, input_uri="s3://b/m", manifest=True).outputs == {"out/a.csv.out": b"2\n"}


def test_an_input_filter_alone_needs_no_accept_and_passes_answers_on(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"id,1\n"}, accept=None, processing=DataProcessing("$[1:]"))
    assert (result.bodies, result.outputs) == ([b"1\n"], {"out/a.csv.out": b"1\n"})


def test_rows_that_are_not_cut_cannot_be_joined(plane: Any) -> None:
    processing = DataProcessing(join_input=True)
    result = plane.run({"in/a.csv": b"1,2\n3,4\n"}, split=Split.NONE, assemble_line=False, processing=processing)
    assert result.outcome.reason == CLIENT_ERROR
    assert "it is not split into lines, which needs SplitType Line" in result.logs.lines[4]
    assert result.outputs == {}


def test_filters_on_an_unknown_media_type_fail_the_object(plane: Any) -> None:
    result = plane.run({"in/a.csv": b"1\n"}, content_type="text/libsvm", processing=DataProcessing("$[0]"))
    assert "DataProcessing cannot read text/libsvm" in result.logs.lines[4]


def test_an_answer_of_any_bytes_passes_unchanged(plane: Any) -> None:
    data = bytes(range(256)) * 9
    result = plane.run({"in/a.bin": data}, echo, split=Split.NONE, assemble_line=False)
    assert result.outputs == {"out/a.bin.out": data}


def test_a_container_killed_in_the_middle_leaves_whole_outputs_only(plane: Any) -> None:
    killed = threading.Event()

    def behave(body: bytes) -> Answer:
        if body == b"4\n":
            killed.set()
        return Answer(close=True) if killed.is_set() else Answer(body=body)

    result = plane.run({f"in/{number}.csv": b"%d\n" % number for number in range(8)}, behave)
    assert result.outcome.reason == "InternalServerError: We encountered an internal error.  Please try again."
    assert sorted(result.outputs.values()) == [b"0\n", b"1\n", b"2\n", b"3\n"]


def test_later_batches_of_a_failed_object_are_not_sent(plane: Any) -> None:
    lines = b"bad\n" + b"1\n" * 500
    result = plane.run({"in/a.csv": lines}, fail(400, only=b"bad"), strategy=Strategy.SINGLE_RECORD)
    assert len(result.bodies) < 10


class _Endless(MemoryStore):
    """One object of a size, made as it is read; what is written is counted and forgotten."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._left = size
        self.written = 0

    def list(self, bucket: str, prefix: str) -> Any:
        yield ObjectInfo(bucket, prefix, self._left)

    def open(self, bucket: str, key: str) -> Any:
        return self

    def read(self, size: int, /) -> bytes:
        taken = min(size, self._left, 2**20)
        self._left -= taken
        return (b"123456789,123456\n" * (taken // 17 + 1))[:taken]

    def close(self) -> None: ...

    def create(self, bucket: str, key: str) -> Any:
        return self

    def write(self, data: bytes, /) -> None:
        self.written += len(data)

    def commit(self) -> None: ...

    def abort(self) -> None: ...


def test_memory_is_bounded_by_the_payload_not_by_the_object(plane: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ModelDouble, "answer", _answer_and_forget)
    peaks: list[int] = []
    for megabytes in (8, 64):
        store = _Endless(megabytes * 2**20)
        tracemalloc.start()
        assert plane.run({}, store=store, max_payload_mb=1).outcome.status == "Completed"
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] - peaks[0] < 4 * 2**20


def _answer_and_forget(_double: ModelDouble, request: Received) -> Answer:
    return Answer(body=b"%d\n" % len(request.body))
