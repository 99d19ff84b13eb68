"""The results of a stack's transform jobs as pandas DataFrames.

    from workshop import results
    results.frame("churn")

returns the input's columns, the prediction, and the label if the job declares labels. `make results JOB=churn
TO=churn.parquet` does the same from the shell.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from botocore.exceptions import BotoCoreError, ClientError

from lookups import s3
from workshop import labels, records, scheduled, stack
from workshop.labels import LABEL, Declared
from workshop.records import PREDICTION, Format
from workshop.stack import WorkshopError

MEMBER = "member"
SHOWN = 10
"""How many rows `make results` prints from the beginning and from the end."""


@dataclass(frozen=True)
class Run:
    """A job as SageMaker recorded it."""

    job_name: str  # SageMaker's name of it
    model_name: str  # SageMaker's name of its model
    form: Format  # how it reads and writes records
    input_filter: str  # JSONPath of the part of each record that is sent to the model
    started: datetime  # when it began to run, after its instance was prepared
    ended: datetime  # when it ended

    @property
    def is_plain(self) -> bool:
        """Whether each line of a CSV input is sent to the model as it is, and the answer written as it comes."""
        form = self.form
        return "csv" in form.content_type and (self.input_filter, form.output_filter) == ("$", "$") and not form.joined

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return (self.ended - self.started).total_seconds()


@stack.tool
def main(arguments: Sequence[str]) -> int:
    """Print a job's result, or write it to a file: make results JOB=churn TO=churn.csv."""
    parser = stack.parser("results", main.__doc__)
    parser.add_argument("--job", default=os.environ.get("JOB", ""), help="the declared name of a job or a fan-out")
    parser.add_argument("--to", default=os.environ.get("TO", ""), help="a file that ends with .csv or .parquet")
    options = parser.parse_args(arguments)
    target = Path(options.to)
    if options.to and target.suffix not in {".csv", ".parquet"}:
        raise WorkshopError(f"TO={options.to}: the name must end with .csv or .parquet")
    if scheduled_job := stack.scheduled_jobs(options.stack).get(options.job):
        print(scheduled.summary({options.job: scheduled_job}))
        return 0
    name = options.job or _only_job(options.stack)
    table = frame(name, options.stack)
    if options.to:
        write = table.to_csv if target.suffix == ".csv" else table.to_parquet
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(target, index=False)
        except OSError as error:
            raise WorkshopError(f"TO={options.to}: the file cannot be written: {error}") from error
        print(f"{target}: {len(table)} rows of {name}, columns {', '.join(table.columns)}")
        return 0
    with pd.option_context(
        "display.max_rows", 2 * SHOWN, "display.min_rows", 2 * SHOWN, "display.max_columns", 8, "display.width", 200
    ):
        print(table)
    return 0


def frame(name: str, stack_name: str | None = None) -> pd.DataFrame:
    """Return the result of a job, of a folder, or of a fan-out as one table.

    Args:
        name: the job's declared name, or the name of a fan-out, whose results are then combined.
        stack_name: the stack; by default PULUMI_STACK, else the local stack.

    Returns:
        The input's columns (named as the job declares, else `input_0` and so on), `prediction` (or one column
        for each of several, `prediction_0` and so on), and `label` if labels are declared. With several
        input objects the first column, `member`, says which job or file a row comes from.

    Raises:
        WorkshopError: there is no such job, it has not completed, its objects cannot be read, or the labels do not fit.
    """
    jobs = members(stack.transform_jobs(stack_name), name)
    s3_client, sagemaker = stack.client("s3", stack_name), stack.client("sagemaker", stack_name)
    tables = {member: job_frame(member, job, s3_client, run(job, sagemaker).form) for member, job in jobs.items()}
    if list(tables) == [name]:
        return tables[name]
    return pd.concat([_of_member(member, table) for member, table in tables.items()], ignore_index=True)


def members(jobs: Mapping[str, Mapping[str, Any]], name: str) -> dict[str, Mapping[str, Any]]:
    """Return the job of this name, or the jobs of the fan-out of this name, from the stack's output `transform_jobs`.

    Raises:
        WorkshopError: there are none.
    """
    if name in jobs:
        return {name: jobs[name]}
    declared = {member: job for member, job in jobs.items() if stack.fan_out(job) == name}
    found = declared or {member: job for member, job in jobs.items() if member.startswith(f"{name}-")}
    if not found:
        raise WorkshopError(f"there is no job or fan-out {name!r} in the stack; there are {', '.join(sorted(jobs))}")
    return dict(sorted(found.items()))


