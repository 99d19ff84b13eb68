"""Batch transform beside a plain script that does the same: rows a second, and memory.

The ceiling is a script as one would write it by hand: one process for each processor, in which pandas parses, the model
predicts in large batches, and the answers are written as the container writes them. The data plane does the same over
HTTP with a real container. With filters and join, each row has an id, which the model does not see and which is written
beside the prediction.
"""

from __future__ import annotations

import csv
import importlib
import io
import multiprocessing
import os
import resource
import shutil
import struct
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from data_processing.filters import parse
from localcloud import containers
from localcloud.batch_transform.job import Cancellation, DataProcessing, Split, Transform
from localcloud.batch_transform.objects import ObjectInfo
from localcloud.batch_transform.record_formats import record_format
from localcloud.batch_transform.run import RunContext, run_transform
from tests.localcloud.batch_transform.doubles import Answer, MemoryLogs, ModelDouble

CHECKOUT = Path(__file__).resolve().parents[1]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SIZES = (10_000, 1_000_000)
PLANE_ALONE = (10 * 2**20, 2**30)
CSV_BYTES = 64 * 2**20
JOINED = DataProcessing("$[1:]", join_input=True, output_filter="$[0,-1]")
GOAL = {False: 0.85, True: 0.5}
"""The goal as a share of the ceiling's rows a second, from a million rows on, without and with filters and join."""
TREES = 100
CORES = os.cpu_count() or 1
_PORTION = 250_000
Result = TypeVar("Result")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        os.environ["LOCALCLOUD_HOME"] = str(place / "home")
        archive = _in_child(_train, place)
        for rows in SIZES:
            for joined in (False, True):
                _compare(place, archive, rows, joined=joined)
        _plane_alone()
        _csv()


def _compare(place: Path, archive: Path, rows: int, *, joined: bool) -> None:
    data = place / "rows.csv"
    _write_rows(data, rows, with_id=joined)
    ceiling = _in_child(_ceiling, data, place / "ceiling.out", archive, joined)
    plane = _plane(place, data, archive, JOINED if joined else DataProcessing())
    same = (place / "ceiling.out").read_bytes() == (place / "out" / "rows.csv.out").read_bytes()
    print(
        f"  {rows:>9,} rows{', filters and join' if joined else ''}: ceiling {rows / ceiling:>9,.0f} rows/s, data plane "
        f"{rows / plane:>9,.0f} rows/s, ratio {ceiling / plane:.2f} (goal {GOAL[joined]} from 1,000,000 rows on); "
        f"same text: {same}",
        flush=True,
    )


# --- data and model


def _write_rows(path: Path, rows: int, *, with_id: bool) -> None:
    lines = _input_lines()
    with path.open("wb") as file:
        for start in range(0, rows, len(lines)):
            block = lines[: rows - start]
            file.write(
                b"".join([b"id-%d,%b" % (start + n, line) for n, line in enumerate(block)] if with_id else block)
            )


def _input_lines() -> list[bytes]:
    return (CHECKOUT / "model" / "batch_input.csv").read_bytes().splitlines(keepends=True)


def _train(place: Path) -> Path:
    """Train a model of 100 trees on the churn job's columns; return its archive."""
    import numpy as np  # noqa: PLC0415  in a child only: a process that has predicted must not fork containers
    import xgboost as xgb  # noqa: PLC0415

    table = np.loadtxt(io.BytesIO(b"".join(_input_lines())), delimiter=",", ndmin=2)
    truth = (table.sum(axis=1) > np.median(table.sum(axis=1))).astype(float)
    flipped = np.random.default_rng(1).random(len(truth)) < 0.2
    booster = xgb.train(
        {"objective": "binary:logistic", "max_depth": 5, "seed": 1, "nthread": 1},
        xgb.DMatrix(table, label=np.where(flipped, 1 - truth, truth)),
        num_boost_round=TREES,
    )
    file = place / "xgboost-model"
    booster.save_model(file.with_suffix(".ubj"))
    file.with_suffix(".ubj").rename(file)
    archive = place / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(file, "xgboost-model")
    return archive


# --- the ceiling


