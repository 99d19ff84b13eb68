"""The state during a run: what was, what is new, what is under way; written so that a kill at any moment loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from localcloud.engine.checkpoint import Deployment, PendingOperation, checkpoint_text, deployment_text
from localcloud.engine.codec import Codec
from localcloud.engine.integrity import verify
from localcloud.engine.resource import Resource, resource_text


class Journal:
    """The two lists from which the file is made: the base, as it was read, and the new resources in completion order.

    Before an operation starts it is written down as pending; after it, the result is written and the entry removed.
    Writes that come while another is under way are made as one, so the cost of a run grows with the number of writes
    that the disk takes, not with the number of steps.
    """

    def __init__(self, base: Deployment, codec: Codec, stack: str, write: Callable[[str], None] | None) -> None:
        self.base = base
        self.codec = codec
        self._stack = stack
        self._write = write  # None in a preview
        self._new: list[Resource] = []
        self._gone: set[int] = set()
        self._pending: list[PendingOperation] = [each for each in base.pending if each.type == "creating"]
        self._version = 0
        self._written = 0
        self._lock = asyncio.Lock()
        self.observer: Callable[[list[Resource]], None] | None = None  # tests check the rules after every write

    def resources(self) -> Iterator[Resource]:
        """What is there now: the new ones, then what is left of the base."""
        for resource in self._new:
            if id(resource) not in self._gone:
                yield resource
        for resource in self.base.resources:
            if id(resource) not in self._gone:
                yield resource

    async def begin(self, kind: str, resource: Resource) -> PendingOperation:
        operation = PendingOperation(resource, kind)
        self._pending.append(operation)
        await self.flush()
        return operation

    def end(self, operation: PendingOperation | None) -> None:
        """Forget a pending operation. The caller notes its result, then flushes both together."""
        if operation is not None:
            self._pending.remove(operation)

    def done(self, old: Resource) -> None:
        """Take a resource out of the state."""
        self._gone.add(id(old))

    def add(self, new: Resource) -> None:
        """Put a resource into the state; what refers to it by an earlier name is made to use the new one."""
        self._new.append(new)
        for alias in new.aliases:
            self._rename(alias, new)
        new.aliases = []

    def replace_base(self, resources: list[Resource]) -> None:
        """Set the base anew, after a refresh."""
        self.base.resources = resources

    async def flush(self) -> None:
        """Return when the state as it is now is on disk."""
        self._version += 1
        wanted = self._version
        if self._write is None:
            return
        async with self._lock:
            if self._written >= wanted:
                return
            version = self._version
            text = self.text()
            await asyncio.to_thread(self._write, text)
            self._written = version

    def text(self) -> str:
        resources = list(self.resources())
        if self.observer is not None:
            self.observer(resources)
        deployment = deployment_text(resources, self._pending, self.base.secrets_providers, self.base.extra, self.codec)
        return checkpoint_text(self._stack, deployment)

    def freeze(self) -> None:
        """Leave the file as it is from now on."""
        self._write = None

    @property
    def unwritten(self) -> bool:
        return self._written < self._version

    def touch(self) -> None:
        """Note a change that need not be on disk before the next write or the end of the run."""
        self._version += 1

    async def close(self) -> None:
        """Write what has not been written, then check it: better a state that must be mended than one that is lost."""
        if self._write is not None and self.unwritten:
            await self.flush()
            verify(self.resources())

    def unchanged(self, old: Resource, new: Resource) -> bool:
        """Whether a write can be left out: the two say the same but for where in the source they come from."""
        if new.aliases:
            return False
        old.source_position, old.stack_trace = new.source_position, new.stack_trace
        return resource_text(_sorted(old), self.codec) == resource_text(_sorted(new), self.codec)

    def _rename(self, alias: str, new: Resource) -> None:
        for resource in [*self._new, *self.base.resources]:
            if id(resource) in self._gone or resource is new:
                continue
            if _rename_references(resource, alias, new.urn):
                resource.changed()


def _sorted(resource: Resource) -> Resource:
    if resource.dependencies and resource.dependencies != sorted(resource.dependencies):
        resource.dependencies = sorted(resource.dependencies)
        resource.changed()
    return resource


def _rename_references(resource: Resource, old: str, new: str) -> bool:
    """Rename a URN wherever a resource mentions it."""
    before = (
        resource.urn,
        resource.parent,
        resource.provider,
        resource.deleted_with,
        resource.dependencies,
        resource.property_dependencies,
    )
    if resource.urn == old:
        resource.urn = new
    if resource.parent == old:
        resource.parent = new
    if resource.deleted_with == old:
        resource.deleted_with = new
    if resource.provider.startswith(f"{old}::"):
        resource.provider = f"{new}::{resource.provider.rpartition('::')[2]}"
    resource.dependencies = [new if urn == old else urn for urn in resource.dependencies]
    resource.property_dependencies = {
        key: [new if urn == old else urn for urn in each] for key, each in resource.property_dependencies.items()
    }
    after = (
        resource.urn,
        resource.parent,
        resource.provider,
        resource.deleted_with,
        resource.dependencies,
        resource.property_dependencies,
    )
    return before != after
