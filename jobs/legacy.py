"""Files of the retired operator: `BatchTransformJob` (sagemaker.aws.amazon.com/v1) becomes a TransformJob.

    python -m jobs.legacy tf-batch.yaml          prints the Python that declares the equal job
    python -m jobs.legacy tf-batch.yaml --yaml   prints the TransformJob manifest, for `| kubectl apply -f -`

    DECLARATIONS = (churn.declare, legacy.load("tf-batch.yaml"))    declares it, in `declared.py`

The old operator made a name for a job that had none, so a manifest without one is named by its content. Each field
of the old kind is carried or refused by name; what nobody knows is refused with its line. A declared job is always
named by its content and lives in the stack's namespace: the printed Python says where the file had it otherwise.
"""

import argparse
import difflib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, cast

import pulumi
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

API_VERSION = "sagemaker.aws.amazon.com/v1"
KIND = "BatchTransformJob"
PREFIX = "batch-workshop"  # the default of the stack's setting
REGION_ANNOTATION = "services.k8s.aws/region"
RUNS_ONCE = """\
# This runs once: SageMaker keeps a job's name for ever, and the name does not tell when the input changes.
# To run it again, give metadata.name and spec.transformJobName another name each.
"""


class LegacyError(pulumi.RunError):
    """A file that cannot be carried over: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class LegacyJob:
    """A BatchTransformJob, in today's terms; among the declarations of a stack it declares the equal TransformJob."""

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
            jobs.refuse(f"{self.source}: spec.region is {self.region}, and this stack stands in {here}")
        return jobs.add(self.name, self.args)


def load(path: str | Path) -> LegacyJob:
    """Read a file of the retired operator."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LegacyError(f"{path} cannot be read: {error}") from error
    return parse(text, str(path))


def declare(jobs: Jobs, path: str | Path) -> ResultOf:
    """Load a file and declare its job; what is wrong with the file is told with all else that is wrong."""
    try:
        return load(jobs.defaults.root / path)(jobs)
    except LegacyError as error:
        jobs.refuse(str(error))
        return ResultOf(str(path))


def parse(text: str, source: str) -> LegacyJob:
    """Take a legacy manifest apart; `source` is what messages call it."""
    root = _Node.root(text, source)
    root.expect("apiVersion", API_VERSION)
    root.expect("kind", KIND)
    metadata, body = root.child("metadata"), root.child("spec")
    job = LegacyJob(
        source=source,
        name=metadata.text("name"),
        namespace=metadata.optional("namespace") or JOBS_NAMESPACE,
        region=body.text("region"),
        transform_job_name=body.optional("transformJobName"),
        args=_args(body),
    )
    metadata.ignore("labels", "annotations")
    root.ignore("status")  # what `kubectl get -o yaml` adds
    metadata.ignore(
        "creationTimestamp", "generation", "resourceVersion", "uid", "selfLink", "finalizers", "managedFields"
    )
    if body.optional("sageMakerEndpoint"):
        raise body.error(
            "sageMakerEndpoint", "is not carried; the operator has one endpoint for all (AWS_ENDPOINT_URL)"
        )
    root.finish()
    return job


def manifest(job: LegacyJob, prefix: str = PREFIX) -> dict[str, Any]:
    """Return the equal TransformJob for kubectl; it writes exactly where the old one did.

    The prefix is the stack's, because the operator's role allows job names of this prefix only. Nothing is adopted:
    the name does not count what lies under the input, so a job that has it may have read something else.
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
            f"{job.source}: metadata.name '{job.name}' cannot be part of a made name: {problem}; give the job another "
            f"name, or a spec.transformJobName that starts with {prefix}-"
        )
    return identity.job_name(prefix, job.name, deciding, "", "")


def python(job: LegacyJob) -> str:
    """Return a file that declares the job: what differs from the defaults, in the order of the arguments."""
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
    def default(item: Any) -> Any:
        return (
            item.default
            if item.default is not MISSING
            else item.default_factory()
            if item.default_factory is not MISSING
            else MISSING
        )

    return [(item.name, getattr(args, item.name)) for item in fields(args) if getattr(args, item.name) != default(item)]


def _literal(value: Any) -> str:
    """Return a value as Python writes it, texts in double quotes as the formatter does."""
    if isinstance(value, dict):
        items = cast("dict[str, str]", value).items()
        return "{" + ", ".join(f"{_literal(key)}: {_literal(item)}" for key, item in items) + "}"
    written = repr(value)
    return f'"{written[1:-1]}"' if isinstance(value, str) and '"' not in written else written


def _args(body: "_Node") -> TransformJobArgs:
    source = body.child("transformInput")
    place = source.child("dataSource").child("s3DataSource")
    output, resources = body.child("transformOutput"), body.child("transformResources")
    processing = body.child("dataProcessing", required=False)
    return TransformJobArgs(
        input=place.text("s3Uri"),
        s3_data_type=cast("S3DataType", place.text("s3DataType")),
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
        join_source=cast(
            "JoinSource | None", processing.optional("JoinSource")
        ),  # the old kind spells these two with a capital
        output_filter=processing.optional("OutputFilter"),
        instance_type=resources.text("instanceType"),
        instance_count=resources.number("instanceCount", 1),
        volume_kms_key_id=resources.optional("volumeKmsKeyId"),
        tags=body.pairs("tags", "key"),
    )