def _ceiling(data: Path, output: Path, archive: Path, with_id: bool) -> float:  # noqa: FBT001  the arguments come over a pipe
    """Return the seconds that the plain script takes; its libraries are loaded before."""
    for library in ("pandas", "xgboost"):
        importlib.import_module(library)
    with tarfile.open(archive) as tar:
        tar.extractall(output.parent / "ceiling", filter="data")
    start = time.monotonic()
    bounds = _bounds(data)
    context = multiprocessing.get_context("fork")
    children = [
        context.Process(target=_predict_part, args=(data, output, number, *bound, with_id))
        for number, bound in enumerate(bounds)
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    with output.open("wb") as whole:
        for number in range(len(bounds)):
            part = output.with_suffix(f".{number}")
            with part.open("rb") as file:
                shutil.copyfileobj(file, whole, 2**20)
    return time.monotonic() - start


def _bounds(data: Path) -> list[tuple[int, int]]:
    """Return the bounds of one part of the file for each processor, cut at line ends."""
    size = data.stat().st_size
    cuts = [0]
    with data.open("rb") as file:
        for number in range(1, CORES):
            file.seek(size * number // CORES)
            file.readline()
            cuts.append(file.tell())
    return list(zip(cuts, [*cuts[1:], size], strict=True))


def _predict_part(data: Path, output: Path, number: int, start: int, end: int, with_id: bool) -> None:  # noqa: FBT001, PLR0917
    import pandas as pd  # noqa: PLC0415
    import xgboost as xgb  # noqa: PLC0415

    booster = xgb.Booster({"nthread": 1}, model_file=str(output.parent / "ceiling" / "xgboost-model"))
    types: Any = "float32"
    with data.open("rb") as file, output.with_suffix(f".{number}").open("w") as part:
        file.seek(start)
        text = io.BytesIO(file.read(end - start))
        if with_id:
            columns = text.getvalue().partition(b"\n")[0].count(b",")
            types = {0: "str", **dict.fromkeys(range(1, columns + 1), "float32")}
        for frame in pd.read_csv(text, header=None, dtype=types, chunksize=_PORTION):
            numbers = frame.iloc[:, 1:].to_numpy(dtype="float32") if with_id else frame.to_numpy()
            predictions = map(repr, booster.inplace_predict(numbers).tolist())
            rows = map(",".join, zip(frame[0].tolist(), predictions, strict=True)) if with_id else predictions
            part.write("\n".join(rows) + "\n")


# --- the data plane


class _Folder:
    """Files as objects: the bucket is ignored."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        yield ObjectInfo(bucket, prefix, (self._root / prefix).stat().st_size)

    def open(self, bucket: str, key: str) -> Any:  # noqa: ARG002
        return (self._root / key).open("rb")

    def create(self, bucket: str, key: str) -> Any:  # noqa: ARG002
        return _FileWriter(self._root / key)


class _FileWriter:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("wb")

    def write(self, data: bytes, /) -> None:
        self._file.write(data)

    def commit(self) -> None:
        self._file.close()

    abort = commit


def _plane(place: Path, data: Path, archive: Path, processing: DataProcessing) -> float:
    containers.prewarm()
    with containers.start(IMAGE, archive, {}, vcpus=1, log=lambda _: None):  # the fork server has loaded its libraries
        pass

    def start(_: int, environment: Mapping[str, str], log: Callable[[bytes], None]) -> containers.Container:
        return containers.start(IMAGE, archive, environment, vcpus=CORES, log=log)

    folder = _Folder(place)
    begin = time.monotonic()
    _run(folder, folder, start, f"s3://b/{data.name}", processing=processing)
    return time.monotonic() - begin


def _run(source: Any, sink: Any, start: Any, uri: str, **settings: Any) -> None:
    settings = {"content_type": "text/csv", "accept": "text/csv", "split": Split.LINE, "assemble_line": True} | settings
    job = Transform(uri, "s3://b/out", **settings)
    logs = MemoryLogs()
    outcome = run_transform(job, RunContext(source, sink, logs, start, Cancellation()))
    if outcome.status != "Completed":
        raise RuntimeError(f"{outcome}\n" + "\n".join(logs.lines))


# --- the data plane alone


class _Synthetic:
    """An object of a given size that repeats one record, and a sink that discards everything."""

    def __init__(self, size: int, record: bytes) -> None:
        self._block = record * (2 * 2**20 // len(record))
        self._left = size // len(record) * len(record)
        self._at = 0

    def list(self, bucket: str, prefix: str) -> Iterator[ObjectInfo]:
        yield ObjectInfo(bucket, prefix, self._left)

    def open(self, bucket: str, key: str) -> _Synthetic:  # noqa: ARG002
        return self

    def read(self, size: int, /) -> bytes:
        data = self._block[self._at : self._at + min(size, self._left)]
        self._at = (self._at + len(data)) % len(self._block)
        self._left -= len(data)
        return data

    def create(self, bucket: str, key: str) -> _Synthetic:  # noqa: ARG002
        return self

    def write(self, data: bytes, /) -> None: ...
    def close(self) -> None: ...
    def commit(self) -> None: ...
    def abort(self) -> None: ...


ROW = b"0123456789," * 9 + b"\n"
RECORD = struct.pack("<II", 0xCED7230A, 992) + bytes(992)
KINDS: Mapping[str, tuple[bytes, Mapping[str, Any]]] = {
    "lines": (ROW, {}),
    "lines, filters and join": (ROW, {"processing": JOINED}),
    "RecordIO": (RECORD, {"split": Split.RECORD_IO}),
    "RecordIO, no payload limit": (RECORD, {"split": Split.RECORD_IO, "max_payload_mb": 0}),
}


def _plane_alone() -> None:
    """Print time and memory for a small and a large object; the model, in another process, only counts lines."""
    for kind in KINDS:
        figures: list[float] = []
        for size in PLANE_ALONE:
            seconds, megabytes = _in_child(_transform_synthetic, size, kind)
            figures.append(megabytes)
            print(
                f"  {size / 2**20:>6.0f} MB of {kind} through the data plane alone: {size / 2**20 / seconds:.0f} MB/s, "
                f"{megabytes:.0f} MB resident at most",
                flush=True,
            )
        print(f"  memory of the large object beyond the small one: {figures[1] - figures[0]:.0f} MB (goal 100 MB)")


def _transform_synthetic(size: int, kind: str) -> tuple[float, float]:
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    model = multiprocessing.get_context("fork").Process(target=_count_lines, args=(sender,), daemon=True)
    model.start()
    url: str = receiver.recv()
    record, settings = KINDS[kind]
    store = _Synthetic(size, record)
    start = time.monotonic()
    _run(store, store, lambda *_: _Elsewhere(url), "s3://b/object", **settings)
    seconds = time.monotonic() - start
    model.terminate()
    return seconds, _resident_at_most()


def _resident_at_most() -> float:
    """Return the peak of this process's memory, in megabytes."""
    if sys.platform == "darwin":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # On Linux ru_maxrss includes the parent's memory from before this program was started.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 2**10


def _count_lines(sender: Any) -> None:
    model = ModelDouble(lambda body: Answer(body=b"0.5\n" * body.count(b"\n")), {"MaxConcurrentTransforms": 2})
    sender.send(model.url)
    time.sleep(3600)


class _Elsewhere:
    """A container that is already running."""

    def __init__(self, url: str) -> None:
        self.url = url

    def poll(self) -> int | None:
        return None

    def stop(self) -> None: ...


# --- CSV


def _csv() -> None:
    """Print how fast rows are filtered on one core, with and without quotes, beside Python's own reader and writer."""
    columns = record_format("text/csv", parse("$[1:]"), whole=False)
    for name, row in (
        ("without quotes", b"".join(_input_lines()[:1])),
        ("with quotes", b'"a ""b""",1.5,"c,d",2,3,4\n'),
        ("with quotes around all", b'"a","1.5","c,d","2","3","4"\n'),
        ("with a text", b'1234,"Doe, ""Jo"", of no fixed address",1.5,2,3,4\n'),
    ):
        data = row * (2**20 // len(row))
        ours = _megabytes_a_second(lambda data=data: columns.filtered(data), len(data))
        print(f"  CSV {name}: {ours:.0f} MB/s{' (goal 150)' if name == 'without quotes' else ''}", end="")
        theirs = _megabytes_a_second(lambda data=data: _python_csv(data), len(data))
        print(f", Python's csv {theirs:.0f} MB/s", flush=True)


def _python_csv(data: bytes) -> str:
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(
        row[1:] for row in csv.reader(io.StringIO(data.decode()), strict=True)
    )
    return written.getvalue()


def _megabytes_a_second(work: Callable[[], object], size: int) -> float:
    rounds = CSV_BYTES // size
    start = time.process_time()
    for _ in range(rounds):
        work()
    return rounds * size / 2**20 / (time.process_time() - start)


def _in_child(function: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function in another process, so that it leaves neither threads nor memory behind."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=_answer, args=(sender, function, arguments))
    child.start()
    sender.close()
    try:
        return receiver.recv()
    finally:
        child.join()


def _answer(sender: Any, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    sender.send(function(*arguments))


if __name__ == "__main__":
    main()
