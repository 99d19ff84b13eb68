"""One synchronisation of one TransformJob: it makes SageMaker's job match the object.

It acts as ACK's runtime and its SageMaker controller do, down to the texts of the conditions: programs wait on them.
In short: add the finalizer, describe the job, create it if it does not exist, and copy the members that SageMaker filled in
into the spec.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from localcloud.kube import KubernetesError
from localcloud.operator import resource
from localcloud.operator.fields import to_api
from localcloud.operator.resource import Owner, Resource, TransformJobObjects, merge_patch
from localcloud.operator.rules import (
    ADOPT,
    ADOPT_OR_CREATE,
    DEFAULT_TAGS,
    POLL_SECONDS,
    RefusedError,
    RequeueAfter,
    SyncResult,
    Terminal,
    adoption,
    specs_differ,
    sum_up,
    with_controller_tags,
)
from localcloud.operator.sagemaker import ApiError, CallError, SageMaker

MODIFYING: Final = frozenset({"InProgress", "Stopping"})
_LATE_INITIALIZATION_SECONDS: Final = 5.0
_LATE_INITIALIZED: Final = ("compressionType", "splitType")
# SageMaker may not find a new job for a moment.
_READ_AFTER_CREATE_DELAYS: Final = (0.0, 0.5, 0.75, 1.1, 1.7, 2.5, 3.4)

_NOT_MANAGED: Final = "Resource already exists"
_NOT_MANAGED_REASON: Final = (
    "This resource already exists but is not managed by ACK. To bring the resource under ACK management, you should "
    "explicitly adopt the resource by enabling the ResourceAdoption feature gate and populating the "
    "`services.k8s.aws/adoption-policy` and `services.k8s.aws/adoption-fields` annotations."
)


class _NotFound(Exception):  # noqa: N818  the ordinary case of a job to be created
    """SageMaker has no job of that name."""

    def __init__(self) -> None:
        super().__init__("resource not found")


@dataclass(frozen=True)
class Policy:
    """The controller's settings that decide how objects are treated."""

    version: str
    resource_tags: tuple[str, ...] = DEFAULT_TAGS
    deletion_policy: str = "delete"

    def for_namespace(self, annotations: Mapping[str, str]) -> Policy:
        """The policy with a namespace's annotations applied."""
        default = annotations.get(resource.SERVICE_DELETION_POLICY, self.deletion_policy)
        return replace(self, deletion_policy=default)


