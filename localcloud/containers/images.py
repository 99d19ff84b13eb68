"""Which image runs as which local process.

There is no container engine, and images are not pulled. The image's URI is looked up in the containers that the user has
registered in `containers.toml` beside Pulumi.yaml, then in the table of SageMaker's images below; the first match counts.
An entry names the local program that runs in place of the image. It has a `command`; or a `module` of this checkout,
which the fork server has already imported, and `main()` of the module runs in a fork; or the `versions` of one of
SageMaker's scikit-learn images, and the environment with these versions is made when it is first needed.

The program is started as SageMaker starts an image, with the argument `serve`. It must answer `GET /ping` and
`POST /invocations`, and may answer `GET /execution-parameters`. Environment variables say where it differs from an image:

`SAGEMAKER_BIND_TO_PORT`  the port to listen on, on 127.0.0.1 (an image listens on 8080). Set SO_REUSEADDR on the
                          socket, as nearly every server does.
`SM_MODEL_DIR`            the folder of the unpacked model archive (an image finds it at /opt/ml/model)
`SM_NUM_CPUS`             how many processors the instance has

SageMaker's own containers read all three. The process also gets PATH and LANG, a scratch folder of its own as HOME,
TMPDIR and working folder, `OMP_NUM_THREADS=1` (as SageMaker's containers set it), the `environment` of its entry, and the
variables of the model and the job. It gets no other variable of the process that starts it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final, cast

from localcloud.containers.scikit_learn.versions import VERSIONS, Versions
from localcloud.home import CHECKOUT

SET_BY_US: Final = ("SAGEMAKER_BIND_TO_PORT", "SM_MODEL_DIR", "SM_NUM_CPUS")
FILE: Final = CHECKOUT / "containers.toml"
_TABLE: Final = "container"
_KEYS: Final = ("image", "command", "environment")


class ContainerError(Exception):
    """A container cannot be started. The message says what is wrong, where, and what to do."""


@dataclass(frozen=True)
class Image:
    """The program that runs in place of some images.

    Args:
        pattern: matches the images' URIs; `*` matches anything.
        module: a module of this checkout; its `main()` serves.
        command: a program and its arguments.
        environment: more environment variables of the program.
        versions: the packages of a scikit-learn image.
    """

    pattern: str
    module: str = ""
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    versions: Versions | None = None


IMAGES: Final = (
    Image("*.dkr.ecr.*.amazonaws.com*/sagemaker-xgboost:3.0-5*", module="localcloud.containers.xgboost.server"),
    *(
        Image(f"*.dkr.ecr.*.amazonaws.com*/sagemaker-scikit-learn:{versions.tag}-cpu-py3*", versions=versions)
        for versions in VERSIONS
    ),
)


def find(uri: str, images: Sequence[Image], file: str) -> Image:
    """Find the entry for an image.

    Args:
        uri: the image's URI.
        images: the entries; the first that matches counts.
        file: where a user registers containers, for the message.

    Raises:
        ContainerError: no entry matches.
    """
    for image in images:
        if fnmatchcase(uri, image.pattern):
            return image
    known = ", ".join(image.pattern for image in images)
    raise ContainerError(
        f"no local program replaces the image {uri!r}; register yours in {file} "
        f"(docs/local-cloud.md says how). Those that run here are {known}"
    )


def registered(file: Path) -> tuple[Image, ...]:
    """Read the containers that a user has registered in a file. A file that does not exist registers no containers.

        [[container]]
        image = "*/risk-model:*"                      # which images; `*` matches anything
        command = ["python3", "./serve.py"]           # the program that runs for them; `serve` is added
        environment = { WORKERS = "2" }               # optional

    A program without a slash is looked up on PATH. A word that starts with `./` or `../` is a path from the file's folder.

    Args:
        file: a file like `containers.toml`.

    Raises:
        ContainerError: the file is not of this form; the message names the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise ContainerError(f"{file} cannot be read: {error}") from error
    return _Reader(file, text).images()


class _Reader:
    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text

    def images(self) -> tuple[Image, ...]:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise ContainerError(f"{self._file}: {error}; it has to be TOML") from error
        for name in document:
            if name != _TABLE:
                raise self._fault(f"{name!r} is not known; each container is a table [[{_TABLE}]]", name)
        tables = document.get(_TABLE, [])
        if not isinstance(tables, list):
            raise self._fault(f"write [[{_TABLE}]] with two brackets: there may be several", _TABLE)
        return tuple(self._image(number, table) for number, table in enumerate(cast("list[Any]", tables)))

    def _image(self, number: int, table: Any) -> Image:
        if not isinstance(table, dict):
            raise self._fault(f"each container is a table [[{_TABLE}]]", _TABLE)
        entry = cast("dict[str, Any]", table)
        for key in entry:
            if key not in _KEYS:
                raise self._fault(f"{key!r} is not known; a container has {', '.join(_KEYS)}", _TABLE, number, key)
        pattern = entry.get("image")
        if not isinstance(pattern, str) or not pattern:
            raise self._wrong("image", 'the image\'s URI as a text, such as "*/risk-model:*"', entry, number)
        return Image(pattern, command=self._command(entry, number), environment=self._environment(entry, number))

    def _command(self, entry: dict[str, Any], number: int) -> tuple[str, ...]:
        words = entry.get("command")
        if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
            raise self._wrong("command", 'a list of words, such as ["python3", "./serve.py"]', entry, number)
        return tuple(self._path(word) for word in cast("list[str]", words))

    def _path(self, word: str) -> str:
        return str((self._file.parent / word).absolute()) if word.startswith(("./", "../")) else word

    def _environment(self, entry: dict[str, Any], number: int) -> dict[str, str]:
        variables = entry.get("environment", {})
        if not isinstance(variables, dict):
            raise self._wrong("environment", 'a table of texts, such as { WORKERS = "2" }', entry, number)
        for name, value in cast("dict[str, Any]", variables).items():
            if not isinstance(value, str):
                raise self._fault(f"the variable {name} is a text: put it in quotes", _TABLE, number, "environment")
            if name in SET_BY_US:
                raise self._fault(f"{name} is set by the local cloud for each job", _TABLE, number, "environment")
        return cast("dict[str, str]", variables)

    def _wrong(self, key: str, expected: str, entry: dict[str, Any], number: int) -> ContainerError:
        problem = "is missing; it is" if key not in entry else "has to be"
        return self._fault(f"{key!r} {problem} {expected}", _TABLE, number, key if key in entry else None)

    def _fault(self, what: str, name: str, number: int = 0, key: str | None = None) -> ContainerError:
        return ContainerError(f"{self._file}, line {self._line(name, number, key)}: {what}")

    def _line(self, name: str, number: int, key: str | None) -> int:
        """The number of the line with which the text, read up to there, has the key for the first time."""
        lines = self._text.splitlines(keepends=True)
        begin = 1
        for count in range(1, len(lines) + 1):
            try:
                document = tomllib.loads("".join(lines[:count]))
            except tomllib.TOMLDecodeError:  # within a value of several lines
                continue
            if _has(document, name, number, key):
                return begin
            begin = count + 1
        return begin


def _has(document: dict[str, Any], name: str, number: int, key: str | None) -> bool:
    found = document.get(name)
    if not isinstance(found, list):
        return found is not None
    tables = cast("list[dict[str, Any]]", found)
    return len(tables) > number and (key is None or key in tables[number])
