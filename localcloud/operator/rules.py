"""ACK's rules about a TransformJob object.

They are adoption of a job that exists already, comparison of the object's spec with the job, the controller's tags, and
the conditions that sum up a synchronisation.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from localcloud.operator import resource
from localcloud.operator.fields import KIND
from localcloud.operator.resource import Json, Resource

POLL_SECONDS: Final = 30.0  # how often ACK reconciles a job that runs
_SYNCED: Final = "Resource synced successfully"
_NOT_SYNCED: Final = "Resource not synced"
_UNKNOWN: Final = "Unable to determine if desired resource state matches latest observed state"
ADOPT: Final = "adopt"
ADOPT_OR_CREATE: Final = "adopt-or-create"
# Members that SageMaker fills in, as far as ACK knows them.
_FILLED_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "dataProcessing": ("inputFilter", "joinSource", "outputFilter"),
    "transformOutput": ("assembleWith", "kmsKeyID"),
}
# ACK's own, without the chart's.
DEFAULT_TAGS: Final = (
    "services.k8s.aws/controller-version=%CONTROLLER_SERVICE%-%CONTROLLER_VERSION%",
    "services.k8s.aws/namespace=%K8S_NAMESPACE%",
)
_PLACEHOLDERS: Final[Mapping[str, Callable[[Resource], str]]] = {
    "%CONTROLLER_SERVICE%": lambda _job: "sagemaker",
    "%K8S_NAMESPACE%": lambda job: job.key.namespace,
    "%K8S_RESOURCE_NAME%": lambda job: job.key.name,
    "%K8S_RESOURCE_KIND%": lambda _job: KIND,
    "%MANAGED_BY%": lambda job: job.labels.get("app.kubernetes.io/managed-by", ""),
    "%KRO_VERSION%": lambda job: job.labels.get("kro.run/kro-version", ""),
}


class Terminal(Exception):  # noqa: N818  an end, not an error
    """The object is in a terminal condition: only a change of the object can help."""

    def __init__(self) -> None:
        super().__init__("resource is in terminal condition")


class RequeueAfter(Exception):  # noqa: N818  nothing is wrong
    """SageMaker needs time: reconcile the object again after some seconds."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds


class SyncResult(NamedTuple):
    """The result of one synchronisation.

    Attributes:
        latest: the object as it is now known; None if there is nothing to write to it.
        stopped: why the synchronisation ended before everything was in order.
    """

    latest: Resource | None
    stopped: Exception | None = None


class RefusedError(Exception):
    """The object's adoption annotations are not valid."""


def adoption(job: Resource) -> tuple[str, Resource]:
    """The adoption that an object still needs, and the object with the identity that it adopts.

    Raises:
        RefusedError: the annotations are not valid.
    """
    policy = job.annotations.get(resource.ADOPTION_POLICY)
    if policy is None:
        return "", job
    if policy not in {ADOPT, ADOPT_OR_CREATE}:
        supported = f'"{ADOPT}" and "{ADOPT_OR_CREATE}"'
        raise RefusedError(f"unrecognized adoption policy {policy}. Supported policies are {supported}")
    if job.is_adopted or job.is_managed:
        return "", job
    return policy, _identified(job) if policy == ADOPT else job


def _identified(job: Resource) -> Resource:
    """The object with the job name from its annotation."""
    text = job.annotations.get(resource.ADOPTION_FIELDS, "")
    try:
        fields = json.loads(text)
    except RecursionError as error:
        raise RefusedError("unmarshalling adoption-fields annotation: exceeded max depth") from error
    except ValueError as error:
        reason = "unexpected end of JSON input" if not text else str(error)
        raise RefusedError(f"unmarshalling adoption-fields annotation: {reason}") from error
    if not isinstance(fields, dict) or not all(isinstance(value, str) for value in fields.values()):
        raise RefusedError("unmarshalling adoption-fields annotation: json: cannot unmarshal into map[string]string")
    if "transformJobName" not in fields:
        raise RefusedError("Error populating adoption fields: required field missing: transformJobName")
    identified = job.copy()
    identified.spec["transformJobName"] = fields["transformJobName"]
    return identified


def specs_differ(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether a spec asks for another job than SageMaker has, by ACK's rules.

    Tags are not compared, because DescribeTransformJob does not return them. A member that
    SageMaker fills in counts as wanted if ACK knows of it (data processing, assembly, output key), else as a difference.
    """
    return _comparable(_with_defaults(wanted, found)) != _comparable(found)


def _with_defaults(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> Json:
    filled = copy.deepcopy(dict(wanted))
    for part, members in _FILLED_IN.items():
        if found.get(part) is None:
            continue
        here: Json = filled.setdefault(part, {})
        for member in members:
            if here.get(member) is None and found[part].get(member) is not None:
                here[member] = found[part][member]
    return filled


def _comparable(spec: Mapping[str, Any]) -> Json:
    kept = {name: value for name, value in spec.items() if name != "tags" and value is not None}
    if not kept.get("environment"):  # a missing environment equals an empty one
        kept.pop("environment", None)
    return kept


def with_controller_tags(job: Resource, configured: Sequence[str], version: str) -> list[Json]:
    """A job's own tags and the controller's; the job's own win, and tags without a value are left out."""
    own: list[Json] = list(job.spec.get("tags") or [])
    taken = {tag.get("key") for tag in own}
    added = (_expanded(tag, job, version) for tag in configured)
    return own + [{"key": key, "value": value} for key, value in added if key and value and key not in taken]


def _expanded(tag: str, job: Resource, version: str) -> tuple[str, str]:
    key, _, value = tag.partition("=")
    value = value.replace("%CONTROLLER_VERSION%", version)
    for placeholder, resolve in _PLACEHOLDERS.items():
        value = value.replace(placeholder, resolve(job))
    return key.strip(), value.strip()


def sum_up(job: Resource, stopped: Exception | None) -> None:
    """Set the condition ACK.ResourceSynced, if it is not set yet, and the condition Ready."""
    if not job.condition(resource.SYNCED):
        match stopped:
            case None:
                job.set_condition(resource.SYNCED, "True", _SYNCED, "")
            case Terminal():
                job.set_condition(resource.SYNCED, "False", _NOT_SYNCED, str(stopped))
            case _:
                job.set_condition(resource.SYNCED, "Unknown", _UNKNOWN, str(stopped))
    for kind in (resource.TERMINAL, resource.RECOVERABLE):
        condition = job.condition(kind)
        if condition.get("status") == "True":
            job.set_condition(resource.READY, "False", condition.get("message"), kind)
            return
    synced = job.condition(resource.SYNCED)
    job.set_condition(resource.READY, synced["status"], synced.get("message"), synced.get("reason"))
