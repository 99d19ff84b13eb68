"""The conditions for a job that runs by a schedule, and the call that the schedule makes.

Nothing of this program runs when a schedule fires: EventBridge Scheduler sends CreateTransformJob a request that was
written when the stack was deployed, and inserts only its execution id. So name and output path end in that id, and the
input is an S3 URI that is read at that time.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from jobs import identity, spec
from jobs.arguments import Schedule, TransformJobArgs
from jobs.inputs import ResultOf, S3Input
from schedules import expression

EXECUTION_ID = "<aws.scheduler.execution-id>"
EXECUTION_ID_LENGTH = 36  # AWS's example has 16 characters, and no length is promised; a UUID has 36
MOST_RETRIES = 185  # EventBridge Scheduler's own limit
TARGET = "arn:{partition}:scheduler:::aws-sdk:sagemaker:createTransformJob"

# SageMaker's members whose names in ACK differ by more than the first letter.
_SPELLINGS = {
    "s3URI": "S3Uri",
    "kmsKeyID": "KmsKeyId",
    "volumeKMSKeyID": "VolumeKmsKeyId",
    "transformAMIVersion": "TransformAmiVersion",
}


def problems(prefix: str, declared: str, args: TransformJobArgs) -> Iterator[str]:
    """Yield the reasons why a job cannot run by its schedule.

    Args:
        prefix: the stack's.
        declared: the job's name.
        args: its arguments, of the right types and with a schedule.
    """
    schedule = args.schedule
    if schedule is None:
        return
    yield from _expression(schedule)
    needed = "the scheduler's execution id"
    if problem := identity.length_problem(prefix, declared, EXECUTION_ID_LENGTH, " with a schedule", needed):
        yield problem
    if isinstance(args.input, ResultOf) or not args.input.startswith("s3://"):
        given = f"the result of '{args.input.job}'" if isinstance(args.input, ResultOf) else f"'{args.input}'"
        yield f"input: {given} is not allowed with a schedule, which reads the input when it fires. Allowed: an s3:// URI"
    if args.model is not None:
        yield "model: it is not allowed with a schedule. Allowed: model_name, or the stack's model by default"
    if args.labels is not None:
        yield "labels: they are not allowed with a schedule, whose results have no metrics. Allowed: no labels"
    if args.after:
        yield "after: it is not allowed with a schedule, which waits for no other job. Allowed: no `after`"
    if args.timeout_minutes is not None:
        yield "timeout_minutes: it is not allowed with a schedule, for which `up` does not wait. Allowed: no `timeout_minutes`"


def unread(source: str | ResultOf) -> S3Input:
    """Return an input that has not been read yet."""
    return S3Input(source if isinstance(source, str) else "", "", "")


def job_name(prefix: str, declared: str) -> str:
    """Return the name of a run, with a placeholder for the execution id."""
    return f"{identity.name_start(prefix, declared)}{EXECUTION_ID}"


def request(deciding: Mapping[str, Any], name: str, tags: Mapping[str, str]) -> str:
    """Return the JSON request of the CreateTransformJob call.

    Args:
        deciding: the spec, in ACK's spelling, with the output base for the output path.
        name: the job's.
        tags: the job's.
    """
    return json.dumps(_in_sagemaker_spelling(spec.complete(deciding, name, tags)), sort_keys=True)


def _expression(schedule: Schedule) -> Iterator[str]:
    if problem := expression.problem(schedule.expression, schedule.timezone, datetime.now(UTC)):
        yield f"schedule: {problem}"
    if not 0 <= schedule.retries <= MOST_RETRIES:
        yield f"schedule.retries: {schedule.retries} is not allowed. Allowed: 0 to {MOST_RETRIES}"


def _in_sagemaker_spelling(value: Any, *, is_environment: bool = False) -> Any:
    if isinstance(value, dict):
        return {
            key if is_environment else _spelled(key): _in_sagemaker_spelling(item, is_environment=key == "environment")
            for key, item in value.items()
        }
    return [_in_sagemaker_spelling(item) for item in value] if isinstance(value, list) else value


def _spelled(name: str) -> str:
    return _SPELLINGS.get(name) or re.sub("^.", lambda first: first[0].upper(), name)
