"""Types and limits of a job's arguments, checked before anything is created.

Python does not check types, and a number in place of a string would end in a traceback far from its cause, or fail at
SageMaker. Messages use the names of the arguments as they are written here.
"""

import functools
import inspect
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import pulumi

from data_processing import content_types
from data_processing.content_types import CONTENT_TYPES, CSV, Problem, Stage
from infra.model_args import environment_problems
from infra.problems import caller
from jobs.arguments import ExperimentConfig, TransformJobArgs
from jobs.inputs import ResultOf

MAX_MB = 100
MAX_TAGS = 50
MAX_ENVIRONMENT = 16
MAX_VALUE = 10240  # characters of a variable's value

_S3_URI = re.compile(r"s3://[a-z0-9][a-z0-9.-]+(/.*)?")
_S3_ALLOWED = "s3://bucket/prefix of at most 1024 characters, with 3 to 63 of a-z, 0-9, . and - for the bucket"
_MODEL = re.compile(r"[a-zA-Z0-9]([\-a-zA-Z0-9]*[a-zA-Z0-9])?")
_KEY_ID = re.compile(r"[a-zA-Z0-9:/_-]{1,2048}")
_AMI = re.compile(r"[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*")
_ENTITY = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,119}")
_TAG_TEXT = re.compile(r"[\w\s.:/=+\-@]*")

_WORDS: Mapping[object, str] = {
    str: "a text",
    Literal: "a text",
    int: "a whole number",
    bool: "True or False",
    type(None): "None",
    Any: "values",
}
F = TypeVar("F", bound=Callable[..., Any])
_UNRESOLVED = "Calling __str__ on an Output"
_OUTPUT_ADVICE = "Allowed: as `input` the value that jobs.add returns; as `model_name` the Output itself, or pulumi.Output.format(...)"


@dataclass(frozen=True)
class Limits:
    """The stack's limits, in addition to SageMaker's."""

    instance_types: Sequence[str]
    own_tags: int
    own_buckets: str = ""
    """The beginning of the stack's own bucket name; the rest is known only when the bucket exists."""
    input_buckets: Sequence[str] = ()
    output_buckets: Sequence[str] = ()
    kms_keys: Sequence[str] = ()


def problems(args: TransformJobArgs, limits: Limits, folder: str = "") -> list[str]:
    """List everything about a job's arguments that SageMaker, or this stack, does not allow.

    Args:
        args: the job's.
        limits: the stack's.
        folder: the beginning of the name of the job's own folder under the output base.
    """
    if wrong := list(mistyped(args)):
        return wrong
    checks = (_words, _numbers, _texts, _pairs, _data_processing, _input)
    found = [problem for check in checks for problem in check(args)]
    return [*found, *_own_result(args, limits, folder), *_limited(args, limits)]


def _words(args: TransformJobArgs) -> Iterator[str]:
    for name, hint in _hints(type(args)).items():
        words = [word for part in (hint, *get_args(hint)) if get_origin(part) is Literal for word in get_args(part)]
        if words and getattr(args, name) not in {None, *words}:
            yield f"{name}: '{getattr(args, name)}' is not allowed. Allowed: {', '.join(words)}"


def _numbers(args: TransformJobArgs) -> Iterator[str]:
    client, payload, transforms = args.model_client_config, args.max_payload_in_mb, args.max_concurrent_transforms
    waits = (client.invocations_timeout_in_seconds, client.invocations_max_retries) if client else (None, None)
    for member, value, low, high in (
        ("max_payload_in_mb", payload, 0, MAX_MB),
        ("instance_count", args.instance_count, 1, 100),
        ("timeout_minutes", args.timeout_minutes, 1, 24 * 60),
        ("model_client_config.invocations_timeout_in_seconds", waits[0], 1, 3600),
        ("model_client_config.invocations_max_retries", waits[1], 0, 3),
    ):
        if value is not None and not low <= value <= high:
            yield f"{member}: {value} is not allowed. Allowed: {low} to {high}"
    if transforms is not None and transforms < 0:
        yield f"max_concurrent_transforms: {transforms} is not allowed. Allowed: 0 or more"
    elif transforms is not None and transforms * payload > MAX_MB:
        yield (
            f"max_concurrent_transforms * max_payload_in_mb: {transforms} * {payload} MB is not allowed. "
            f"Allowed: at most {MAX_MB} MB together"
        )


