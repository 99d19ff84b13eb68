"""The end of what `make up` prints: the stack's outputs in short, and a line for each job with rows, metrics and result.

Each result of up to 100 MB is also copied to `results/<stack>/<job>/`, so that it remains when the stack is destroyed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lookups import s3
from workshop import stack
from workshop.stack import PROJECT_FOLDER, WorkshopError, table

FOLDER = PROJECT_FOLDER / "results"
SUMMARY = "summary.json"
LARGEST = 100 * 2**20
"""The largest result that is fetched, in bytes; of a larger one rows are not counted, and it is not copied."""
JOBS_AT_ONCE = 4
HEADINGS = ("JOB", "STATUS", "ROWS", "METRICS", "RESULT")
NO_LABELS = "no labels declared"
HIDDEN_OUTPUTS = ("kubeconfig", "transform_jobs", "scheduled_jobs", "cost")
"""A secret, the tables themselves, and the output of `make cost`."""


@dataclass(frozen=True)
class Line:
    """One job, or the total of a fan-out."""

    name: str
    status: str
    result: str
    rows: int | None = None
    metrics: str = "-"

    @property
    def cells(self) -> tuple[str, ...]:
        return (self.name, self.status, "-" if self.rows is None else str(self.rows), self.metrics, self.result)


@dataclass(frozen=True)
class Summary:
    """What the line of a job says of its result, as it is kept beside the copy."""

    subject: str
    rows: int
    metrics: str


@dataclass(frozen=True)
class Place:
    """Where results are read from, and copied to."""

    stack: str
    client: Any
    sagemaker: Any
    folder: Path = FOLDER


@stack.tool
def main(arguments: Sequence[str]) -> int:
    """Print the outputs of a stack in short, and status, rows, metrics and result of each job."""
    parser = stack.parser("summary", main.__doc__)
    parser.add_argument("--outputs", type=Path, required=True, help="the stack's outputs as JSON")
    options = parser.parse_args(arguments)
    outputs: dict[str, Any] = json.loads(options.outputs.read_text())
    place = Place(options.stack, stack.client("s3", options.stack), stack.client("sagemaker", options.stack))
    found = lines(outputs["transform_jobs"], place)
    copies = place.folder / place.stack
    print("\n".join(short(outputs, copies if copies.exists() else None)))
    print(table([HEADINGS, *(line.cells for line in found)]), flush=True)
    return 0


def short(outputs: Mapping[str, Any], copies: Path | None = None) -> list[str]:
    """Return a line for each output with a single value, for the cost, and for the copies of the results."""
    said = {name: str(value) for name, value in sorted(outputs.items()) if name not in HIDDEN_OUTPUTS}
    cost = outputs.get("cost") or {}
    if cost.get("usd_per_day") is not None:
        said["cost on AWS"] = f"${cost['usd_per_day']} a day, ${cost['usd_per_job']} a job (make cost)"
    if copies:
        said["results"] = f"{os.path.relpath(copies, PROJECT_FOLDER)}/ has a copy of each"
    width = max(map(len, said), default=0)
    return [f"{name:<{width}}  {text}" for name, text in said.items()]


def lines(jobs: Mapping[str, Mapping[str, Any]], place: Place) -> list[Line]:
    """Return a line for each job by name; the jobs of a fan-out are together, and their total follows them."""
    groups = {name: stack.fan_out(job) for name, job in jobs.items()}
    ordered = sorted(jobs.items(), key=lambda item: (groups[item[0]] or item[0], item[0]))
    with ThreadPoolExecutor(JOBS_AT_ONCE) as pool:
        found = list(pool.map(lambda item: line(item[0], item[1], place), ordered))
    shown: list[Line] = []
    for group, members in itertools.groupby(found, key=lambda line: groups[line.name] or line.name):
        lines_of_group = list(members)
        shown += lines_of_group
        if groups[lines_of_group[0].name]:
            shown.append(_total(group, lines_of_group))
    return shown


def line(name: str, job: Mapping[str, Any], place: Place) -> Line:
    """Return the line of one job; a result that cannot be read must not affect the lines of other jobs."""
    status, path = str(job["status"]), str(job["result_path"])
    if status != "Completed":
        return Line(name, status, str(job.get("reason") or path))
    try:
        found, remark = _summarised(name, job, place)
    except s3.TooLargeError:
        return Line(name, status, f"{path} (more than {LARGEST // 2**20} MB: not copied)")
    except s3.MissingError:
        return Line(name, status, f"{path} (expired; run it again: make retry JOB={name} STACK={place.stack})")
    except s3.S3Error as error:  # a bucket that the job may write to and this person may not read
        return Line(name, status, f"{path} (not shown: {error})")
    return Line(name, status, path + remark, found.rows, found.metrics)


def _summarised(name: str, job: Mapping[str, Any], place: Place) -> tuple[Summary, str]:
    """Summarise a result, and copy it; of one that has not changed since the last time, the copy has the summary.

    Returns:
        The summary, and a remark for a result that could not be copied.
    """
    subject = _subject(job, place.client)
    if subject and (known := _kept(name, subject, place)):
        return known, ""
    bodies = _bodies(job, place.client)
    rows = sum(map(_rows, bodies.values()))
    try:
        found = Summary(subject, rows, _metrics(job, bodies, place))
    except WorkshopError as error:  # the next run tries again
        found = Summary("", rows, f"none: {error}")
    try:
        keep(name, job, bodies, place, found)
    except OSError as error:
        return found, f" (not copied: {error})"
    return found, ""


def _subject(job: Mapping[str, Any], client: Any) -> str:
    """Return a digest of everything that a summary depends on; an empty one if that cannot be looked up."""
    labels = str((job.get("labels") or {}).get("path", ""))
    try:
        listings = [s3.list_objects(uri, client) for uri in (str(job["result_path"]), labels) if "://" in uri]
        file = (
            hashlib.sha256((PROJECT_FOLDER / labels).read_bytes()).hexdigest() if labels and "://" not in labels else ""
        )
    except (OSError, s3.S3Error):
        return ""
    parts = [dict(job), *map(s3.listing_digest, listings), file, os.environ.get("THRESHOLD")]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _kept(name: str, subject: str, place: Place) -> Summary | None:
    try:
        kept = Summary(**json.loads((place.folder / place.stack / name / SUMMARY).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return kept if kept.subject == subject else None


def keep(name: str, job: Mapping[str, Any], bodies: Mapping[str, bytes], place: Place, found: Summary) -> None:
    """Write a result to `results/<stack>/<job>/`, in place of an earlier run's result."""
    target = place.folder / place.stack / name
    draft = target.with_name(f".{name}.new")
    shutil.rmtree(draft, ignore_errors=True)
    for member, body in bodies.items():
        path = draft.joinpath(*(part for part in f"{member}.out".split("/") if part not in {"", ".", ".."}))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    for file, content in (("job.json", dict(job)), (SUMMARY, asdict(found))):
        (draft / file).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")
    shutil.rmtree(target, ignore_errors=True)
    draft.replace(target)


