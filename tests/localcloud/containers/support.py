"""Packing model archives and wheels, and asking a running container."""

from __future__ import annotations

import io
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.containers import Container


def pack(path: Path, files: Mapping[str, bytes]) -> Path:
    """Make a model archive of these files."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def wheel(module: str, source: str, version: str = "1") -> tuple[str, bytes]:
    """Make a wheel of one module; its file name and content. pip installs it without a network."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(f"{module}.py", source)
        info = f"{module}-{version}.dist-info"
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {module}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return f"{module}-{version}-py3-none-any.whl", packed.getvalue()


def wait_until_serving(container: Container, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert container.poll() is None, "the container ended"
        try:
            urllib.request.urlopen(container.url + "/ping", timeout=10).close()  # noqa: S310  http only
        except OSError:
            time.sleep(0.005)
        else:
            return
    raise AssertionError("the container does not serve")


def invoke(container: Container, body: bytes, **headers: str) -> tuple[int, bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(container.url + "/invocations", data=body, headers=named)  # noqa: S310  the address of a local container
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310  the address of a local container
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def wait_for_exit(container: Container, seconds: float = 60) -> int:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if (code := container.poll()) is not None:
            return code
        time.sleep(0.01)
    raise AssertionError("the container does not end")


def eventually(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