def _texts(args: TransformJobArgs) -> Iterator[str]:
    experiment = args.experiment_config or ExperimentConfig()
    entity, ami = "1 to 120 letters, digits and -", "an AMI version such as al2-ami-sagemaker-batch-gpu-535"
    shaped: list[tuple[str, object, re.Pattern[str], str]] = [
        ("model_name", args.model_name, _MODEL, "a SageMaker model's name"),
        ("output_kms_key_id", args.output_kms_key_id, _KEY_ID, "a KMS key's id, alias or ARN"),
        ("volume_kms_key_id", args.volume_kms_key_id, _KEY_ID, "a KMS key's id, alias or ARN"),
        ("transform_ami_version", args.transform_ami_version, _AMI, ami),
        ("output_base", args.output_base, _S3_URI, _S3_ALLOWED),
        ("experiment_config.experiment_name", experiment.experiment_name, _ENTITY, entity),
        ("experiment_config.trial_name", experiment.trial_name, _ENTITY, entity),
        ("experiment_config.trial_component_display_name", experiment.trial_component_display_name, _ENTITY, entity),
    ]
    for member, value, pattern, allowed in shaped:
        if isinstance(value, str) and not pattern.fullmatch(value):
            yield f"{member}: '{value}' is not allowed. Allowed: {allowed}"
    for member, value in (("content_type", args.content_type), ("accept", args.accept)):
        if value is not None and len(value) > 256:
            yield f"{member}: {len(value)} characters. Allowed: at most 256"
    if args.model is not None and args.model_name is not None:
        yield "model_name: given together with model. Allowed: a model of the job's own, or the name of one that exists"


def _pairs(args: TransformJobArgs) -> Iterator[str]:
    yield from environment_problems(args.environment, MAX_ENVIRONMENT, MAX_VALUE)
    for key, value in args.tags.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or not _TAG_TEXT.fullmatch(key + value):
            yield f"tags: '{key}' is not allowed. Allowed: keys of 1 to 128, values of up to 256 letters, digits, _.:/=+-@"
        if key.lower().startswith("aws:"):
            yield f"tags: '{key}' is not allowed. Allowed: keys that do not start with aws:"


def _data_processing(args: TransformJobArgs) -> Iterator[str]:
    for member, problem in _filter_problems(args):
        if problem.stage is Stage.SYNTAX:
            yield f"{member}: {problem.message}. Allowed: SageMaker's JSONPath from $, such as $[1:] or $.features"
    if any((args.input_filter, args.output_filter, args.join_source == "Input")):
        yield from _together(args)


def _filter_problems(args: TransformJobArgs) -> Iterator[tuple[str, Problem]]:
    filters = (
        ("input_filter", "InputFilter", args.input_filter, args.content_type),
        ("output_filter", "OutputFilter", args.output_filter, args.accept),
    )
    for name, member, text, header in filters:
        if text is not None:
            yield from ((name, problem) for problem in content_types.problems(member, text, header))


def doubtful_filters(args: TransformJobArgs) -> Iterator[str]:
    """Say which filters SageMaker refuses according to reports that may be out of date."""
    for member, problem in _filter_problems(args):
        if problem.stage is not Stage.SYNTAX:
            yield f"{member}: {problem.stage.value}: {problem.message}"


