"""The notebook runs top to bottom on any job, and the report is one page that opens offline."""

from __future__ import annotations

import base64
import re
import tarfile
from collections.abc import Generator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import boto3
import nbformat
import numpy as np
import pandas as pd
import pytest
import xgboost
from moto.server import ThreadedMotoServer

from localcloud.commands.report import Model, serving
from tests.workshop.conftest import Stack, lines
from workshop import metrics, page, report, stack

FOLDER = stack.PROJECT_FOLDER / "model"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
CHURN = pd.read_csv(FOLDER / "truth.csv")
INPUTS = [name for name in CHURN.columns if name not in {"row", "state", "churn"}]


class Page(HTMLParser):
    """What a reader of the page meets: texts, images with their texts, tables with their rows."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.sources: list[str] = []
        self.heads: list[int] = []
        self.in_head = False
        self.open_details = 0
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.sources += [source for name in ("src", "href") if (source := known.get(name))]
        if tag == "img":
            self.images.append(known)
        elif tag == "thead":
            self.in_head = True
            self.heads.append(0)
        elif tag == "tr":
            self.heads[-1] += self.in_head
        elif tag == "details":
            self.open_details += "open" in known

    def handle_endtag(self, tag: str) -> None:
        self.in_head = self.in_head and tag != "thead"

    def handle_data(self, data: str) -> None:
        self.text += f"{data.strip()} "


@contextmanager
def a_served_stack(folder: Path) -> Generator[Stack]:
    """A stack in an account that another process can ask."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    program = folder / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec cat '{folder}/outputs.json'\n")
    program.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("PULUMI_STACK", "dev")
        patch.setenv("PATH", str(program.parent), prepend=":")
        for name in ("IPYTHONDIR", "MPLCONFIGDIR"):
            patch.setenv(name, str(folder / "notebook"))
        yield Stack(folder, boto3.client)
    server.stop()


def batch_result() -> list[str]:
    """What a batch job writes of the churn input: the model's own numbers, one a line."""
    with tarfile.open(FOLDER / "model.tar.gz") as archive:
        model = archive.extractfile("xgboost-model")
        assert model
        booster = xgboost.Booster({"nthread": 1}, model_file=bytearray(model.read()))
    rows = np.loadtxt(FOLDER / "batch_input.csv", delimiter=",", dtype=np.float32)
    return [repr(value) for value in booster.predict(xgboost.DMatrix(rows), validate_features=False).tolist()]


Pages = dict[str, Page]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    """The page of a job of each kind, by the job's name; all are made before another test can reset moto's account."""
    folder = tmp_path_factory.mktemp("stack")
    with a_served_stack(folder) as jobs, serving(Model(IMAGE, FOLDER / "model.tar.gz", {})) as url:
        declare(jobs)
        values = {"job": "churn", "threshold": 0.5, "endpoint_name": "", "invocations_url": url}
        made = {"churn": Page(by_notebook(folder, values))}
        return made | {name: Page(by_its_parts(name)) for name in ("nolabels", "classes", "prices")}


def by_notebook(folder: Path, values: dict[str, Any]) -> str:
    """The page as `make report` writes it."""
    report.write(report.executed(report.NOTEBOOK, values), folder / "report.html", "title")
    return (folder / "report.html").read_text()


def by_its_parts(name: str) -> str:
    """What the notebook's cells show, without the seconds that a kernel takes to start."""
    result = page.load(name, metrics.THRESHOLD)
    sections = (page.distribution, page.quality, page.contributions, page.first_rows, page.real_time)
    parts = [page.headline(result), page.paragraph("Predictions"), *(section(result) for section in sections)]
    return page.stacked(*parts)._repr_html_()  # pyright: ignore[reportPrivateUsage] the name that Jupyter calls


