"""When an object counts as ready: what its annotation `pulumi.com/waitFor` asks for, or what its kind means by it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.pulumi.kubernetes import objects
from localcloud.pulumi.kubernetes.errors import KubernetesError
from localcloud.pulumi.kubernetes.objects import Object

# Whether an object is ready, and if not, why not (empty when there is nothing to say).
Condition = Callable[[Object], tuple[bool, str]]


class WaitExpressionError(KubernetesError):
    """The annotation `pulumi.com/waitFor` is not understood."""


class UnsatisfiableError(KubernetesError):
    """The object will not get ready."""


def ready_condition(inputs: Mapping[str, Any], live: Object) -> Condition | None:
    """What to wait for after an object was created or updated; None for nothing.

    Raises:
        WaitExpressionError: the annotation is malformed.
    """
    if objects.is_true(inputs, objects.SKIP_AWAIT):
        return None
    if text := objects.annotation(inputs, objects.WAIT_FOR):
        conditions = [_parsed(expression) for expression in _expressions(text)]
        return lambda found: _all(conditions, found)
    group = live.get("apiVersion", "").rpartition("/")[0]
    return _BY_KIND.get((group, live.get("kind", "")))


def check_annotation(inputs: Mapping[str, Any]) -> str:
    """What is wrong with the annotation `pulumi.com/waitFor`; empty when all is well."""
    try:
        for expression in _expressions(objects.annotation(inputs, objects.WAIT_FOR) or "[]"):
            _parsed(expression)
    except WaitExpressionError as e:
        return str(e)
    return ""


def _expressions(text: str) -> list[str]:
    try:
        found = json.loads(text)
    except ValueError:
        return [text]
    if not isinstance(found, list) or not all(isinstance(e, str) for e in found):
        return [text]
    return found


def _all(conditions: list[Condition], found: Object) -> tuple[bool, str]:
    for condition in conditions:
        satisfied, why = condition(found)
        if not satisfied:
            return False, why
    return True, ""


def _parsed(expression: str) -> Condition:
    if expression.startswith("jsonpath="):
        return _jsonpath(expression.removeprefix("jsonpath="))
    if expression.startswith("condition="):
        return _named_condition(expression.removeprefix("condition="))
    raise WaitExpressionError(f'expected a "jsonpath=" or "condition=" prefix, got "{expression}"')


def _jsonpath(raw: str) -> Condition:
    path, value = _split(raw)
    inner = re.search(r"\{\s*(.*?)\s*\}", path)
    if path.startswith("'") and path.endswith("'"):
        raise WaitExpressionError(f"{path} should omit shell quotes")
    if inner is None:
        raise WaitExpressionError(f"{path} should be wrapped in brackets {{ ... }}")
    query = _compiled(inner[1] if inner[1].startswith("$") else f"${inner[1]}", path)
    return lambda found: _matches(query, path, value, found)


def _split(raw: str) -> tuple[str, str]:
    """The path and the value of `{path}=value`; `==` inside the path is no such sign."""
    parts = raw.replace("==", "\0").split("=")
    path = parts[0].replace("\0", "==")
    if len(parts) > 2:
        raise WaitExpressionError(f'format should be {{.path}}=value or {{.path}}, got "{raw}"')
    value = parts[1].replace("\0", "==") if len(parts) == 2 else ""
    if len(parts) == 2 and not value:
        raise WaitExpressionError(f"{path}= requires a value")
    return path, value


def _compiled(query: str, shown: str) -> Any:
    import jsonpath  # noqa: PLC0415  a quarter of a second, needed where something is waited for only

    try:
        # strict: RFC 9535 and no more, so that what works here works with the official provider
        return jsonpath.JSONPathEnvironment(strict=True).compile(query)
    except jsonpath.JSONPathError as e:
        raise WaitExpressionError(f'parsing "{shown}": {e}') from None


def _matches(query: Any, path: str, value: str, found: Object) -> tuple[bool, str]:
    if not _is_current(found):
        return False, ""
    selected = query.findall(found)
    if not selected:
        return False, f"{path} selected nothing"
    first = selected[0]
    if isinstance(first, list | dict):
        if value:
            raise UnsatisfiableError(f'"{path}" has a non-primitive value ({first})')
        return True, ""
    text = {True: "true", False: "false", None: "<nil>"}.get(first) if _is_word(first) else str(first)
    return (not value or text == value), f'{path} (found "{text}")'


def _is_word(value: Any) -> bool:
    return value is None or isinstance(value, bool)


def _is_current(found: Object) -> bool:
    """Whether the controller has seen the newest version of the object, where it says so."""
    observed = (found.get("status") or {}).get("observedGeneration")
    generation = objects.metadata(found).get("generation")
    return not isinstance(observed, int) or not isinstance(generation, int) or observed >= generation


def _named_condition(expression: str) -> Condition:
    name, _, wanted = expression.partition("=")

    def satisfied(found: Object) -> tuple[bool, str]:
        if not _is_current(found):
            return False, ""
        status, message = _condition(found, name)
        return status.lower() == (
            wanted or "True"
        ).lower(), f"condition {name} is {status or 'absent'} {message}".strip()

    return satisfied


def _condition(found: Object, name: str) -> tuple[str, str]:
    for entry in (found.get("status") or {}).get("conditions") or []:
        if str(entry.get("type", "")).lower() == name.lower():
            return str(entry.get("status", "")), str(entry.get("message", ""))
    return "", ""


# Kinds whose readiness means something without being asked.


def deployment_available(found: Object) -> tuple[bool, str]:
    """Whether a Deployment runs as many pods of its newest version as it should."""
    if not _is_current(found):
        return False, "the Deployment was not seen by its controller yet"
    status, spec = found.get("status") or {}, found.get("spec") or {}
    wanted = spec.get("replicas", 1)
    available, message = _condition(found, "Available")
    if (available == "True" and status.get("availableReplicas", 0) >= wanted) or wanted == 0:
        return True, ""
    return False, message or _condition(found, "Progressing")[1] or "minimum number of live Pods was not attained"


def _pod_ready(found: Object) -> tuple[bool, str]:
    phase = (found.get("status") or {}).get("phase", "")
    if phase == "Succeeded":
        return True, ""
    status, message = _condition(found, "Ready")
    return status == "True", message


def _job_complete(found: Object) -> tuple[bool, str]:
    failed, message = _condition(found, "Failed")
    if failed == "True":
        raise UnsatisfiableError(f"the Job failed: {message}")
    return _condition(found, "Complete")[0] == "True", ""


def established(found: Object) -> tuple[bool, str]:
    """Whether a custom resource definition is served."""
    refused, why = _condition(found, "NamesAccepted")
    if refused == "False":
        return False, why
    return _condition(found, "Established")[0] == "True", why


_BY_KIND: Mapping[tuple[str, str], Condition] = {
    ("apps", "Deployment"): deployment_available,
    ("", "Pod"): _pod_ready,
    ("batch", "Job"): _job_complete,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): established,
}


def delete_unreachable(setting: bool | None, environment: Mapping[str, str] = os.environ) -> bool:  # noqa: FBT001  a setting's value
    """Whether objects of a cluster that cannot be reached are dropped from state."""
    return bool(setting) or environment.get("PULUMI_K8S_DELETE_UNREACHABLE", "").lower() == "true"
