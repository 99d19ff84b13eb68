"""`make report`: run the notebook on a job's newest result and write it as one HTML file that opens offline."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter
from traitlets.config import Config

from workshop import metrics, stack
from workshop.stack import PROJECT_FOLDER, WorkshopError

NOTEBOOK = PROJECT_FOLDER / "notebooks" / "customer_churn_batch.ipynb"
STYLE = PROJECT_FOLDER / "notebooks" / "report.css"
CELL_SECONDS = 300
FOLDED_CODE = """
{%- extends "basic/index.html.j2" -%}
{%- block codecell -%}
{{ self.outputs() }}
<details class="code"><summary>Code</summary>{{ cell.source | highlight_code(metadata=cell.metadata) }}</details>
{%- endblock codecell -%}
"""


@stack.tool
def main(arguments: Sequence[str]) -> int:
    """Write the report of a job: make report JOB=churn."""
    parser = stack.parser("report", main.__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--job", default=os.environ.get("JOB") or "churn", help="the job's declared name")
    parser.add_argument(
        "--invocations-url", default="", help="the address of a model container to send rows to, one at a time"
    )
    parser.add_argument(
        "--endpoint", default=os.environ.get("ENDPOINT", ""), help="or the name of a SageMaker real-time endpoint"
    )
    options = parser.parse_args(arguments)
    os.environ["PULUMI_STACK"] = options.stack
    # Files of the kernel and the plotting library are kept beside the report, not in the user's home.
    os.environ |= dict.fromkeys(("IPYTHONDIR", "MPLCONFIGDIR"), str(options.output.parent / "notebook"))
    started = time.monotonic()
    status = stack.transform_job(options.job, options.stack)["status"]
    if status != "Completed":
        raise WorkshopError(f"{options.job} is {status}: a job has a report when it is Completed")
    parameters = {
        "job": options.job,
        "threshold": metrics.threshold(),
        "invocations_url": options.invocations_url,
        "endpoint_name": options.endpoint,
    }
    notebook = executed(NOTEBOOK, parameters)
    write(notebook, options.output, f"{options.job}: batch result")
    print(f"report: {options.output} ({time.monotonic() - started:.0f} s); it opens in a browser, offline too")
    return 0


def executed(path: Path, parameters: Mapping[str, Any]) -> Any:
    """Run a notebook in the project's folder, and return it with its outputs.

    Args:
        path: of the notebook.
        parameters: the values of the variables in its cell with the tag `parameters`.

    Raises:
        WorkshopError: a cell failed, or the kernel ended.
    """
    notebook = nbformat.read(path, as_version=4)
    position = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
    notebook.cells[position].source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:  # short: a socket's path holds some 100 characters
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(PROJECT_FOLDER)}},
            config=Config({"KernelManager": {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}}),
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise WorkshopError(f"the notebook stopped: {error.evalue}") from error
        except (DeadKernelError, CellTimeoutError) as error:
            raise WorkshopError(f"the notebook stopped: {error}") from error
    return notebook


def write(notebook: Any, target: Path, title: str) -> None:
    """Write an executed notebook as one HTML file that needs no network; its code is folded, and the file replaced as a whole."""
    exporter = HTMLExporter(raw_template=FOLDED_CODE, exclude_anchor_links=True, exclude_output_prompt=True)
    body, _ = exporter.from_notebook_node(_opening_with_the_headline(notebook))
    colours = HtmlFormatter().get_style_defs("details.code")
    head = f"<title>{escape(title)}</title><style>{STYLE.read_text()}{colours}</style>"
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    page = f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{viewport}{head}</head><body><main>{body}</main></body></html>'
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    draft.write_text(page)
    draft.replace(target)


def _opening_with_the_headline(notebook: Any) -> Any:
    """Return the notebook without the cells that are for its user only, and with its parameters in the cell that reads them."""
    shown = nbformat.from_dict(notebook)
    cells = [cell for cell in shown.cells if "notebook-only" not in cell.metadata.get("tags", [])]
    parameters, first, *rest = cells
    first.source = f"{parameters.source}\n\n{first.source}"
    shown.cells = [first, *rest]
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
