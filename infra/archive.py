"""A model archive as SageMaker takes it, looked at before anything is created.

SageMaker unpacks `model.tar.gz` into the container. The built-in XGBoost container loads every file at its root
that is no dotfile as a model, so a stray README fails the job; and it would unpickle what is a pickle, which runs
code and breaks between versions. Both are seen here, in milliseconds, rather than in a failed job.
"""

import hashlib
import tarfile
from pathlib import Path, PurePosixPath

_PICKLE_PROTOCOL = b"\x80"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file: the name of its content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def problem(path: Path, *, built_in: bool) -> str | None:
    """Say what keeps SageMaker from taking this archive, or None; the built-in container asks for more."""
    if not path.is_file():
        return f"there is no file {path}. Allowed: the path of a model.tar.gz; `make model` makes the workshop's own."
    try:
        with tarfile.open(path, "r:gz") as archive:
            return _content_problem(archive, path) if built_in else _first_member_problem(archive, path)
    except (tarfile.TarError, OSError, EOFError) as error:
        return f"{path} is no tar.gz archive ({error}). Make one with: tar -czf model.tar.gz xgboost-model"


def _first_member_problem(archive: tarfile.TarFile, path: Path) -> str | None:
    return None if archive.next() else f"{path} is an empty archive."


def _content_problem(archive: tarfile.TarFile, path: Path) -> str | None:
    models = [member for member in archive.getmembers() if member.isfile() and _is_at_root(member.name)]
    if len(models) != 1:
        found = ", ".join(PurePosixPath(model.name).name for model in models) or "none"
        return (
            f"{path} has {len(models)} files at its root ({found}); the XGBoost container takes exactly one, the model."
        )
    file = archive.extractfile(models[0])
    if file is not None and file.read(1) == _PICKLE_PROTOCOL:
        return (
            f"{path} holds a pickle, which runs code when it is loaded; save with booster.save_model('xgboost-model')."
        )
    return None


def _is_at_root(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) == 1 and not path.name.startswith(".")