@dataclass(frozen=True)
class Sync:
    """One synchronisation. It raises KubernetesErrors, because after one the object's status cannot be written either.

    Attributes:
        cluster: the TransformJob objects.
        jobs: SageMaker's jobs.
        owner: account, partition and region of the jobs.
        policy: the controller's settings.
        log: takes lines of the log.
        sleep: waits for some seconds.
    """

    cluster: TransformJobObjects
    jobs: SageMaker
    owner: Owner
    policy: Policy
    log: Callable[..., None]
    sleep: Callable[[float], None]

    def run(self, job: Resource) -> SyncResult:
        return self._end(job) if job.is_being_deleted else self._sync(job)

    # Deletion

    def _end(self, job: Resource) -> SyncResult:
        if not job.is_managed:
            return SyncResult(None)
        keep = job.annotations.get(resource.DELETION_POLICY, self.policy.deletion_policy) != "delete"
        if keep or job.is_read_only:
            self.log("AWS resource will not be deleted - deletion policy set to retain", key=job.key)
            self._unmanage(job)
            return SyncResult(job)
        return self._delete(job)

    def _delete(self, job: Resource) -> SyncResult:
        try:
            observed = self._read(job)
        except _NotFound:
            self._unmanage(job)
            return SyncResult(job)
        except CallError as error:  # ACK does not write it to the status
            return SyncResult(None, Terminal() if error.terminal else error)
        attempt = self._stop(observed)
        if attempt.latest is not None:
            self._patch(job, attempt.latest)
        if attempt.stopped is None:
            self._unmanage(attempt.latest or job)
            self.log("deleted resource", key=job.key)
        return attempt

    def _stop(self, observed: Resource) -> SyncResult:
        """Stop the job if it runs, and wait until it has stopped."""
        if _has_ended(observed):
            return SyncResult(observed)
        try:
            if observed.job_status != "Stopping":
                self.jobs.stop(observed.job_name or "")
                observed.body["status"] = self._read(observed).status
                if _has_ended(observed):
                    return SyncResult(observed)  # ACK waits all the same, and removes the finalizer half a minute later
        except _NotFound:
            return SyncResult(None)
        except CallError as error:
            return self._failed(observed, error)
        # ACK shows the wait as a recoverable condition.
        waiting = RequeueAfter("TransformJob is Stopping.", POLL_SECONDS)
        observed.set_condition(resource.RECOVERABLE, "True", str(waiting), timed=False)
        return SyncResult(observed, waiting)

    # Creation and adoption

    def _sync(self, job: Resource) -> SyncResult:
        job.clear_conditions()
        try:
            mode, wanted = adoption(job)
        except RefusedError as refused:
            job.set_condition(resource.TERMINAL, "True", str(refused))
            return SyncResult(job, Terminal())
        attempt = self._converge(job, wanted, mode)
        if attempt.latest is not None:
            sum_up(attempt.latest, attempt.stopped)
        return attempt

    def _converge(self, job: Resource, wanted: Resource, mode: str) -> SyncResult:
        try:
            latest = self._read(wanted)
        except _NotFound:
            attempt = self._absent(wanted, must_exist=mode == ADOPT or job.is_adopted)
        except CallError as error:
            return self._failed(wanted, error)
        else:
            if job.is_read_only and mode != ADOPT:
                return SyncResult(latest)
            attempt = self._present(job, wanted, latest, mode)
        if attempt.stopped is not None or attempt.latest is None:
            return attempt
        return self._late_initialize(attempt.latest)

    def _absent(self, wanted: Resource, *, must_exist: bool) -> SyncResult:
        if must_exist:
            return SyncResult(None, CallError("adopted resource not found"))
        if wanted.is_read_only:
            return SyncResult(None, CallError("read-only resource not found"))
        return self._create(wanted)

    def _present(self, job: Resource, wanted: Resource, latest: Resource, mode: str) -> SyncResult:
        if mode:
            self._manage(latest, adopted=True)
            self.log("adopted resource", key=job.key)
        if mode == ADOPT:
            self._patch(job, latest)
            return SyncResult(latest)
        if mode == ADOPT_OR_CREATE:
            return SyncResult(latest, RequeueAfter("adopted resource, requeuing to check for updates", 0.0))
        return self._update(wanted, latest)

    def _update(self, wanted: Resource, latest: Resource) -> SyncResult:
        if not latest.is_managed:
            latest.set_condition(resource.TERMINAL, "True", _NOT_MANAGED, _NOT_MANAGED_REASON)
            return SyncResult(latest, Terminal())
        if specs_differ(self._caught_up(wanted, latest).spec, latest.spec):
            latest.set_condition(resource.TERMINAL, "True", "not implemented", timed=False)
            return SyncResult(latest, Terminal())
        return SyncResult(latest)

    def _caught_up(self, wanted: Resource, latest: Resource) -> Resource:
        """The object with the members that an earlier synchronisation should have copied from SageMaker into its spec.

        ACK treats the missing members as a change of the spec, which is terminal. An adopted job has no earlier
        synchronisation.
        """
        given, observed = wanted.spec.get("transformInput"), latest.spec.get("transformInput") or {}
        missing = [name for name in _LATE_INITIALIZED if name in observed and (given or {}).get(name) is None]
        if given is None or not missing or wanted.is_adopted:
            return wanted
        caught_up = wanted.copy()
        caught_up.spec["transformInput"] = given | {name: observed[name] for name in missing}
        if not specs_differ(caught_up.spec, latest.spec):
            self._patch(wanted, caught_up)
        return caught_up

    def _create(self, wanted: Resource) -> SyncResult:
        # The finalizer first: if this process ends here, the next one knows that the job is its own.
        self._manage(wanted)
        tags = with_controller_tags(wanted, self.policy.resource_tags, self.policy.version)
        try:
            arn = self.jobs.create(to_api({**wanted.spec, "tags": tags or None}))
        except CallError as error:
            attempt = self._failed(wanted, error)
            if error.refused and not error.terminal:  # there is no job, so the object may be deleted at any time
                self._unmanage(wanted)
            return attempt
        self.log("created new resource", key=wanted.key, arn=arn)
        created = wanted.copy()
        created.note_owner(self.owner, arn)
        return self._read_after_create(created)

    def _read_after_create(self, created: Resource) -> SyncResult:
        for delay in _READ_AFTER_CREATE_DELAYS:
            self.sleep(delay)
            try:
                created.body["status"] = self._read(created).status
            except _NotFound:
                continue
            except CallError as error:
                return SyncResult(created, Terminal() if error.terminal else error)
            return SyncResult(created)
        attempts = len(_READ_AFTER_CREATE_DELAYS) - 1
        text = f"ReadOne call failed after a Create operation: number of attempts: {attempts}"
        return SyncResult(created, CallError(text))

    def _late_initialize(self, latest: Resource) -> SyncResult:
        """Copy the values that SageMaker filled in for members that the spec omits."""
        result = latest.copy()
        try:
            observed = self._read(latest).spec.get("transformInput") or {}
        except (CallError, _NotFound) as error:
            message = "Unable to complete Read operation required for late initialization"
            result.set_condition(resource.LATE_INITIALIZED, "False", message, "Late Initialization Failure")
            result.set_condition(resource.SYNCED, "False")
            return SyncResult(result, Terminal() if isinstance(error, CallError) and error.terminal else error)
        given: dict[str, Any] = result.spec.get("transformInput") or {}
        for member in _LATE_INITIALIZED:
            if given.get(member) is None and observed.get(member) is not None:
                given[member] = observed[member]
        stopped = _note_late_initialization(result, complete=all(given.get(member) for member in _LATE_INITIALIZED))
        self._patch(latest, result)
        return SyncResult(result, stopped)

    # Shared steps

    def _read(self, job: Resource) -> Resource:
        """The object with its job as SageMaker describes it now."""
        if job.job_name is None:
            raise _NotFound
        try:
            description = self.jobs.describe(job.job_name)
        except ApiError as error:
            if error.not_found:
                raise _NotFound from error
            raise
        latest = job.copy()
        latest.note_description(description, self.owner)
        if status := latest.job_status:
            synced = "False" if status in MODIFYING else "True"
            latest.set_condition(resource.SYNCED, synced, f"TransformJob is in {status} status.")
        for kind in (resource.TERMINAL, resource.RECOVERABLE):
            if latest.condition(kind):
                latest.set_condition(kind, "False", timed=False)
        return latest

    def _failed(self, job: Resource, error: CallError) -> SyncResult:
        latest = job.copy()
        latest.note_owner(self.owner)
        if error.terminal:
            latest.set_condition(resource.TERMINAL, "True", error.short, timed=False)
            return SyncResult(latest, Terminal())
        if latest.condition(resource.TERMINAL):
            latest.set_condition(resource.TERMINAL, "False", timed=False)
        latest.set_condition(resource.RECOVERABLE, "True", error.short, timed=False)
        return SyncResult(latest, error)

    def _manage(self, job: Resource, *, adopted: bool = False) -> None:
        if not job.is_managed:
            before = job.copy()
            job.mark_managed(adopted=adopted)
            self._patch(before, job)

    def _unmanage(self, job: Resource) -> None:
        if job.is_managed:
            before = job.copy()
            job.mark_unmanaged()
            try:
                self._patch(before, job)
            except KubernetesError as error:
                if not error.not_found:  # otherwise the object is deleted already
                    raise

    def _patch(self, before: Resource, after: Resource) -> None:
        """Write changes of metadata and spec, and take the metadata from the API server's answer."""
        metadata = {
            part: after.metadata.get(part)
            for part in ("annotations", "finalizers")
            if (after.metadata.get(part) or None) != (before.metadata.get(part) or None)
        }
        if not metadata and not specs_differ(before.spec, after.spec):
            return
        if "finalizers" in metadata:
            # A list is replaced as a whole: do not overwrite a finalizer that another client has just added.
            metadata["resourceVersion"] = after.metadata.get("resourceVersion")
        spec = merge_patch(before.spec, after.spec)
        change = {name: part for name, part in (("metadata", metadata), ("spec", spec)) if part}
        after.body["metadata"] = self.cluster.patch(after.key.namespace, after.key.name, change)["metadata"]


def _has_ended(job: Resource) -> bool:
    return job.job_status not in {None, *MODIFYING}


def _note_late_initialization(job: Resource, *, complete: bool) -> Exception | None:
    if complete:
        text = "Late initialization successful"
        job.set_condition(resource.LATE_INITIALIZED, "True", text, text)
        return None
    text = "Late initialization did not complete, requeuing with delay of 5 seconds"
    job.set_condition(resource.LATE_INITIALIZED, "False", text, "Delayed Late Initialization")
    job.set_condition(resource.SYNCED, "False")
    return RequeueAfter("", _LATE_INITIALIZATION_SECONDS)
