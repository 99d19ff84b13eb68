"""A model archive as SageMaker takes it, looked at before anything is created.

SageMaker unpacks `model.tar.gz` into the container. The built-in XGBoost container loads every file at its root
that is no dotfile as a model, several as an ensemble, so a stray README fails the job; and it would unpickle what is
a pickle, which runs code and breaks between versions. Both are seen here, in milliseconds, rather than in a failed job.
"""

import hashlib
import tarfile
from pathlib import Path, PurePosixPath

_PICKLE_PROTOCOL = b"\x80"
_HEAD = 4096
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")


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
    heads = _heads(archive)
    if not heads:
        return (
            f"{path} has no file at its root, where the XGBoost container looks for models; pack xgboost-model there."
        )
    if pickles := [name for name, head in heads.items() if head.startswith(_PICKLE_PROTOCOL)]:
        return (
            f"{path} holds a pickle ({', '.join(pickles)}), which runs code when it is loaded; "
            "save with booster.save_model('xgboost-model')."
        )
    if strays := [name for name, head in heads.items() if _is_no_model(head)]:
        return (
            f"{path} has at its root what is no model: {', '.join(strays)}. "
            "The XGBoost container loads each file there as one; keep others in a folder, or out."
        )
    return None


def _heads(archive: tarfile.TarFile) -> dict[str, bytes]:
    """Return how each file that the container would load starts."""
    members = [member for member in archive.getmembers() if member.isfile() and _is_at_root(member.name)]
    files = {PurePosixPath(member.name).name: archive.extractfile(member) for member in members}
    return {name: file.read(_HEAD) for name, file in files.items() if file is not None}


def _is_no_model(head: bytes) -> bool:
    """JSON and UBJSON models are objects with a learner; those of older kinds are bytes that no text has."""
    if head.lstrip().startswith(b"{"):
        return b"learner" not in head
    return not head or _CONTROL.isdisjoint(head)


def _is_at_root(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) == 1 and not path.name.startswith(".")
