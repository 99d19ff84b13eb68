"""Labels of a job: the right answers for its input, from which the tools compute metrics.

They belong to the job that declares them, whatever its input is called, and do not count for its identity: a job whose
labels change does not run again.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from data_processing.content_types import CSV, content_type
from infra.problems import missing
from jobs import columns
from jobs.account import Account
from jobs.arguments import TransformJobArgs
from jobs.inputs import Input, InputError, LocalInput, listed

Place = str | int
_LARGEST = 64 * 2**20  # bytes; the rows of a larger file are not counted


def output(args: TransformJobArgs) -> dict[str, Any] | None:
    """Return the entry `labels` of the stack's output `transform_jobs`; None for a job that declares none.

    Its keys are `path` (from the program's folder, or an S3 URI) and, if they are declared, `column` (the name or
    position of the answers; else the only column), `columns` (the names of the input's columns) and `key` (the name or
    position of the column by which rows are matched; else line by line).
    """
    if args.labels is None:
        return None
    names = None if args.columns is None else list(args.columns)
    known = {"path": args.labels, "column": args.label_column, "columns": names, "key": args.label_key}
    return {name: value for name, value in known.items() if value is not None}


def problems(args: TransformJobArgs, source: Input, root: Path, account: Account) -> Iterator[str]:
    """List the problems with a job's labels and the names of its columns.

    Args:
        args: the job's.
        source: its input.
        root: the folder to which paths are relative.
        account: finds labels in S3.
    """
    if args.columns is not None and isinstance(source, LocalInput) and is_csv(args):
        yield from _named(args.columns, source)
    if args.labels is None:
        given = [name for name in ("label_column", "label_key") if getattr(args, name) is not None]
        yield from (f"{name}: has no meaning without labels, the file that has this column" for name in given)
    elif "://" in args.labels:
        try:
            listed(args.labels, account.list_objects)
        except InputError as error:
            yield f"labels: {error}"
    else:
        yield from _in_file(args, source, root / args.labels)


def _named(names: Sequence[str], source: LocalInput) -> Iterator[str]:
    with source.files[0][1].open(encoding="utf-8-sig", errors="replace") as file:
        found = columns.width(file.readline().rstrip("\r\n"))
    if found != len(names) and found > 1:
        yield f"columns: {source.path} has {found} columns, and {len(names)} names are given: name each column"
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        yield f"columns: {twice[0]} is named twice; give each column a name of its own"


def _in_file(args: TransformJobArgs, source: Input, path: Path) -> Iterator[str]:
    if not path.is_file():
        yield f"labels: {missing(path)}"
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next(csv.reader(file), [])
        wrong = [*_column("label_column", args.label_column, first, path), *_key(args, first, path)]
        if not wrong and args.label_key is None and isinstance(source, LocalInput):
            wrong = list(_counted(args, source, path))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        wrong = [f"labels: {path} is not a CSV file that can be read: {getattr(error, 'strerror', error)}"]
    yield from wrong


def _column(member: str, place: Place | None, first: list[str], path: Path) -> Iterator[str]:
    if place is None and len(first) > 1:
        yield f"{member}: {path} has {len(first)} columns ({', '.join(first[:5])}, ...); name the one with the answers"
    elif isinstance(place, str) and place not in first:
        yield f"{member}: {path} has no column {place!r} in its first line, which is {', '.join(first)[:200]}"
    elif isinstance(place, int) and not -len(first) <= place < len(first):
        yield f"{member}: {path} has {len(first)} columns, and none at position {place}"


def _key(args: TransformJobArgs, first: list[str], path: Path) -> Iterator[str]:
    if args.label_key is None:
        return
    if isinstance(args.label_key, str) and isinstance(args.label_column, str):
        yield from _column("label_key", args.label_key, first, path)
    if args.join_source != "Input":
        yield 'label_key: the result does not contain it; set join_source="Input", with the same content_type and accept'
    elif is_csv(args) and isinstance(args.label_key, str) and args.label_key not in (args.columns or ()):
        yield f"label_key: {args.label_key!r} is not among `columns`, which are needed to find it in a result without a header"


def _counted(args: TransformJobArgs, source: LocalInput, path: Path) -> Iterator[str]:
    """Compare the numbers of rows if both are plain CSV files of moderate size."""
    plain = is_csv(args) and args.split_type == "Line" and args.compression_type == "None"
    if not source.is_single or not plain or max(path.stat().st_size, source.path.stat().st_size) > _LARGEST:
        return
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = sum(1 for row in csv.reader(file) if row)
    with source.path.open("rb") as file:
        records = sum(1 for line in file if line.strip())
    has_header = isinstance(args.label_column, str)
    if rows - has_header != records and (has_header or rows - 1 != records):
        yield (
            f"labels: {args.labels} has {rows - has_header} labels, and {args.input} has {records} records; "
            "give one label for each record, in the same order, or match them by a key (label_key)"
        )


def is_csv(args: TransformJobArgs) -> bool:
    """Say whether a job's input is CSV, whatever parameters its content type has."""
    return content_type(args.content_type) == CSV
