"""Layer 2 as a whole: every declared job, its entry in the stack's outputs, its failure, and the check at the end."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pulumi
from pulumi.runtime.settings import _get_rpc_manager  # pyright: ignore[reportPrivateUsage]  see below

from jobs import ends
from jobs.declaration import PlannedJob
from jobs.ends import Ended
from jobs.inputs import ResultOf
from jobs.transform_job import JobPlace, TransformJob, Uploads
from workshop import logs, s3


class TransformJobs:
    """The jobs of a stack, by declared name."""

    def __init__(self, planned: Sequence[PlannedJob], place: JobPlace, opts: pulumi.ResourceOptions) -> None:
        self._planned = planned
        self._jobs: dict[str, TransformJob] = {}
        uploads = Uploads()
        for job in planned:
            needed = {name: self._jobs[name] for name in job.needs}
            self._jobs[job.name] = TransformJob(job, place, uploads, needed, opts)

    def outputs(self) -> dict[str, dict[str, pulumi.Output[str]]]:
        """Return the stack's output `transform_jobs`: every job, whatever became of it."""
        return {name: self._output(job) for name, job in self._jobs.items()}

    def check_ends(
        self, last_lines: ends.LastLines | None = None, result_exists: ends.ResultExists | None = None
    ) -> pulumi.Output[None]:
        """Tell each failure when it is known, and fail the run, after everything else, if a job did not complete.

        The output that comes back must not be exported: an export that fails would take all others with it.
        """
        tell = self._teller(last_lines or _last_lines)
        told: dict[str, pulumi.Output[Ended]] = {}
        for job in self._planned:
            told[job.name] = self._ended(job, told).apply(tell)
        return pulumi.Output.all(*told.values()).apply(lambda ended: self._check(ended, result_exists))

    def _teller(self, last_lines: ends.LastLines) -> Callable[[Ended], Awaitable[Ended]]:
        """Return what tells a job's failure while others still run: a logged error stops neither them nor the engine.

        Logs are read beside the program, which must go on registering jobs, and one after the other, because boto3's
        default session is made for one thread.
        """
        aside = ThreadPoolExecutor(1)

        async def tell(ended: Ended) -> Ended:
            if ended.to_be_told and not pulumi.runtime.is_dry_run():
                text = await asyncio.get_running_loop().run_in_executor(aside, ends.failure, ended, last_lines)
                pulumi.log.error(text, resource=self._jobs[ended.name].resource)
            return ended

        return tell

    async def _check(self, ended: Sequence[Ended], result_exists: ends.ResultExists | None) -> None:
        if pulumi.runtime.is_dry_run():
            return
        await _outputs_are_sent()
        for name, text in ends.expired(ended, result_exists or _result_lookup()).items():
            pulumi.log.warn(text, resource=self._jobs[name].resource)
        if problem := ends.summary(ended):
            raise pulumi.RunError(problem)

    def _output(self, job: TransformJob) -> dict[str, pulumi.Output[str]]:
        return {
            "job_name": job.job_name,
            "status": job.status.apply(ends.state),
            "input_path": job.input_path,
            "output_path": job.output_path,
            "result_path": job.result_path,
        }

    def _ended(self, planned: PlannedJob, before: Mapping[str, pulumi.Output[Ended]]) -> pulumi.Output[Ended]:
        job = self._jobs[planned.name]
        source = before[planned.input.job] if isinstance(planned.input, ResultOf) else None
        more = {"stack": pulumi.get_stack(), "waited": planned.args.wait, "rerun": planned.rerun}
        return pulumi.Output.all(job.job_name, job.status, job.result_path, source).apply(
            lambda known: Ended(planned.name, *known[:3], input_of=known[3], **more)
        )


async def _outputs_are_sent() -> None:
    """The SDK stops at the first output that fails, also while the stack's outputs are still on their way.

    It waits at the same time, and takes call after call off its list, so that its own `wait_for_rpcs`, run a second
    time here, would now and then find that list empty and fail.
    """
    await asyncio.sleep(0)
    while under_way := [call for call in map(asyncio.ensure_future, _get_rpc_manager().rpcs) if not call.done()]:
        await asyncio.wait(under_way)


def _last_lines(job_name: str, count: int) -> Sequence[str]:
    """The reason stands without its log: no failure to read the one may hide the other, or cost other jobs' results."""
    try:
        return logs.last_lines(job_name, count)
    except Exception:  # noqa: BLE001  whatever it is, it would end the program while other jobs still run
        return []


def _result_lookup() -> ends.ResultExists:
    """Whoever may not look does not learn that a result is gone; that is no reason to say so."""
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
