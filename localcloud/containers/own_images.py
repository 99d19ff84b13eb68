"""Containers of one's own: `containers.toml` beside Pulumi.yaml, read again for each container that starts.

    [[container]]
    image = "*/risk-model:*"                      # which images, `*` for anything
    command = ["python3", "./serve.py"]           # what runs for them; `serve` is added
    environment = { WORKERS = "2" }               # optional

A program without a slash is looked up on PATH. A word that starts with `./` or `../` is a path from the file's folder.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Final, cast

from localcloud.containers.errors import BadRegistration
from localcloud.containers.images import SET_BY_US, Image
from localcloud.home import CHECKOUT

FILE: Final = CHECKOUT / "containers.toml"
_TABLE: Final = "container"
_KEYS: Final = ("image", "command", "environment")


def read(file: Path) -> tuple[Image, ...]:
    """The entries of a file, none where it does not exist.

    Raises:
        BadRegistration: the file is not as described above; the message names the line.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise BadRegistration(f"{file} cannot be read: {error}") from error
    return _Reader(file, text).images()


class _Reader:
    def __init__(self, file: Path, text: str) -> None:
        self._file = file
        self._text = text

    def images(self) -> tuple[Image, ...]:
        try:
            document = tomllib.loads(self._text)
        except tomllib.TOMLDecodeError as error:
            raise BadRegistration(f"{self._file}: {error}; it has to be TOML") from error
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

    def _wrong(self, key: str, expected: str, entry: dict[str, Any], number: int) -> BadRegistration:
        problem = "is missing; it is" if key not in entry else "has to be"
        return self._fault(f"{key!r} {problem} {expected}", _TABLE, number, key if key in entry else None)

    def _fault(self, what: str, name: str, number: int = 0, key: str | None = None) -> BadRegistration:
        return BadRegistration(f"{self._file}, line {self._line(name, number, key)}: {what}")

    def _line(self, name: str, number: int, key: str | None) -> int:
        """Where something begins: the line after which the text, read up to there, has it for the first time."""
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
