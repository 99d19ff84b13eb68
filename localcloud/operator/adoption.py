"""What an object's annotations ask for where its job exists already."""

from __future__ import annotations

import json
from typing import Final

from localcloud.operator import resource as names
from localcloud.operator.resource import Resource

ADOPT: Final = "adopt"
ADOPT_OR_CREATE: Final = "adopt-or-create"


class RefusedError(Exception):
    """The object's annotations make no sense."""


def asked(job: Resource, *, enabled: bool) -> tuple[str, Resource]:
    """The adoption that an object still needs, and the object with the identity that it adopts.

    Args:
        job: the object.
        enabled: whether the controller adopts at all.

    Raises:
        RefusedError: the annotations make no sense.
    """
    policy = job.annotations.get(names.ADOPTION_POLICY)
    if policy is None:
        return "", job
    if policy not in {ADOPT, ADOPT_OR_CREATE}:
        supported = f'"{ADOPT}" and "{ADOPT_OR_CREATE}"'
        raise RefusedError(f"unrecognized adoption policy {policy}. Supported policies are {supported}")
    if job.is_adopted or job.is_managed or not enabled:
        return "", job
    return policy, _identified(job) if policy == ADOPT else job


def _identified(job: Resource) -> Resource:
    """The object under the job name that its annotation gives."""
    text = job.annotations.get(names.ADOPTION_FIELDS, "")
    try:
        fields = json.loads(text)
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
