"""The results of a stack's transform jobs: fetched by their S3 path, joined to the truth by row, and summed up.

`python -m workshop.results --outputs FILE` prints a line for each job of the stack outputs in FILE.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workshop.metrics import Quality, quality

MODEL = Path(__file__).resolve().parent.parent / "model"
# Input objects whose truth is known, by file name: the workshop's held-out customers.
TRUTHS = {"batch_input.csv": MODEL / "truth.csv"}
HEADINGS = ("JOB", "STATUS", "ROWS", "PRECISION", "RECALL", "RESULT")


def main(arguments: Sequence[str]) -> int:
    """Print status, rows, precision and recall, and the result's S3 path of every job."""
    parser = argparse.ArgumentParser(prog="python -m workshop.results", description=main.__doc__)
    parser.add_argument("--outputs", type=Path, required=True, help="the stack's outputs as JSON")
    outputs = json.loads(parser.parse_args(arguments).outputs.read_text())
    try:
        rows = [_row(name, job) for name, job in sorted(outputs["transform_jobs"].items())]
    except (ClientError, BotoCoreError) as error:
        print(f"error: the results could not be read: {error}", file=sys.stderr)
        return 1
    print(table([HEADINGS, *rows]), flush=True)
    return 0


def fetch(path: str) -> bytes:
    """The object at an `s3://bucket/key` path.

    Raises:
        ClientError: S3 refuses; a missing object has code NoSuchKey.
    """
    bucket, key = split(path)
    return boto3.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()


def split(path: str) -> tuple[str, str]:
    """Bucket and key of an `s3://bucket/key` path.

    Raises:
        ValueError: it is no such path.
    """
    parts = urlsplit(path)
    if parts.scheme != "s3" or not parts.netloc:
        raise ValueError(f"{path!r} is no S3 path: it reads s3://bucket/key")
    return parts.netloc, parts.path.removeprefix("/")


def scores(body: bytes) -> list[float]:
    """The probabilities of a result, one a line; of a joined row the last column."""
    return [float(line.rpartition(",")[2]) for line in body.decode().splitlines() if line]


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
        return quality(scores(body), labels(truth))
    except ValueError:  # other rows than the truth's, or no plain scores: an input of the user's own
        return None


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as text in aligned columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(name: str, job: Mapping[str, Any]) -> tuple[str, ...]:
    status, path = str(job["status"]), str(job["result_path"])
    if status != "Completed" or path.endswith("/"):
        return (name, status, "-", "-", "-", path)
    try:
        body = fetch(path)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"NoSuchKey", "404"}:
            raise
        return (name, status, "-", "-", "-", f"{path} (expired; run it again: make retry JOB={name})")
    found = judge(str(job["input_path"]), body)
    figures = (f"{found.precision:.3f}", f"{found.recall:.3f}") if found else ("-", "-")
    return (name, status, str(body.count(b"\n")), *figures, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
