"""`TransformJob`: one batch transform job as a Pulumi component over the operator's custom resource.

The component uploads a local input, creates the job's own model if it has one, names the job by its content, and waits
until it has ended. It does not fail if the job has failed: the job then has a status and a path like any other, those that
follow it start, and `jobs.ends` reports the failure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.account import Account
from infra.identity import Identity
from infra.model import Model, ModelPlace
from infra.operator import Operator
from infra.settings import JOBS_NAMESPACE, Settings
from infra.storage import Storage
from jobs import identity, spec
from jobs.declaration import PlannedJob
from jobs.inputs import Input, LocalInput, ResultOf, S3Input
from lookups import CONTENT_ANNOTATION, NAME_LABEL

ADOPT = {"services.k8s.aws/adoption-policy": "adopt-or-create"}
DELETE_TIMEOUT = "20m"


class TransformJobResource(pulumi.CustomResource):
    """The operator's TransformJob object, with the status that the generic custom resource leaves out."""

    status: pulumi.Output[dict[str, Any] | None]

    def __init__(
        self,
        name: str,
        metadata: pulumi.Input[Mapping[str, Any]],
        spec_: pulumi.Input[Mapping[str, Any]],
        opts: pulumi.ResourceOptions,
    ) -> None:
        members = {"apiVersion": spec.API_VERSION, "kind": spec.KIND, "metadata": metadata, "spec": spec_}
        super().__init__(f"kubernetes:{spec.API_VERSION}:{spec.KIND}", name, {**members, "status": None}, opts)


@dataclass(frozen=True)
class JobPlace:
    """Where the jobs of a stack run, and what they share."""

    region: str
    partition: pulumi.Output[str]
    """The part of AWS, in each ARN: `aws`, or `aws-cn` in China."""
    prefix: str
    bucket_name: pulumi.Output[str]
    model_name: pulumi.Output[str]
    models: ModelPlace
    """Where the jobs' own models are created."""
    instance_type: str
    timeout_minutes: int
    tags: Mapping[str, str]
    bucket_ready: Sequence[pulumi.Resource]
    """The resources that must exist before anything is uploaded."""
    role_ready: Sequence[pulumi.Resource]
    """The resources that must exist while SageMaker acts with the execution role."""
    operator_ready: Sequence[pulumi.Resource]
    """The resources that must exist while the cluster has a job's object."""

    @classmethod
    def of(
        cls,
        settings: Settings,
        *,
        account: Account,
        storage: Storage,
        identity: Identity,
        operator: Operator,
        model: Model,
    ) -> "JobPlace":
        return cls(
            region=settings.region,
            partition=account.scope.apply(lambda scope: scope.partition),
            prefix=settings.prefix,
            bucket_name=storage.bucket_name,
            model_name=model.model_name,
            models=replace(ModelPlace.of(identity, storage), folder="model/jobs", retain=True),
            instance_type=settings.transform_instance_type,
            timeout_minutes=settings.job_timeout_minutes,
            tags=account.tags,
            bucket_ready=storage.hardening,
            role_ready=identity.execution.ready,
            operator_ready=operator.ready,
        )


Uploads = dict[str, aws.s3.BucketObjectv2]
"""Inputs uploaded so far, by key: equal content is uploaded once, by the first job that reads it."""


