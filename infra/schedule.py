"""The infrastructure of scheduled jobs: a group, the role that starts jobs, and two ways in which a failure is reported.

A stack without scheduled jobs has none of these resources. A call that SageMaker refuses goes to the dead-letter queue,
and a job that fails is announced to the topic. Schedules cannot have tags on AWS; their group has some, and is deleted with
all its schedules.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.account import Account
from infra.identity import create_inline_policy, create_role
from infra.policies import Scope
from infra.settings import Settings

KEEP_SECONDS = 14 * 24 * 3600  # the longest that SQS keeps a message


@dataclass(frozen=True)
class SchedulesArgs:
    """Arguments of the infrastructure of scheduled jobs.

    Attributes:
        scope: of the ARNs in policies and trust.
        job_names: the declared names of the jobs that have a schedule.
        transform_instance_types: the instance types on which a schedule may start jobs.
        kms_keys: ARNs of the keys that jobs may use.
        failure_emails: addresses that get a mail about failed jobs.
        permissions_boundary: the ARN of a policy that limits the role; empty for none.
    """

    scope: pulumi.Output[Scope]
    job_names: Sequence[str]
    transform_instance_types: Sequence[str]
    kms_keys: Sequence[str] = ()
    failure_emails: Sequence[str] = ()
    permissions_boundary: str = ""

    @classmethod
    def of(cls, settings: Settings, account: Account, job_names: Sequence[str]) -> "SchedulesArgs":
        return cls(
            scope=account.scope,
            job_names=job_names,
            transform_instance_types=settings.allowed_transform_instance_types,
            kms_keys=settings.kms_keys,
            failure_emails=settings.failure_emails,
            permissions_boundary=settings.permissions_boundary,
        )


class Schedules(pulumi.ComponentResource):
    """The group of a stack's schedules, with their role, their dead-letter queue and their failure topic."""

    group: aws.scheduler.ScheduleGroup
    role: aws.iam.Role
    dead_letters: aws.sqs.Queue
    failures: aws.sns.Topic
    ready: list[pulumi.Resource]
    """The resources that must exist while a schedule may fire."""

    def __init__(self, name: str, args: SchedulesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Schedules", name, None, opts)
        self._name, self._args, self._scope = name, args, args.scope
        self._here = pulumi.ResourceOptions(parent=self)
        self.group = aws.scheduler.ScheduleGroup(name, name=name, tags={"Name": name}, opts=self._here)
        self.dead_letters = self._dead_letters()
        self.failures, notifications = self._failures()
        self.role, permissions = self._role()
        self.ready = [self.group, self.dead_letters, *notifications, self.role, permissions]
        self.register_outputs({"group_name": self.group.name, "failure_topic": self.failures.arn})

    def _dead_letters(self) -> aws.sqs.Queue:
        return aws.sqs.Queue(
            f"{self._name}-failed-calls",
            name=f"{self._name}-failed-calls",
            message_retention_seconds=KEEP_SECONDS,
            sqs_managed_sse_enabled=True,
            tags={"Name": f"{self._name}-failed-calls"},
            opts=self._here,
        )

    def _failures(self) -> tuple[aws.sns.Topic, list[pulumi.Resource]]:
        topic = aws.sns.Topic(
            f"{self._name}-failed-jobs",
            name=f"{self._name}-failed-jobs",
            policy=self._scope.apply(lambda scope: policies.document(policies.tell_failures(scope))),
            tags={"Name": f"{self._name}-failed-jobs"},
            opts=self._here,
        )
        rule = aws.cloudwatch.EventRule(
            f"{self._name}-failed-jobs",
            name=f"{self._name}-failed-jobs",
            description=f"Transform jobs of {self._name}'s schedules that failed",
            event_pattern=failed_jobs(self._name, self._args.job_names),
            tags={"Name": f"{self._name}-failed-jobs"},
            opts=self._here,
        )
        target = aws.cloudwatch.EventTarget(
            f"{self._name}-failed-jobs", target_id="failures", rule=rule.name, arn=topic.arn, opts=self._here
        )
        return topic, [topic, rule, target, *(self._mail(topic, address) for address in self._args.failure_emails)]

    def _mail(self, topic: aws.sns.Topic, address: str) -> aws.sns.TopicSubscription:
        return aws.sns.TopicSubscription(
            f"{self._name}-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=self._here
        )

    def _role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        args = self._args
        name = f"{self._name}-schedule"
        trust = self._scope.apply(lambda scope: policies.document(policies.schedule_trust(scope)))
        description = f"{self._name}: EventBridge Scheduler starts scheduled jobs with it"
        role = create_role(name, trust, description, self._here, permissions_boundary=args.permissions_boundary)
        statements = self._scope.apply(
            lambda scope: policies.schedule(scope, args.job_names, args.transform_instance_types, args.kms_keys)
        )
        return role, create_inline_policy(name, role, statements, self._here)


def failed_jobs(prefix: str, job_names: Sequence[str]) -> str:
    """Return the event pattern of failed runs of these jobs."""
    names = [{"prefix": f"{prefix}-{name}-"} for name in job_names]
    return json.dumps(
        {
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Transform Job State Change"],
            "detail": {"TransformJobName": names, "TransformJobStatus": ["Failed"]},
        }
    )
