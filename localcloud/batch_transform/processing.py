"""Makes requests of an object's records, and output of the answers, with or without DataProcessing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from data_processing.content_types import content_type, job_failure
from data_processing.filters import Filter, FilterSyntaxError, parse
from localcloud.batch_transform import framing, splitting
from localcloud.batch_transform.containers import Parameters
from localcloud.batch_transform.errors import ObjectFailure, RecordError, data_error
from localcloud.batch_transform.invocation import Body
from localcloud.batch_transform.job import Split, Strategy, Transform
from localcloud.batch_transform.objects import InputStream
from localcloud.batch_transform.record_formats import RecordFormat, record_format
from localcloud.batch_transform.splitting import Batch

_FRAMED = {Split.RECORD_IO, Split.TF_RECORD}
_SAMPLE = 256


@dataclass(frozen=True)
class Request:
    """A request to the model.

    Args:
        body: the body that is sent.
        batch: the records of the object from which it was made.
    """

    body: Body
    batch: Batch


class Plain:
    """Without DataProcessing: records are sent and answers are written as they are."""

    def __init__(self, job: Transform, parameters: Parameters) -> None:
        self._single = parameters.strategy is Strategy.SINGLE_RECORD
        self._split = job.split
        self._limit = parameters.payload_bytes

    def requests(self, stream: InputStream) -> Iterator[Request]:
        if self._limit is None and (self._split is Split.NONE or not self._single):
            yield self._streamed(stream)
            return
        for batch in self._batches(stream):
            yield Request(_sent(batch.data, self._limit), batch)

    def output(self, request: Request, response: bytes) -> bytes:  # noqa: ARG002  the joining form needs it
        return response

    def _batches(self, stream: InputStream) -> Iterator[Batch]:
        if self._split is Split.NONE:
            return splitting.whole(stream, self._limit)
        if self._split in _FRAMED:
            cut = framing.records if self._single else framing.record_batches
            return cut(stream, self._split, self._limit)
        return (splitting.lines if self._single else splitting.line_batches)(stream, self._limit)

    def _streamed(self, stream: InputStream) -> Request:
        """The whole object as one streamed request; frames of records are checked while they are sent."""
        sample = stream.peek(_SAMPLE)

        def chunks() -> Iterator[bytes]:
            stream.rewind()
            if self._split in _FRAMED:
                yield from (batch.data for batch in framing.record_batches(stream, self._split, None))
            else:
                yield from iter(lambda: stream.read(2**20), b"")

        return Request(chunks, Batch(sample, 1, 1, ""))


class Joined:
    """With DataProcessing: records are filtered; answers are joined with their records, and filtered.

    Raises:
        ObjectFailure: a filter or a media type cannot be used.
    """

    def __init__(self, job: Transform, parameters: Parameters) -> None:
        self._job = job
        self._single = parameters.strategy is Strategy.SINGLE_RECORD
        self._limit = parameters.payload_bytes
        self._join = job.processing.join_input
        if job.split in _FRAMED:
            raise data_error(f"Records of SplitType {job.split} can be neither filtered nor joined")
        input_filter = _readable(job.processing.input_filter, job.content_type)
        output_filter = _readable(job.processing.output_filter, job.accept)
        whole = job.split is Split.NONE
        self._input = None if input_filter.identity else _format(job.content_type, input_filter, whole=whole)
        self._output = self._output_format(output_filter, whole=whole)

    def requests(self, stream: InputStream) -> Iterator[Request]:
        for body, batch in self._bodies(stream):
            yield Request(_sent(body, self._limit), batch)

    def output(self, request: Request, response: bytes) -> bytes:
        if self._output is None:
            return response
        try:
            written = self._output.joined(request.batch.data if self._join else None, response)
        except RecordError as error:
            raise _failure(request.batch, error) from error
        return b"\n".join(written) + (b"\n" if self._job.assemble_line and written else b"")

    def _output_format(self, output_filter: Filter, *, whole: bool) -> RecordFormat | None:
        if not self._join and output_filter.identity:
            return None
        given, asked = self._job.content_type, self._job.accept
        if self._join and content_type(given) != content_type(asked):
            raise data_error(f"Cannot join {given} with {asked}: they must be the same")
        return _format(asked, output_filter, whole=whole)

    def _bodies(self, stream: InputStream) -> Iterator[tuple[bytes, Batch]]:
        if self._job.split is Split.NONE:
            for document in splitting.whole(stream, self._limit):
                yield b"".join(self._filtered(document)[0]), document
        elif self._single:
            yield from self._single_bodies(stream)
        elif self._input is None:
            for batch in splitting.line_batches(stream, self._limit):
                yield batch.data, batch
        else:
            yield from self._packed(stream)

    def _single_bodies(self, stream: InputStream) -> Iterator[tuple[bytes, Batch]]:
        for record in splitting.lines(stream, self._limit if self._input is None else None):
            for body in self._filtered(record)[0]:
                self._check(body, record)
                yield body, record

    def _packed(self, stream: InputStream) -> Iterator[tuple[bytes, Batch]]:
        """Bodies of as many filtered records as the limit allows. The limit is for the bytes that are sent."""
        pack = _Pack(1)
        for window in splitting.line_windows(stream):
            bodies, places = self._filtered(window)
            sizes = [len(body) + 1 for body in bodies]
            if bodies and not window.data.endswith(b"\n"):
                sizes[-1] -= 1
            if self._limit is None or pack.size + sum(sizes) <= self._limit:
                pack.add(bodies, sizes, window.data)
                continue
            *full, pack = _repacked(pack, window, bodies, places, sizes, self._limit)
            yield from (one.request() for one in full)
        if pack.bodies:
            yield pack.request()

    def _filtered(self, batch: Batch) -> tuple[Sequence[bytes], Sequence[int]]:
        """Records after the input filter, without newlines, and the position of each in its batch."""
        if self._input is None:
            return [batch.data], [0]
        try:
            return self._input.filtered(batch.data)
        except RecordError as error:
            raise _failure(batch, error) from error

    def _check(self, body: bytes, record: Batch) -> None:
        if self._limit is not None and len(body) > self._limit:
            raise splitting.too_large(self._limit, record)


class _Pack:
    """The filtered records of one body, and the lines from which they were made."""

    def __init__(self, first: int) -> None:
        self.size = 0
        self.bodies: list[bytes] = []
        self._first = first
        self._lines: list[bytes] = []

    def add(self, bodies: Sequence[bytes], sizes: Sequence[int], lines: bytes) -> None:
        self.bodies += bodies
        self.size += sum(sizes)
        self._lines.append(lines)

    def request(self) -> tuple[bytes, Batch]:
        data = b"".join(self._lines)
        count = data.count(b"\n") + (not data.endswith(b"\n"))
        end = b"\n" if data.endswith(b"\n") else b""
        return b"\n".join(self.bodies) + end, Batch(data, self._first, count)


def _repacked(  # noqa: PLR0917  a window's records come in four columns
    pack: _Pack, window: Batch, bodies: Sequence[bytes], places: Sequence[int], sizes: Sequence[int], limit: int
) -> list[_Pack]:
    """Put the records of a window into as many packs as they need; the first one may have records already.

    Raises:
        ObjectFailure: a record is larger than the limit.
    """
    lines = [line + b"\n" for line in window.data.split(b"\n")]
    lines[-1] = lines[-1][:-1]  # the text after the last newline has none itself
    packs, begin, start, room = [pack], 0, 0, limit - pack.size
    for number, place in enumerate(places):
        if sizes[number] > limit:
            raise splitting.too_large(limit, Batch(lines[place], window.first + place, 1))
        if sizes[number] > room:
            packs[-1].add(bodies[begin:number], sizes[begin:number], b"".join(lines[start:place]))
            packs.append(_Pack(window.first + place))
            begin, start, room = number, place, limit
        room -= sizes[number]
    packs[-1].add(bodies[begin:], sizes[begin:], b"".join(lines[start:]))
    return packs


Processor = Plain | Joined


def processor(job: Transform, parameters: Parameters) -> Processor:
    """The processor of a job, which makes its requests and its output.

    Args:
        job: the settings.
        parameters: the execution parameters in effect.

    Raises:
        ObjectFailure: the filters or media types of its DataProcessing cannot be used.
    """
    return (Joined if job.processing.active else Plain)(job, parameters)


def _failure(batch: Batch, error: RecordError) -> ObjectFailure:
    """A failure that names the record that caused it, or all records of the request if it is not about a single one."""
    if error.at is None or error.at >= batch.count or not batch.noun:
        return data_error(str(error), batch.where)
    line = batch.data.split(b"\n")[error.at]
    return data_error(str(error), Batch(line, batch.first + error.at, 1).where)


def _format(header: str | None, path: Filter, *, whole: bool) -> RecordFormat:
    kind = content_type(header)
    if kind is None:
        raise data_error(f"DataProcessing cannot read {header or 'an unset media type'}")
    return record_format(kind, path, whole=whole)


def _readable(text: str, header: str | None) -> Filter:
    try:
        path = parse(text)
    except FilterSyntaxError as error:
        raise data_error(f"Invalid JsonPath: {error}") from error
    if failure := job_failure(path, content_type(header)):
        raise data_error(failure)
    return path


def _sent(body: bytes, limit: int | None) -> Body:
    """A body as it is sent: in chunks if its size has no limit."""
    return body if limit is not None else lambda: iter([body])