class TransformJob(pulumi.ComponentResource):
    """A declared job: its upload, its object in the cluster, and where its result is."""

    job_name: pulumi.Output[str]
    status: pulumi.Output[dict[str, Any]]
    """The object's status at the end of the wait."""
    input_path: pulumi.Output[str]
    output_path: pulumi.Output[str]
    result_path: pulumi.Output[str]
    resource: TransformJobResource
    source: Input
    """The job's input."""

    def __init__(
        self,
        job: PlannedJob,
        place: JobPlace,
        uploads: Uploads,
        needed: Mapping[str, "TransformJob"],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("workshop:index:TransformJob", job.name, None, opts)
        self._job, self._place, self.source = job, place, job.input
        self._model = self._own_model()
        sent = self._upload(uploads)
        self.input_path = self._input_path(sent, needed)
        found = pulumi.Output.all(self._model_name(), self.input_path, place.bucket_name).apply(
            lambda known: named_spec(job, place, model_name=known[0], input_uri=known[1], bucket=known[2])
        )
        named, content_hash = (found.apply(lambda parts, part=part: parts[part]) for part in ("spec", "content"))
        self.job_name = named.apply(lambda found: found["transformJobName"])
        self.output_path = named.apply(lambda found: found["transformOutput"]["s3OutputPath"])
        self.result_path = pulumi.Output.all(self.output_path, self.input_path).apply(
            lambda known: known[0] + result_name(job.input, known[1])
        )
        self.resource = self._object(named, content_hash, [*sent, *(other.resource for other in needed.values())])
        self.status = self.resource.status.apply(lambda status: status or {})
        self.register_outputs({"job_name": self.job_name, "result_path": self.result_path})

    def _own_model(self) -> Model | None:
        """Create the job's own model, if it has one."""
        args, place = self._job.args.model, self._place
        if args is None:
            return None
        # Without the salt, the model of a job called "model" would have the name of the stack's.
        where = replace(place.models, salt=self._job.name)
        prefix = f"{place.prefix}-{self._job.name}"
        return Model(self._job.name, args, where, prefix, pulumi.ResourceOptions(parent=self))

    def _model_name(self) -> pulumi.Input[str]:
        if self._model is not None:
            return self._model.model_name
        return self._job.args.model_name if self._job.args.model_name is not None else self._place.model_name

    def _upload(self, uploads: Uploads) -> list[aws.s3.BucketObjectv2]:
        source = self._job.input
        if not isinstance(source, LocalInput):
            return []
        return [self._upload_one(uploads, source, name, path) for name, path in source.files]

    def _upload_one(self, uploads: Uploads, source: LocalInput, name: str, path: Path) -> aws.s3.BucketObjectv2:
        key = source.prefix + name
        if key not in uploads:
            part = "" if source.is_single else f"-{name}"
            uploads[key] = aws.s3.BucketObjectv2(
                f"{self._job.name}-input{part}",
                bucket=self._place.bucket_name,
                key=key,
                source=pulumi.FileAsset(str(path)),
                # Kept when its job is removed, since another job may read the same content. It is deleted with the bucket.
                opts=pulumi.ResourceOptions(
                    parent=self, retain_on_delete=True, depends_on=list(self._place.bucket_ready)
                ),
            )
        return uploads[key]

    def _input_path(
        self, sent: Sequence[aws.s3.BucketObjectv2], needed: Mapping[str, "TransformJob"]
    ) -> pulumi.Output[str]:
        match self._job.input:
            case ResultOf(job=other):
                return needed[other].result_path
            case S3Input(uri=uri):
                return pulumi.Output.from_input(uri)
            case LocalInput() as source:
                ids = [upload.id for upload in sent]
                return pulumi.Output.all(self._place.bucket_name, *ids).apply(lambda known: _sent(source, known[0]))

    def _object(
        self, named: pulumi.Output[dict[str, Any]], content_hash: pulumi.Output[str], after: Sequence[pulumi.Resource]
    ) -> TransformJobResource:
        place = self._place
        minutes = self._job.args.timeout_minutes or place.timeout_minutes
        options = pulumi.ResourceOptions(
            parent=self,
            depends_on=[*place.operator_ready, *place.bucket_ready, *place.role_ready, *after],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=DELETE_TIMEOUT),
        )
        return TransformJobResource(self._job.name, self._metadata(named, content_hash), named, options)

    def _metadata(self, named: pulumi.Output[dict[str, Any]], content_hash: pulumi.Output[str]) -> dict[str, Any]:
        waited = {spec.WAIT_FOR: spec.wait_expression()} if self._job.args.wait else {}
        annotations = {**ADOPT, CONTENT_ANNOTATION: content_hash, **waited}
        labels = {NAME_LABEL: self._job.name, "app.kubernetes.io/part-of": self._place.prefix}
        name = named.apply(lambda found: found["transformJobName"])
        return {"name": name, "namespace": JOBS_NAMESPACE, "labels": labels, "annotations": annotations}


def named_spec(job: PlannedJob, place: JobPlace, *, model_name: str, input_uri: str, bucket: str) -> dict[str, Any]:
    """Return the `spec` of a job once everything about it is known, and the hash of its `content`."""
    deciding = spec.build(
        job.args,
        model_name=model_name,
        input_uri=input_uri,
        output_base=job.args.output_base or f"s3://{bucket}/output",
        instance_type=job.args.instance_type or place.instance_type,
    )
    digest = "" if isinstance(job.input, ResultOf) else job.input.digest
    name = identity.job_name(place.prefix, job.name, deciding, digest, job.rerun)
    whole = spec.complete(deciding, name, {**job.args.tags, **place.tags, "job": job.name})
    return {"spec": whole, "content": identity.content_hash(deciding, digest)}


def result_name(source: Input, input_path: str) -> str:
    """Return the name of the result object under the output path; empty if there may be several."""
    if isinstance(source, S3Input):
        return source.result_name
    file = input_path.rpartition("/")[2]
    return f"{file}.out" if file else ""


def _sent(source: LocalInput, bucket: str) -> str:
    if not pulumi.runtime.is_dry_run() and source.changed():
        raise pulumi.RunError(f"{source.path} changed while it was uploaded. Run this again when the file is complete.")
    return f"s3://{bucket}/{source.key}"
