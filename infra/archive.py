"""A model archive as SageMaker expects it, checked before anything is created.

SageMaker unpacks `model.tar.gz` into the container. The built-in XGBoost container loads every file at its root that
does not start with a dot as a model, and several files as an ensemble, so that a stray README fails the job. It would
unpickle a pickle, which runs code and breaks between versions. It loads a model of a newer xgboost without an error and
may predict other values. All of this is found here, in milliseconds, and not by a failed job.

A model is read with the standard library from JSON or UBJSON, the two formats of `Booster.save_model`. Both write the
parameters of the learner, its objective and the version last, after all trees, so the end of a file is enough, whatever
its size. Files of other formats, such as a pickle, have neither.
"""

import functools
import hashlib
import re
import struct
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from infra.problems import missing

REQUIREMENTS = "code/requirements.txt"
_SCIKIT_LEARN = "for a scikit-learn model, set image='sagemaker-scikit-learn:1.4-2-cpu-py3' (docs/local-cloud.md)"
_PICKLE_PROTOCOL = b"\x80"
_HEAD = 4096
_CONTROL = frozenset(range(32)) - frozenset(b"\t\n\f\r\x1b")

IMAGE_VERSION = (3, 0, 5)
"""The version of xgboost in SageMaker's XGBoost image 3.0-5."""
_CHUNK = 1 << 20  # bytes; the parameters are within the last few hundred
_START = 64  # bytes, in which a JSON file has its first key
_BLANKS = b" \t\r\n"
_PARAMETERS = b"learner_model_param"
_JSON_FEATURES = re.compile(rb'"num_feature"\s*:\s*"([1-9]\d*)"')
_JSON_VERSION = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]')
# UBJSON: a text is a letter for the type of its length, the length, and the bytes; `S` marks one that is a value.
_UBJSON_FEATURES = re.compile(rb"num_featureS(?:i.|U.|I..|l.{4}|L.{8})([1-9]\d*)", re.DOTALL)
# UBJSON: the key, an array of three integers, each a letter for its type and big-endian bytes.
_UBJSON_VERSION = re.compile(rb"version\[#L.{7}\x03((?:i.|U.|I..|l....|L........){3})", re.DOTALL)
_UBJSON_INTEGERS = {"i": ">b", "U": ">B", "I": ">h", "l": ">i", "L": ">q"}


@dataclass(frozen=True)
class XGBoostModel:
    """A saved model; a member is None if the model's format does not contain it.

    Attributes:
        head: how the file starts, at most 1 MiB.
        features: the number of columns that it was trained on.
        version: the version of the xgboost that saved it.
    """

    head: bytes
    features: int | None = None
    version: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Contents:
    """The contents of an archive.

    Attributes:
        models: the files at its root that do not start with a dot, by name.
        installs_packages: whether it has code/requirements.txt, which SageMaker's framework containers install.
        error: why it is not a valid archive; empty for one that is.
        is_empty: whether it has no member at all.
    """

    models: Mapping[str, XGBoostModel] = field(default_factory=dict[str, XGBoostModel])
    installs_packages: bool = False
    error: str = ""
    is_empty: bool = False

    @property
    def features(self) -> int | None:
        """The number of columns that the model expects, if all files agree on it."""
        counts = {model.features for model in self.models.values()}
        return counts.pop() if len(counts) == 1 else None


