"""CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.clients import RoleCredentials
from localcloud.aws.iam.credentials import Credential, Principal
from localcloud.aws.protocol.wire import AwsError
from localcloud.aws.s3 import RoleAccess
from localcloud.aws.sagemaker import errors
from localcloud.aws.sagemaker.models import containers, data_url, find
from localcloud.aws.sagemaker.orders import Order, OrderedContainer, RoleSessions
from localcloud.aws.sagemaker.store import (
    JobRecord,
    ModelRecord,
    Region,
    page,
    tags_from,
    transform_job_arn,
    without_tags,
)
from localcloud.aws.sagemaker.workers import LocalTransforms
from localcloud.batch_transform.errors import TransformFailure
from localcloud.batch_transform.job import JobState, JobStatus
from localcloud.batch_transform.objects import S3Uri

# Members that DescribeTransformJob fills in if the request omits them; ACK's operator waits for the first two.
_FILLED: Mapping[str, Mapping[str, str]] = {
    "TransformInput": {"CompressionType": "None", "SplitType": "None"},
    "TransformOutput": {"AssembleWith": "None", "KmsKeyId": ""},
    "DataProcessing": {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"},
}
Announce = Callable[[str, Mapping[str, Any]], None]
"""Takes the ARN and the description of a job that has begun or ended."""


class TransformJobs:
    """The operations on transform jobs.

    Args:
        transforms: runs the jobs.
        sessions: assumes execution roles.
        s3: S3 with the permissions of an execution role.
        limit: returns how many instances of a type may be used at once; None for no limit.
        announce: reports each job that begins or ends.
    """

    def __init__(
        self,
        transforms: LocalTransforms,
        sessions: RoleSessions,
        s3: RoleAccess,
        limit: Callable[[str], int | None],
        announce: Announce,
    ) -> None:
        self._transforms = transforms
        self._sessions = sessions
        self._s3 = s3
        self._limit = limit
        self._announce = announce

    def create(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        arn = transform_job_arn(region.name, region.account_id, request["TransformJobName"])
        self._check_free(region, request["TransformJobName"])
        errors.check_transform_job(request)
        tags = tags_from(request.get("Tags"))
        model = find(region, request["ModelName"])
        _check_model(model)
        session = self._assume(model.request["ExecutionRoleArn"], arn)
        self._check_input(region, request, model, session.principal)
        job = JobRecord(request["TransformJobName"], arn, without_tags(request), tags, JobState())
        with region.lock:
            self._check_free(region, job.name)
            self._check_quota(region, request["TransformResources"])
            region.jobs[job.name] = job
        self._announce(arn, _description(job))
        self._transforms.start(_order(region, job, model, session), _Listener(region, job, self._announce))
        if job.state.status is JobStatus.STOPPING:  # it was stopped before the worker knew it
            self._transforms.stop(arn)
        return {"TransformJobArn": arn}

    def describe(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.lock:
            return _description(self._find(region, request["TransformJobName"]))

    def stop(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.lock:
            job = self._find(region, request["TransformJobName"])
            stopping = job.state.stop()
            if not stopping and job.state.status.final:
                raise errors.ValidationError(
                    f"The request was rejected because the transform job is in status {job.state.status}."
                )
        if stopping:
            self._transforms.stop(job.arn)
        return {}

    def list(self, region: Region, request: Mapping[str, Any]) -> dict[str, Any]:
        with region.lock:
            items = [_summary(job) for job in region.jobs.values()]
        return page("TransformJobSummaries", "TransformJob", items, request)

    def _find(self, region: Region, name: str) -> JobRecord:
        job = region.jobs.get(name)
        if job is None:
            raise errors.job_not_found(name)
        return job

    def _check_free(self, region: Region, name: str) -> None:
        with region.lock:
            if name in region.jobs:
                raise errors.job_exists(region.jobs[name].arn)

    def _assume(self, role_arn: str, source_arn: str) -> Credential:
        try:
            return self._sessions(role_arn, source_arn)
        except AwsError as error:
            raise errors.role_not_assumable(role_arn) from error

    def _check_input(self, region: Region, request: Mapping[str, Any], model: ModelRecord, role: Principal) -> None:
        uri = request["TransformInput"]["DataSource"]["S3DataSource"]["S3Uri"]
        try:
            place = S3Uri.parse(uri)
        except TransformFailure as error:
            raise errors.ValidationError(f"Invalid S3Uri {uri}") from error
        try:
            found = self._s3.has_objects(role, region.name, place.bucket, place.key)
        except AwsError:
            found = False  # SageMaker answers in the same words as for an empty prefix
        if not found:
            raise errors.no_input(uri, place.bucket, region.name, model.request["ExecutionRoleArn"])

    def _check_quota(self, region: Region, resources: Mapping[str, Any]) -> None:
        kind, delta = resources["InstanceType"], resources["InstanceCount"]
        limit = self._limit(kind)
        if limit is None:
            return
        used = [job.request["TransformResources"] for job in region.jobs.values() if not job.state.status.final]
        current = sum(one["InstanceCount"] for one in used if one["InstanceType"] == kind)
        if current + delta > limit:
            raise errors.limit_exceeded(kind, limit, current, delta)


class _Listener:
    """Writes a job's progress into its record, and announces its end."""

    def __init__(self, region: Region, job: JobRecord, announce: Announce) -> None:
        self._lock: threading.RLock = region.lock
        self._job = job
        self._announce = announce

    def started(self) -> None:
        with self._lock:
            self._job.state.start()

    def ended(self, status: str, reason: str | None) -> None:
        with self._lock:
            self._job.state.end(JobStatus(status), reason)
            description = _description(self._job)
        self._announce(self._job.arn, description)


