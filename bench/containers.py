"""The model containers beside their peers: rows a second on one processor, and how soon a container serves.

All of them read the same churn rows in payloads of 6 MB and write the same text. "The image's way" is what the code of
SageMaker's image does with a request: it splits the text in Python, makes one DMatrix, and takes `str` of each
prediction. The other peer is a script as one would write it by hand with pandas. The same rows are also sent as
recordio-protobuf. The benchmark measures processor time, so a busy machine matters less. If the scikit-learn container's
environment does not exist, it is made first; only the start of the script and its libraries is measured.
"""

from __future__ import annotations

import io
import os
import struct
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import xgboost

from localcloud.containers import start
from localcloud.containers.launcher import shared_launcher
from localcloud.containers.xgboost.model import load
from localcloud.containers.xgboost.server import App, Settings
from localcloud.containers.xgboost.wire import Request
from model.archive import pack
from model.table import batch_input_csv, churn_table
from model.train import HYPERPARAMETERS, model_bytes, train

XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SCIKIT_LEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BATCH = {"SAGEMAKER_BATCH": "true"}
SCRIPT_MODE = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
SCRIPT = b"""
import numpy as np
from sklearn.linear_model import LinearRegression

def model_fn(model_dir):
    return LinearRegression().fit(np.eye(18), np.arange(18))
"""
PAYLOAD = 6 * 2**20
REPEATS = 5
STARTS = 10


def main() -> None:
    customers = churn_table(20_000)
    booster = train(customers)
    body = _payload(batch_input_csv(customers).encode())
    rows = body.count(b"\n") + 1
    print(f"{rows:,} rows of 18 columns in a payload of 6 MB, {booster.num_boosted_rounds()} trees, one processor")
    print(f"  (trees of depth {HYPERPARAMETERS['max_depth']}, xgboost {xgboost.__version__})")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOCALCLOUD_HOME"] = folder
        model = Path(folder, "model", "xgboost-model")
        model.parent.mkdir()
        model.write_bytes(model_bytes(booster))
        _compare(body, rows, booster, model.parent)
        archive = Path(folder, "model.tar.gz")
        archive.write_bytes(pack(model_bytes(booster)))
        line = body.partition(b"\n")[0]
        _starts("XGBoost", XGBOOST, archive, BATCH, line)
        _starts("scikit-learn 1.4-2", SCIKIT_LEARN, _script_archive(Path(folder)), SCRIPT_MODE, line + b"\n" + line)
        shared_launcher().close()


def _payload(table: bytes) -> bytes:
    body = (table * (PAYLOAD // len(table) + 1))[:PAYLOAD]
    return body[: body.rindex(b"\n")]


def _compare(body: bytes, rows: int, booster: xgboost.Booster, folder: Path) -> None:
    booster.set_param({"nthread": 1})
    app = App(Settings.read(BATCH), load(folder, ensemble=True))
    request = Request("POST", "/invocations", {"content-type": "text/csv"}, body)
    recordio = Request("POST", "/invocations", {"content-type": "application/x-recordio-protobuf"}, _recordio(body))
    ways: list[tuple[str, Callable[[], bytes]]] = [
        ("the container", lambda: app(request).body),
        ("by hand, with pandas", lambda: _by_hand(body, booster)),
        ("the image's way", lambda: _image_way(body, booster)),
        ("recordio-protobuf", lambda: app(recordio).body),
    ]
    answers: list[bytes] = []
    seconds: list[float] = []
    for name, way in ways:
        answer, best = _best(way)
        answers.append(answer)
        seconds.append(best)
        print(f"  {name:22} {rows / best / 1e3:8,.0f} thousand rows/s")
    print(f"  the container scores {seconds[2] / seconds[0]:.1f} times the rows of the image's way, ", end="")
    print(f"{seconds[1] / seconds[0]:.1f} times those of the script by hand; ", end="")
    print("all texts are equal" if len(set(answers)) == 1 else "THE TEXTS DIFFER")


def _best(way: Callable[[], bytes]) -> tuple[bytes, float]:
    seconds: list[float] = []
    answer = b""
    for _ in range(REPEATS):
        begin = time.process_time()
        answer = way()
        seconds.append(time.process_time() - begin)
    return answer, min(seconds)


def _by_hand(body: bytes, booster: xgboost.Booster) -> bytes:
    values = pd.read_csv(io.BytesIO(body), header=None).to_numpy(dtype=np.float32)
    predictions = booster.inplace_predict(values, validate_features=False)
    return ("\n".join(map(repr, predictions.astype(np.float64).tolist())) + "\n").encode()


def _image_way(body: bytes, booster: xgboost.Booster) -> bytes:
    lines = body.decode().split("\n")
    values = np.array([["nan" if field == "" else field for field in line.split(",")] for line in lines]).astype(float)
    predictions = booster.predict(xgboost.DMatrix(values, nthread=1), validate_features=False)
    return ("\n".join(map(str, predictions.tolist())) + "\n").encode()


def _recordio(body: bytes) -> bytes:
    """Return the rows of a CSV body as records of one dense tensor of float32."""
    records = bytearray()
    for row in pd.read_csv(io.BytesIO(body), header=None).to_numpy(dtype="<f4"):
        values = row.tobytes()
        tensor = b"\x0a" + bytes([len(values)]) + values
        value = b"\x12" + bytes([len(tensor)]) + tensor
        entry = b"\x0a\x06values\x12" + bytes([len(value)]) + value
        record = b"\x0a" + bytes([len(entry)]) + entry
        records += struct.pack("<II", 0xCED7230A, len(record)) + record + bytes(-len(record) % 4)
    return bytes(records)


def _script_archive(folder: Path) -> Path:
    path = folder / "script.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(SCRIPT)
        tar.addfile(entry, io.BytesIO(SCRIPT))
    return path


def _starts(name: str, image: str, archive: Path, environment: Mapping[str, str], rows: bytes) -> None:
    first, *more = [_start(image, archive, environment, rows) for _ in range(STARTS)]
    print(f"{name}: from start() to the answer to a first small request")
    print(f"  first container {first:.2f} s, then {min(more) * 1e3:.0f} to {max(more) * 1e3:.0f} ms")


def _start(image: str, archive: Path, environment: Mapping[str, str], rows: bytes) -> float:
    begin = time.perf_counter()
    with start(image, archive, environment, vcpus=1, log=lambda _: None) as container:
        request = urllib.request.Request(container.url + "/invocations", rows, {"Content-Type": "text/csv"})  # noqa: S310  http
        while True:
            try:
                urllib.request.urlopen(request).close()  # noqa: S310  the address of a local container
            except OSError:
                time.sleep(0.001)
            else:
                return time.perf_counter() - begin


if __name__ == "__main__":
    main()
