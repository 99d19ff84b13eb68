"""`TransformJob`: one batch transform job as a Pulumi component over the operator's custom resource.

The component uploads a local input, names the job by its content, and waits for its end. It does not judge the
end: a job that failed has a status and a path like any other, those that follow it start, and `jobs.ends` judges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws

from jobs import identity, spec, wait
from jobs.arguments import ExperimentConfig, ModelClientConfig, TransformJobArgs
from jobs.declaration import PlannedJob
from jobs.inputs import Input, LocalInput, ResultOf, S3Input

__all__ = [
    "ExperimentConfig",
    "JobPlace",
    "ModelClientConfig",
    "TransformJob",
    "TransformJobArgs",
    "TransformJobResource",
]

NAMESPACE = "default"
NAME_LABEL = "batch-inference/job"
"""Carries the declared name, by which people and `kubectl smlogs` find the object."""

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
    """Where jobs run and what they run with, the same for all jobs of a stack."""

    prefix: str
    bucket_name: pulumi.Output[str]
    model_name: pulumi.Output[str]
    instance_type: str
    timeout_minutes: int
    tags: Mapping[str, str]
    bucket_ready: Sequence[pulumi.Resource]
    """What must stand before anything is uploaded."""
    ready: Sequence[pulumi.Resource]
    """What must stand before a job starts, and stay until its object is gone."""


@dataclass
class Uploads:
    """Inputs uploaded so far, by key: equal content is uploaded once, by the first job that reads it."""

    by_key: dict[str, aws.s3.BucketObjectv2] = field(default_factory=dict[str, aws.s3.BucketObjectv2])


class TransformJob(pulumi.ComponentResource):
    """A declared job: its upload, its object in the cluster, and where its result is."""

    job_name: pulumi.Output[str]
    status: pulumi.Output[dict[str, Any]]
    """The object's status as of the end of the wait."""
    input_path: pulumi.Output[str]
    output_path: pulumi.Output[str]
    result_path: pulumi.Output[str]
    resource: TransformJobResource

    def __init__(
        self,
        job: PlannedJob,
        place: JobPlace,
        uploads: Uploads,
        needed: Mapping[str, "TransformJob"],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("workshop:index:TransformJob", job.name, None, opts)
        self._job, self._place = job, place
        sent = self._upload(uploads)
        self.input_path = self._input_path(sent, needed)
        named = self._named()
        self.job_name = named.apply(lambda found: found["transformJobName"])
        self.output_path = named.apply(lambda found: found["transformOutput"]["s3OutputPath"])
        self.result_path = pulumi.Output.all(self.output_path, self.input_path).apply(
            lambda known: known[0] + result_name(job.input, known[1])
        )
        self.resource = self._object(named, [*sent, *(other.resource for other in needed.values())])
        self.status = self.resource.status.apply(lambda status: status or {})
        self.register_outputs({"job_name": self.job_name, "result_path": self.result_path})

    def _upload(self, uploads: Uploads) -> list[aws.s3.BucketObjectv2]:
        source = self._job.input
        if not isinstance(source, LocalInput):
            return []
        return [self._upload_one(uploads, source, name) for name, _ in source.files]

    def _upload_one(self, uploads: Uploads, source: LocalInput, name: str) -> aws.s3.BucketObjectv2:
        key = source.prefix + name
        if key not in uploads.by_key:
            part = "" if source.is_single else f"-{name}"
            uploads.by_key[key] = aws.s3.BucketObjectv2(
                f"{self._job.name}-input{part}",
                bucket=self._place.bucket_name,
                key=key,
                source=pulumi.FileAsset(str(dict(source.files)[name])),
                # Kept when its job goes: another job may read the same content. It goes with the bucket.
                opts=pulumi.ResourceOptions(
                    parent=self, retain_on_delete=True, depends_on=list(self._place.bucket_ready)
                ),
            )
        return uploads.by_key[key]

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

    def _named(self) -> pulumi.Output[dict[str, Any]]:
        """Return the whole spec, named by its content."""
        place, args = self._place, self._job.args
        model = args.model_name if args.model_name is not None else place.model_name
        return pulumi.Output.all(model, self.input_path, place.bucket_name).apply(
            lambda known: named_spec(self._job, place, model_name=known[0], input_uri=known[1], bucket=known[2])
        )

    def _object(self, named: pulumi.Output[dict[str, Any]], after: Sequence[pulumi.Resource]) -> TransformJobResource:
        minutes = self._job.args.timeout_minutes or self._place.timeout_minutes
        options = pulumi.ResourceOptions(
            parent=self,
            depends_on=[*self._place.ready, *after],
            delete_before_replace=True,
            custom_timeouts=pulumi.CustomTimeouts(create=f"{minutes}m", update=f"{minutes}m", delete=DELETE_TIMEOUT),
        )
        return TransformJobResource(self._job.name, self._metadata(named), named, options)

    def _metadata(self, named: pulumi.Output[dict[str, Any]]) -> dict[str, Any]:
        annotations = {**ADOPT, wait.WAIT_FOR: wait.expression()} if self._job.args.wait else ADOPT
        labels = {NAME_LABEL: self._job.name, "app.kubernetes.io/part-of": self._place.prefix}
        name = named.apply(lambda found: found["transformJobName"])
        return {"name": name, "namespace": NAMESPACE, "labels": labels, "annotations": annotations}


def named_spec(job: PlannedJob, place: JobPlace, *, model_name: str, input_uri: str, bucket: str) -> dict[str, Any]:
    """Return the spec of a job once everything about it is known."""
    instance_type = job.args.instance_type or place.instance_type
    base = job.args.output_base or f"s3://{bucket}/output"
    deciding = spec.build(
        job.args, model_name=model_name, input_uri=input_uri, output_base=base, instance_type=instance_type
    )
    digest = "" if isinstance(job.input, ResultOf) else job.input.digest
    name = identity.job_name(place.prefix, job.name, deciding, digest, job.rerun)
    return spec.complete(deciding, name, {**job.args.tags, **place.tags, "job": job.name})


def result_name(source: Input, input_path: str) -> str:
    """Return the name of the one result object under the output path, or nothing where there may be several."""
    if isinstance(source, S3Input):
        return source.result_name
    file = input_path.rpartition("/")[2]
    return f"{file}.out" if file else ""


def _sent(source: LocalInput, bucket: str) -> str:
    if not pulumi.runtime.is_dry_run() and source.changed():
        raise pulumi.RunError(f"{source.path} changed while it was uploaded. Run again when it is whole.")
    return f"s3://{bucket}/{source.key}"