def _bodies(job: Mapping[str, Any], client: Any) -> dict[str, bytes]:
    """Return the result objects by member, at most `LARGEST` bytes in total."""
    from workshop import results  # noqa: PLC0415  pandas takes half a second to load

    left = LARGEST
    bodies: dict[str, bytes] = {}
    for member, uri in results.objects(job, client).items():
        bodies[member] = s3.read(uri, client, left)
        left -= len(bodies[member])
    if not bodies:
        raise s3.MissingError(f"nothing is under {job['result_path']}")
    return bodies


def _metrics(job: Mapping[str, Any], bodies: Mapping[str, bytes], place: Place) -> str:
    """Return the main metrics, or that the job declares no labels."""
    if not job.get("labels"):
        return NO_LABELS
    from workshop import metrics, results  # noqa: PLC0415  scikit-learn takes a second to load

    form = results.run(job, place.sagemaker).form
    return metrics.of(results.assembled(job, bodies, place.client, form), metrics.threshold()).text


def _total(group: str, members: Sequence[Line]) -> Line:
    done = sum(member.status == "Completed" for member in members)
    counts = [member.rows for member in members]
    rows = sum(count for count in counts if count is not None)
    unknown = counts.count(None)
    note = f", without {unknown} of them" if unknown else ""
    return Line(f"{group} (total)", f"{done} of {len(members)}", f"{len(members)} jobs{note}", rows, "")


def _rows(body: bytes) -> int:
    """Count lines; the last one may lack its line end."""
    return body.count(b"\n") + (not body.endswith(b"\n") and body != b"")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
