"""From an object's bytes to requests, and from a response to what is written: with and without DataProcessing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from localcloud.batch_transform import jsonpath, splitting
from localcloud.batch_transform.containers import Parameters
from localcloud.batch_transform.errors import FilterSyntaxError, client_error
from localcloud.batch_transform.invocation import Body
from localcloud.batch_transform.job import Split, Strategy, Transform
from localcloud.batch_transform.records import Codec, codec, media_type
from localcloud.batch_transform.streams import InputStream
from localcloud.batch_transform.unverified import Choices


@dataclass(frozen=True)
class Request:
    """A body for the model, and the records it came from where they are needed again."""

    body: Body
    records: Sequence[bytes] = ()


class Plain:
    """No DataProcessing: bytes are cut and passed on."""

    def __init__(self, job: Transform, parameters: Parameters, choices: Choices) -> None:
        self._single = parameters.strategy is Strategy.SINGLE_RECORD
        self._split = job.split
        self._limit = parameters.payload_bytes
        self._choices = choices

    def requests(self, stream: InputStream) -> Iterator[Request]:
        if self._limit is None and (self._split is Split.NONE or not self._single):
            yield Request(lambda: _chunks(stream))
        elif self._split is Split.NONE:
            yield from map(Request, splitting.whole(stream, self._limit, self._choices))
        elif self._single:
            for record in splitting.lines(stream, self._limit, self._choices):
                yield Request(_sent(single_body(record, self._choices), self._limit))
        else:
            yield from map(Request, splitting.line_batches(stream, self._limit, self._choices))

    def output(self, request: Request, response: bytes) -> bytes:  # noqa: ARG002  the joining form needs it
        return response


class Joined:
    """DataProcessing: each record is filtered, the answers are joined with the records and filtered again.

    Raises:
        ObjectFailure: a filter cannot be read; media types are looked at only where they are needed.
    """

    def __init__(self, job: Transform, parameters: Parameters, choices: Choices) -> None:
        self._job = job
        self._single = parameters.strategy is Strategy.SINGLE_RECORD
        self._limit = parameters.payload_bytes
        self._choices = choices
        self._input_filter = _path(job.processing.input_filter)
        self._output_filter = _path(job.processing.output_filter)
        self._join = job.processing.join_input

    @cached_property
    def _input(self) -> Codec:
        return _codec(self._job.content_type, self._choices)

    @cached_property
    def _output(self) -> Codec:
        return _codec(self._job.accept, self._choices)

    def requests(self, stream: InputStream) -> Iterator[Request]:
        return (Request(_sent(body, self._limit), records) for body, records in self._batches(stream))

    def _batches(self, stream: InputStream) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        if self._job.split is Split.NONE:
            for document in splitting.whole(stream, self._limit, self._choices):
                yield self._filtered(document), [document]
        elif self._single:
            for record in splitting.lines(stream, None, self._choices):
                yield self._checked(single_body(self._filtered(record), self._choices)), [record]
        elif self._input_filter.identity:
            for batch in splitting.line_batches(stream, self._limit, self._choices):
                yield batch, _lines(batch)
        else:
            yield from self._filtered_batches(stream)

    def output(self, request: Request, response: bytes) -> bytes:
        if not self._join and self._output_filter.identity:
            return response
        if self._join and media_type(self._job.content_type) != media_type(self._job.accept):
            raise client_error(f"Cannot join {self._job.content_type} with {self._job.accept}: they must be the same")
        if self._job.split is Split.NONE:
            return self._one(request.records[0], response)
        answers = _lines(response)
        records = request.records if self._join else answers
        if len(answers) != len(records) and self._choices.join_needs_equal_line_counts:
            raise client_error(self._choices.line_count_text)
        end = b"\n" if self._job.assemble_line else b""
        return b"\n".join(self._joined(records, answers)) + end

    def _joined(self, records: Sequence[bytes], answers: Sequence[bytes]) -> Iterable[bytes]:
        if self._output_filter.identity and self._output.joins_as_text(records, answers):
            return (record + b"," + answer for record, answer in zip(records, answers, strict=False))
        return map(self._one, records, answers)

    def _one(self, record: bytes, answer: bytes) -> bytes:
        value = self._output.parse(answer, "output from the algorithm")
        if self._join:
            value = self._output.join(self._input.parse(record, "input"), value)
        return self._output.render(self._output.filter(self._output_filter, value))

    def _filtered(self, record: bytes) -> bytes:
        if self._input_filter.identity:
            return record
        value = self._input.filter(self._input_filter, self._input.parse(record, "input"))
        return self._input.render(value) + (b"\n" if record.endswith(b"\n") else b"")

    def _filtered_batches(self, stream: InputStream) -> Iterator[tuple[bytes, Sequence[bytes]]]:
        """As many filtered records as fit; the limit holds for what is sent."""
        bodies: list[bytes] = []
        records: list[bytes] = []
        size = 0
        for record in splitting.lines(stream, None, self._choices):
            body = self._checked(self._filtered(record))
            if bodies and self._limit is not None and size + len(body) > self._limit:
                yield splitting.bounded(b"".join(bodies), self._choices), records
                bodies, records, size = [], [], 0
            bodies.append(body)
            records.append(record)
            size += len(body)
        if bodies:
            yield splitting.bounded(b"".join(bodies), self._choices), records

    def _checked(self, body: bytes) -> bytes:
        if self._limit is not None and len(body) > self._limit:
            raise splitting.too_large(self._limit, self._choices)
        return body


Processor = Plain | Joined


def processor(job: Transform, parameters: Parameters, choices: Choices) -> Processor:
    """How this job's requests are made and its responses written.

    Raises:
        ObjectFailure: the filters or media types of its DataProcessing cannot be used.
    """
    return (Joined if job.processing.active else Plain)(job, parameters, choices)


def requests(processor: Processor, stream: InputStream, choices: Choices) -> Iterator[Request]:
    """An object's requests; by switch an empty object makes one too."""
    nothing = True
    for request in processor.requests(stream):
        nothing = False
        yield request
    if nothing and not choices.empty_object_without_request:
        yield Request(b"")


def single_body(record: bytes, choices: Choices) -> bytes:
    """The body of a SingleRecord request."""
    if not choices.carriage_return_kept and record.endswith(b"\r\n"):
        return record[:-2]
    return record if choices.single_record_keeps_terminator else record.removesuffix(b"\n")


def _sent(body: bytes, limit: int | None) -> Body:
    """A body as it goes out: without a limit of its size it is chunked."""
    return body if limit is not None else lambda: iter([body])


def _codec(header: str | None, choices: Choices) -> Codec:
    name = media_type(header)
    if name is None:
        raise client_error(f"DataProcessing cannot read {header or 'an unset media type'}")
    return codec(name, choices)


def _path(text: str) -> jsonpath.Path:
    try:
        return jsonpath.parse(text)
    except FilterSyntaxError as error:
        raise client_error(str(error)) from error


def _lines(batch: bytes) -> list[bytes]:
    return batch.removesuffix(b"\n").split(b"\n")


def _chunks(stream: InputStream) -> Iterator[bytes]:
    stream.rewind()
    while chunk := stream.read(2**20):
        yield chunk
