"""Step execution: calls the provider, and writes down before and after what it does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, nullcontext

from localcloud.engine import urns
from localcloud.engine.checkpoint import PendingOperation
from localcloud.engine.errors import EngineError, PluginError, ProviderError, RegistrationError
from localcloud.engine.generation import Generator
from localcloud.engine.journal import Journal
from localcloud.engine.provider import PartialFailureError, Provider
from localcloud.engine.registry import Registry
from localcloud.engine.resource import Resource, now
from localcloud.engine.steps import Op, Step
from localcloud.engine.values import Secret, equal
from localcloud.engine.wire import UNKNOWN_TEXT


class ProtectedError(EngineError):
    """A resource that must not be deleted."""


class Executor:
    """Carries out the steps of one deployment."""

    def __init__(
        self, generator: Generator, registry: Registry, journal: Journal, *, preview: bool, parallel: int
    ) -> None:
        self._generator = generator
        self._registry = registry
        self._journal = journal
        self._preview = preview
        self._slots = asyncio.Semaphore(parallel) if parallel > 0 else None

    def _slot(self) -> AbstractAsyncContextManager[None]:
        return self._slots if self._slots is not None else nullcontext()

    async def execute(self, step: Step) -> None:
        """Carry out a step. Its new resource, if it has one, is complete and on disk when this returns.

        Raises:
            EngineError: it failed; what is known of the object is on disk.
        """
        handlers: dict[Op, Callable[[Step], Awaitable[None]]] = {
            Op.SAME: self._same,
            Op.CREATE: self._create,
            Op.CREATE_REPLACEMENT: self._create,
            Op.UPDATE: self._update,
            Op.REPLACE: self._nothing,
            Op.DELETE: self._delete,
            Op.DELETE_REPLACED: self._delete,
            Op.DISCARD: self._delete,
            Op.DISCARD_REPLACED: self._delete,
            Op.READ: self._read,
            Op.READ_REPLACEMENT: self._read,
            Op.REMOVE_PENDING_REPLACE: self._forget,
        }
        await handlers[step.op](step)

    async def _nothing(self, step: Step) -> None:
        """A replace is only the name of what its two halves do."""

    # --- same

    async def _same(self, step: Step) -> None:
        old, new = _both(step)
        new.id, new.outputs = old.id, old.outputs
        protect_outputs(new)
        if urns.is_provider(new.type):
            self._registry.same(new.urn, new.id, old.inputs)
        elide = self._preview or self._journal.unchanged(old, new)
        self._journal.done(old)
        self._journal.add(new)
        if not elide:
            self._journal.touch()

    # --- create

    async def _create(self, step: Step) -> None:
        old, new = step.old, step.resource
        operation: PendingOperation | None = None
        failure: PartialFailureError | None = None
        if urns.is_provider(new.type):
            new.id, new.outputs = self._registry.create(new.urn, new.inputs)
        elif new.custom:
            provider = self._provider(new)
            async with self._slot():
                operation = await self._begin("creating", new)
                try:
                    timeout = new.custom_timeouts.get("create", 0.0)
                    new.id, new.outputs = await provider.create(new.urn, new.inputs, timeout, preview=self._preview)
                except PartialFailureError as error:
                    failure = error
                    new.id, new.outputs, new.init_errors = error.id, error.outputs, error.reasons
                except PluginError:
                    raise  # the plugin is gone, the object may be there: it stays noted as pending
                except BaseException:
                    await self._abandon(operation)
                    raise
        new.created = new.modified = now()
        if step.pending_delete and old is not None:
            old.delete = True
            old.changed()
        await self._finish_new(step, operation, keep_old=not (old is not None and old.pending_replacement))
        if failure is not None:
            raise failure

    async def _finish_new(self, step: Step, operation: PendingOperation | None, *, keep_old: bool) -> None:
        protect_outputs(step.resource)
        step.resource.changed()
        self._journal.end(operation)
        if not keep_old and step.old is not None:
            self._journal.done(step.old)
        self._journal.add(step.resource)
        if operation is not None:
            await self._journal.flush()
        else:
            self._journal.touch()  # nothing outside was made: the next write may carry it

    # --- update

    async def _update(self, step: Step) -> None:
        old, new = _both(step)
        new.id = old.id
        operation: PendingOperation | None = None
        failure: PartialFailureError | None = None
        if urns.is_provider(new.type):
            new.outputs = self._registry.update(new.urn, new.id, new.inputs)
            new.modified = now()
        elif new.custom:
            provider = self._provider(new)
            async with self._slot():
                operation = await self._begin("updating", new)
                try:
                    new.outputs = await self._call_update(provider, step)
                except PartialFailureError as error:
                    # The new inputs were not applied in full, so the next update must see a difference.
                    failure = error
                    new.outputs, new.inputs, new.init_errors = error.outputs, old.inputs, error.reasons
                except BaseException:
                    await self._abandon(operation)
                    raise
            new.modified = now()
        await self._finish_new(step, operation, keep_old=False)
        if failure is not None:
            raise failure

    async def _call_update(self, provider: Provider, step: Step) -> dict[str, object]:
        old, new = _both(step)
        return await provider.update(
            new.urn,
            old.id,
            old.inputs,
            old.outputs,
            new.inputs,
            new.custom_timeouts.get("update", 0.0),
            step.ignore_changes,
            preview=self._preview,
        )

    # --- delete

    async def _delete(self, step: Step) -> None:
        old = step.resource
        if step.op == Op.DELETE and old.protect:
            raise ProtectedError(
                f'resource "{old.urn}" cannot be deleted\nbecause it is protected. To unprotect the resource, either '
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`, or use the "
                f"command:\n`pulumi state unprotect '{old.urn}'`"
            )
        operation: PendingOperation | None = None
        if self._must_call_delete(old):
            provider = await self._generator.ensure_provider(old)
            assert provider is not None  # noqa: S101  custom resources have one
            async with self._slot():
                operation = await self._begin("deleting", old)
                try:
                    timeout = old.custom_timeouts.get("delete", 0.0)
                    await provider.delete(old.urn, old.id, old.inputs, old.outputs, timeout)
                except BaseException:
                    await self._abandon(operation)
                    raise
        self._journal.end(operation)
        if step.pending_replacement:
            old.pending_replacement = True
            old.changed()
        else:
            self._journal.done(old)
        if operation is not None:
            await self._journal.flush()
        else:
            self._journal.touch()

    def _must_call_delete(self, old: Resource) -> bool:
        spared = old.external or old.retain_on_delete or old.deleted_with in self._generator.seen.deletes
        return old.custom and not self._preview and not spared and not urns.is_provider(old.type)

    async def _forget(self, step: Step) -> None:
        self._journal.done(step.resource)
        self._journal.touch()

    # --- read

    async def _read(self, step: Step) -> None:
        new, old = step.resource, step.old
        # What has no id yet, in a preview, cannot be asked for: nothing is known of it.
        operation = None if new.id == UNKNOWN_TEXT else await self._look_up(new)
        if old is not None:
            changed = outputs_changed(old, new) or not equal(old.inputs, new.inputs)
            new.created, new.modified = old.created, now() if changed else old.modified
        if step.op == Op.READ_REPLACEMENT and old is not None:
            old.delete = True
            old.changed()
        await self._finish_new(step, operation, keep_old=old is None or step.op == Op.READ_REPLACEMENT)

    async def _look_up(self, new: Resource) -> PendingOperation | None:
        provider = self._provider(new)
        async with self._slot():
            operation = await self._begin("reading", new)
            try:
                result = await provider.read(new.urn, new.id, new.inputs, new.inputs)
            except BaseException:
                await self._abandon(operation)
                raise
        if not result.id or result.outputs is None:
            await self._abandon(operation)
            raise ProviderError(f"resource '{new.id}' does not exist")
        new.id, new.outputs, new.init_errors = result.id, result.outputs, result.init_errors
        return operation

    # --- pending operations

    async def _begin(self, kind: str, resource: Resource) -> PendingOperation | None:
        if self._preview:
            return None
        resource.changed()
        return await self._journal.begin(kind, resource)

    async def _abandon(self, operation: PendingOperation | None) -> None:
        """The operation came to an end and made nothing that is known of."""
        self._journal.end(operation)
        if operation is not None:
            operation.resource.changed()
            await asyncio.shield(self._journal.flush())

    def _provider(self, resource: Resource) -> Provider:
        provider = self._registry.get(resource.provider)
        if provider is None:
            raise RegistrationError(f"unknown provider '{resource.provider}' for {resource.urn}")
        return provider


def _both(step: Step) -> tuple[Resource, Resource]:
    assert step.old is not None  # noqa: S101  the generator made it so
    assert step.new is not None  # noqa: S101
    return step.old, step.new


def protect_outputs(resource: Resource) -> None:
    """Make outputs secret that the program says are, and those whose input of the same name is."""
    names: Iterable[str] = [
        *resource.additional_secret_outputs,
        *(key for key, value in resource.inputs.items() if type(value) is Secret),
    ]
    hidden = {
        key: Secret(resource.outputs[key])
        for key in names
        if key in resource.outputs and type(resource.outputs[key]) is not Secret
    }
    if hidden:
        resource.outputs = {**resource.outputs, **hidden}


def outputs_changed(old: Resource | None, new: Resource) -> bool:
    return old is None or not equal(old.outputs, new.outputs)
