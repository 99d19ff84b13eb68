"""The infrastructure of scheduled jobs: a group, the role that starts jobs, and two ways in which a failure is reported.

A stack without scheduled jobs has nothing of this. A call that SageMaker refuses goes to the dead-letter queue, and a job
that fails is announced to the topic. Schedules have no tags on AWS; their group has, and is deleted with all schedules.
"""

import json
from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from infra import policies
from infra.account import Account
from infra.settings import Settings

KEEP_SECONDS = 14 * 24 * 3600  # the longest that SQS keeps a message


class Schedules(pulumi.ComponentResource):
    """The group of a stack's schedules, with their role, their dead-letter queue and their failure topic.

    Args:
        settings: the stack's.
        account: the account of the stack.
        job_names: the declared names of the jobs that have a schedule.
    """

    group: aws.scheduler.ScheduleGroup
    role: aws.iam.Role
    dead_letters: aws.sqs.Queue
    failures: aws.sns.Topic
    ready: list[pulumi.Resource]
    """The resources that must exist while a schedule may fire."""

    def __init__(self, settings: Settings, account: Account, job_names: Sequence[str]) -> None:
        name = settings.prefix
        super().__init__("workshop:index:Schedules", name, None, account.options)
        self._name, self._settings, self._scope, self._job_names = name, settings, account.scope, job_names
        self._here = pulumi.ResourceOptions(parent=self)
        self.group = aws.scheduler.ScheduleGroup(name, name=name, tags={"Name": name}, opts=self._here)
        self.dead_letters = self._dead_letters()
        self.failures, told = self._failures()
        self.role, permissions = self._role()
        self.ready = [self.group, self.dead_letters, *told, self.role, permissions]
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
            event_pattern=failed_jobs(self._name, self._job_names),
            tags={"Name": f"{self._name}-failed-jobs"},
            opts=self._here,
        )
        target = aws.cloudwatch.EventTarget(
            f"{self._name}-failed-jobs", target_id="failures", rule=rule.name, arn=topic.arn, opts=self._here
        )
        return topic, [topic, rule, target, *(self._mail(topic, address) for address in self._settings.failure_emails)]

    def _mail(self, topic: aws.sns.Topic, address: str) -> aws.sns.TopicSubscription:
        return aws.sns.TopicSubscription(
            f"{self._name}-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=self._here
        )

    def _role(self) -> tuple[aws.iam.Role, aws.iam.RolePolicy]:
        known = self._settings
        role = aws.iam.Role(
            f"{self._name}-schedule",
            name=f"{self._name}-schedule",
            assume_role_policy=self._scope.apply(lambda scope: policies.document(policies.schedule_trust(scope))),
            description=f"{self._name}: EventBridge Scheduler starts scheduled jobs with it",
            permissions_boundary=self._settings.permissions_boundary or None,
            tags={"Name": f"{self._name}-schedule"},
            opts=self._here,
        )
        statements = self._scope.apply(
            lambda scope: policies.schedule(
                scope, self._job_names, known.allowed_transform_instance_types, known.kms_keys
            )
        )
        policy = aws.iam.RolePolicy(
            f"{self._name}-schedule",
            name=f"{self._name}-schedule",
            role=role.name,
            policy=statements.apply(lambda found: policies.document(*found)),
            opts=self._here,
        )
        return role, policy


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
