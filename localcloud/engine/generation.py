"""Step generation: what must be done so that a resource becomes what the program wants."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.engine import paths, urns
from localcloud.engine.aliases import former_urns
from localcloud.engine.differences import changed_keys, with_replace_on_changes
from localcloud.engine.errors import BailError, RegistrationError
from localcloud.engine.goals import Goal, resource_of
from localcloud.engine.graph import Graph
from localcloud.engine.provider import CheckFailure, Diff, Provider
from localcloud.engine.registry import Registry
from localcloud.engine.resource import Resource
from localcloud.engine.steps import Op, Step
from localcloud.engine.targets import Targets
from localcloud.engine.values import UNKNOWN, Properties, equal, has_unknowns

Report = Callable[[str, str, str], None]  # severity, urn, message


@dataclass(slots=True)
class Seen:
    """What has been decided in this run so far."""

    urns: dict[str, str] = field(default_factory=dict[str, str])  # every registered URN, with the reason of its kind
    handled: set[str] = field(default_factory=set[str])  # those for which steps were made
    aliased: dict[str, str] = field(default_factory=dict[str, str])  # old URN -> the new one that claims it
    alias_of: dict[str, str] = field(default_factory=dict[str, str])
    goals: dict[str, Goal] = field(default_factory=dict[str, Goal])
    providers: dict[str, Resource] = field(default_factory=dict[str, Resource])
    replaces: set[str] = field(default_factory=set[str])
    deletes: set[str] = field(default_factory=set[str])
    deleted: set[int] = field(default_factory=set[int])  # states deleted early, ahead of a replacement
    early_deletes: dict[int, asyncio.Event] = field(default_factory=dict[int, asyncio.Event])  # set when carried out
    dependent_keys: dict[str, list[str]] = field(default_factory=dict[str, list[str]])


class Generator:
    """Decides on the steps of one deployment."""

    def __init__(
        self,
        stack: str,
        project: str,
        base: list[Resource],
        registry: Registry,
        report: Report,
        *,
        preview: bool,
        replace: frozenset[str] = frozenset(),
    ) -> None:
        self._stack = stack
        self._project = project
        self._registry = registry
        self._report = report
        self._preview = preview
        self.replace = Targets(replace)
        self.seen = Seen()
        self.failed_quietly = False  # an error was reported, but the preview goes on
        self._deciding = asyncio.Lock()
        self.rebase(base)

    def rebase(self, base: list[Resource]) -> None:
        """Decide against this state."""
        self.base = base
        self.olds = {resource.urn: resource for resource in base if not resource.delete}
        self.graph = Graph(base)

    # --- names

    def claim(self, goal: Goal) -> str:
        """The URN of a goal, taken for it.

        Raises:
            RegistrationError: it is taken, or its parent is not there.
        """
        if goal.parent and goal.parent not in self.seen.urns:
            raise RegistrationError(f"could not find parent resource {goal.parent} of {goal.type} {goal.name}")
        urn = urns.make(self._stack, self._project, goal.parent, goal.type, goal.name)
        if urn in self.seen.urns:
            raise RegistrationError(f"Duplicate resource URN '{urn}'; try giving it a unique name")
        if urn in self.seen.aliased:
            raise RegistrationError(
                f"the URN '{urn}' is claimed already, as an alias, by '{self.seen.aliased[urn]}'; give it another name"
            )
        self.seen.urns[urn] = goal.type
        self.seen.goals[urn] = goal
        return urn

    def find_old(self, urn: str, goal: Goal) -> tuple[Resource | None, str]:
        """The state that a goal continues, and the alias by which it was found."""
        if urn in self.olds:
            return self.olds[urn], ""
        for alias in former_urns(self._stack, self._project, goal, self.seen.alias_of.get(goal.parent)):
            old = self.olds.get(alias)
            if old is None or alias == urn:
                continue
            if alias in self.seen.urns or alias in self.seen.aliased:
                other = self.seen.aliased.get(alias, alias)
                raise RegistrationError(
                    f"both '{urn}' and '{other}' claim the resource '{alias}', one of them as an alias"
                )
            self.seen.aliased[alias] = urn
            self.seen.alias_of[urn] = alias
            return old, alias
        return None, ""

    # --- the decision

    async def steps(self, goal: Goal, urn: str, old: Resource | None, alias: str) -> list[Step]:
        """The steps for a goal, to be carried out one after the other."""
        new = resource_of(goal, urn, old, alias)
        self.seen.goals[urn] = goal
        is_provider = urns.is_provider(goal.type)
        if is_provider:
            self.seen.providers[urn] = new
        provider = self._provider_of(goal) if goal.custom and not is_provider else None
        recreating = urn in self.seen.deletes
        fresh = old is None or recreating or old.external or self._is_targeted(urn)
        inputs = goal.properties if old is None else self._ignoring(urn, goal, goal.properties, old.inputs)
        if goal.custom:
            new.inputs = await self._check(provider, urn, None if fresh else old, goal.properties if fresh else inputs)
        else:
            new.inputs = inputs
        recreating = urn in self.seen.deletes  # another decision may have come between
        self.seen.handled.add(urn)
        if old is None:
            return [Step(Op.CREATE, urn, new=new)]
        if recreating:
            return self._recreate(urn, old, new)
        if old.external:
            return [
                Step(Op.CREATE_REPLACEMENT, urn, old, new, pending_delete=True),
                Step(Op.REPLACE, urn, old, new),
            ]
        return await self._compare(goal, urn, old, new, provider)

    def _provider_of(self, goal: Goal) -> Provider:
        provider = self._registry.get(goal.provider)
        if provider is None:
            raise RegistrationError(f"unknown provider '{goal.provider}' for {goal.type} {goal.name}")
        return provider

    def _is_targeted(self, urn: str) -> bool:
        return urn in self.replace

    def _ignoring(self, urn: str, goal: Goal, new: Properties, old: Properties) -> Properties:
        for text in goal.ignore_changes:
            try:
                new = paths.reset(new, old, paths.parse(text))
            except Exception as error:
                raise RegistrationError(f"{urn}: ignore_changes: {error}") from error
        return new

    async def _check(self, provider: Provider | None, urn: str, old: Resource | None, news: Properties) -> Properties:
        if provider is None:
            inputs, failures = await self._registry.check(urn, old.inputs if old else {}, news)
        else:
            if not self._preview and has_unknowns(news):
                raise RegistrationError(
                    f"{urn} has inputs that are not known although everything they depend on is done"
                )
            inputs, failures = await provider.check(urn, old.inputs if old else None, news, preview=self._preview)
        self._refuse(urn, failures)
        return inputs

    def _refuse(self, urn: str, failures: list[CheckFailure]) -> None:
        if not failures:
            return
        kind, name = urns.type_of(urn), urns.name_of(urn)
        for failure in failures:
            if failure.property:
                text = f"{kind} resource '{name}': property {failure.property} value has a problem: {failure.reason}"
            else:
                text = f"{kind} resource '{name}' has a problem: {failure.reason}"
            self._report("error", urn, text)
        raise BailError(f"resource {urn} has check errors")

    def _recreate(self, urn: str, old: Resource, new: Resource) -> list[Step]:
        """The second half of a replacement that another resource's began by deleting this one."""
        self.seen.deletes.discard(urn)
        self.seen.replaces.add(urn)
        diff = Diff(replaces=self.seen.dependent_keys.get(urn, []))
        return [Step(Op.REPLACE, urn, old, new), Step(Op.CREATE_REPLACEMENT, urn, old, new, diff)]

    async def _compare(
        self, goal: Goal, urn: str, old: Resource, new: Resource, provider: Provider | None
    ) -> list[Step]:
        diff = await self._diff(goal, urn, old, new, provider)
        if urn in self.seen.deletes:
            return self._recreate(urn, old, new)
        diff = with_replace_on_changes(diff, goal.replace_on_changes, init_errors=bool(old.init_errors))
        if not diff.changes and not old.pending_replacement:
            if old.init_errors:
                return [Step(Op.UPDATE, urn, old, new, diff, goal.ignore_changes)]
            return [Step(Op.SAME, urn, old, new)]
        if not (diff.replace or old.pending_replacement):
            return [Step(Op.UPDATE, urn, old, new, diff, goal.ignore_changes)]
        return await self._replacement(goal, urn, old, new, diff, provider)

    async def _diff(self, goal: Goal, urn: str, old: Resource, new: Resource, provider: Provider | None) -> Diff:
        if self._is_targeted(urn):
            return Diff(changes=True, replaces=["id"])
        if new.deleted_with and new.deleted_with in self.seen.replaces:
            return Diff(changes=True, replaces=["deletedWith"])
        if await self._provider_changed(old, new):
            return Diff(changes=True, replaces=["provider"])
        if urns.is_provider(goal.type):
            return await self._registry.diff(urn, old, new.inputs)
        if provider is None:
            return Diff(changes=not equal(old.inputs, new.inputs))
        return await self.diff_by(provider, urn, old, new.inputs, goal.ignore_changes)

    async def diff_by(self, provider: Provider, urn: str, old: Resource, news: Properties, ignore: list[str]) -> Diff:
        diff = await provider.diff(urn, old.id, old.inputs, old.outputs, news, ignore)
        if diff is None:
            self._report(
                "warning",
                urn,
                "The provider for this resource has inputs that are not known during preview.\n"
                "This preview may not correctly represent the changes that will be applied during an update.",
            )
            return Diff(changes=True)
        if diff.changes is None:
            for text in ignore:
                news = paths.reset(news, old.inputs, paths.parse(text))
            changed = changed_keys(old.inputs, news)
            diff.changes = bool(changed)
            diff.diffs = list(changed)
            diff.detailed = {key: (kind, True) for key, kind in changed.items()}
        return diff

    async def _provider_changed(self, old: Resource, new: Resource) -> bool:
        if old.provider == new.provider:
            return False
        if not old.provider or not new.provider:
            return True
        old_urn, new_urn = urns.split_reference(old.provider)[0], urns.split_reference(new.provider)[0]
        if self.seen.aliased.get(old_urn) == new_urn:
            return False
        provider = self._registry.get(new.provider)
        before, after = self.olds.get(old_urn), self.seen.providers.get(new_urn)
        if provider is None or before is None or after is None:
            raise RegistrationError(f"the provider of {new.urn} cannot be compared with the one it had: {old.provider}")
        news = {key: value for key, value in after.inputs.items() if key != "__internal"}
        olds = {key: value for key, value in before.inputs.items() if key != "__internal"}
        return (await provider.diff_config(new_urn, olds, before.outputs, news)).replace

    # --- replacement

    async def _replacement(  # noqa: PLR0917  all that is known of the resource
        self, goal: Goal, urn: str, old: Resource, new: Resource, diff: Diff, provider: Provider | None
    ) -> list[Step]:
        if new.protect and old.protect:
            self._refuse_protected(
                urn,
                f'unable to replace resource "{urn}"\nas it is currently marked for protection. To unprotect the resource, '
                "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`",
            )
        self.seen.replaces.add(urn)
        if goal.custom and not self._is_targeted(urn):
            # The checked inputs carry over defaults, names above all, that the new object must not share.
            new.inputs = await self._check(provider, urn, None, goal.properties)
        delete_first = diff.delete_before_replace if goal.delete_before_replace is None else goal.delete_before_replace
        if not delete_first:
            return [
                Step(Op.CREATE_REPLACEMENT, urn, old, new, diff, pending_delete=True),
                Step(Op.REPLACE, urn, old, new, diff),
            ]
        async with self._deciding:
            steps = await self._delete_dependents(urn, old)
        await self.ensure_provider(old)
        if not old.pending_replacement:
            self.seen.deletes.add(old.urn)
            steps.append(Step(_delete_op(old), old.urn, old, pending_replacement=True))
            self.seen.deleted.add(id(old))
        return [
            *steps,
            Step(Op.REPLACE, urn, old, new, diff),
            Step(Op.CREATE_REPLACEMENT, urn, old, new, diff),
        ]

    def _refuse_protected(self, urn: str, message: str) -> None:
        self._report("error", urn, message)
        self.failed_quietly = True
        if not self._preview:
            raise BailError(message)

    async def _delete_dependents(self, urn: str, old: Resource) -> list[Step]:
        """Steps that delete, ahead of a resource, what would have to be replaced with it; the furthest first."""
        steps: list[Step] = []
        for dependent, keys in reversed(await self._dependents_to_replace(old)):
            if id(dependent) in self.seen.deleted or dependent.urn in self.seen.handled:
                continue  # what has registered since does not depend on the resource any more
            self.seen.dependent_keys[dependent.urn] = keys
            self.seen.deleted.add(id(dependent))
            if dependent.delete:
                # Only what is left of an earlier replacement: its successor, of the same URN, goes on living.
                steps.append(Step(Op.DELETE, dependent.urn, dependent))
            else:
                if dependent.protect:
                    message = (
                        f'unable to replace resource "{dependent.urn}" as part of replacing "{urn}" as it is currently '
                        "marked for protection. To unprotect the resource, remove the `protect` flag from the resource "
                        "in your Pulumi program and run `pulumi up`"
                    )
                    self._report("error", dependent.urn, message)
                    raise BailError(message)
                steps.append(Step(_delete_op(dependent), dependent.urn, dependent, pending_replacement=True))
                self.seen.deletes.add(dependent.urn)
                self.seen.early_deletes[id(dependent)] = asyncio.Event()
        return steps

    async def _dependents_to_replace(self, root: Resource) -> list[tuple[Resource, list[str]]]:
        replaced = {root.urn}
        found: list[tuple[Resource, list[str]]] = []
        for dependent in self.graph.depending_on(root, set(self.seen.handled)):
            if id(dependent) in self.seen.deleted:
                replaced.add(dependent.urn)
                continue
            needed, keys = await self._must_go_with(dependent, replaced)
            if needed:
                found.append((dependent, keys))
                replaced.add(dependent.urn)
        return found

    async def _must_go_with(self, resource: Resource, replaced: set[str]) -> tuple[bool, list[str]]:
        """Whether a resource has to be replaced when others are, and for the sake of which of its properties."""
        if not resource.custom or resource.external:
            return False, []
        if resource.provider and urns.split_reference(resource.provider)[0] in replaced:
            await self.ensure_provider(resource)
            return True, []
        if resource.deleted_with in replaced:
            return True, []
        dependent = {
            key
            for key, each in resource.property_dependencies.items()
            if key in resource.inputs and replaced & set(each)
        }
        if not dependent:
            return False, []
        inputs = {key: UNKNOWN if key in dependent else value for key, value in resource.inputs.items()}
        if urns.is_provider(resource.type):
            provider = await self._registry.ensure(resource)
            diff = await provider.diff_config(resource.urn, resource.inputs, resource.outputs, inputs)
        else:
            provider = await self.ensure_provider(resource)
            assert provider is not None  # noqa: S101  a custom resource has one
            diff = await self.diff_by(provider, resource.urn, resource, inputs, resource.ignore_changes)
        diff = with_replace_on_changes(diff, resource.replace_on_changes, init_errors=False)
        return diff.replace, diff.replaces

    async def ensure_provider(self, resource: Resource) -> Provider | None:
        """The provider of a resource in the old state, loaded from there when the program has not registered it."""
        if not resource.provider:
            return None
        known = self._registry.get(resource.provider)
        if known is not None:
            return known
        for candidate in self.base:
            if candidate.reference == resource.provider:
                return await self._registry.ensure(candidate)
        raise RegistrationError(f"the provider {resource.provider} of {resource.urn} is not in the state")

    # --- the end of the program

    def deletes(self) -> list[Step]:
        """Steps for everything in the old state that the program did not register."""
        steps: list[Step] = []
        for resource in self.base:
            if id(resource) in self.seen.deleted and resource.delete:
                continue
            if resource.delete:
                self.seen.deletes.add(resource.urn)
                steps.append(Step(_delete_op(resource), resource.urn, resource))
            elif resource.urn not in self.seen.handled and resource.urn not in self.seen.aliased:
                self.seen.deletes.add(resource.urn)
                if resource.pending_replacement:
                    steps.append(Step(Op.REMOVE_PENDING_REPLACE, resource.urn, resource))
                else:
                    op = Op.DISCARD if resource.external else Op.DELETE
                    steps.append(Step(op, resource.urn, resource))
        return steps


def _delete_op(resource: Resource) -> Op:
    return Op.DISCARD_REPLACED if resource.external else Op.DELETE_REPLACED
