"""Reconciles one object: reads it, synchronises it with SageMaker, writes its status, and says when to do so again."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from localcloud.kube import KubernetesError
from localcloud.operator import resource
from localcloud.operator.resource import Key, Owner, Resource, TransformJobObjects, merge_patch, status_differs
from localcloud.operator.rules import POLL_SECONDS, RequeueAfter, SyncResult, Terminal
from localcloud.operator.sagemaker import SageMaker
from localcloud.operator.sync import Policy, Sync


@dataclass(frozen=True)
class Result:
    """When to reconcile an object again.

    Attributes:
        requeue_after: seconds until then; None if only a change of the object starts the next reconciliation.
        error: the failure; the delay grows with each failure in a row.
    """

    requeue_after: float | None = None
    error: str | None = None


DONE: Final = Result()
_RESYNC_SECONDS: Final = 36000.0  # how often an object that is in order is reconciled
_NAMESPACE_SECONDS: Final = 2.0  # how long a namespace's annotations are cached


@dataclass(frozen=True)
class ObservedJob:
    """The last known status of an object's job, and the client that can ask for it again."""

    job_name: str
    status: str
    jobs: SageMaker
    failing: bool


@dataclass
class Reconciler:
    """Brings objects and jobs together; safe to use from several threads on different keys.

    Attributes:
        jobs: SageMaker in a region, at an endpoint if the namespace names one.
        default: account, partition and region of the operator itself.
        reads_namespaces: whether a namespace's annotations count.
        observe: gets the last known status of each object's job; None when the job needs no more polling.
    """

    cluster: TransformJobObjects
    jobs: Callable[[str, str | None], SageMaker]
    default: Owner
    policy: Policy
    reads_namespaces: bool = True
    observe: Callable[[Key, ObservedJob | None], None] = lambda _key, _observed: None
    log: Callable[..., None] = lambda _message, **_details: None
    sleep: Callable[[float], None] = field(default=time.sleep)
    _namespaces: dict[str, tuple[float, Mapping[str, str]]] = field(default_factory=dict)

    def reconcile(self, key: Key) -> Result:
        """Reconcile one object once.

        Raises:
            KubernetesError: the API server refused a request or could not be reached. The caller tries again.
        """
        try:
            stored = Resource(self.cluster.get(key.namespace, key.name))
        except KubernetesError as error:
            if not error.not_found:
                raise
            self.observe(key, None)
            return DONE
        namespace = self._namespace(key.namespace)
        desired = stored.annotations.get(resource.REGION, "")
        region = desired or namespace.get(resource.DEFAULT_REGION) or self.default.region
        if stored.region and stored.region != region:
            return Result(
                error=f"Resource already exists in region {stored.region}, "
                f"but the desired state specifies region {desired}. "
            )
        return self._sync(stored, region, namespace)

    def _sync(self, stored: Resource, region: str, namespace: Mapping[str, str]) -> Result:
        jobs = self.jobs(region, namespace.get(resource.ENDPOINT_URL))
        owner = Owner(self.default.account, self.default.partition, region)
        policy = self.policy.for_namespace(namespace)
        attempt = Sync(self.cluster, jobs, owner, policy, self.log, self.sleep).run(stored.copy())
        if attempt.latest is not None:
            self._write_status(stored, attempt.latest)
        self._observe(attempt.latest or stored, jobs, attempt.stopped)
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
        """Write the status if it differs by more than its times; ACK writes it at every synchronisation."""
        if not status_differs(stored.status, latest.status):
            return
        change = {"status": merge_patch(stored.status, latest.status)}
        try:
            self.cluster.patch_status(stored.key.namespace, stored.key.name, change)
        except KubernetesError as error:
            if not error.not_found:
                raise

    def _observe(self, job: Resource, jobs: SageMaker, stopped: Exception | None) -> None:
        observed = None
        if job.job_name and job.job_status and not isinstance(stopped, Terminal):
            failing = stopped is not None and not isinstance(stopped, RequeueAfter)
            observed = ObservedJob(job.job_name, job.job_status, jobs, failing)
        self.observe(job.key, observed)

    def _outcome(self, attempt: SyncResult) -> Result:
        match attempt.stopped:
            case None:
                synced = attempt.latest and attempt.latest.condition(resource.SYNCED)
                if not synced:
                    return DONE
                return Result(requeue_after=_RESYNC_SECONDS if synced["status"] == "True" else POLL_SECONDS)
            case Terminal():
                return DONE
            case RequeueAfter(seconds=seconds):
                return Result(requeue_after=seconds)
            case error:
                return Result(error=str(error))