def _together(args: TransformJobArgs) -> Iterator[str]:
    """With DataProcessing SageMaker parses records, so input and output must be of the same kind, which it can parse."""
    if args.content_type != args.accept or args.accept not in CONTENT_TYPES:
        yield (
            f"content_type: '{args.content_type}' with accept '{args.accept}' is not allowed with a filter or a join. "
            f"Allowed: both the same, one of {', '.join(CONTENT_TYPES)}"
        )
    if args.split_type != args.assemble_with or (args.accept == CSV and args.split_type != "Line"):
        yield (
            f"split_type: '{args.split_type}' with assemble_with '{args.assemble_with}' is not allowed with a filter or a join. "
            "Allowed: both the same, and both Line for text/csv"
        )


def _input(args: TransformJobArgs) -> Iterator[str]:
    if isinstance(args.input, ResultOf):
        return
    if "://" in args.input and (not _S3_URI.fullmatch(args.input) or len(args.input) > 1024):
        yield f"input: '{args.input}' is not allowed. Allowed: {_S3_ALLOWED}"
    if args.s3_data_type == "ManifestFile" and "://" not in args.input:
        yield "s3_data_type: ManifestFile is not allowed for a local input. Allowed: the s3:// URI of a manifest"


def _own_result(args: TransformJobArgs, limits: Limits, folder: str) -> Iterator[str]:
    """Refuse a job that reads its own results: it would run again at each `up`, on ever more input."""
    if isinstance(args.input, ResultOf) or args.s3_data_type != "S3Prefix" or not _S3_URI.fullmatch(args.input):
        return
    bucket = _bucket(args.input)
    is_own = limits.own_buckets and bucket.startswith(limits.own_buckets)
    base = args.output_base or (f"s3://{bucket}/output" if is_own else "")
    whole = f"s3://{bucket}/" if args.input == f"s3://{bucket}" else args.input  # no prefix of another bucket's name
    if base and f"{base.rstrip('/')}/{folder}".startswith(whole):
        yield (
            f"input: '{args.input}' is not allowed with the output under {base}: S3Prefix means every key that starts with it, "
            "so the job would read its own results and run again at each up. Allowed: an input that its output does "
            "not start with (end a folder with a /), or another output_base"
        )


def _bucket(uri: str) -> str:
    return uri.removeprefix("s3://").partition("/")[0]


def _limited(args: TransformJobArgs, limits: Limits) -> Iterator[str]:
    if args.instance_type is not None and args.instance_type not in limits.instance_types:
        types = ", ".join(limits.instance_types)
        setting = f"allowedTransformInstanceTypes: [{types}, {args.instance_type}]"
        yield f"instance_type: {args.instance_type} is not allowed. Allowed: {types}; to add it, set in the stack's file {setting}"
    if len(args.tags) + limits.own_tags > MAX_TAGS:
        yield f"tags: {len(args.tags)} entries. Allowed: at most {MAX_TAGS - limits.own_tags}"


def missing_permissions(args: TransformJobArgs, reads: str, limits: Limits) -> Iterator[str]:
    """List the buckets and keys that the stack's roles may not use.

    These are warnings, because the policy of the bucket or key may allow it.

    A job with another model runs under that model's role, about which nothing is known here; the operator's role needs
    the permission for the key of its volume.
    """
    if args.model_name is None:
        yield from _bucket_permission("reads from", reads, limits.own_buckets, limits.input_buckets, "inputBuckets")
        yield from _bucket_permission(
            "writes to", args.output_base or "", limits.own_buckets, limits.output_buckets, "outputBuckets"
        )
        yield from _key_permission("result", args.output_kms_key_id, limits.kms_keys)
    yield from _key_permission("volume", args.volume_kms_key_id, limits.kms_keys)


def _bucket_permission(does: str, uri: str, own: str, allowed: Sequence[str], key: str) -> Iterator[str]:
    bucket = _bucket(uri)
    if bucket and bucket not in allowed and not (own and bucket.startswith(own)):
        yield f"it {does} the bucket {bucket}, {_unless('bucket', key)}"


def _key_permission(of: str, key_id: str | None, allowed: Sequence[str]) -> Iterator[str]:
    if not key_id or "alias/aws/" in key_id or ("alias/" in key_id and allowed):
        return
    if key_id not in {name for arn in allowed for name in (arn, arn.rpartition("/")[2])}:
        yield f"its {of} is encrypted with the key {key_id}, {_unless('key', 'kmsKeys')}"


