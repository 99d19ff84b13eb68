"""`ScheduledJob`: a declared job that EventBridge Scheduler runs, instead of `up`; `create` makes all of a stack's.

The stack contains the schedule, not its runs, which SageMaker lists (`python -m workshop.scheduled`). So an `up` without a
change changes nothing, however often the schedule has fired.
"""

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.schedule import Schedules
from jobs import identity, scheduling, spec
from jobs.arguments import Schedule
from jobs.declaration import PlannedJob
from jobs.inputs import S3Input
from jobs.transform_job import JobPlace


def create(
    planned: Sequence[PlannedJob], place: JobPlace, schedules: Schedules, opts: pulumi.ResourceOptions
) -> dict[str, dict[str, Any]]:
    """Create the scheduled jobs, and return the stack's output `scheduled_jobs`: their entries by declared name.

    Args:
        planned: the jobs, checked; those without a schedule are left out.
        place: where they run.
        schedules: the infrastructure that their schedules share.
        opts: options of each job's component.
    """
    return {
        job.name: ScheduledJob(job, job.args.schedule, place, schedules, opts).outputs()
        for job in planned
        if job.args.schedule is not None
    }


class ScheduledJob(pulumi.ComponentResource):
    """A job with its schedule."""

    output_base: pulumi.Output[str]
    """The prefix under which each run has a folder of its own."""

    def __init__(
        self,
        job: PlannedJob,
        schedule: Schedule,
        place: JobPlace,
        schedules: Schedules,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("workshop:index:ScheduledJob", job.name, None, opts)
        self._job, self._schedule, self._place, self._schedules = job, schedule, place, schedules
        self.output_base = place.bucket_name.apply(lambda bucket: job.args.output_base or f"s3://{bucket}/output")
        self.resource = self._scheduled()
        self.register_outputs({"schedule_name": self.resource.name, "output_path": self.output_base})

    def outputs(self) -> dict[str, pulumi.Input[str]]:
        """Return the job's entry in the stack's output `scheduled_jobs`."""
        return {
            "schedule_group": self.resource.group_name,
            "schedule_name": self.resource.name,
            "schedule": self._schedule.expression,
            "timezone": self._schedule.timezone,
            "job_name_prefix": identity.name_start(self._place.prefix, self._job.name),
            "input_path": _read(self._job),
            "output_path": self.output_base,
            "dead_letter_queue": self._schedules.dead_letters.url,
            "failure_topic": self._schedules.failures.arn,
        }

    def _scheduled(self) -> aws.scheduler.Schedule:
        place, shared = self._place, self._schedules
        return aws.scheduler.Schedule(
            self._job.name,
            name=self._job.name,
            group_name=shared.group.name,
            description=f"Runs the transform job {self._job.name} of stack {pulumi.get_stack()}",
            schedule_expression=self._schedule.expression,
            schedule_expression_timezone=self._schedule.timezone,
            flexible_time_window={"mode": "OFF"},
            target={
                "arn": place.partition.apply(lambda partition: scheduling.TARGET.format(partition=partition)),
                "role_arn": shared.role.arn,
                "input": self._request(),
                "dead_letter_config": {"arn": shared.dead_letters.arn},
                "retry_policy": {"maximum_retry_attempts": self._schedule.retries},
            },
            # A schedule that outlives the resources of its jobs would start jobs that can only fail.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*shared.ready, *place.role_ready, *place.bucket_ready],
                delete_before_replace=True,
            ),
        )

    def _request(self) -> pulumi.Output[str]:
        job, args, place = self._job, self._job.args, self._place
        instance_type = args.instance_type or place.instance_type
        name = scheduling.job_name(place.prefix, job.name)
        tags = {**args.tags, **place.tags, "job": job.name}

        def request(known: Sequence[str]) -> str:
            deciding = spec.build(
                args, model_name=known[0], input_uri=_read(job), output_base=known[1], instance_type=instance_type
            )
            return scheduling.request(deciding, name, tags)

        model = args.model_name if args.model_name is not None else place.model_name
        return pulumi.Output.all(model, self.output_base).apply(request)


def _read(job: PlannedJob) -> str:
    return job.input.uri if isinstance(job.input, S3Input) else ""