def _check_model(model: ModelRecord) -> None:
    if (model.request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct":
        raise errors.ValidationError(
            f"The containers of model {model.name} are to be invoked directly, which a transform job cannot do; "
            "use InferenceExecutionConfig Mode Serial."
        )
    if not model.request.get("ExecutionRoleArn"):
        raise errors.ValidationError(f"Model {model.name} has no ExecutionRoleArn, so a job cannot read its input.")


def _order(region: Region, job: JobRecord, model: ModelRecord, session: Credential) -> Order:
    return Order(
        arn=job.arn,
        request=job.request,
        containers=_ordered(model),
        region=region.name,
        credentials=RoleCredentials(session.access_key_id, session.secret_access_key, session.session_token),
        network_isolation=bool(model.request.get("EnableNetworkIsolation")),
    )


def _ordered(model: ModelRecord) -> list[OrderedContainer]:
    """Return the containers of a model; those of an inference pipeline have names, which are in their log streams."""
    declared = list(containers(model.request))
    names = [one.get("ContainerHostname") or f"container-{number}" for number, one in enumerate(declared, 1)]
    return [
        OrderedContainer(one["Image"], data_url(one), one.get("Environment") or {}, name if len(declared) > 1 else "")
        for one, name in zip(declared, names, strict=True)
    ]


def _description(job: JobRecord) -> dict[str, Any]:
    shown = _present(**job.request)
    for name, defaults in _FILLED.items():
        shown[name] = {**defaults, **_present(**shown.get(name, {}))}
    return {
        **shown,
        "TransformJobArn": job.arn,
        "TransformJobStatus": str(job.state.status),
        "CreationTime": job.state.created,
        **_present(
            FailureReason=job.state.reason, TransformStartTime=job.state.started, TransformEndTime=job.state.ended
        ),
    }


def _summary(job: JobRecord) -> dict[str, Any]:
    return {
        "TransformJobName": job.name,
        "TransformJobArn": job.arn,
        "CreationTime": job.state.created,
        "LastModifiedTime": job.state.modified,
        "TransformJobStatus": str(job.state.status),
        **_present(FailureReason=job.state.reason, TransformEndTime=job.state.ended),
    }


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}
