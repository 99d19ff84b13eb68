"""A model container as a local process: starts it as SageMaker starts an image, and ends it with all its processes."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, Final, Self

from localcloud.containers import images
from localcloud.containers.archive import unpack
from localcloud.containers.images import IMAGES, ContainerError, Image, find
from localcloud.containers.launcher import ForkedProcess, shared_launcher
from localcloud.containers.scikit_learn import environment as environments
from localcloud.containers.scikit_learn.versions import Versions
from localcloud.containers.zygote import LaunchRequest
from localcloud.home import home

LogCallback = Callable[[bytes], None]

_GRACE_SECONDS: Final = 2.0
_LINE_BYTES: Final = 256 * 1024  # as long as a CloudWatch event may be; a longer line comes in pieces
_SCRIPT_SERVER: Final = str(Path(__file__).parent / "scikit_learn" / "server.py")
_FOR_FETCHING: Final = re.compile(r"PIP_|(https?|all|no)_proxy$|SSL_CERT_", re.IGNORECASE)  # pip may need these
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def prewarm() -> None:
    """Start the fork server in the background, so that the first container does not wait for its imports."""
    shared_launcher()


def start(
    image: str,
    model_archive: Path | None,
    environment: Mapping[str, str],
    *,
    vcpus: int,
    log: LogCallback,
    network_isolation: bool = False,
) -> Container:
    """Start the local process of an image. It may take a moment longer until it answers `/ping`.

    Args:
        image: the image's URI, looked up in `images.FILE`, which is read again each time, and in `images.IMAGES`.
        model_archive: a `.tar.gz`, unpacked into the container's model folder; None leaves the folder empty.
        environment: the variables of the model and the job. The container gets these and a few of the system.
        vcpus: how many processors the instance has; the container starts as many workers.
        log: takes each line that the container writes, without its newline, in another thread. If the image's
            environment must be made first, which takes half a minute, it also takes the progress.
        network_isolation: the model's EnableNetworkIsolation, which forbids the container to fetch packages.

    Raises:
        ContainerError: no local program replaces the image, the user's file of containers is not valid, the archive cannot
            be unpacked or needs packages that may not be fetched, or the process cannot be started on this machine.
    """
    entry = find(image, (*images.registered(images.FILE), *IMAGES), str(images.FILE))
    scratch, reservation = _scratch_folder(), _reserve_port()
    port: int = reservation.getsockname()[1]
    try:
        model = scratch / "model"
        model.mkdir()
        if model_archive is not None:
            unpack(model_archive, model)
        if entry.versions:
            entry = _script_mode(entry, entry.versions, model, log, network_isolation=network_isolation)
        if sys.platform != "linux":
            reservation.close()  # only Linux lets the container listen beside it
        process, output = _launch(entry, scratch, _environment(entry, environment, scratch, port, vcpus))
    except BaseException:
        reservation.close()
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    return Container(process, output, log, port=port, scratch=scratch, reservation=reservation)


class Container:
    """A running container; also a context manager that stops it."""

    def __init__(
        self,
        process: ForkedProcess,
        output: BinaryIO,
        log: LogCallback,
        *,
        port: int,
        scratch: Path,
        reservation: socket.socket,
    ) -> None:
        self.url: Final = f"http://127.0.0.1:{port}"
        self._process = process
        self._scratch = scratch
        self._reservation = reservation
        self._pump = threading.Thread(target=_pump, args=(output, log), daemon=True, name="container-log")
        self._pump.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, negative if a signal ended it; None while it runs."""
        return self._process.poll()

    def stop(self) -> None:
        """End the container and all its processes, deliver its last lines, remove its files. It may be called again."""
        self._process.signal_group(signal.SIGTERM)
        if self._process.poll(_GRACE_SECONDS) is None:
            self._process.signal_group(signal.SIGKILL)
            self._process.poll(_GRACE_SECONDS)
        self._pump.join(_GRACE_SECONDS)
        self._reservation.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()


def _script_mode(entry: Image, versions: Versions, model: Path, log: LogCallback, *, network_isolation: bool) -> Image:
    """The entry with the program that serves a user's script in the image's environment."""
    wants_packages = (model / "code" / "requirements.txt").exists()
    if wants_packages and network_isolation:
        raise ContainerError(
            "the archive has code/requirements.txt, whose packages are fetched when the container starts, and the "
            "model's EnableNetworkIsolation forbids that; set it to false for this model, or take the file out"
        )
    python = environments.ensure(versions, lambda line: log(line.encode()))
    fetching = {name: value for name, value in os.environ.items() if wants_packages and _FOR_FETCHING.match(name)}
    return replace(entry, command=(str(python), _SCRIPT_SERVER), environment={**fetching, **entry.environment})


def _launch(entry: Image, scratch: Path, environment: dict[str, str]) -> tuple[ForkedProcess, BinaryIO]:
    request = LaunchRequest(
        module=entry.module, command=[*entry.command, "serve"], environment=environment, scratch=str(scratch)
    )
    output, theirs = os.pipe()
    try:
        process = shared_launcher().launch(request, theirs)
    except BaseException:
        os.close(output)
        raise
    finally:
        os.close(theirs)
    return process, os.fdopen(output, "rb")


def _environment(entry: Image, given: Mapping[str, str], scratch: Path, port: int, vcpus: int) -> dict[str, str]:
    return {
        "PATH": os.environ.get("PATH", _SYSTEM_PATH),
        "HOME": str(scratch),
        "LANG": "C.UTF-8",
        "TMPDIR": str(scratch),
        "OMP_NUM_THREADS": "1",
        **entry.environment,
        **given,
        "SAGEMAKER_BIND_TO_PORT": str(port),
        "SM_MODEL_DIR": str(scratch / "model"),
        "SM_NUM_CPUS": str(vcpus),
    }


def _scratch_folder() -> Path:
    folder = home() / "run" / "containers"
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def _reserve_port() -> socket.socket:
    """Bind a port without listening, so that no other process gets it before the container listens on it."""
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation


def _pump(output: BinaryIO, log: LogCallback) -> None:
    with output:
        while line := output.readline(_LINE_BYTES):
            log(line.rstrip(b"\r\n"))
