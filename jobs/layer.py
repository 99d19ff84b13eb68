"""Layer 2 as a whole: every declared job, its entry in the stack's outputs, its failure, and the check at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pulumi
from pulumi.runtime.settings import _get_rpc_manager  # pyright: ignore[reportPrivateUsage]  see below

from jobs import ends, labels
from jobs.account import Progress, asking
from jobs.declaration import PlannedJob
from jobs.ends import Ended
from jobs.inputs import Input, LocalInput, ResultOf
from jobs.transform_job import JobPlace, TransformJob, Uploads
from lookups import logs, s3


class TransformJobs:
    """The jobs of a stack, by declared name.

    Args:
        planned: the jobs, checked, each after those that it needs.
        place: where they run.
        opts: options of each job's component.
        last_lines: returns the last log lines of a job; by default from CloudWatch.
        progress: reports on jobs while they run; by default it asks SageMaker.
    """

    def __init__(
        self,
        planned: Sequence[PlannedJob],
        place: JobPlace,
        opts: pulumi.ResourceOptions,
        last_lines: ends.LastLines | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._planned = planned
        self._progress = progress or Progress(asking(place.region, place.prefix))
        self._jobs: dict[str, TransformJob] = {}
        uploads: Uploads = {}
        for job in planned:
            needed = {name: self._jobs[name] for name in job.needs}
            self._jobs[job.name] = TransformJob(job, place, uploads, needed, opts)
        report = self._reporter(last_lines or _last_lines)
        self._reported: dict[str, pulumi.Output[Ended]] = {}
        for job in planned:
            self._reported[job.name] = self._ended(job).apply(report)
            if job.args.wait:
                self._follow(self._jobs[job.name])

    def _follow(self, job: TransformJob) -> None:
        """Report a job's progress until it ends, on the component's line, because the object's line appears only then."""
        job.job_name.apply(lambda name: self._progress.follow(name, job))
        pulumi.Output.all(job.job_name, job.status).apply(lambda known: self._progress.ended(known[0]))

    def outputs(self) -> dict[str, dict[str, Any]]:
        """Return the stack's output `transform_jobs`: every job, however it ended.

        Each has `job_name`, `status`, `input_path`, `output_path`, `result_path`, and `reason`: one line on why it did
        not complete, else empty. If the job declares them, it has `labels`, as `jobs.labels.output` describes them,
        and `data` with further facts for the tools: `columns` (names of the input's columns, of a job without labels)
        and `fan_out` (the name of the fan-out it is a member of).
        """
        return {job.name: self._output(job) for job in self._planned}

    def check_ends(self, result_exists: ends.ResultExists | None = None) -> pulumi.Output[None]:
        """Fail the run, after everything else, if a job did not complete.

        The returned output must not be exported: an export that fails would prevent all others.
        """
        return pulumi.Output.all(*self._reported.values()).apply(lambda ended: self._check(ended, result_exists))

    def _reporter(self, last_lines: ends.LastLines) -> Callable[[Ended], Awaitable[Ended]]:
        """Return a function that reports a job's failure while others still run: a logged error does not stop them.

        Logs are read in a thread, because the program must go on registering jobs, and one after the other, because
        boto3's default session is not safe for several threads.
        """
        aside = ThreadPoolExecutor(1)

        async def report(ended: Ended) -> Ended:
            if pulumi.runtime.is_dry_run():
                return ended
            if ended.has_log:
                source = self._jobs[ended.name].source
                ended = await asyncio.get_running_loop().run_in_executor(aside, _explained, ended, source, last_lines)
            if ended.needs_report:
                pulumi.log.error(ends.failure(ended), resource=self._jobs[ended.name].resource)
            return ended

        return report

    async def _check(self, ended: Sequence[Ended], result_exists: ends.ResultExists | None) -> None:
        if pulumi.runtime.is_dry_run():
            return
        await _outputs_are_sent()
        for name, text in ends.expired(ended, result_exists or _result_lookup()).items():
            pulumi.log.warn(text, resource=self._jobs[name].resource)
        if problem := ends.summary(ended):
            raise pulumi.RunError(problem)

    def _output(self, planned: PlannedJob) -> dict[str, Any]:
        job = self._jobs[planned.name]
        known = {
            "job_name": job.job_name,
            "status": job.status.apply(ends.state),
            "input_path": job.input_path,
            "output_path": job.output_path,
            "result_path": job.result_path,
            "reason": self._reported[planned.name].apply(lambda ended: ended.why),
        }
        declared = {"labels": labels.output(planned.args), "data": _data(planned)}
        return known | {name: value for name, value in declared.items() if value}

    def _ended(self, planned: PlannedJob) -> pulumi.Output[Ended]:
        job = self._jobs[planned.name]
        source = self._reported[planned.input.job] if isinstance(planned.input, ResultOf) else None
        more = {"stack": pulumi.get_stack(), "waited": planned.args.wait, "rerun": planned.rerun}
        return pulumi.Output.all(job.job_name, job.status, job.result_path, source).apply(
            lambda known: Ended(planned.name, *known[:3], input_of=known[3], **more)
        )


async def _outputs_are_sent() -> None:
    """Wait for the stack's outputs, because the SDK stops at the first output that fails, even before they are sent.

    The SDK's own `wait_for_rpcs` cannot be called here: the SDK runs it at the same time, and both take calls off the same
    list, so that one of them would sometimes find it empty and fail.
    """
    await asyncio.sleep(0)
    while under_way := [call for call in map(asyncio.ensure_future, _get_rpc_manager().rpcs) if not call.done()]:
        await asyncio.wait(under_way)


def _explained(ended: Ended, source: Input, last_lines: ends.LastLines) -> Ended:
    """Read a failed job's log, and look in a local input for the value that it quotes."""
    lines = tuple(last_lines(ended.job_name, ends.LINES))
    cause = ends.find_cause(lines)
    if cause and isinstance(source, LocalInput) and source.is_single:
        cause = ends.located(cause, source.path)
    return replace(ended, lines=lines, cause=cause)


def _data(planned: PlannedJob) -> dict[str, Any]:
    columns = planned.args.columns if planned.args.labels is None else None
    facts = {"columns": list(columns) if columns else None, "fan_out": planned.fan_out}
    return {name: value for name, value in facts.items() if value}


def _last_lines(job_name: str, count: int) -> Sequence[str]:
    """Return the last log lines; none if they cannot be read, which must not hide the reason or cost other jobs' results."""
    try:
        return logs.last_lines(job_name, count)
    except Exception:  # noqa: BLE001  any exception would end the program while other jobs still run
        return []


def _result_lookup() -> ends.ResultExists:
    """Return a function that looks up a result; without the permission to do so, a result counts as existing."""
    try:
        client = s3.connect()
    except s3.S3Error:
        return lambda _: True

    def exists(path: str) -> bool:
        try:
            return s3.exists(path, client)
        except s3.S3Error:
            return True

    return exists
