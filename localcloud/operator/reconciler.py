"""From a key in the work queue to a look at the object, and from its end to when to look again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from localcloud.operator import resource as names
from localcloud.operator.attempt import POLL_SECONDS, Attempt, Terminal, Waiting
from localcloud.operator.errors import KubernetesError
from localcloud.operator.kube import Cluster
from localcloud.operator.look import Look, Policy
from localcloud.operator.resource import Key, Owner, Resource, merge_patch, status_differs
from localcloud.operator.sagemaker import TransformJobs


@dataclass(frozen=True)
class Outcome:
    """When to look again.

    Attributes:
        after: in so many seconds; None: only when the object changes.
        failure: what went wrong; then look again after a delay that grows with each failure.
    """

    after: float | None = None
    failure: str | None = None


DONE: Final = Outcome()
# How long a namespace's annotations are taken for known.
_NAMESPACE_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Sighting:
    """What was last seen of an object's job, and how to see it again."""

    job_name: str
    status: str
    jobs: TransformJobs
    failing: bool


def _ignore(_key: Key, _sighting: Sighting | None) -> None: ...


def _silent(message: str, **details: object) -> None: ...


@dataclass
class Reconciler:
    """Brings objects and jobs together; safe to use from several threads on different keys.

    Attributes:
        jobs: SageMaker in a region, at an endpoint if the namespace names one.
        default: account, partition and region of the operator itself.
        resync_seconds: how often to look at what is in order.
        reads_namespaces: whether a namespace's annotations count.
        observe: told what was seen of each object's job; None when there is nothing more to see.
    """

    cluster: Cluster
    jobs: Callable[[str, str | None], TransformJobs]
    default: Owner
    policy: Policy
    resync_seconds: float = 36000.0
    reads_namespaces: bool = True
    observe: Callable[[Key, Sighting | None], None] = _ignore
    log: Callable[..., None] = _silent
    sleep: Callable[[float], None] = field(default=time.sleep)
    _namespaces: dict[str, tuple[float, Mapping[str, str]]] = field(default_factory=dict)

    def reconcile(self, key: Key) -> Outcome:
        """Look at one object once.

        Raises:
            KubernetesError: the API server refused or could not be reached; look again, nothing is lost.
        """
        try:
            stored = Resource(self.cluster.get(key.namespace, key.name))
        except KubernetesError as error:
            if not error.not_found:
                raise
            self.observe(key, None)
            return DONE
        namespace = self._namespace(key.namespace)
        asked = stored.annotations.get(names.REGION) or namespace.get(names.DEFAULT_REGION) or self.default.region
        if stored.region and stored.region != asked:
            desired = stored.annotations.get(names.REGION, "")
            text = (
                f"Resource already exists in region {stored.region}, but the desired state specifies region {desired}. "
            )
            return Outcome(failure=text)
        return self._look(stored, asked, namespace)

    def _look(self, stored: Resource, region: str, namespace: Mapping[str, str]) -> Outcome:
        jobs = self.jobs(region, namespace.get(names.ENDPOINT_URL))
        owner = Owner(self.default.account, self.default.partition, region)
        policy = self.policy.for_namespace(namespace)
        attempt = Look(self.cluster, jobs, owner, policy, self.log, self.sleep).run(stored.copy())
        if attempt.latest is not None:
            self._write_status(stored, attempt.latest)
        self._tell(attempt.latest or stored, jobs, attempt.stopped)
        return self._outcome(attempt)

    def _namespace(self, name: str) -> Mapping[str, str]:
        if not self.reads_namespaces:
            return {}
        read_at, annotations = self._namespaces.get(name, (float("-inf"), {}))
        if time.monotonic() - read_at > _NAMESPACE_SECONDS:
            annotations = self._read_namespace(name)
            self._namespaces[name] = (time.monotonic(), annotations)
        return annotations

    def _read_namespace(self, name: str) -> Mapping[str, str]:
        try:
            return self.cluster.namespace_annotations(name)
        except KubernetesError as error:
            if error.status in {403, 404}:  # a namespaced installation may not read it
                return {}
            raise

    def _write_status(self, stored: Resource, latest: Resource) -> None:
        """ACK writes the status at every look, with new times; here only when it says something new."""
        if not status_differs(stored.status, latest.status):
            return
        change = {"status": merge_patch(stored.status, latest.status)}
        try:
            self.cluster.patch_status(stored.key.namespace, stored.key.name, change)
        except KubernetesError as error:
            if not error.not_found:
                raise

    def _tell(self, job: Resource, jobs: TransformJobs, stopped: Exception | None) -> None:
        sighting = None
        if job.job_name and job.job_status and not isinstance(stopped, Terminal):
            failing = stopped is not None and not isinstance(stopped, Waiting)
            sighting = Sighting(job.job_name, job.job_status, jobs, failing)
        self.observe(job.key, sighting)

    def _outcome(self, attempt: Attempt) -> Outcome:
        match attempt.stopped:
            case None:
                synced = attempt.latest and attempt.latest.condition(names.SYNCED)
                if not synced:
                    return DONE
                return Outcome(after=self.resync_seconds if synced["status"] == "True" else POLL_SECONDS)
            case Terminal():
                return DONE
            case Waiting(seconds=seconds):
                return Outcome(after=seconds)
            case error:
                return Outcome(failure=str(error))
