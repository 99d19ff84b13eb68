"""One deployment: registrations come in from the program and from component plugins, steps are made and carried out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from localcloud.engine import urns
from localcloud.engine.config import Config
from localcloud.engine.errors import BailError, EngineError, RegistrationError
from localcloud.engine.execution import Executor, ProtectedError, outputs_changed
from localcloud.engine.generation import Generator
from localcloud.engine.goals import Goal
from localcloud.engine.graph import Graph, deletion_order
from localcloud.engine.journal import Journal
from localcloud.engine.registry import Registry, default_provider_inputs, default_provider_name
from localcloud.engine.resource import Resource
from localcloud.engine.steps import Op, Step
from localcloud.engine.values import Properties

T = TypeVar("T")
_MONITOR_GONE = "Resource monitor has terminated"


class Observer(Protocol):
    """Who is told what happens, and shows it."""

    def started(self, step: Step) -> None: ...
    def finished(self, step: Step) -> None: ...
    def failed(self, step: Step, message: str) -> None: ...
    def diagnostic(self, severity: str, urn: str, message: str, *, ephemeral: bool = False) -> None: ...


class StoppedError(Exception):
    """The deployment is coming to its end; nothing new is begun."""


@dataclass(slots=True)
class Outcome:
    """What became of a deployment."""

    failed: bool = False
    cancelled: bool = False
    changes: dict[Op, int] = field(default_factory=dict[Op, int])
    outputs: Properties = field(default_factory=dict[str, Any])
    old_outputs: Properties = field(default_factory=dict[str, Any])


class Deployment:
    """Takes registrations one by one as they come and returns when each is done."""

    def __init__(
        self,
        *,
        stack: str,
        project: str,
        config: Config,
        registry: Registry,
        journal: Journal,
        observer: Observer,
        preview: bool,
        parallel: int,
        replace: frozenset[str] = frozenset(),
        default_version: Callable[[str], str] = lambda _: "",
    ) -> None:
        self.stack, self.project, self.config = stack, project, config
        self.registry, self.journal, self.observer = registry, journal, observer
        self.preview, self.parallel = preview, parallel
        self.generator = Generator(
            stack, project, journal.base.resources, registry, observer.diagnostic, preview=preview, replace=replace
        )
        self.executor = Executor(self.generator, registry, journal, preview=preview, parallel=parallel)
        self.outcome = Outcome()
        self.states: dict[str, Resource] = {}
        self.stopping = asyncio.Event()
        self.program_done = asyncio.Event()
        self.ended = asyncio.Event()
        self.stack_outputs: Properties | None = None
        self._default_version = default_version
        self._default_providers: dict[tuple[str, str, str], asyncio.Task[str]] = {}
        self._working = 0
        self._idle = asyncio.Event()
        self._idle.set()

    # --- life

    def fail(self, urn: str, error: BaseException) -> None:
        """Note a failure and begin no more steps."""
        if not isinstance(error, BailError):
            self.observer.diagnostic("error", urn, str(error) or type(error).__name__)
        self.outcome.failed = True
        self.stopping.set()

    def cancel(self) -> None:
        self.outcome.cancelled = True
        self.outcome.failed = True
        self.stopping.set()

    def _go_on(self) -> None:
        if self.stopping.is_set():
            raise StoppedError

    async def settled(self) -> None:
        """Return when no registration is being worked on."""
        await self._idle.wait()

    async def work(self, urn: str, work: Coroutine[Any, Any, T]) -> T:
        """Do a part of the deployment; a failure in it is the deployment's.

        Raises:
            StoppedError: it failed, or something else has.
        """
        if self.stopping.is_set():
            work.close()
            raise StoppedError
        self._working += 1
        self._idle.clear()
        # The caller may go away (a program that is killed), what was begun must come to its end.
        task = asyncio.ensure_future(work)
        task.add_done_callback(self._worked)
        try:
            return await asyncio.shield(task)
        except EngineError as error:
            self.fail(urn, error)
            raise StoppedError from error

    def _worked(self, task: asyncio.Task[Any]) -> None:
        self._working -= 1
        if not self._working:
            self._idle.set()
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, EngineError | StoppedError):
            self.fail("", error)

    def log(self, severity: str, urn: str, message: str, *, ephemeral: bool) -> None:
        """Pass a message of the program or a plugin on; that something failed is said by how it ends, not by words."""
        if self.stopping.is_set() and message.startswith(_MONITOR_GONE):
            return  # the SDK's echo of our own end
        self.observer.diagnostic(severity, urn, message, ephemeral=ephemeral)

    async def program_is_done(self) -> None:
        """The program has registered everything; returns when the deployment has come to its end."""
        self.program_done.set()
        await self.ended.wait()

    # --- registrations

    async def register(self, goal: Goal) -> Resource:
        """Make a resource as the program wants it."""
        self._go_on()
        if goal.custom and not urns.is_provider(goal.type) and not goal.provider:
            goal.provider = await self.provider_for(goal)
        self._inherit(goal)
        urn = self.generator.claim(goal)
        old, alias = self.generator.find_old(urn, goal)
        self._keep_known_dependencies(goal)
        steps = await self.generator.steps(goal, urn, old, alias)
        new: Resource | None = None
        for step in steps:
            await self._perform(step)
            new = step.new or new
        assert new is not None  # noqa: S101  every registration ends in a state
        self.states[urn] = new
        return new

    async def _perform(self, step: Step) -> None:
        await self._early_delete(step)
        self._go_on()
        self.observer.started(step)
        try:
            await self.executor.execute(step)
        except EngineError as error:
            self.observer.failed(step, str(error))
            self.fail(step.urn, error)
            raise StoppedError from error
        if step.pending_replacement and (event := self.generator.seen.early_deletes.get(id(step.old))):
            event.set()
        self._count(step)
        self.observer.finished(step)

    async def _early_delete(self, step: Step) -> None:
        """Before an object is made anew, wait until the old one, which another's replacement deletes, is gone."""
        event = self.generator.seen.early_deletes.get(id(step.old))
        if step.op != Op.CREATE_REPLACEMENT or event is None:
            return
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.stopping.wait())]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()

    def _count(self, step: Step) -> None:
        internal = urns.is_default_provider(step.urn) and not step.resource.parent
        if not step.logical or internal:
            return
        if step.op == Op.READ and (step.old is None or not outputs_changed(step.old, step.resource)):
            return
        self.count(step.op)

    def count(self, op: Op) -> None:
        self.outcome.changes[op] = self.outcome.changes.get(op, 0) + 1

    def check_targets(self) -> None:
        """Fail, before anything is done, when a target that is to be replaced is not in the state."""
        missing = self.generator.replace.missing({resource.urn for resource in self.generator.base})
        for message in missing:
            self.observer.diagnostic("error", "", message)
        if missing:
            self.fail("", BailError("one or more targets could not be found in the stack"))

    def rebase(self, resources: list[Resource]) -> None:
        """Go on from another state than the one that was read."""
        self.generator.rebase(resources)

    def _inherit(self, goal: Goal) -> None:
        """Options that a resource takes from its parent when it has none of its own."""
        parent = self.generator.seen.goals.get(goal.parent)
        if parent is None or urns.is_provider(goal.type):
            return
        if goal.protect is None:
            goal.protect = parent.protect
        if goal.retain_on_delete is None:
            goal.retain_on_delete = parent.retain_on_delete
        goal.deleted_with = goal.deleted_with or parent.deleted_with
        if not goal.custom:
            goal.providers = {**parent.providers, **goal.providers}

    def _keep_known_dependencies(self, goal: Goal) -> None:
        known = self.generator.seen.urns
        for urn in goal.dependencies:
            if urn not in known:
                raise RegistrationError(f"{goal.type} {goal.name} depends on {urn}, which has not been registered")
        goal.property_dependencies = {
            key: [urn for urn in each if urn in known] for key, each in goal.property_dependencies.items()
        }

    def unknown_yet(self, urn: str) -> bool:
        """Whether a resource is a custom one of which not even the id is known."""
        resource = self.states.get(urn)
        return resource is not None and resource.custom and not resource.id

    async def read(self, goal: Goal, identifier: str) -> Resource:
        """Look up an object that the stack does not own."""
        self._go_on()
        if not goal.provider:
            goal.provider = await self.provider_for(goal)
        urn = self.generator.claim(goal)
        if not identifier:
            raise RegistrationError(f"Expected an ID for {urn}")
        self.generator.seen.handled.add(urn)
        old = self.generator.olds.get(urn)
        new = Resource(
            urn=urn,
            type=goal.type,
            custom=True,
            id=identifier,
            inputs=goal.properties,
            parent=goal.parent,
            external=True,
            dependencies=sorted(set(goal.dependencies)),
            provider=goal.provider,
            additional_secret_outputs=goal.additional_secret_outputs,
            source_position=goal.source_position,
            stack_trace=goal.stack_trace,
        )
        if old is not None and not old.external and old.id != identifier:
            self.generator.seen.replaces.add(urn)
            steps = [Step(Op.READ_REPLACEMENT, urn, old, new), Step(Op.REPLACE, urn, old, new)]
        else:
            steps = [Step(Op.READ, urn, old, new)]
        for step in steps:
            await self._perform(step)
        self.states[urn] = new
        return new

    async def register_outputs(self, urn: str, outputs: Properties) -> None:
        """Take the outputs of a component; those of the stack are kept until the end."""
        if urns.type_of(urn) == urns.STACK_TYPE:
            self.stack_outputs = outputs
            return
        resource = self.states.get(urn)
        if resource is None:
            raise RegistrationError(f"outputs were registered for {urn}, which is not registered")
        old = self.generator.olds.get(urn)
        resource.outputs = outputs
        resource.changed()
        if outputs_changed(old, resource):
            self.journal.touch()

    # --- providers

    async def provider_for(self, goal: Goal) -> str:
        """The reference of the provider that serves a goal without one of its own."""
        package = urns.package_of(goal.type)
        parent = self.generator.seen.goals.get(goal.parent)
        inherited = goal.providers.get(package) or (parent.providers.get(package) if parent else "")
        if inherited:
            return inherited
        if parent is not None and parent.provider and _package_of_reference(parent.provider) == package:
            return parent.provider
        return await self.default_provider(package, goal.version, goal.download_url)

    async def default_provider(self, package: str, version: str, download_url: str = "") -> str:
        """The reference of a package's default provider, registered when it is first needed."""
        version = version or self._default_version(package)
        key = (package, version, download_url)
        if key not in self._default_providers:
            self._default_providers[key] = asyncio.create_task(self._make_default_provider(*key))
        return await asyncio.shield(self._default_providers[key])

    async def _make_default_provider(self, package: str, version: str, download_url: str) -> str:
        denied = self.config.values.get("pulumi:disable-default-providers", "")
        if f'"{package}"' in denied or '"*"' in denied:
            raise RegistrationError(
                f"Default provider for '{package}' disabled. '{package}' must use an explicit provider"
            )
        goal = Goal(
            type=f"{urns.PROVIDER_PREFIX}{package}",
            name=default_provider_name(version),
            custom=True,
            properties=default_provider_inputs(package, version, download_url, self.config),
        )
        return (await self.register(goal)).reference

    # --- the end

    async def delete_the_rest(self) -> None:
        """Delete what is in the old state and was not registered, dependents first."""
        steps = {id(step.resource): step for step in self.generator.deletes()}
        graph = self.generator.graph
        if any(step.resource not in graph for step in steps.values()):
            graph = Graph(self.journal.base.resources)
        kept: set[str] = set()
        for group in deletion_order(graph, [step.resource for step in steps.values()]):
            if self.stopping.is_set():
                return
            members = [steps[id(resource)] for resource in group]
            await asyncio.gather(*(self._delete(step, graph, kept) for step in members))

    async def _delete(self, step: Step, graph: Graph, kept: set[str]) -> None:
        if self.stopping.is_set() or step.urn in kept:
            return
        self.observer.started(step)
        try:
            await self.executor.execute(step)
        except ProtectedError as error:
            self.observer.failed(step, str(error))
            self.observer.diagnostic("error", step.urn, str(error))
            self.outcome.failed = True
            _keep_what_it_needs(step.resource, graph, kept)
        except EngineError as error:
            self.observer.failed(step, str(error))
            self.fail(step.urn, error)
        else:
            self._count(step)
            self.observer.finished(step)

    def finish_outputs(self) -> None:
        """Give the stack its outputs: the new ones; after a failure the old ones with the new ones over them."""
        for resource in self.states.values():
            if resource.type != urns.STACK_TYPE:
                continue
            old = self.generator.olds.get(resource.urn)
            self.outcome.old_outputs = old.outputs if old else {}
            if self.stack_outputs is not None:
                base = self.outcome.old_outputs if self.outcome.failed else {}
                resource.outputs = {**base, **self.stack_outputs}
            self.outcome.outputs = resource.outputs
            if outputs_changed(old, resource):
                resource.changed()
                self.journal.touch()


def _package_of_reference(reference: str) -> str:
    return urns.package_of(urns.type_of(urns.split_reference(reference)[0]))


def _keep_what_it_needs(resource: Resource, graph: Graph, kept: set[str]) -> None:
    for dependency in graph.dependencies(resource):
        if dependency.urn not in kept:
            kept.add(dependency.urn)
            _keep_what_it_needs(dependency, graph, kept)
