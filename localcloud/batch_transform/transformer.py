"""Transforms an object: reads batches, sends several at a time, and writes the answers in the order of the batches.

Reading, sending and writing overlap. A batch has one of the instance's slots from before it is read until its answer is
written. So memory is bounded by slots x payload, however many objects and batches there are.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

from localcloud.batch_transform.errors import ObjectFailure
from localcloud.batch_transform.invocation import Model
from localcloud.batch_transform.job import Cancellation
from localcloud.batch_transform.objects import InputStream, WriteStream
from localcloud.batch_transform.processing import Processor, Request


class ObjectTransformer:
    """Transforms the objects of one instance, which share the model and the slots.

    Args:
        model: answers the requests.
        processor: makes requests of an object, and output of the answers.
        concurrency: how many requests may be open.
        assemble_line: whether AssembleWith is Line.
        cancellation: is checked before each batch.
    """

    def __init__(
        self,
        model: Model,
        processor: Processor,
        *,
        concurrency: int,
        assemble_line: bool,
        cancellation: Cancellation,
    ) -> None:
        self._model = model
        self._processor = processor
        self._assemble_line = assemble_line
        self._cancellation = cancellation
        self._slots = threading.Semaphore(2 * concurrency)
        self._pool = ThreadPoolExecutor(concurrency, thread_name_prefix="invoke")

    def close(self) -> None:
        """Wait for open requests, and end the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def transform(self, stream: InputStream, output: WriteStream) -> None:
        """Send an object and write the answers. The caller commits or aborts the output.

        Args:
            stream: the input object.
            output: the output object.

        Raises:
            ObjectFailure: a batch failed; later ones are not sent.
            Stopped: the job was stopped.
        """
        pending: deque[Future[bytes]] = deque()
        requests = self._processor.requests(stream)
        try:
            while (request := self._next(requests, pending, output)) is not None:
                pending.append(self._pool.submit(self._ask, request))
            while pending:
                self._write_first(pending, output)
        finally:
            self._abandon(pending)

    def _next(self, requests: Iterator[Request], pending: deque[Future[bytes]], output: WriteStream) -> Request | None:
        """Wait for a slot, and read the next batch into it. Meanwhile write the answers that have come."""
        while pending and pending[0].done():
            self._write_first(pending, output)
        while not self._slots.acquire(blocking=not pending):
            self._write_first(pending, output)
        request = None
        try:
            self._cancellation.check()
            request = next(requests, None)
        finally:
            if request is None:
                self._slots.release()
        return request

    def _ask(self, request: Request) -> bytes:
        try:
            answer = self._model.invoke(request.body)
        except ObjectFailure as failure:
            raise failure.with_line(request.batch.where) from failure
        return self._assembled(self._processor.output(request, answer))

    def _assembled(self, answer: bytes) -> bytes:
        """An answer as it is written: with AssembleWith Line it ends with one newline."""
        if not self._assemble_line or not answer or answer.endswith(b"\n"):
            return answer
        return answer + b"\n"

    def _write_first(self, pending: deque[Future[bytes]], output: WriteStream) -> None:
        first = pending.popleft()
        try:
            output.write(first.result())
        finally:
            self._slots.release()

    def _abandon(self, pending: deque[Future[bytes]]) -> None:
        for future in pending:
            future.cancel()
        for future in pending:
            if not future.cancelled():
                future.exception()
            self._slots.release()
