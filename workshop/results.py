"""The results of a stack's transform jobs: fetched by their S3 path, joined to the truth by row, and summed up.

`python -m workshop.results --outputs FILE` prints a line for each job of the stack outputs in FILE.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3

from workshop import s3
from workshop.metrics import Quality, quality
from workshop.stack import PROJECT_FOLDER

MODEL = PROJECT_FOLDER / "model"
# Input objects whose truth is known, by file name: the workshop's held-out customers.
TRUTHS = {"batch_input.csv": MODEL / "truth.csv"}
LARGEST = 100 * 2**20  # bytes; of a larger result no rows are counted, since it would all have to be fetched
FETCHES = 8  # results fetched at once
HEADINGS = ("JOB", "STATUS", "ROWS", "PRECISION", "RECALL", "RESULT")


def main(arguments: Sequence[str]) -> int:
    """Print status, rows, precision and recall, and the result's S3 path of every job."""
    parser = argparse.ArgumentParser(prog="python -m workshop.results", description=main.__doc__)
    parser.add_argument("--outputs", type=Path, required=True, help="the stack's outputs as JSON")
    parser.add_argument("--stack", default=os.environ.get("PULUMI_STACK", "dev"))
    options = parser.parse_args(arguments)
    jobs = sorted(json.loads(options.outputs.read_text())["transform_jobs"].items())
    try:
        client = s3.connect()
    except s3.S3Error as error:
        print(f"error: the results could not be read: {error}", file=sys.stderr)
        return 1
    with ThreadPoolExecutor(FETCHES) as pool:
        rows = list(pool.map(lambda job: _row(job[0], job[1], options.stack, client), jobs))
    print(table([HEADINGS, *rows]), flush=True)
    return 0


def predictions(body: bytes) -> list[str]:
    """The model's answers in a result, as text, one a line; of a joined row the last column."""
    return [line.rpartition(",")[2] for line in body.decode().splitlines() if line]


def scores(body: bytes) -> list[float]:
    """The probabilities of a result, one a line."""
    return [float(text) for text in predictions(body)]


def labels(truth: Path) -> list[int]:
    """The labels of a truth file, in the order of its rows."""
    with truth.open(newline="") as source:
        return [int(row["churn"]) for row in csv.DictReader(source)]


def judge(input_path: str, body: bytes) -> Quality | None:
    """The quality of a result where the truth of its input is known and fits; else None."""
    truth = TRUTHS.get(input_path.rpartition("/")[2])
    if truth is None or not truth.exists():
        return None
    try:
        found = scores(body)
        return quality(found, labels(truth)) if all(0 <= score <= 1 for score in found) else None
    except ValueError:  # other rows than the truth's, or no numbers: an input or a model of the user's own
        return None


def run_seconds(job_name: str) -> float:
    """How long a finished job ran, as SageMaker recorded it; the waiting for its instance is not in it."""
    job = boto3.client("sagemaker").describe_transform_job(TransformJobName=job_name)
    return (job["TransformEndTime"] - job["TransformStartTime"]).total_seconds()


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(name: str, job: Mapping[str, Any], stack: str, client: Any) -> tuple[str, ...]:
    status, path = str(job["status"]), str(job["result_path"])
    nothing = (name, status, "-", "-", "-")
    if status != "Completed" or path.endswith("/"):
        return (*nothing, path)
    try:
        body = s3.read(path, client, LARGEST)
    except s3.MissingError:
        return (*nothing, f"{path} (expired; run it again: make retry JOB={name} STACK={stack})")
    except s3.TooLargeError:
        return (*nothing, path)
    except s3.S3Error as error:  # a bucket that the job may write to and this person not read
        return (*nothing, f"{path} (not shown: {error})")
    found = judge(str(job["input_path"]), body)
    figures = (f"{found.precision:.3f}", f"{found.recall:.3f}") if found else ("-", "-")
    return (name, status, str(_rows(body)), *figures, path)


def _rows(body: bytes) -> int:
    """Lines, the last of which may lack its end."""
    return body.count(b"\n") + (not body.endswith(b"\n") and body != b"")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
