"""Files of the retired operator: `BatchTransformJob` (sagemaker.aws.amazon.com/v1) becomes a TransformJob.

    python -m jobs.legacy tf-batch.yaml          prints the Python that declares the same job
    python -m jobs.legacy tf-batch.yaml --yaml   prints the TransformJob manifest, for `| kubectl apply -f -`

    DECLARATIONS = (churn.declare, legacy.load("tf-batch.yaml"))    declares it, in `declared.py`

The old operator generated a name for a job without one; here such a manifest is named by its content. Each field of the
old kind is either converted or refused by name, and an unknown field is refused with its line. A declared job is always
named by its content and is in the stack's namespace: a comment in the printed Python says if the file differed.
"""

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

import yaml

from infra.settings import JOBS_NAMESPACE
from jobs import identity, spec
from jobs.arguments import (
    AssembleWith,
    BatchStrategy,
    CompressionType,
    JoinSource,
    S3DataType,
    SplitType,
    TransformJobArgs,
)
from jobs.declaration import Jobs
from jobs.inputs import ResultOf
from jobs.legacy_file import API_VERSION, KIND, LegacyError, Node

PREFIX = "batch-workshop"  # the default of the stack's setting
_OBJECT_ADDRESSES = (
    re.compile(r"https://([a-z0-9][a-z0-9.-]*)\.s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?/(.*)"),
    re.compile(r"https://s3[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?/([^/]+)/(.*)"),
)
REGION_ANNOTATION = "services.k8s.aws/region"
RUNS_ONCE = """\
# This runs once: SageMaker keeps a job's name for ever, and the name does not tell when the input changes.
# To run it again, give metadata.name and spec.transformJobName another name each.
"""


@dataclass(frozen=True)
class LegacyJob:
    """A BatchTransformJob, in today's terms; as one of a stack's declarations it declares the same job."""

    source: str
    name: str
    namespace: str
    region: str
    transform_job_name: str | None
    args: TransformJobArgs

    def __call__(self, jobs: Jobs) -> ResultOf:
        """Declare the job under its own name."""
        if self.region != jobs.defaults.region:
            here = jobs.defaults.region
            jobs.refuse(f"{self.source}: spec.region is {self.region}, and this stack is in {here}")
        return jobs.add(self.name, self.args)