def run(job: Mapping[str, Any], sagemaker: Any) -> Run:
    """Ask SageMaker how a job ran and how it reads and writes records.

    Raises:
        WorkshopError: SageMaker cannot describe it.
    """
    try:
        found = sagemaker.describe_transform_job(TransformJobName=job["job_name"])
    except (ClientError, BotoCoreError) as error:
        raise WorkshopError(f"SageMaker cannot describe {job['job_name']}: {error}") from error
    return Run(
        job_name=str(job["job_name"]),
        model_name=found["ModelName"],
        form=Format.of(found),
        input_filter=(found.get("DataProcessing") or {}).get("InputFilter") or "$",
        started=found.get("TransformStartTime") or found["CreationTime"],
        ended=found.get("TransformEndTime") or found["CreationTime"],
    )


def job_frame(name: str, job: Mapping[str, Any], client: Any, form: Format) -> pd.DataFrame:
    """Return the result of one job, with its entry in the stack's outputs, as `frame` returns it.

    Raises:
        WorkshopError: it has not completed, an object cannot be read, or the labels do not fit the result.
    """
    if job["status"] != "Completed":
        raise WorkshopError(f"{name} is {job['status']}: there is a result when it is Completed")
    try:
        bodies = {member: s3.read(uri, client) for member, uri in objects(job, client).items()}
    except s3.S3Error as error:
        raise WorkshopError(f"the result of {name} is not available: {error}") from error
    return assembled(job, bodies, client, form)


def objects(job: Mapping[str, Any], client: Any) -> dict[str, str]:
    """Return the result objects of a job: S3 URIs by the input's name under its prefix.

    Raises:
        s3.S3Error: they cannot be listed.
    """
    path = str(job["result_path"])
    if not path.endswith("/"):
        return {path.rpartition("/")[2].removesuffix(".out"): path}
    where = s3.Location.parse(path)
    found = (item.key for item in s3.list_objects(path, client) if item.key.endswith(".out"))
    return {key.removeprefix(where.key).removesuffix(".out"): f"s3://{where.bucket}/{key}" for key in found}


def assembled(job: Mapping[str, Any], bodies: Mapping[str, bytes], client: Any, form: Format) -> pd.DataFrame:
    """Put a job's result objects, by member, into one table with its inputs and its labels.

    Raises:
        WorkshopError: an object does not fit its content type, or the labels do not fit the result.
    """
    parts: list[records.Scored] = []
    for member, body in bodies.items():
        try:
            parts.append(records.scored(body, _given(job, member, client), form))
        except WorkshopError as error:
            raise WorkshopError(f"{member}: {error}") from None
    tables = [_named(part, column_names(job)) for part in parts]
    if len(tables) > 1 or str(job["result_path"]).endswith("/"):
        for member, table in zip(bodies, tables, strict=True):
            table.insert(0, MEMBER, member)
    whole = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=[PREDICTION])
    if declared := Declared.of(job):
        whole[LABEL] = labels.matched(declared, whole, [part.result for part in parts], client)
    return whole


def predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a frame that contain the model's answer."""
    return table[[name for name in table.columns if name == PREDICTION or name.startswith(f"{PREDICTION}_")]]


def inputs(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a frame that come from the job's input."""
    return table.drop(columns=[MEMBER, LABEL, *predictions(table).columns], errors="ignore")


def _only_job(stack_name: str) -> str:
    jobs = sorted(stack.transform_jobs(stack_name))
    if len(jobs) > 1:
        raise WorkshopError(f"name the job: make results JOB=NAME; there are {', '.join(jobs)}")
    return jobs[0]


def _of_member(member: str, table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one job of a fan-out, with its name in the column `member`."""
    inner = member + "/" + table[MEMBER] if MEMBER in table else member
    rest = table.drop(columns=MEMBER, errors="ignore")
    rest.insert(0, MEMBER, inner)
    return rest


def _given(job: Mapping[str, Any], member: str, client: Any) -> bytes | None:
    """Return the content of an input object; None if it is gone, or if a manifest names it, which is not looked up."""
    path = str(job["input_path"])
    try:
        start = s3.Location.parse(path).uri.rpartition("/")[0] + "/"
        return s3.read(start + member if str(job["result_path"]).endswith("/") else path, client)
    except s3.S3Error:  # it may be gone, or not readable for this person
        return None


def column_names(job: Mapping[str, Any]) -> list[str]:
    """Return the names of the input's columns that a job declares, with or without labels; empty if it declares none."""
    found = (job.get("labels") or {}).get("columns") or (job.get("data") or {}).get("columns") or []
    return [str(name) for name in found]


def _named(part: records.Scored, declared: Sequence[str]) -> pd.DataFrame:
    if part.inputs is None:
        return part.predictions.copy()
    names = [f"input_{name}" if name.isdecimal() else name for name in map(str, part.inputs.columns)]
    if declared:
        if len(declared) != len(names):
            raise WorkshopError(f"the job names {len(declared)} columns, but its input has {len(names)}")
        names = list(declared)
    own = {MEMBER, LABEL, *part.predictions.columns}
    read = part.inputs.set_axis([f"input_{name}" if name in own else name for name in names], axis=1)
    return pd.concat([read, part.predictions], axis=1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
