"""The process that runs transform jobs: `python -m localcloud.aws.sagemaker.worker`.

It is a separate process, so that the jobs and the endpoint neither slow down nor crash each other. Its standard input is
a socket of the endpoint. It dies with the endpoint, and the containers die with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import traceback
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from localcloud.aws.clients import client, warm_clients
from localcloud.aws.sagemaker.containers import ContainerRuntime, load_runtime, vcpus
from localcloud.aws.sagemaker.job_io import CloudWatchJobLogs, S3Sink, S3Source
from localcloud.aws.sagemaker.orders import Channel, Order, transform
from localcloud.batch_transform.containers import Container, ContainerStarter
from localcloud.batch_transform.errors import INTERNAL_ERROR, InstanceFailure, Stopped, StorageError
from localcloud.batch_transform.job import Cancellation, JobStatus
from localcloud.batch_transform.objects import S3Uri
from localcloud.batch_transform.run import Outcome, RunContext, run_transform
from localcloud.process import die_with_parent, socket_of_parent

JOBS_AT_ONCE = 8
TURN_SECONDS = 20.0  # most jobs end within this time
MOST_JOBS_AT_ONCE = 64  # including those whose turn is over
_CHUNK_BYTES = 2**20


class Turns:
    """Lets a limited number of jobs run at once, in the order of their arrival; a long job stops counting after a time.

    So only a few short jobs share the processors, and a container that never answers a ping holds up no other job.

    Args:
        count: how many jobs that count may run at once.
        seconds: for how long a job counts.
    """

    def __init__(self, count: int, seconds: float) -> None:
        self._free = count
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()
        self._seconds = seconds

    @contextmanager
    def one(self, cancellation: Cancellation) -> Generator[None]:
        """Wait for a turn, and hold it.

        Raises:
            Stopped: the job was stopped while it waited.
        """
        self._take(cancellation)
        given_back = threading.Lock()

        def give_back() -> None:
            if given_back.acquire(blocking=False):
                self._give()

        timer = threading.Timer(self._seconds, give_back)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            give_back()

    def _take(self, cancellation: Cancellation) -> None:
        turn = threading.Event()
        with self._lock:
            self._waiting.append(turn)
            self._hand_out()
        with cancellation.interrupting(turn.set):
            turn.wait()
        with self._lock:
            if turn in self._waiting:
                self._waiting.remove(turn)
                raise Stopped

    def _give(self) -> None:
        with self._lock:
            self._free += 1
            self._hand_out()

    def _hand_out(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().set()


class _Job(NamedTuple):
    cancellation: Cancellation
    future: Future[None]


class Worker:
    """Runs the jobs that come over the channel in the order in which they come, a limited number at once."""

    def __init__(self, channel: Channel, endpoint: str, runtime: ContainerRuntime, folder: Path) -> None:
        self._channel = channel
        self._endpoint = endpoint
        self._runtime = runtime
        self._folder = folder
        self._pool = ThreadPoolExecutor(MOST_JOBS_AT_ONCE, thread_name_prefix="job")
        self._turns = Turns(JOBS_AT_ONCE, TURN_SECONDS)
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()

    def serve(self) -> None:
        """Take orders and requests to stop, until the endpoint is gone."""
        self._channel.send({"event": "ready"})
        for message in self._channel.messages():
            if message["do"] == "run":
                self._accept(Order.from_json(message["order"]))
            elif message["do"] == "stop":
                self._stop(message["arn"])

    def _accept(self, order: Order) -> None:
        cancellation = Cancellation()
        with self._lock:
            self._jobs[order.arn] = _Job(cancellation, self._pool.submit(self._run, order, cancellation))

    def _stop(self, arn: str) -> None:
        with self._lock:
            job = self._jobs.get(arn)
        if job is None:
            return
        if job.future.cancel():  # it had not started
            self._end(arn, Outcome(JobStatus.STOPPED))
        else:
            # In a thread of its own: cutting connections and ending containers takes a moment.
            threading.Thread(target=job.cancellation.cancel, daemon=True).start()

    def _run(self, order: Order, cancellation: Cancellation) -> None:
        try:
            with self._turns.one(cancellation):
                outcome = self._outcome(order, cancellation)
        except Stopped:
            outcome = Outcome(JobStatus.STOPPED)
        except Exception:  # noqa: BLE001  the job must end, whatever has failed
            traceback.print_exc()
            outcome = Outcome(JobStatus.FAILED, INTERNAL_ERROR)
        self._end(order.arn, outcome)

    def _end(self, arn: str, outcome: Outcome) -> None:
        with self._lock:
            del self._jobs[arn]
        self._channel.send({"event": "ended", "arn": arn, "status": str(outcome.status), "reason": outcome.reason})

    def _outcome(self, order: Order, cancellation: Cancellation) -> Outcome:
        cancellation.check()
        self._channel.send({"event": "started", "arn": order.arn})
        job = transform(order)
        s3 = client("s3", self._endpoint, order.region, order.credentials)
        logs_client = client("logs", self._endpoint, order.region, order.credentials)
        logs = CloudWatchJobLogs(logs_client, order.request["TransformJobName"], job.instance_count)
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            source = S3Source(s3)
            sink = S3Sink(s3, order.request["TransformOutput"].get("KmsKeyId") or None)
            return run_transform(
                job, RunContext(source, sink, logs, self._starter(order, source, folder), cancellation)
            )
        finally:
            logs.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _starter(self, order: Order, source: S3Source, folder: Path) -> ContainerStarter:
        """Return the function that starts the job's containers, whose archives it downloads into the folder."""
        archives = [
            _Archive(one.model_data_url, source, folder / f"model-{number}.tar.gz")
            for number, one in enumerate(order.containers)
        ]
        count = vcpus(order.request["TransformResources"]["InstanceType"])

        def start(number: int, environment: Mapping[str, str], log: Callable[[bytes], None]) -> Container:
            image, archive = order.containers[number].image, archives[number].path()
            isolated = order.network_isolation
            return self._runtime(image, archive, environment, vcpus=count, log=log, network_isolation=isolated)

        return start


class _Archive:
    """A model archive, which is downloaded once for all instances of a job."""

    def __init__(self, url: str | None, source: S3Source, path: Path) -> None:
        self._url = url
        self._source = source
        self._path = path
        self._lock = threading.Lock()

    def path(self) -> Path | None:
        if not self._url:
            return None
        with self._lock:
            if not self._path.exists():
                self._fetch(S3Uri.parse(self._url))
        return self._path

    def _fetch(self, place: S3Uri) -> None:
        try:
            stream = self._source.open(place.bucket, place.key)
            with self._path.open("wb") as file:
                while chunk := stream.read(_CHUNK_BYTES):
                    file.write(chunk)
        except (StorageError, OSError) as error:
            self._path.unlink(missing_ok=True)  # the next instance must not take half an archive
            raise InstanceFailure(
                f"ClientError: Could not download model data from {self._url}", (str(error),)
            ) from error


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", required=True, help="URL of the endpoint")
    parser.add_argument("--folder", required=True, type=Path, help="folder for what a job needs while it runs")
    parser.add_argument("--runtime", required=True, help="module:function that starts containers")
    options = parser.parse_args()
    die_with_parent()
    channel = Channel(socket_of_parent())
    runtime = load_runtime(options.runtime)
    warm_clients()
    Worker(channel, options.endpoint, runtime, options.folder).serve()
    # Threads may wait for an answer of a container for ever; the containers die with this process.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
