"""The notebook runs top to bottom on a result, and the report opens offline."""

from __future__ import annotations

import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import nbformat
import numpy as np
import pytest
import xgboost
from moto.server import ThreadedMotoServer

from localcloud.commands.report import Model, serving
from workshop import report
from workshop.metrics import quality
from workshop.results import labels, scores
from workshop.stack import PROJECT_FOLDER

INPUT = PROJECT_FOLDER / "model" / "batch_input.csv"
ARCHIVE = PROJECT_FOLDER / "model" / "model.tar.gz"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def batch_result(folder: Path) -> bytes:
    """What a batch job writes: the model's own numbers, one a line."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extract("xgboost-model", folder, filter="data")
    booster = xgboost.Booster({"nthread": 1}, model_file=folder / "xgboost-model")
    rows = np.loadtxt(io.BytesIO(INPUT.read_bytes()), delimiter=",", dtype=np.float32)
    return "".join(
        f"{value!r}\n" for value in booster.predict(xgboost.DMatrix(rows, nthread=1), validate_features=False).tolist()
    ).encode()


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return batch_result(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def executed(result: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The notebook, run once against a bucket with a result and a container with the model."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch, serving(Model(IMAGE, ARCHIVE, {})) as url:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("IPYTHONDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(tmp_path_factory.getbasetemp() / "notebook"))
        s3: Any = boto3.client("s3")
        s3.create_bucket(Bucket="results")
        s3.put_object(Bucket="results", Key="output/batch_input.csv.out", Body=result)
        values = {"result_path": "s3://results/output/batch_input.csv.out", "invocations_url": url}
        yield report.executed(report.NOTEBOOK, values)
    server.stop()


def printed(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_precision_recall_and_f1_are_those_of_plain_counting(executed: Any, result: bytes) -> None:
    counted = quality(scores(result), labels(PROJECT_FOLDER / "model" / "truth.csv"))
    shown = re.search(r"threshold 0\.5\s+([\d.]+)\s+([\d.]+)\s+([\d.]+)", printed(executed))
    assert shown
    expected = [counted.precision, counted.recall, counted.f1]
    assert [float(text) for text in shown.groups()] == pytest.approx(expected, abs=0.0005)


def test_each_row_asked_alone_gives_the_batch_result_text_for_text(executed: Any) -> None:
    count = len(INPUT.read_text().splitlines())
    assert f"{count} of {count} answers are equal to the batch result, text for text." in printed(executed)


def test_the_report_is_one_file_that_asks_nothing_of_the_network(executed: Any, tmp_path: Path) -> None:
    report.write(executed, tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text()
    assert len(re.findall(r'<img[^>]+src="data:image/png;base64,', html)) == 2
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', html)
    assert "Whom to call first" in html


def test_the_notebook_in_git_has_no_outputs_and_one_parameters_cell() -> None:
    notebook: Any = nbformat.read(report.NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [index for index, cell in enumerate(code) if cell.metadata.get("tags") == ["parameters"]] == [0]
