"""Layer 2 as a whole: every declared job, its entry in the stack's outputs, and the one check at the end."""

from collections.abc import Mapping, Sequence

import pulumi
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.runtime.stack import wait_for_rpcs

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
        """Fail the run, after everything else, if a job did not complete.

        The output that comes back must not be exported: an export that fails would take all others with it.
        """
        ended: dict[str, pulumi.Output[Ended]] = {}
        for job in self._planned:
            ended[job.name] = self._ended(job, ended)
        return pulumi.Output.all(*ended.values()).apply(
            lambda found: self._check(found, last_lines or _last_lines, result_exists)
        )

    async def _check(
        self, ended: Sequence[Ended], last_lines: ends.LastLines, result_exists: ends.ResultExists | None
    ) -> None:
        if pulumi.runtime.is_dry_run():
            return
        # The SDK stops at the first output that fails, also while the stack's outputs are still on their way.
        await wait_for_rpcs(await_all_outstanding_tasks=False)
        found = ends.findings(ended, last_lines, result_exists or _result_lookup())
        for finding in found:
            tell = pulumi.log.error if finding.fails else pulumi.log.warn
            tell(finding.text, resource=self._jobs[finding.name].resource)
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


def _last_lines(job_name: str, count: int) -> Sequence[str]:
    """The reason stands without its log: no failure to read the one may hide the other."""
    try:
        return logs.last_lines(job_name, count)
    except (ClientError, BotoCoreError):
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
