"""`make report`: run the notebook on the newest results and write it as one HTML file that opens offline."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbconvert import HTMLExporter
from traitlets.config import Config

from workshop.stack import PROJECT_FOLDER

NOTEBOOK = PROJECT_FOLDER / "notebooks" / "customer_churn_batch.ipynb"
CELL_SECONDS = 300
TITLE = "Customer churn: batch results"


def main(arguments: Sequence[str]) -> int:
    """Run the notebook and write the report."""
    parser = argparse.ArgumentParser(prog="python -m workshop.report", description=main.__doc__)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--stack", help="the stack whose results are shown; by default the selected one")
    parser.add_argument("--job", default=os.environ.get("JOB", ""), help="the declared name of the job, if not churn")
    parser.add_argument("--invocations-url", default="", help="a model container to ask one row at a time")
    parser.add_argument("--endpoint", default=os.environ.get("ENDPOINT", ""), help="or a SageMaker real-time endpoint")
    options = parser.parse_args(arguments)
    if options.stack:
        os.environ["PULUMI_STACK"] = options.stack
    # What kernel and drawing library keep lies beside the report, not in the user's home.
    os.environ |= dict.fromkeys(("IPYTHONDIR", "MPLCONFIGDIR"), str(options.output.parent / "notebook"))
    started = time.monotonic()
    print(f"running {NOTEBOOK.relative_to(PROJECT_FOLDER)} on the newest results", flush=True)
    try:
        notebook = executed(NOTEBOOK, _parameters(options))
    except CellExecutionError as error:
        print(f"error: the notebook stopped: {error.evalue}", file=sys.stderr)
        return 1
    except (DeadKernelError, CellTimeoutError) as error:
        print(f"error: the notebook stopped: {error}", file=sys.stderr)
        return 1
    write(notebook, options.output)
    print(f"report: {options.output} ({time.monotonic() - started:.0f} s); it opens in a browser, offline too")
    return 0


def _parameters(options: argparse.Namespace) -> dict[str, str]:
    """The notebook's variables that the command line sets."""
    return {"job": options.job, "invocations_url": options.invocations_url, "endpoint_name": options.endpoint}


def executed(path: Path, parameters: Mapping[str, Any]) -> Any:
    """The notebook with its outputs, run top to bottom in the project's folder.

    Args:
        path: the notebook.
        parameters: values set after its `parameters` cell, which hold in place of the ones there; empty ones do not.
    """
    notebook = nbformat.read(path, as_version=4)
    assignments = "\n".join(f"{name} = {value!r}" for name, value in parameters.items() if value)
    if assignments:
        position = next(i for i, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", []))
        notebook.cells.insert(position + 1, nbformat.v4.new_code_cell(assignments))
    with tempfile.TemporaryDirectory(prefix="kernel-") as sockets:  # short: a socket's path holds some 100 characters
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(PROJECT_FOLDER)}},
            config=Config({"KernelManager": {"transport": "ipc", "connection_file": f"{sockets}/kernel.json"}}),
        )
        client.execute()
    return notebook


def write(notebook: Any, target: Path) -> None:
    """Write the notebook as one HTML file that asks nothing of the network; figures are in it as PNG."""
    exporter = HTMLExporter(embed_images=True, mathjax_url="", require_js_url="", mermaid_js_url="")
    html, _ = exporter.from_notebook_node(notebook, resources={"metadata": {"name": TITLE}})
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".new")
    draft.write_text(html)
    draft.replace(target)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