def _unless(what: str, key: str) -> str:
    return f"for which the stack's roles have no permission: unless the {what}'s own policy allows them, add it to config {key}"


def mistyped(arguments: object) -> Iterator[str]:
    """Say which members of an arguments object, and of the objects in it, have another type than declared."""
    hints = _hints(type(arguments))
    for name, value in vars(arguments).items():
        hint = hints[name]
        if not _fits(value, hint):
            yield _misfit(name, value, hint)
        elif isinstance(value, str) and _UNRESOLVED in value:
            yield f"{name}: a string was made from an Output, whose value is not known yet. {_OUTPUT_ADVICE}"
        else:
            yield from (f"{name}{where}{problem}" for where, part in _nested(value) for problem in mistyped(part))


@functools.cache
def _hints(arguments: type | Callable[..., Any]) -> Mapping[str, Any]:
    return get_type_hints(arguments, localns=vars(pulumi.output))  # pulumi.Input contains names of that module


def _misfit(name: str, value: object, hint: Any) -> str:
    return f"{name}: {value!r} is not allowed. Allowed: {_described(hint)}{_advice(value, hint)}"


def _advice(value: object, hint: Any) -> str:
    """Say more about a value that comes from a common mistake."""
    if value is None:
        return ". Does the function that should give it end in `return`?"
    if isinstance(value, str) and _fits((value,), hint):
        return f", such as {(value,)!r}"
    return f". {_OUTPUT_ADVICE}" if isinstance(value, pulumi.Output) else ""


def _nested(value: object) -> Iterator[tuple[str, object]]:
    """Yield the arguments objects within a value, each with the path to it."""
    if is_dataclass(value):
        yield ".", value
    elif isinstance(value, tuple):
        parts = cast("tuple[object, ...]", value)
        yield from ((f"[{number}].", part) for number, part in enumerate(parts) if is_dataclass(part))


def _fits(value: object, hint: Any) -> bool:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return any(_fits(value, part) for part in inner)
    if kind is Literal:
        return isinstance(value, str)  # which strings are allowed is checked together with SageMaker's other limits
    if kind in {Sequence, Iterable}:
        several = isinstance(value, kind) and not isinstance(value, str | bytes)
        return several and (inner[0] is Any or all(_fits(part, inner[0]) for part in cast("Sequence[object]", value)))
    if kind is Mapping:
        parts = cast("Mapping[object, object]", value).items() if isinstance(value, Mapping) else None
        return parts is not None and all(all(map(_fits, pair, inner)) for pair in parts)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _described(hint: Any) -> str:
    kind, inner = get_origin(hint) or hint, get_args(hint)
    if kind in {Union, types.UnionType}:
        return " or ".join(dict.fromkeys(_described(part) for part in inner))
    several = _described(inner[-1]).replace("a text", "texts") if inner else ""
    if kind in {Sequence, Iterable}:
        return f"a tuple or list of {several}"
    if kind is Mapping:
        return f"a mapping of texts to {several}"
    return _WORDS.get(kind) or getattr(kind, "__name__", str(kind))


def checked(example: str) -> Callable[[F], F]:
    """Make a function refuse wrong arguments in one line with the caller's place, where Python prints a traceback."""

    def decorate(function: F) -> F:
        @functools.wraps(function)
        def call(*args: Any, **given: Any) -> Any:
            hints = _hints(function)
            try:
                bound = inspect.signature(function).bind(*args, **given).arguments
                typed = ((name, value, hints[name]) for name, value in bound.items() if name in hints)
                wrong = [_misfit(*one) for one in typed if not _fits(*one[1:])]
            except TypeError as error:
                wrong = [str(error)]
            if wrong:
                raise pulumi.RunError(f"{caller(__file__)}: {'; '.join(wrong)}. Write for example: {example}")
            return function(*args, **given)

        return cast("F", call)

    return decorate
