"""Runs one transform job from its settings to its outputs, on one or several instances."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass

from localcloud.batch_transform import containers, objects
from localcloud.batch_transform.containers import Container, ContainerStarter
from localcloud.batch_transform.errors import (
    CLIENT_ERROR,
    InstanceFailure,
    ObjectFailure,
    Stopped,
    StorageError,
    TransformFailure,
    client_error,
)
from localcloud.batch_transform.invocation import Model, Serving
from localcloud.batch_transform.job import Cancellation, JobStatus, Logs, Transform
from localcloud.batch_transform.objects import (
    GunzippedStream,
    InputStream,
    ObjectSink,
    ObjectSource,
    ReadStream,
    Task,
)
from localcloud.batch_transform.processing import Processor, processor
from localcloud.batch_transform.transformer import ObjectTransformer

_INSTANCES_AT_ONCE = 4
_OBJECTS_AT_ONCE = 8


@dataclass(frozen=True)
class RunContext:
    """Everything that a job needs from whoever runs it.

    Args:
        source: reads the input objects.
        sink: writes the output objects.
        logs: takes the lines of the containers and of the data log.
        start_container: starts a model container.
        cancellation: stops the job.
        ping_limit_seconds: how long a container may take until it answers `/ping`.
    """

    source: ObjectSource
    sink: ObjectSink
    logs: Logs
    start_container: ContainerStarter
    cancellation: Cancellation
    ping_limit_seconds: float = containers.PING_LIMIT_SECONDS


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Args:
        status: Completed, Failed or Stopped.
        reason: the FailureReason of a job that failed.
    """

    status: JobStatus
    reason: str | None = None


def run_transform(job: Transform, context: RunContext) -> Outcome:
    """Run a job to its end. Whatever goes wrong with the job is in the outcome and in the logs.

    Args:
        job: the settings.
        context: storage, logs, containers and cancellation.
    """
    try:
        failures = _run(job, context)
    except Stopped:
        return Outcome(JobStatus.STOPPED)
    except TransformFailure as failure:
        failures = [failure]
        for line in failure.lines:
            context.logs.data(0, line)
    except StorageError as error:
        context.logs.data(0, f"ClientError: {error}")
        return Outcome(JobStatus.FAILED, CLIENT_ERROR)
    return Outcome(JobStatus.FAILED, failures[0].reason) if failures else Outcome(JobStatus.COMPLETED)


def _run(job: Transform, context: RunContext) -> list[TransformFailure]:
    tasks = objects.tasks(job, context.source)
    # An object is never split, and an instance may get none.
    shares = [tasks[number :: job.instance_count] for number in range(job.instance_count)]
    instances = [Instance(number, job, context) for number in range(job.instance_count)]
    with ThreadPoolExecutor(min(_INSTANCES_AT_ONCE, len(instances)), thread_name_prefix="instance") as pool:
        for done in [pool.submit(one.run, share) for one, share in zip(instances, shares, strict=True)]:
            done.result()
    context.cancellation.check()
    return [failure for one in instances for failure in one.failures]


class Instance:
    """One of the job's instances: it starts the model's containers, transforms its share of the objects, and logs.

    Args:
        number: its number, from 0.
        job: the settings.
        context: storage, logs, containers and cancellation.

    Attributes:
        failures: the failures, in the order in which they happened.
    """

    def __init__(self, number: int, job: Transform, context: RunContext) -> None:
        self._number = number
        self._job = job
        self._context = context
        self.failures: list[TransformFailure] = []

    def run(self, share: Sequence[Task]) -> None:
        """Transform objects; those that fail are in `failures`.

        Args:
            share: the input objects of this instance.

        Raises:
            Stopped: the job was stopped.
        """
        try:
            with ExitStack() as started:
                self._serve([self._start(number, started) for number in range(len(self._job.containers))], share)
        except InstanceFailure as failure:
            self._context.cancellation.check()
            self._record(failure, "")

    def _start(self, number: int, started: ExitStack) -> Container:
        """Start a container of the model. It is stopped when the job is stopped, or when `started` is closed."""
        context, declared = self._context, self._job.containers[number]

        def log(line: bytes) -> None:
            context.logs.container(self._number, declared.name, line)

        container = context.start_container(number, containers.environment(self._job, declared), log)
        started.callback(container.stop)
        started.enter_context(context.cancellation.interrupting(container.stop))
        return container

    def _serve(self, serving: Sequence[Container], share: Sequence[Task]) -> None:
        context, names = self._context, [one.name for one in self._job.containers]
        for container, name in zip(serving, names, strict=True):
            containers.wait_until_ready(container, context.cancellation, context.ping_limit_seconds, name)
        parameters = containers.ask_parameters(serving[0], self._job)
        context.logs.data(self._number, str(parameters))
        if not share:
            return
        try:
            process = processor(self._job, parameters)
        except ObjectFailure as failure:  # the job's filters or media types fail every object
            for task in share:
                self._record(failure, task.name)
            return
        urls = [Serving(container.url, name) for container, name in zip(serving, names, strict=True)]
        with closing(Model(urls, self._job, context.cancellation)) as model:
            self._transform_all(share, model, process, parameters.max_concurrent)

    def _transform_all(self, share: Sequence[Task], model: Model, process: Processor, concurrency: int) -> None:
        transformer = ObjectTransformer(
            model,
            process,
            concurrency=concurrency,
            assemble_line=self._job.assemble_line,
            cancellation=self._context.cancellation,
        )
        at_once = min(concurrency, _OBJECTS_AT_ONCE, len(share))
        with closing(transformer), ThreadPoolExecutor(at_once, thread_name_prefix="object") as pool:
            for done in [pool.submit(self._transform, task, transformer) for task in share]:
                done.result()

    def _transform(self, task: Task, transformer: ObjectTransformer) -> None:
        self._context.cancellation.check()
        try:
            with closing(InputStream(lambda: self._open(task))) as stream:
                self._write(task, stream, transformer)
        except (ObjectFailure, StorageError) as error:
            self._context.cancellation.check()
            self._record(client_error(str(error)) if isinstance(error, StorageError) else error, task.name)

    def _write(self, task: Task, stream: InputStream, transformer: ObjectTransformer) -> None:
        output = self._context.sink.create(task.output_bucket, task.output_key)
        try:
            transformer.transform(stream, output)
            self._context.cancellation.check()
            output.commit()
        except BaseException:
            with suppress(StorageError):
                output.abort()
            raise

    def _open(self, task: Task) -> ReadStream:
        stream = self._context.source.open(task.bucket, task.key)
        return GunzippedStream(stream) if self._job.gzip else stream

    def _record(self, failure: TransformFailure, name: str) -> None:
        self.failures.append(failure)
        for line in failure.lines:
            self._context.logs.data(self._number, f"{name}: {line}" if name else line)
