"""The running operator: watches TransformJobs, hands their keys to workers, and polls the status of running jobs.

ACK reconciles a running job every 30 seconds. The poller here notices within a second that a job has a new status: it
asks for the status only, and if it has changed, the object is reconciled. The number of calls is bounded: if there are
many jobs, it asks most often for those that have run longest, because they will probably end first.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from localcloud.kube import KubernetesError, Object
from localcloud.operator.fields import KIND
from localcloud.operator.reconciler import ObservedJob, Reconciler, Result
from localcloud.operator.resource import Key, TransformJobObjects
from localcloud.operator.sync import MODIFYING
from localcloud.operator.work_queue import WorkQueue

_RETRY_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 8.0
_INTERVAL_SECONDS: Final = 0.4
_CALLS_PER_INTERVAL: Final = 10


class Log:
    """The operator's log: one JSON object a line on stderr, with the members that ACK's controller writes."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __call__(self, message: str, *, level: str = "info", key: Key | None = None, **details: object) -> None:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        entry: dict[str, object] = {"level": level, "ts": now, "logger": "ackrt", "msg": message}
        if key is not None:
            entry |= {"kind": KIND, "namespace": key.namespace, "name": key.name}
        with self._lock:
            print(json.dumps(entry | details, default=str), file=sys.stderr, flush=True)


class StatusPoller:
    """Polls the status of running jobs.

    Args:
        enqueue: has an object reconciled.
        calls: the most calls in one interval.
    """

    def __init__(self, enqueue: Callable[[Key], None], calls: int = _CALLS_PER_INTERVAL) -> None:
        self._enqueue = enqueue
        self._calls = calls
        self._running: dict[Key, ObservedJob] = {}  # the longest running first
        self._next = 0
        self._lock = threading.Lock()
        self._some = threading.Event()

    def observe(self, key: Key, observed: ObservedJob | None) -> None:
        """Note the last known status of an object's job."""
        with self._lock:
            if observed is not None and (observed.status in MODIFYING or observed.failing):
                self._running[key] = observed
                self._some.set()
            else:
                self._running.pop(key, None)

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set."""
        while not stop.wait(_INTERVAL_SECONDS):
            if self._some.wait(_INTERVAL_SECONDS):
                self.poll()

    def poll(self) -> None:
        """Ask for the status of some of the jobs once."""
        for key, observed in self._chosen():
            status = observed.jobs.peek(observed.job_name)
            if status is not None and (observed.failing or status != observed.status):
                self._enqueue(key)

    def _chosen(self) -> list[tuple[Key, ObservedJob]]:
        with self._lock:
            running = list(self._running.items())
            if not running:
                self._some.clear()
            if len(running) <= self._calls:
                return running
            first, rest = running[: self._calls // 2], running[self._calls // 2 :]
            count = self._calls - len(first)
            start = self._next % len(rest)
            self._next = start + count
            return first + (rest + rest)[start : start + count]


@dataclass
class Controller:
    """The controller.

    Attributes:
        namespaces: those to watch; all if empty.
        workers: how many objects are reconciled at the same time.
    """

    source: TransformJobObjects
    reconciler: Reconciler
    log: Callable[..., None]
    namespaces: Sequence[str] = ()
    workers: int = 1
    queue: WorkQueue = field(default_factory=WorkQueue)
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Finish the objects that are being reconciled, then end `run`."""
        self._stop.set()

    def run(self) -> None:
        """Reconcile until stopped."""
        poller = StatusPoller(self.queue.add)
        self.reconciler.observe = poller.observe
        watchers = [
            threading.Thread(target=self._watch, args=(namespace,), daemon=True, name=f"watch-{namespace or 'all'}")
            for namespace in self.namespaces or [None]
        ]
        workers = [
            threading.Thread(target=self._work, daemon=True, name=f"worker-{number}") for number in range(self.workers)
        ]
        for thread in (*watchers, *workers):
            thread.start()
        self.log("Starting workers", worker_count=self.workers)
        poller.run(self._stop)
        self.queue.shut_down()
        for thread in workers:
            thread.join(_GRACE_SECONDS / len(workers))

    def _watch(self, namespace: str | None) -> None:
        while not self._stop.is_set():
            try:
                self._follow(namespace)
            except KubernetesError as error:
                if not error.gone:
                    self.log("watch of TransformJobs failed, trying again", level="error", error=str(error))
                    self._stop.wait(_RETRY_SECONDS)

    def _follow(self, namespace: str | None) -> None:
        """List all objects, then watch their changes until the resource version is too old."""
        listed = self.source.list(namespace)
        generations = {_key(item): item["metadata"].get("generation") for item in listed["items"]}
        for key in generations:
            self.queue.add(key)
        version: str = listed["metadata"]["resourceVersion"]
        while not self._stop.is_set():
            before = version
            for event in self.source.watch(namespace, version):
                version = event["object"]["metadata"]["resourceVersion"]
                self._enqueue(event, generations)
            if version == before:
                self._stop.wait(_RETRY_SECONDS)  # if each stream breaks at once, this must not become a busy loop

    def _enqueue(self, event: Object, generations: dict[Key, int | None]) -> None:
        if event["type"] == "BOOKMARK":
            return
        key, generation = _key(event["object"]), event["object"]["metadata"].get("generation")
        known = generations.get(key)
        if event["type"] == "DELETED":
            generations.pop(key, None)
        else:
            generations[key] = generation
        # The generation changes with the spec and with a deletion, but not with the status or an annotation.
        if event["type"] != "MODIFIED" or known != generation:
            self.queue.add(key)

    def _work(self) -> None:
        """Reconcile one key after the other until the queue is shut down."""
        while (key := self.queue.get()) is not None:
            try:
                self._requeue(key, self._reconcile(key))
            finally:
                self.queue.done(key)

    def _reconcile(self, key: Key) -> Result:
        try:
            return self.reconciler.reconcile(key)
        except KubernetesError as error:
            return Result(error=str(error))
        except Exception as error:  # noqa: BLE001  a fault with one object must not end the work on the others
            self.log("reconciling failed unexpectedly", level="error", key=key, error=repr(error))
            return Result(error=repr(error))

    def _requeue(self, key: Key, result: Result) -> None:
        if result.error is not None:
            delay = self.queue.add_rate_limited(key)
            self.log("Reconciler error", level="error", key=key, error=result.error, again_in_seconds=round(delay, 3))
            return
        self.queue.forget(key)
        if result.requeue_after is not None:
            self.queue.add_after(key, result.requeue_after)


def _key(item: Object) -> Key:
    return Key(item["metadata"]["namespace"], item["metadata"]["name"])
