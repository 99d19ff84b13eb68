"""On AWS the CLI downloads the official plugins by itself, in the versions that the host reports for the program."""

from __future__ import annotations

import io
import os
import platform
import shutil
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from localcloud.go import binaries
from localcloud.go.programs import PULUMI
from localcloud.pulumi.language_host import scripts

pytestmark = pytest.mark.e2e
CHECKOUT = Path(__file__).parents[2]
MACHINE = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]


def archive(name: str) -> bytes:
    """A plugin as its project publishes it: a program in a compressed archive."""
    text = b"#!/bin/sh\nexit 1\n"
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text), 0o755
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


@pytest.fixture
def downloads() -> Iterator[tuple[str, list[str]]]:
    """A download server of plugins: its address, and the paths that it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = archive(self.path.strip("/").partition("-v")[0])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name that http.server uses
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked
        server.shutdown()
        thread.join()


def test_the_cli_asks_for_exactly_the_plugins_of_the_program(downloads: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = downloads
    folder = tmp_path / "cli"
    folder.mkdir()
    shutil.copy2(binaries.folder(PULUMI) / "pulumi", folder / "pulumi")
    scripts.install(folder, python=Path(sys.executable))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_"))}
    environment = kept | {
        "PATH": f"{folder}:/usr/bin:/bin",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path}",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES": f".*={address}",
    }
    done = subprocess.run(
        ["pulumi", "plugin", "install"], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    wanted = {name: version(f"pulumi-{name}") for name in ("aws", "eks", "kubernetes")}
    system = "darwin" if sys.platform == "darwin" else "linux"
    assert sorted(asked) == [
        f"/pulumi-resource-{name}-v{each}-{system}-{MACHINE}.tar.gz" for name, each in wanted.items()
    ]
    installed = {path.name for path in (tmp_path / "home" / "plugins").iterdir() if path.is_dir()}
    assert installed == {f"resource-{name}-v{each}" for name, each in wanted.items()}