def digest(path: Path) -> str:
    """Return the SHA-256 of a file: the name of its content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def contents(path: Path) -> Contents:
    """Return the contents of an archive, which is read once for all jobs, and again only after the file has changed."""
    try:
        stat = path.stat()
    except OSError as error:
        return Contents(error=str(error.strerror))
    return _contents(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache
def _contents(path: Path, _changed: int, _size: int) -> Contents:
    models: dict[str, XGBoostModel] = {}
    installs_packages, is_empty = False, True
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                is_empty = False
                installs_packages |= PurePosixPath(member.name).as_posix() == REQUIREMENTS
                if member.isfile() and _is_at_root(member.name):
                    file = cast("BinaryIO", archive.extractfile(member))
                    models[PurePosixPath(member.name).name] = read_model(file)
            # gzip compares its checksum at the end of the file, which tar does not reach.
            while cast("BinaryIO", archive.fileobj).read(_CHUNK):
                pass
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        return Contents(error=str(error))
    return Contents(models, installs_packages, is_empty=is_empty)


def problem(path: Path, *, built_in: bool, isolated: bool = True) -> str | None:
    """Say why SageMaker could not serve this archive; None if it could.

    Args:
        path: the archive.
        built_in: whether the image is SageMaker's XGBoost, which has further requirements.
        isolated: whether the container has no network.
    """
    if not path.is_file():
        return f"{missing(path)}. Allowed: the path of a model.tar.gz; `make model` makes the workshop's own."
    found = contents(path)
    if found.error:
        model = path if path.suffix in {".json", ".ubj"} else "model.json"
        maker = f"make model-archive FILE={model}" if built_in else "tar -czf model.tar.gz -C FOLDER ."
        return f"{path} is not a valid tar.gz archive ({found.error}). Make one with: {maker}"
    if found.is_empty and not built_in:
        return f"{path} is an empty archive."
    if found.installs_packages and isolated:
        return (
            f"{path} has {REQUIREMENTS}, whose packages the container downloads when it starts, and its network is cut "
            "off. Take the file out, or ask for the network: ModelArgs(..., network_isolation=False)."
        )
    return _xgboost_problem(path, found.models) if built_in else None


def _xgboost_problem(path: Path, models: Mapping[str, XGBoostModel]) -> str | None:
    if not models:
        return (
            f"{path} has no file at its root, where the XGBoost container looks for models; pack xgboost-model there; "
            f"{_SCIKIT_LEARN}."
        )
    if pickles := [name for name, model in models.items() if model.head.startswith(_PICKLE_PROTOCOL)]:
        return (
            f"{path} holds a pickle ({', '.join(pickles)}), which runs code when it is loaded; "
            f"save with booster.save_model('xgboost-model'); {_SCIKIT_LEARN}."
        )
    if strays := [name for name, model in models.items() if _is_not_a_model(model.head[:_HEAD])]:
        return (
            f"{path} has at its root files that are not models: {', '.join(strays)}. "
            "The XGBoost container loads each file there as one; keep others in a folder, or out."
        )
    return next((found for name, model in models.items() if (found := version_problem(f"{path}: {name}", model))), None)


def version_problem(name: str, model: XGBoostModel) -> str | None:
    """Say that a model comes from a newer xgboost than the image has; None if it does not."""
    image = IMAGE_VERSION
    if model.version is None or model.version <= image:
        return None
    return (
        f"{name} was saved by xgboost {dotted(model.version)}, and SageMaker's image has "
        f"{dotted(image)}, which loads it and may predict otherwise without an error; "
        f"train it with {dotted(image)}."
    )


def _is_not_a_model(head: bytes) -> bool:
    """JSON and UBJSON models are objects with a learner; older formats contain bytes that never occur in text."""
    if head.lstrip().startswith(b"{"):
        return b"learner" not in head
    return not head or _CONTROL.isdisjoint(head)


def _is_at_root(name: str) -> bool:
    path = PurePosixPath(name)
    return len(path.parts) == 1 and not path.name.startswith(".")


def read_model(file: BinaryIO) -> XGBoostModel:
    """Read a model file of any size; only its two ends are kept in memory."""
    head = before = last = file.read(_CHUNK)
    while chunk := file.read(_CHUNK):
        before, last = last, chunk
    end = head if last is head else before + last
    is_json = head[:_START].translate(None, _BLANKS).startswith(b'{"')
    return XGBoostModel(head, _features(end, is_json=is_json), _version(end, is_json=is_json))


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def _features(end: bytes, *, is_json: bool) -> int | None:
    """Return `learner.learner_model_param.num_feature`; trees have parameters of the same name, which do not count."""
    _, found, parameters = end.rpartition(_PARAMETERS)
    count = (_JSON_FEATURES if is_json else _UBJSON_FEATURES).search(parameters) if found else None
    return int(count[1]) if count else None


def _version(end: bytes, *, is_json: bool) -> tuple[int, ...] | None:
    """Return the last version in the text: a user's attributes, which come before it, may contain anything."""
    found = (_JSON_VERSION if is_json else _UBJSON_VERSION).findall(end)
    if not found:
        return None
    return tuple(int(number) for number in found[-1]) if is_json else tuple(_integers(found[-1]))


def _integers(packed: bytes) -> list[int]:
    numbers: list[int] = []
    while packed:
        form = _UBJSON_INTEGERS[chr(packed[0])]
        numbers.append(struct.unpack_from(form, packed, 1)[0])
        packed = packed[1 + struct.calcsize(form) :]
    return numbers
