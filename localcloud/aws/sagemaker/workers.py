"""The process that runs transform jobs, seen from the endpoint: it is started before the first job and replaced when it dies."""

from __future__ import annotations

import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from localcloud import process
from localcloud.aws.sagemaker.containers import LOCAL_PROCESSES
from localcloud.aws.sagemaker.orders import Channel, JobListener, Order
from localcloud.batch_transform.errors import INTERNAL_ERROR

_LOG = logging.getLogger(__name__)
_REPLACE_SECONDS = 0.2  # a worker that dies at once must not keep a processor busy
# The worker acts with the keys of execution roles only, and its command line names the endpoint.
_NOT_PASSED_ON = frozenset(
    {
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_ENDPOINT_URL"),
        *("AWS_CA_BUNDLE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
    }
)


class LocalTransforms:
    """Runs jobs in a worker process of this machine. A job's listener learns of its failure; nothing is raised.

    Args:
        home: folder of the generated state.
        endpoint: returns the URL of the AWS endpoint; called when a worker starts.
        runtime: `module:function` that starts containers in the worker.
    """

    def __init__(self, home: Path, endpoint: Callable[[], str], runtime: str = LOCAL_PROCESSES) -> None:
        self._home = home
        self._endpoint = endpoint
        self._runtime = runtime
        self._lock = threading.Lock()
        self._worker: _WorkerProcess | None = None
        self._closed = False

    def warm(self) -> None:
        """Start the worker ahead of the first job; does not wait for it."""
        threading.Thread(target=self._warm, name="warm-worker", daemon=True).start()

    def start(self, order: Order, listener: JobListener, /) -> None:
        try:
            self._current().run(order, listener)
        except OSError:
            _LOG.exception("the worker for transform jobs cannot be started")
            listener.ended("Failed", INTERNAL_ERROR)

    def stop(self, arn: str, /) -> None:
        """Stop a job, whether it is running or waiting; its listener learns when it has ended."""
        with self._lock:
            worker = self._worker
        if worker is not None:
            worker.stop_job(arn)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.close()

    @property
    def worker_pid(self) -> int | None:
        """The id of the process that takes jobs, if there is one."""
        with self._lock:
            worker = self._worker
        return None if worker is None or worker.gone else worker.pid

    def _current(self) -> _WorkerProcess:
        """Return the worker that takes jobs; it is started if there is none."""
        with self._lock:
            if self._closed:
                raise OSError("transform jobs have been shut down")
            if self._worker is None or self._worker.gone:
                self._worker = _WorkerProcess(self._home, self._endpoint(), self._runtime, self._replace)
            return self._worker

    def _replace(self, gone: _WorkerProcess) -> None:
        """Replace a worker that died, unless it died as it started."""
        time.sleep(_REPLACE_SECONDS)
        with self._lock:
            wanted = not self._closed and self._worker is gone
        if wanted and gone.ready:
            self._warm()
        elif wanted:
            _LOG.error("the worker for transform jobs did not start; see logs/transform.log")

    def _warm(self) -> None:
        try:
            self._current()
        except OSError:
            _LOG.exception("the worker for transform jobs cannot be started")


class _WorkerProcess:
    """One worker process, and the jobs that were sent to it."""

    def __init__(self, home: Path, endpoint: str, runtime: str, on_death: Callable[[_WorkerProcess], None]) -> None:
        self.ready = False
        self.gone = False
        self._on_death = on_death
        self._lock = threading.Lock()
        self._jobs: dict[str, JobListener] = {}
        self._folder = _fresh_folder(home)
        ours, theirs = socket.socketpair()
        self._channel = Channel(ours)
        with theirs:
            self._process = self._spawn(home, endpoint, runtime, theirs)
        threading.Thread(target=self._listen, name="worker-events", daemon=True).start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def run(self, order: Order, listener: JobListener) -> None:
        with self._lock:
            self._jobs[order.arn] = listener
        self._send({"do": "run", "order": order.to_json()})
        if self.gone:
            self._fail(order.arn)

    def stop_job(self, arn: str) -> None:
        self._send({"do": "stop", "arn": arn})

    def close(self) -> None:
        self._channel.close()
        process.stop(self._process)

    def _spawn(self, home: Path, endpoint: str, runtime: str, channel: socket.socket) -> subprocess.Popen[bytes]:
        module = "localcloud.aws.sagemaker.worker"
        options = ["--endpoint", endpoint, "--folder", self._folder, "--runtime", runtime]
        environment = {name: value for name, value in os.environ.items() if name not in _NOT_PASSED_ON}
        environment["LOCALCLOUD_HOME"] = str(home)
        command = [sys.executable, "-m", module, *options]
        return process.spawn(command, log=home / "logs" / "transform.log", env=environment, stdin=channel.fileno())

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._channel.send(message)
        except OSError:
            _LOG.info("the worker for transform jobs is gone")

    def _listen(self) -> None:
        for message in self._channel.messages():
            self._hear(message)
        self.gone = True
        for arn in list(self._jobs):
            self._fail(arn)
        self._channel.close()
        process.stop(self._process)
        shutil.rmtree(self._folder, ignore_errors=True)
        self._on_death(self)

    def _hear(self, message: dict[str, Any]) -> None:
        if message["event"] == "ready":
            self.ready = True
        elif message["event"] == "started":
            self._jobs[message["arn"]].started()
        elif message["event"] == "ended":
            with self._lock:
                listener = self._jobs.pop(message["arn"])
            listener.ended(message["status"], message["reason"])

    def _fail(self, arn: str) -> None:
        with self._lock:
            listener = self._jobs.pop(arn, None)
        if listener is not None:
            listener.ended("Failed", INTERNAL_ERROR)


def _fresh_folder(home: Path) -> Path:
    """Return an empty folder for the files of running jobs; what killed workers left behind is deleted."""
    folder = home / "run" / "transforms"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))
