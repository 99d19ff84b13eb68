"""The file backend: where stacks are kept, in the layout that the Pulumi CLI uses for `file://` backends."""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import time
import urllib.parse
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from localcloud.engine.errors import LockedError, StackNotFoundError, StateError, UnsupportedError

ORGANIZATION = "organization"


def from_environment(project_backend: str | None = None) -> Backend:
    """The backend that the environment or the project names.

    Raises:
        UnsupportedError: it is not one of files.
    """
    url = os.environ.get("PULUMI_BACKEND_URL") or project_backend or _logged_in()
    if not url:
        raise StateError(
            "no backend is chosen: set PULUMI_BACKEND_URL=file://<folder>, the place where this engine keeps stacks"
        )
    if not url.startswith("file://"):
        raise UnsupportedError(f"the backend {_without_password(url)} (only file://<folder> is)")
    path = urllib.parse.unquote(url.removeprefix("file://").partition("?")[0])
    return Backend(Path(path).expanduser().resolve())


def _logged_in() -> str | None:
    try:
        return json.loads((pulumi_home() / "credentials.json").read_text()).get("current")
    except (OSError, ValueError, AttributeError):
        return None


def _without_password(url: str) -> str:
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


def pulumi_home() -> Path:
    return Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")


@dataclass(frozen=True, slots=True)
class Backend:
    """A folder of stacks."""

    root: Path

    @property
    def _base(self) -> Path:
        return self.root / ".pulumi"

    def stacks(self, project: str) -> list[str]:
        folder = self._base / "stacks" / project
        return sorted(path.name.removesuffix(".json") for path in folder.glob("*.json")) if folder.is_dir() else []

    def stack(self, project: str, name: str) -> StackFiles:
        files = StackFiles(self._base, project, name)
        for suffix in (".gz", ".zst"):
            if files.file.with_name(files.file.name + suffix).exists():
                raise UnsupportedError(f"the compressed state file {files.file}{suffix}")
        return files

    def prepare(self) -> None:
        """Make the folder a backend where it is none yet."""
        meta = self._base / "meta.yaml"
        if not meta.exists():
            write_atomically(meta, "version: 1\n")


@dataclass(frozen=True, slots=True)
class StackFiles:
    """The files of one stack."""

    base: Path
    project: str
    name: str

    @property
    def full_name(self) -> str:
        return f"{ORGANIZATION}/{self.project}/{self.name}"

    @property
    def file(self) -> Path:
        return self.base / "stacks" / self.project / f"{self.name}.json"

    @property
    def _history(self) -> Path:
        return self.base / "history" / self.project / self.name

    @property
    def _backups(self) -> Path:
        return self.base / "backups" / self.project / self.name

    @property
    def locks(self) -> Path:
        return self.base / "locks" / ORGANIZATION / self.project / self.name

    def exists(self) -> bool:
        return self.file.exists()

    def read(self) -> bytes:
        """The content of the stack's file.

        Raises:
            StackNotFoundError: there is none.
        """
        try:
            return self.file.read_bytes()
        except FileNotFoundError:
            raise StackNotFoundError(f"no stack named '{self.name}' found") from None

    def create(self) -> None:
        write_atomically(self.file, json.dumps({"version": 3, "checkpoint": {"stack": self.full_name}}))

    def write(self, text: str) -> None:
        """Replace the file; what it was is kept beside it as .bak. A kill at any moment leaves the one or the other."""
        backup = self.file.with_name(self.file.name + ".bak")
        self._keep_as(backup)
        write_atomically(self.file, text)
        for file in (self.file, backup):
            # The official CLI keeps checksums beside the files that it writes; they are no longer true.
            file.with_name(f"{file.name}.attrs").unlink(missing_ok=True)

    def _keep_as(self, backup: Path) -> None:
        scratch = self.file.with_name(f".{self.file.name}.{os.getpid()}.bak")
        try:
            scratch.unlink(missing_ok=True)
            os.link(self.file, scratch)  # the old file itself: it is never written to, only replaced
            scratch.replace(backup)
        except FileNotFoundError:
            return
        except OSError:  # a file system without links
            write_atomically(backup, self.file.read_text())

    def record(self, entry: dict[str, Any], checkpoint: str) -> None:
        """Add an update to the history, and a copy of the state to the backups."""
        stamp = time.time_ns()
        prefix = f"{self.name}-{stamp}"
        write_atomically(self._history / f"{prefix}.history.json", json.dumps(entry, indent=4))
        write_atomically(self._history / f"{prefix}.checkpoint.json", checkpoint)
        write_atomically(self._backups / f"{self.name}.{stamp}.json", checkpoint)

    def remove(self) -> None:
        """Forget the stack: its file and its history. Backups stay, as with the official CLI."""
        if self.exists():
            self.file.replace(self.file.with_name(self.file.name + ".bak"))
        for path in (self.file.with_suffix(".pulumi-tags"), *sorted(self._history.glob("*"))):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self._history.rmdir()

    # --- the lock

    def holders(self) -> list[tuple[Path, dict[str, Any]]]:
        """The lock files there are, with what they say."""
        if not self.locks.is_dir():
            return []
        found: list[tuple[Path, dict[str, Any]]] = []
        for path in sorted(self.locks.glob("*.json")):
            with contextlib.suppress(FileNotFoundError):
                found.append((path, _lock_content(path)))
        return found

    @contextlib.contextmanager
    def lock(self) -> Generator[Path]:
        """Hold the stack's lock.

        Raises:
            LockedError: somebody else holds it; the message says who.
        """
        own = self.locks / f"{uuid.uuid4()}.json"
        self._refuse_others(own)
        content = {
            "pid": os.getpid(),
            "username": _user(),
            "hostname": socket.gethostname(),
            "timestamp": datetime.now().astimezone().isoformat(),
        }
        write_atomically(own, json.dumps(content))
        try:
            self._refuse_others(own)
            yield own
        finally:
            own.unlink(missing_ok=True)

    def _refuse_others(self, own: Path) -> None:
        others = [(path, content) for path, content in self.holders() if path != own]
        if not others:
            return
        lines = [
            f"  {path.as_uri()}: created by {content.get('username')}@{content.get('hostname')} "
            f"(pid {content.get('pid')}) at {content.get('timestamp')}"
            for path, content in others
        ]
        raise LockedError(
            f"the stack is currently locked by {len(others)} lock(s). Either wait for the other process(es) to end "
            "or delete the lock file with `pulumi cancel`.\n" + "\n".join(lines)
        )

    def cancel(self) -> int:
        """Remove all locks, whoever holds them, and say how many there were."""
        holders = self.holders()
        for path, _ in holders:
            path.unlink(missing_ok=True)
        return len(holders)


def _lock_content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name, as in containers
        return str(os.getuid())


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file so that it is never seen half written, readable by its owner only unless told otherwise.

    Raises:
        StateError: the disk is full, or the place cannot be written to.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:  # noqa: PTH123
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise StateError(f"{path} cannot be written: {error.strerror}. What it held before is still there") from error
