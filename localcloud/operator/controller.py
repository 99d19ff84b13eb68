"""The running operator: watches TransformJobs, hands their keys to workers, and looks again when it is time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from localcloud.operator.errors import KubernetesError
from localcloud.operator.kube import Json, Source
from localcloud.operator.log import Log
from localcloud.operator.progress import Progress
from localcloud.operator.reconciler import Outcome, Reconciler
from localcloud.operator.resource import Key
from localcloud.operator.work_queue import WorkQueue

_RETRY_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 8.0


class Reconciles(Protocol):
    def reconcile(self, key: Key) -> Outcome: ...


@dataclass
class Controller:
    """All of it.

    Attributes:
        namespaces: those to watch; none means all.
        selector: labels that objects must have.
        workers: how many objects are looked at at the same time.
        watches: whether it looks at any; ACK's `reconcile.resources` may name other kinds only.
    """

    source: Source
    reconciler: Reconciler
    log: Log
    namespaces: Sequence[str] = ()
    selector: str = ""
    workers: int = 1
    watches: bool = True
    queue: WorkQueue = field(default_factory=WorkQueue)
    _stop: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Finish what is being looked at, then end `run`."""
        self._stop.set()

    def run(self) -> None:
        """Work until stopped."""
        progress = Progress(self.queue.add)
        self.reconciler.observe = progress.observe
        watchers = [
            threading.Thread(target=self._watch, args=(namespace,), daemon=True, name=f"watch-{namespace or 'all'}")
            for namespace in ((self.namespaces or [None]) if self.watches else ())
        ]
        workers = [
            threading.Thread(target=work, args=(self.queue, self.reconciler, self.log), daemon=True, name=f"worker-{n}")
            for n in range(self.workers)
        ]
        for thread in (*watchers, *workers):
            thread.start()
        self.log("Starting workers", worker_count=self.workers)
        progress.run(self._stop)
        self.queue.close()
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
        """List all objects, then follow their changes until the server has forgotten where we stand."""
        listed = self.source.list(namespace, self.selector)
        generations = {_key(item): item["metadata"].get("generation") for item in listed["items"]}
        for key in generations:
            self.queue.add(key)
        version: str = listed["metadata"]["resourceVersion"]
        while not self._stop.is_set():
            before = version
            for event in self.source.watch(namespace, version, self.selector):
                version = event["object"]["metadata"]["resourceVersion"]
                self._take_note(event, generations)
            if version == before:
                self._stop.wait(_RETRY_SECONDS)  # a stream that breaks at once must not become a busy loop

    def _take_note(self, event: Json, generations: dict[Key, int | None]) -> None:
        if event["type"] == "BOOKMARK":
            return
        key, generation = _key(event["object"]), event["object"]["metadata"].get("generation")
        known = generations.get(key)
        if event["type"] == "DELETED":
            generations.pop(key, None)
        else:
            generations[key] = generation
        # The generation changes with the spec and with the wish to delete, not with status or annotations.
        if event["type"] != "MODIFIED" or known != generation:
            self.queue.add(key)


def work(queue: WorkQueue, reconciler: Reconciles, log: Log) -> None:
    """Look at one key after the other until the queue is closed."""
    while (key := queue.take()) is not None:
        try:
            _settle(queue, key, _look(reconciler, key, log), log)
        finally:
            queue.done(key)


def _look(reconciler: Reconciles, key: Key, log: Log) -> Outcome:
    try:
        return reconciler.reconcile(key)
    except KubernetesError as error:
        return Outcome(failure=str(error))
    except Exception as error:  # noqa: BLE001  one object's trouble must not end the work on the others
        log("reconciling failed unexpectedly", level="error", key=key, error=repr(error))
        return Outcome(failure=repr(error))


def _settle(queue: WorkQueue, key: Key, outcome: Outcome, log: Log) -> None:
    if outcome.failure is not None:
        delay = queue.add_failed(key)
        log("Reconciler error", level="error", key=key, error=outcome.failure, again_in_seconds=round(delay, 3))
        return
    queue.forgive(key)
    if outcome.after is not None:
        queue.add_after(key, outcome.after)


def _key(item: Json) -> Key:
    return Key(item["metadata"]["namespace"], item["metadata"]["name"])