class _Node:
    """A mapping of the file that knows where it stands, and which of its keys nobody has asked for."""

    def __init__(self, source: str, path: str, node: yaml.MappingNode | None) -> None:
        self._source, self._path, self._line = source, path, node.start_mark.line + 1 if node else 0
        self._values = _unique_keys(source, node) if node else {}
        self._asked: set[str] = set()
        self._children: list[_Node] = []

    @classmethod
    def root(cls, text: str, source: str) -> "_Node":
        documents = _documents(text, source)
        if len(documents) != 1:
            raise LegacyError(f"{source} holds {len(documents)} documents; put each job into a file of its own")
        if not isinstance(documents[0], yaml.MappingNode):
            raise LegacyError(f"{source}, line 1: this is no Kubernetes object")
        return cls(source, "", documents[0])

    def child(self, key: str, *, required: bool = True) -> "_Node":
        node = self._take(key)
        if node is None and required:
            raise self.error(key, f"is missing{self._meant(key)}")
        if node is not None and not isinstance(node, yaml.MappingNode):
            raise self.error(key, "must be a mapping")
        child = _Node(self._source, f"{self._path}{key}.", node)
        self._children.append(child)
        return child

    def optional(self, key: str) -> str | None:
        node = self._take(key)
        if node is None or (isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null")):
            return None
        if not isinstance(node, yaml.ScalarNode):
            raise self.error(key, "must be a text")
        return str(node.value)

    def text(self, key: str) -> str:
        value = self.optional(key)
        if not value:
            raise self.error(key, f"is missing{self._meant(key)}")
        return value

    def optional_number(self, key: str) -> int | None:
        value = self.optional(key)
        if value is None:
            return None
        if not re.fullmatch(r"-?[0-9]{1,9}", value):
            raise self.error(key, f"must be a whole number, not '{value:.40}'")
        return int(value)

    def number(self, key: str, default: int) -> int:
        value = self.optional_number(key)
        return default if value is None else value

    def pairs(self, key: str, name: str) -> dict[str, str]:
        """Read a list of {name, value}."""
        node = self._take(key)
        if node is None:
            return {}
        if not isinstance(node, yaml.SequenceNode):
            raise self.error(key, f"must be a list of {name} and value")
        found: dict[str, str] = {}
        for item in cast("list[Any]", node.value):
            entry = _Node(self._source, f"{self._path}{key}.", item if isinstance(item, yaml.MappingNode) else None)
            found[entry.text(name)] = entry.optional("value") or ""
            entry.finish()
        return found

    def expect(self, key: str, value: str) -> None:
        if self.optional(key) != value:
            raise self.error(key, f"must be {value}; other kinds are not carried")

    def ignore(self, *keys: str) -> None:
        self._asked.update(keys)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for key in self._values:
            if key not in self._asked:
                raise self.error(key, f"is no field of {KIND} in {API_VERSION}; take it out or correct its name")
        for child in self._children:
            child.finish()

    def error(self, key: str, problem: str) -> LegacyError:
        line = self._values[key].start_mark.line + 1 if key in self._values else self._line
        return LegacyError(f"{self._source}, line {max(line, 1)}: {self._path}{key} {problem}")

    def _meant(self, key: str) -> str:
        """Guess which misspelt key stands for a missing one."""
        close = difflib.get_close_matches(key, self._values.keys() - self._asked, 1)
        return f"; is {close[0]}, line {self._values[close[0]].start_mark.line + 1}, meant?" if close else ""

    def _take(self, key: str) -> Any:
        self._asked.add(key)
        return self._values.get(key)


def _documents(text: str, source: str) -> list[Any]:
    try:
        return [node for node in cast("list[Any]", list(yaml.compose_all(text, yaml.SafeLoader))) if node]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise LegacyError(f"{source}, line {line}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise LegacyError(f"{source}: this is no YAML: {str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise LegacyError(f"{source}: this is no YAML: it is nested too deeply") from error


def _unique_keys(source: str, node: yaml.MappingNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in cast("list[tuple[Any, Any]]", node.value):
        if not isinstance(key, yaml.ScalarNode):
            raise LegacyError(f"{source}, line {key.start_mark.line + 1}: this is no field's name")
        if key.value in values:
            raise LegacyError(f"{source}, line {key.start_mark.line + 1}: {key.value} is given twice")
        values[key.value] = value
    return values


def main(arguments: Sequence[str]) -> int:
    """Print what a legacy file becomes; what a user should know besides goes to stderr."""
    parser = argparse.ArgumentParser(prog="python -m jobs.legacy", description="Carry a BatchTransformJob file over.")
    parser.add_argument("file", help="a BatchTransformJob manifest of the retired operator")
    parser.add_argument("--yaml", action="store_true", help="print the TransformJob manifest instead of Python")
    parser.add_argument("--prefix", default=PREFIX, help="starts the job's name; the stack's setting (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        job = load(options.file)
        print(_yaml(manifest(job, options.prefix)) if options.yaml else python(job))
    except LegacyError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if options.yaml:
        for warning in _warnings(job, options.prefix):
            print(f"warning: {options.file}: {warning}", file=sys.stderr)
    return 0


def _warnings(job: LegacyJob, prefix: str) -> Iterator[str]:
    """Say what the API server takes, and the stack does not act on."""
    if job.transform_job_name and not job.transform_job_name.startswith(f"{prefix}-"):
        yield (
            f"the operator's role allows jobs named {prefix}-* only, not {job.transform_job_name}; "
            "take transformJobName out to have a name made"
        )
    if job.namespace != JOBS_NAMESPACE:
        yield (
            f"the stack's operator watches the namespace {JOBS_NAMESPACE} only, and an object in {job.namespace} never "
            "gets a status; take metadata.namespace out"
        )


def _yaml(found: dict[str, Any]) -> str:
    return RUNS_ONCE + yaml.safe_dump(found, sort_keys=False).rstrip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
