"""Model archives in SageMaker's format, a `.tar.gz` with the same bytes for the same model.

`python -m model.archive model.json` packs a model that xgboost saved.

It writes `model.tar.gz`, named after the model, beside the model file, and prints the version of xgboost that saved it and
the number of columns that it expects. With `make`: `make model-archive FILE=model.json`.
"""

from __future__ import annotations

import argparse
import gzip
import io
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.archive import dotted, read_model, version_problem

MODEL_NAME: Final = "xgboost-model"  # the name that SageMaker's own training gives the file


class PackageError(Exception):
    """A file that cannot be packed: which one, why, and what to do."""


def main(arguments: Sequence[str]) -> int:
    """Pack a model, and print its properties."""
    parser = argparse.ArgumentParser(prog="make model-archive", description=main.__doc__)
    parser.add_argument("file", help="a file of Booster.save_model, as JSON or UBJSON")
    options = parser.parse_args(arguments)
    try:
        print(package(Path(options.file)))
    except PackageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def package(file: Path) -> str:
    """Pack a model file, and return a description of the model.

    Raises:
        PackageError: it cannot be read, is not a model that xgboost saved, or comes from a newer xgboost; or the archive
            cannot be written.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise PackageError(f"{file} cannot be read: {error.strerror}; name a model file: FILE=model.json") from error
    found = read_model(io.BytesIO(raw))
    if found.features is None or found.version is None:
        raise PackageError(
            f"{file} is not a model that xgboost saved as JSON or UBJSON; save it with booster.save_model('model.json')"
        )
    if problem := version_problem(str(file), found):
        raise PackageError(problem)
    target = file.parent / f"{file.stem}.tar.gz"
    try:
        target.write_bytes(pack(raw))
    except OSError as error:
        raise PackageError(
            f"{target} cannot be written: {error.strerror}; copy the model to a folder of yours"
        ) from error
    version = dotted(found.version)
    columns = "1 column" if found.features == 1 else f"{found.features} columns"
    return f'{target}: a model of {columns}, saved by xgboost {version}; use it as ModelArgs(archive="{target}")'


def pack(model: bytes) -> bytes:
    """Return an archive of this one file, without time and owner."""
    entry = tarfile.TarInfo(MODEL_NAME)
    entry.size, entry.mode, entry.mtime = len(model), 0o644, 0
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(model))
    return gzip.compress(tar_bytes.getvalue(), compresslevel=9, mtime=0)


def unpack(archive: bytes) -> bytes:
    """Return the model in an archive that `pack` made."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.extractfile(MODEL_NAME)
        if member is None:
            raise ValueError(f"the archive contains no regular file {MODEL_NAME}")
        return member.read()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
