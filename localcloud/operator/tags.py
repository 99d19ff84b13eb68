"""The tags that the controller puts on each job, beside those of its spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from localcloud.operator.crd import KIND
from localcloud.operator.resource import Json, Resource

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
