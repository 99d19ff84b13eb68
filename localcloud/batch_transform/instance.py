"""One instance of a job: boots its container, takes its share of the objects, logs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
from localcloud.batch_transform.invocation import Model
from localcloud.batch_transform.job import Transform
from localcloud.batch_transform.keys import Task
from localcloud.batch_transform.logs import Logs
from localcloud.batch_transform.pipeline import Pipeline
from localcloud.batch_transform.processing import processor
from localcloud.batch_transform.streams import InputStream, ObjectSink, ObjectSource, ReadStream
from localcloud.batch_transform.unverified import Choices

_OBJECTS_AT_ONCE = 8


@dataclass(frozen=True)
class Surroundings:
    """What a job is run with."""

    source: ObjectSource
    sink: ObjectSink
    logs: Logs
    start_container: ContainerStarter
    cancellation: Cancellation
    choices: Choices
    ping_limit_seconds: float = containers.PING_LIMIT_SECONDS


class Instance:
    """One of the job's instances.

    Args:
        number: its number, from 0.
        job: the settings.
        around: storage, logs, containers.

    Attributes:
        failures: what failed, in the order of time.
        written: the objects whose outputs are there.
    """

    def __init__(self, number: int, job: Transform, around: Surroundings) -> None:
        self._number = number
        self._job = job
        self._around = around
        self.failures: list[TransformFailure] = []
        self.written: list[Task] = []

    def run(self, share: Sequence[Task]) -> None:
        """Work off the share; what fails is in `failures`.

        Raises:
            Stopped: the job was stopped.
        """
        environment = containers.environment(self._job, self._around.choices)
        try:
            container = self._around.start_container(environment, self._log_container)
            try:
                with self._around.cancellation.interrupting(container.stop):
                    self._serve(container, share)
            finally:
                container.stop()
        except InstanceFailure as failure:
            self._around.cancellation.check()
            self._record(failure, "")

    def _serve(self, container: Container, share: Sequence[Task]) -> None:
        around = self._around
        containers.wait_until_ready(
            container, around.cancellation, around.ping_limit_seconds, around.choices.container_exit_reason
        )
        parameters = containers.ask_parameters(container, self._job, around.choices)
        around.logs.data(self._number, str(parameters))
        if not share:
            return
        model = Model(container.url, self._job, around.cancellation, around.choices)
        try:
            pipeline = Pipeline(
                model,
                processor(self._job, parameters, around.choices),
                concurrency=parameters.max_concurrent,
                assemble_line=self._job.assemble_line,
                cancellation=around.cancellation,
                choices=around.choices,
            )
            self._work_off(share, pipeline, min(parameters.max_concurrent, _OBJECTS_AT_ONCE, len(share)))
        except ObjectFailure as failure:
            self._record_for_all(share, failure)
        finally:
            model.close()

    def _work_off(self, share: Sequence[Task], pipeline: Pipeline, at_once: int) -> None:
        try:
            with ThreadPoolExecutor(at_once, thread_name_prefix="object") as pool:
                for done in [pool.submit(self._transform, task, pipeline) for task in share]:
                    done.result()
        finally:
            pipeline.close()

    def _transform(self, task: Task, pipeline: Pipeline) -> None:
        self._around.cancellation.check()
        try:
            stream = InputStream(lambda: self._open(task))
            try:
                self._write(task, stream, pipeline)
            finally:
                stream.close()
        except ObjectFailure as failure:
            self._around.cancellation.check()
            self._record(failure, task.name)
        except StorageError as error:
            self._around.cancellation.check()
            self._record(client_error(str(error)), task.name)

    def _write(self, task: Task, stream: InputStream, pipeline: Pipeline) -> None:
        output = self._around.sink.create(task.output_bucket, task.output_key)
        try:
            pipeline.transform(stream, output)
            self._around.cancellation.check()
            output.commit()
            self.written.append(task)
        except BaseException:
            with suppress(StorageError):
                output.abort()
            raise

    def _open(self, task: Task) -> ReadStream:
        stream = self._around.source.open(task.bucket, task.key)
        return GunzippedStream(stream) if self._job.gzip else stream

    def _log_container(self, line: bytes) -> None:
        self._around.logs.container(self._number, line)

    def _record(self, failure: TransformFailure, name: str) -> None:
        self.failures.append(failure)
        for line in failure.lines:
            self._around.logs.data(self._number, f"{name}: {line}" if name else line)

    def _record_for_all(self, share: Sequence[Task], failure: ObjectFailure) -> None:
        for task in share:
            self._record(failure, task.name)
