"""The model archive: a `.tar.gz` in SageMaker's format, with the same bytes for the same model."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import Final

MODEL_NAME: Final = "xgboost-model"  # the name that SageMaker's own training gives the file


def pack(model: bytes) -> bytes:
    """An archive of this one file, without time and owner."""
    entry = tarfile.TarInfo(MODEL_NAME)
    entry.size, entry.mode, entry.mtime = len(model), 0o644, 0
    tar_bytes = io.BytesIO()
    with tarfile.open(fileobj=tar_bytes, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(model))
    return gzip.compress(tar_bytes.getvalue(), compresslevel=9, mtime=0)


def unpack(archive: bytes) -> bytes:
    """The model in an archive that `pack` made."""
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        member = tar.extractfile(MODEL_NAME)
        if member is None:
            raise ValueError(f"the archive contains no regular file {MODEL_NAME}")
        return member.read()