def declare(jobs: Stack) -> None:
    """A job of each kind, the first one with the workshop's own model."""
    jobs.model("churn-model", (FOLDER / "model.tar.gz").read_bytes())
    labels = {"path": "model/truth.csv", "column": "churn", "columns": INPUTS}
    given = {"batch_input.csv": (FOLDER / "batch_input.csv").read_text()}
    jobs.ran("churn", given, {"batch_input.csv": lines(batch_result())}, labels=labels, model="churn-model")
    random = np.random.default_rng(7)
    given = {"in.csv": lines(f"id{n},{n % 5}" for n in range(60))}
    jobs.ran("nolabels", given, {"in.csv": lines(random.random(60).tolist())})
    truth = {"path": jobs.file("classes.csv", lines(n % 3 for n in range(60)))}
    scores = random.dirichlet([1, 1, 1], 60).tolist()
    jobs.ran("classes", given, {"in.csv": lines(scores)}, labels=truth)
    truth = {"path": jobs.file("prices.csv", lines(10.5 + n for n in range(60)))}
    jobs.ran("prices", given, {"in.csv": lines((10.5 + n * random.normal(1, 0.1)) for n in range(60))}, labels=truth)


@pytest.mark.parametrize("job", ["churn", "nolabels", "classes", "prices"])
def test_a_page_asks_nothing_of_the_network_and_can_be_read_without_seeing(pages: Pages, job: str) -> None:
    found = pages[job]
    assert found.images
    assert all(source.startswith(("data:image/svg+xml;base64,", "#")) for source in found.sources)
    assert all(len(image["alt"] or "") > 40 for image in found.images)
    sizes = {
        re.search(rb'width="([\d.]+pt)"', base64.b64decode((image["src"] or "").partition(",")[2]))
        for image in found.images
    }
    assert {size and size[1] for size in sizes} == {b"403.2pt"}
    assert set(found.heads) == {1}
    assert found.open_details == 0


@pytest.mark.parametrize("job", ["churn", "nolabels", "classes", "prices"])
def test_a_page_opens_with_job_model_date_and_rows(pages: Pages, job: str) -> None:
    opening = pages[job].text.partition(" Predictions ")[0].split()
    order = [opening.index(word) for word in (job, "Job", "Model", "Finished", "Rows")]
    assert order == sorted(order)
    assert str({"churn": len(CHURN)}.get(job, 60)) in opening


def test_the_headline_has_scikit_learns_figures(pages: Pages) -> None:
    table = pd.DataFrame({"prediction": [float(text) for text in batch_result()], "label": CHURN["churn"]})
    opening = pages["churn"].text.partition(" Predictions ")[0]
    for name, value in metrics.of(table).figures.items():
        assert f"{metrics.number(value)} {name}" in opening


def test_zero_and_one_are_reported_in_words(pages: Pages) -> None:
    text = pages["churn"].text
    assert re.search(r"churn\s+predicted no\s+predicted yes\s+no\s+575\s+7\s+yes\s+23\s+62", text)
    assert "international plan" in text


def test_the_page_shows_what_drives_the_predictions(pages: Pages) -> None:
    (image,) = [image for image in pages["churn"].images if "drives" in (image["alt"] or "")]
    assert re.search(r"total_day_minutes [\d.]+, customer_service_calls", image["alt"] or "")
    assert "Not known for this model" in pages["nolabels"].text


def test_each_row_sent_alone_gives_the_batch_result_text_for_text(pages: Pages) -> None:
    count = len(CHURN)
    assert f"{count} of {count} answers are equal to the batch result, text for text." in pages["churn"].text


@pytest.mark.parametrize(
    ("job", "words"),
    [
        pytest.param("nolabels", "The job declares no labels", id="none"),
        pytest.param("classes", "How often each class was predicted as which.", id="several classes"),
        pytest.param("prices", "RMSE: root of the mean squared error", id="a regression"),
    ],
)
def test_the_section_on_labels_depends_on_their_kind(pages: Pages, job: str, words: str) -> None:
    assert words in pages[job].text


def test_a_job_without_a_result_has_no_report(
    a_stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a_stack.ran("churn", {"in.csv": "1\n"}, {}, status="Failed")
    assert report.main(["--job", "churn", "--output", str(tmp_path / "report.html")]) == 1
    assert capsys.readouterr().err == "error: churn is Failed: a job has a report when it is Completed\n"


def test_the_notebook_in_git_has_no_outputs_and_one_parameters_cell() -> None:
    notebook: Any = nbformat.read(report.NOTEBOOK, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert [index for index, cell in enumerate(code) if cell.metadata.get("tags") == ["parameters"]] == [0]
