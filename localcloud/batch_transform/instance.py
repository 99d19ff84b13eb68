"""One instance of a job: boots its containers, takes its share of the objects, logs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from localcloud.batch_transform import containers
from localcloud.batch_transform.cancellation import Cancellation
from localcloud.batch_transform.compression import GunzippedStream
from localcloud.batch_transform.containers import Container, ContainerStarter
from localcloud.batch_transform.errors import (
    InstanceFailure,
    ObjectFailure,
    StorageError,
    TransformFailure,
    client_error,
)
from localcloud.batch_transform.invocation import Model, Serving
from localcloud.batch_transform.job import Transform
from localcloud.batch_transform.keys import Task
from localcloud.batch_transform.logs import Logs
from localcloud.batch_transform.processing import processor
from localcloud.batch_transform.streams import InputStream, ObjectSink, ObjectSource, ReadStream
from localcloud.batch_transform.transformer import ObjectTransformer

_OBJECTS_AT_ONCE = 8


@dataclass(frozen=True)
class Surroundings:
    """What a job is run with."""

    source: ObjectSource
    sink: ObjectSink
    logs: Logs
    start_container: ContainerStarter
    cancellation: Cancellation
    ping_limit_seconds: float = containers.PING_LIMIT_SECONDS


class Instance:
    """One of the job's instances.

    Args:
        number: its number, from 0.
        job: the settings.
        around: storage, logs, containers.

    Attributes:
        failures: what failed, in the order of time.
    """

    def __init__(self, number: int, job: Transform, around: Surroundings) -> None:
        self._number = number
        self._job = job
        self._around = around
        self.failures: list[TransformFailure] = []

    def run(self, share: Sequence[Task]) -> None:
        """Work off the share; what fails is in `failures`.

        Raises:
            Stopped: the job was stopped.
        """
        try:
            with ExitStack() as started:
                self._serve([self._start(number, started) for number in range(len(self._job.containers))], share)
        except InstanceFailure as failure:
            self._around.cancellation.check()
            self._record(failure, "")

    def _start(self, number: int, started: ExitStack) -> Container:
        """A container of the model, which is stopped when the job is, and when `started` ends."""
        around, declared = self._around, self._job.containers[number]

        def log(line: bytes) -> None:
            around.logs.container(self._number, declared.name, line)

        container = around.start_container(number, containers.environment(self._job, declared), log)
        started.callback(container.stop)
        started.enter_context(around.cancellation.interrupting(container.stop))
        return container

    def _serve(self, serving: Sequence[Container], share: Sequence[Task]) -> None:
        around, names = self._around, [one.name for one in self._job.containers]
        for container, name in zip(serving, names, strict=True):
            containers.wait_until_ready(container, around.cancellation, around.ping_limit_seconds, name)
        parameters = containers.ask_parameters(serving[0], self._job)
        around.logs.data(self._number, str(parameters))
        if not share:
            return
        urls = [Serving(container.url, name) for container, name in zip(serving, names, strict=True)]
        model = Model(urls, self._job, around.cancellation)
        try:
            transformer = ObjectTransformer(
                model,
                processor(self._job, parameters),
                concurrency=parameters.max_concurrent,
                assemble_line=self._job.assemble_line,
                cancellation=around.cancellation,
            )
            self._work_off(share, transformer, min(parameters.max_concurrent, _OBJECTS_AT_ONCE, len(share)))
        except ObjectFailure as failure:
            self._record_for_all(share, failure)
        finally:
            model.close()

    def _work_off(self, share: Sequence[Task], transformer: ObjectTransformer, at_once: int) -> None:
        try:
            with ThreadPoolExecutor(at_once, thread_name_prefix="object") as pool:
                for done in [pool.submit(self._transform, task, transformer) for task in share]:
                    done.result()
        finally:
            transformer.close()

    def _transform(self, task: Task, transformer: ObjectTransformer) -> None:
        self._around.cancellation.check()
        try:
            stream = InputStream(lambda: self._open(task))
            try:
                self._write(task, stream, transformer)
            finally:
                stream.close()
        except ObjectFailure as failure:
            self._around.cancellation.check()
            self._record(failure, task.name)
        except StorageError as error:
            self._around.cancellation.check()
            self._record(client_error(str(error)), task.name)

    def _write(self, task: Task, stream: InputStream, transformer: ObjectTransformer) -> None:
        output = self._around.sink.create(task.output_bucket, task.output_key)
        try:
            transformer.transform(stream, output)
            self._around.cancellation.check()
            output.commit()
        except BaseException:
            with suppress(StorageError):
                output.abort()
            raise

    def _open(self, task: Task) -> ReadStream:
        stream = self._around.source.open(task.bucket, task.key)
        return GunzippedStream(stream) if self._job.gzip else stream

    def _record(self, failure: TransformFailure, name: str) -> None:
        self.failures.append(failure)
        for line in failure.lines:
            self._around.logs.data(self._number, f"{name}: {line}" if name else line)

    def _record_for_all(self, share: Sequence[Task], failure: ObjectFailure) -> None:
        for task in share:
            self._record(failure, task.name)