def load(path: str | Path) -> LegacyJob:
    """Read a file of the retired operator.

    Raises:
        LegacyError: it cannot be read or converted; the message says what is wrong, where, and what to do.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LegacyError(f"{path} cannot be read: {getattr(error, 'strerror', error)}") from error
    return parse(text, str(path))


def declare(jobs: Jobs, path: str | Path) -> ResultOf:
    """Load a file and declare its job; problems of the file are reported together with all others."""
    try:
        return load(jobs.defaults.root / path)(jobs)
    except LegacyError as error:
        jobs.refuse(str(error))
        return ResultOf(str(path))


def parse(text: str, source: str) -> LegacyJob:
    """Parse a legacy manifest; `source` is its name in messages."""
    root = Node.root(text, source)
    root.expect("kind", KIND)
    root.expect("apiVersion", API_VERSION)
    metadata, body = root.child("metadata"), root.child("spec")
    job = LegacyJob(
        source=source,
        name=_name(metadata),
        namespace=metadata.optional("namespace") or JOBS_NAMESPACE,
        region=body.text("region"),
        transform_job_name=body.optional("transformJobName"),
        args=_args(body),
    )
    metadata.ignore("labels", "annotations")
    root.ignore("status")  # fields that `kubectl get -o yaml` adds
    metadata.ignore(
        "creationTimestamp", "generation", "resourceVersion", "uid", "selfLink", "finalizers", "managedFields"
    )
    if body.optional("sageMakerEndpoint"):
        raise body.error(
            "sageMakerEndpoint", "is not supported; the operator has one endpoint for all jobs (AWS_ENDPOINT_URL)"
        )
    root.finish()
    return job


def manifest(job: LegacyJob, prefix: str = PREFIX) -> dict[str, Any]:
    """Return the same job as a TransformJob for kubectl; it writes to the same place as the old one.

    The prefix is the stack's, because the operator's role allows job names with this prefix only. Nothing is adopted: the
    name does not depend on the content of the input, so that a job with this name may have read something else.
    """
    deciding = spec.build(
        job.args,
        model_name=str(job.args.model_name),
        input_uri=str(job.args.input),
        output_base=str(job.args.output_base),
        instance_type=str(job.args.instance_type),
    )
    whole = spec.complete(deciding, job.transform_job_name or _made_name(job, prefix, deciding), job.args.tags)
    whole["transformOutput"]["s3OutputPath"] = job.args.output_base
    if not job.args.tags:
        del whole["tags"]
    metadata = {"name": job.name, "namespace": job.namespace, "annotations": {REGION_ANNOTATION: job.region}}
    return {"apiVersion": spec.API_VERSION, "kind": spec.KIND, "metadata": metadata, "spec": whole}


def _made_name(job: LegacyJob, prefix: str, deciding: Mapping[str, Any]) -> str:
    if problem := identity.name_problem(prefix, job.name):
        raise LegacyError(
            f"{job.source}: metadata.name '{job.name}' cannot be part of a generated name: {problem}; give the job another "
            f"name, or a spec.transformJobName that starts with {prefix}-"
        )
    return identity.job_name(prefix, job.name, deciding, "", "")


def python(job: LegacyJob) -> str:
    """Return a file that declares the job, with the arguments that differ from their defaults."""
    given = [f"            {name}={_literal(value)}," for name, value in _given(job.args)]
    return "\n".join(
        [
            *(f"# {note}" for note in _left_behind(job)),
            "from jobs.arguments import TransformJobArgs",
            "from jobs.declaration import Jobs",
            "",
            "",
            "def declare(jobs: Jobs) -> None:",
            "    jobs.add(",
            f"        {_literal(job.name)},",
            "        TransformJobArgs(",
            *given,
            "        ),",
            "    )",
        ]
    )


def _left_behind(job: LegacyJob) -> Iterator[str]:
    if job.transform_job_name:
        yield f"The job was called {job.transform_job_name!r}; here its name is made from its content."
    if job.namespace != JOBS_NAMESPACE:
        yield f"The object was in the namespace {job.namespace!r}; here it is in {JOBS_NAMESPACE!r}."


def _given(args: TransformJobArgs) -> list[tuple[str, Any]]:
    default = TransformJobArgs(input="")
    given = ((item.name, getattr(args, item.name)) for item in fields(args))
    return [(name, value) for name, value in given if value != getattr(default, name)]


def _literal(value: Any) -> str:
    """Return a value as Python writes it, texts in double quotes as the formatter does."""
    if isinstance(value, dict):
        items = cast("dict[str, str]", value).items()
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in items) + "}"
    written = repr(value)
    return f'"{written[1:-1]}"' if isinstance(value, str) and '"' not in written else written


def _name(metadata: Node) -> str:
    if metadata.optional("generateName") and not metadata.optional("name"):
        raise metadata.error(
            "generateName", "is not supported: a declared job needs a fixed name; write name in its place"
        )
    return metadata.text("name")


def _input_uri(place: Node) -> str:
    """Return an S3 URI; the https address of an object is refused, and the message gives the equivalent URI."""
    uri = place.text("s3Uri")
    for address in _OBJECT_ADDRESSES:
        if found := address.fullmatch(uri):
            raise place.error("s3Uri", f"must be an S3 URI: write s3://{found[1]}/{found[2]} for {uri}")
    return uri


def _data_type(place: Node) -> S3DataType:
    found = place.text("s3DataType")
    if found == "AugmentedManifestFile":
        raise place.error(
            "s3DataType",
            "must be S3Prefix or ManifestFile: only training reads an AugmentedManifestFile, batch transform does not",
        )
    return cast("S3DataType", found)


def _join_source(processing: Node) -> JoinSource | None:
    """Return JoinSource; the old kind spells this key with a capital letter, and SageMaker spells its values so."""
    processing.expect_spelling("JoinSource", "OutputFilter")
    found = processing.optional("JoinSource")
    if found is not None and found not in {"Input", "None"}:
        meant = next((word for word in ("Input", "None") if word.lower() == found.lower()), "Input or None")
        raise processing.error("JoinSource", f"must be {meant}, not {found!r}")
    return cast("JoinSource | None", found)


def _args(body: Node) -> TransformJobArgs:
    source = body.child("transformInput")
    place = source.child("dataSource").child("s3DataSource")
    output, resources = body.child("transformOutput"), body.child("transformResources")
    processing = body.child("dataProcessing", required=False)
    return TransformJobArgs(
        input=_input_uri(place),
        s3_data_type=_data_type(place),
        content_type=source.optional("contentType"),
        compression_type=cast("CompressionType", source.optional("compressionType") or "None"),
        split_type=cast("SplitType", source.optional("splitType") or "None"),
        accept=output.optional("accept"),
        assemble_with=cast("AssembleWith", output.optional("assembleWith") or "None"),
        output_kms_key_id=output.optional("kmsKeyId"),
        output_base=output.text("s3OutputPath"),
        model_name=body.text("modelName"),
        batch_strategy=cast("BatchStrategy", body.optional("batchStrategy") or "MultiRecord"),
        max_payload_in_mb=body.number("maxPayloadInMB", 6),
        max_concurrent_transforms=body.optional_number("maxConcurrentTransforms"),
        environment=body.pairs("environment", "name"),
        input_filter=processing.optional("inputFilter"),
        join_source=_join_source(processing),
        output_filter=processing.optional("OutputFilter"),
        instance_type=resources.text("instanceType"),
        instance_count=resources.number("instanceCount", 1),
        volume_kms_key_id=resources.optional("volumeKmsKeyId"),
        tags=body.pairs("tags", "key"),
    )


def main(arguments: Sequence[str]) -> int:
    """Print the converted file; remarks for the user go to stderr."""
    parser = argparse.ArgumentParser(prog="python -m jobs.legacy", description="Convert a BatchTransformJob file.")
    parser.add_argument("file", help="a BatchTransformJob manifest of the retired operator")
    parser.add_argument("--yaml", action="store_true", help="print the TransformJob manifest instead of Python")
    parser.add_argument(
        "--prefix", default=PREFIX, help="the beginning of the job's name, as in the stack's settings (%(default)s)"
    )
    options = parser.parse_args(arguments)
    try:
        job = load(options.file)
        if options.yaml:
            print(RUNS_ONCE + yaml.safe_dump(manifest(job, options.prefix), sort_keys=False), end="")
        else:
            print(python(job))
    except LegacyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.yaml:
        for warning in _warnings(job, options.prefix):
            print(f"warning: {options.file}: {warning}", file=sys.stderr)
    return 0


def _warnings(job: LegacyJob, prefix: str) -> Iterator[str]:
    """List the fields that the API server accepts and the stack's operator ignores."""
    if job.transform_job_name and not job.transform_job_name.startswith(f"{prefix}-"):
        yield (
            f"the operator's role allows jobs named {prefix}-* only, not {job.transform_job_name}; "
            "remove transformJobName to have a name generated"
        )
    if job.namespace != JOBS_NAMESPACE:
        yield (
            f"the stack's operator watches the namespace {JOBS_NAMESPACE} only, and an object in {job.namespace} never "
            "gets a status; remove metadata.namespace"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
