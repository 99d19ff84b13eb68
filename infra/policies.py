"""Permissions: every policy document of the stack, as typed statements.

The functions are pure, from names to JSON, so that tests, the policy pack and a replay of recorded requests read the same
documents that are deployed. Resources are named by `<prefix>-*`, a service may assume a role only on behalf of this account
(otherwise it is a confused deputy), and jobs may use the allowed instance types only, which limits their cost.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Condition = Mapping[str, Mapping[str, str | Sequence[str]]]

JOB_LOGS = "/aws/sagemaker/TransformJobs"


@dataclass(frozen=True)
class Scope:
    """The parts of ARNs: one account in one region, and the prefix of the stack's own names."""

    partition: str
    region: str
    account_id: str
    prefix: str

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account_id}:{resource}"

    def bucket(self, name: str, key: str = "") -> str:
        return f"arn:{self.partition}:s3:::{name}{key}"

    def managed_policy(self, name: str) -> str:
        return f"arn:{self.partition}:iam::aws:policy/{name}"

    @property
    def own_account(self) -> Condition:
        return {"StringEquals": {"aws:SourceAccount": self.account_id}}


@dataclass(frozen=True)
class Statement:
    """One statement of a policy; in a trust policy it has no resources."""

    sid: str
    actions: Sequence[str]
    resources: Sequence[str] = ()
    principal: Mapping[str, str] | str | None = None
    condition: Condition = field(default_factory=dict[str, Mapping[str, str | Sequence[str]]])
    effect: str = "Allow"

    def to_json(self) -> dict[str, object]:
        members: dict[str, object] = {"Sid": self.sid, "Effect": self.effect, "Principal": self.principal}
        members |= {"Action": list(self.actions), "Resource": list(self.resources), "Condition": self.condition}
        return {name: value for name, value in members.items() if value}


def document(*statements: Statement) -> str:
    """Return the policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement.to_json() for statement in statements]})


def service_trust(scope: Scope, service: str, source_arn: str) -> Statement:
    """Let a service assume the role, on behalf of one source in this account only."""
    condition = {**scope.own_account, "ArnLike": {"aws:SourceArn": source_arn}}
    return Statement("Service", ["sts:AssumeRole"], principal={"Service": service}, condition=condition)


def cluster_trust(scope: Scope, cluster_name: str) -> Statement:
    return service_trust(scope, "eks.amazonaws.com", scope.arn("eks", f"cluster/{cluster_name}"))


def execution_trust(scope: Scope) -> Statement:
    """Let SageMaker assume the role for models and transform jobs: both may be the source, hence the wildcard."""
    return service_trust(scope, "sagemaker.amazonaws.com", scope.arn("sagemaker", "*"))


def node_trust() -> Statement:
    """Let EC2 assume the role; it names no source for an instance's role, so that no condition is possible."""
    return Statement("Service", ["sts:AssumeRole"], principal={"Service": "ec2.amazonaws.com"})


def pod_trust(scope: Scope, cluster_name: str, namespace: str, service_account: str) -> Statement:
    """Let EKS Pod Identity assume the role for one service account of one cluster, which its session tags name."""
    tags = {
        "aws:SourceAccount": scope.account_id,
        "aws:RequestTag/eks-cluster-name": cluster_name,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    return Statement(
        "PodIdentity",
        ["sts:AssumeRole", "sts:TagSession"],
        principal={"Service": "pods.eks.amazonaws.com"},
        condition={"StringEquals": tags},
    )


def capability_trust() -> Statement:
    """Let EKS assume the role; its documents show no condition, and do not say whether EKS names a source."""
    return Statement(
        "Capability", ["sts:AssumeRole", "sts:TagSession"], principal={"Service": "capabilities.eks.amazonaws.com"}
    )


def operator(scope: Scope, instance_types: Sequence[str], kms_keys: Sequence[str] = ()) -> list[Statement]:
    """Let the operator run transform jobs of this prefix, on the allowed instance types.

    There is no iam:PassRole: a transform job runs under its model's role. Each job is tagged by the operator.
    """
    jobs = [scope.arn("sagemaker", f"transform-job/{scope.prefix}-*")]
    follow = Statement("FollowJobs", ["sagemaker:DescribeTransformJob", "sagemaker:StopTransformJob"], jobs)
    return [*_start(jobs, instance_types, kms_keys), follow]


def schedule_trust(scope: Scope) -> Statement:
    """Let EventBridge Scheduler assume the role; the source that it names is the schedule's group."""
    return service_trust(scope, "scheduler.amazonaws.com", scope.arn("scheduler", f"schedule-group/{scope.prefix}"))


def schedule(
    scope: Scope, job_names: Sequence[str], instance_types: Sequence[str], kms_keys: Sequence[str] = ()
) -> list[Statement]:
    """Let schedules start runs of their own jobs, and send a call that failed to the dead-letter queue."""
    jobs = [scope.arn("sagemaker", f"transform-job/{scope.prefix}-{name}-*") for name in job_names]
    queue = scope.arn("sqs", f"{scope.prefix}-failed-calls")
    return [*_start(jobs, instance_types, kms_keys), Statement("KeepFailedCalls", ["sqs:SendMessage"], [queue])]


def tell_failures(scope: Scope) -> Statement:
    """Let EventBridge publish to the failure topic, on behalf of the rule for failed jobs only."""
    return Statement(
        "TellFailures",
        ["sns:Publish"],
        [scope.arn("sns", f"{scope.prefix}-failed-jobs")],
        principal={"Service": "events.amazonaws.com"},
        condition={"ArnEquals": {"aws:SourceArn": scope.arn("events", f"rule/{scope.prefix}-failed-jobs")}},
    )


def _start(jobs: Sequence[str], instance_types: Sequence[str], kms_keys: Sequence[str]) -> list[Statement]:
    guard: Condition = {
        "ForAllValues:StringEquals": {"sagemaker:InstanceTypes": list(instance_types)},
        "Null": {"sagemaker:InstanceTypes": "false"},
    }
    statements = [
        Statement("CreateJobs", ["sagemaker:CreateTransformJob"], jobs, condition=guard),
        Statement("TagJobs", ["sagemaker:AddTags"], jobs),
    ]
    if kms_keys:
        grants: Condition = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
        statements.append(Statement("EncryptVolumes", ["kms:CreateGrant"], list(kms_keys), condition=grants))
        statements.append(Statement("ReadKeys", ["kms:DescribeKey"], list(kms_keys)))
    return statements


@dataclass(frozen=True)
class Data:
    """The data that a job reads and writes: the stack's bucket, and the buckets, keys and images of the settings."""

    bucket: str
    input_buckets: Sequence[str] = ()
    output_buckets: Sequence[str] = ()
    kms_keys: Sequence[str] = ()
    private_images: Sequence[str] = ()


def execution(scope: Scope, data: Data) -> list[Statement]:
    """Let a job read model and input, write its result, its logs and its metrics, and nothing else."""
    logs = scope.arn("logs", f"log-group:{JOB_LOGS}")
    statements = [
        *_own_bucket(scope, data.bucket),
        # IAM asks for the group with an empty stream, `<group>:log-stream:`, when a group is created.
        Statement("WriteLogGroup", ["logs:CreateLogGroup"], [logs, f"{logs}:log-stream:"]),
        Statement(
            "WriteLogs",
            ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            [logs, f"{logs}:log-stream:*"],
        ),
        Statement(
            "WriteMetrics",
            ["cloudwatch:PutMetricData"],
            ["*"],  # the action has no resource-level permissions; the namespace limits it
            condition={"StringEquals": {"cloudwatch:namespace": JOB_LOGS}},
        ),
    ]
    return statements + _other_buckets(scope, data) + _keys(data.kms_keys) + _images(scope, data.private_images)


def _own_bucket(scope: Scope, bucket: str) -> list[Statement]:
    listed: Condition = {"StringLike": {"s3:prefix": ["input/*", "model/*", "output/*"]}}
    read = [scope.bucket(bucket, "/model/*"), scope.bucket(bucket, "/input/*"), scope.bucket(bucket, "/output/*")]
    return [
        Statement("ListData", ["s3:ListBucket"], [scope.bucket(bucket)], condition=listed),
        Statement("ReadModelAndInput", ["s3:GetObject"], read),
        Statement("WriteResults", ["s3:PutObject", "s3:AbortMultipartUpload"], [scope.bucket(bucket, "/output/*")]),
    ]


def _other_buckets(scope: Scope, data: Data) -> list[Statement]:
    statements: list[Statement] = []
    if data.input_buckets:
        buckets = [scope.bucket(name) for name in data.input_buckets]
        statements.append(Statement("ListInputBuckets", ["s3:ListBucket"], buckets))
        statements.append(Statement("ReadInputBuckets", ["s3:GetObject"], [f"{bucket}/*" for bucket in buckets]))
    if data.output_buckets:
        objects = [scope.bucket(name, "/*") for name in data.output_buckets]
        statements.append(Statement("WriteOutputBuckets", ["s3:PutObject", "s3:AbortMultipartUpload"], objects))
    return statements


def _keys(kms_keys: Sequence[str]) -> list[Statement]:
    if not kms_keys:
        return []
    return [Statement("UseKeys", ["kms:Decrypt", "kms:GenerateDataKey", "kms:DescribeKey"], list(kms_keys))]


def _images(scope: Scope, images: Sequence[str]) -> list[Statement]:
    """Let the role pull private images; SageMaker pulls its built-in ones itself."""
    if not images:
        return []
    pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    repositories = list(dict.fromkeys(_repository(scope, image) for image in images))
    return [
        Statement("PullImage", pull, repositories),
        Statement(
            "SignInToRegistry", ["ecr:GetAuthorizationToken"], ["*"]
        ),  # the action has no resource-level permissions
    ]


def _repository(scope: Scope, image: str) -> str:
    registry, _, repository = image.partition("/")
    account_id, region = registry.split(".")[0], registry.split(".")[3]
    return f"arn:{scope.partition}:ecr:{region}:{account_id}:repository/{repository.split('@')[0].split(':')[0]}"


def tls_only(scope: Scope, bucket: str) -> Statement:
    """Refuse requests to the bucket without TLS."""
    return Statement(
        "TlsOnly",
        ["s3:*"],
        [scope.bucket(bucket), scope.bucket(bucket, "/*")],
        principal="*",
        condition={"Bool": {"aws:SecureTransport": "false"}},
        effect="Deny",
    )
