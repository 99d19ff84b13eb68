"""Refresh: make the state say what is really there."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from localcloud.engine import urns
from localcloud.engine.deployment import Deployment
from localcloud.engine.errors import EngineError
from localcloud.engine.execution import protect_outputs
from localcloud.engine.resource import Resource, now
from localcloud.engine.steps import Op, Step
from localcloud.engine.values import equal


async def refresh(deployment: Deployment, *, counted: bool) -> None:
    """Read every object of the state, all at once, and set the state anew.

    Args:
        deployment: the deployment that this is, or begins with it.
        counted: whether the results go into the summary, as when refreshing is all there is to do.
    """
    base = deployment.journal.base.resources
    found = await asyncio.gather(*(_read(deployment, resource, counted=counted) for resource in base))
    if deployment.outcome.failed:
        return
    rebuilt = _without_dangling([resource for resource in found if resource is not None])
    deployment.journal.replace_base(rebuilt)
    deployment.rebase(rebuilt)
    deployment.journal.touch()


async def _read(deployment: Deployment, old: Resource, *, counted: bool) -> Resource | None:
    """The resource as it is now; itself when nothing changed, None when it is gone."""
    if not old.custom or urns.is_provider(old.type) or old.pending_replacement:
        if counted and not (urns.is_default_provider(old.urn) or old.pending_replacement):
            deployment.count(Op.SAME)
        return old
    if deployment.stopping.is_set():
        return old
    step = Step(Op.REFRESH, old.urn, old, old)
    deployment.observer.started(step)
    try:
        new = await _ask(deployment, step, old)
    except EngineError as error:
        deployment.observer.failed(step, str(error))
        deployment.fail(old.urn, error)
        return old
    step.new = new
    op = Op.DELETE if new is None else Op.SAME if new is old else Op.UPDATE
    if counted:
        deployment.count(op)
    step.op = op if op is not Op.SAME else Op.REFRESH
    deployment.observer.finished(step)
    return new


async def _ask(deployment: Deployment, step: Step, old: Resource) -> Resource | None:
    provider = await deployment.generator.ensure_provider(old)
    assert provider is not None  # noqa: S101  custom resources have one
    inputs = None if old.external else old.inputs
    result = await provider.read(old.urn, old.id, inputs, old.outputs, old.custom_timeouts.get("read", 0.0))
    if not result.id or result.outputs is None:
        return None
    if result.init_errors:
        deployment.observer.diagnostic("warning", old.urn, "; ".join(result.init_errors))
    new = replace(
        old,
        id=result.id,
        outputs=result.outputs,
        inputs=old.inputs if result.inputs is None or old.external else result.inputs,
        init_errors=result.init_errors,
        text=None,
    )
    protect_outputs(new)
    if not old.external:
        # What the user is shown: how the object differs from what the state says it is.
        step.diff = await deployment.generator.diff_by(provider, new.urn, new, old.inputs, old.ignore_changes)
    same = equal(old.outputs, new.outputs) and equal(old.inputs, new.inputs) and old.id == new.id
    if same and old.init_errors == new.init_errors:
        return old
    new.modified = now()
    return new


def _without_dangling(resources: list[Resource]) -> list[Resource]:
    """The resources without references to what is gone; children of a parent that is gone move up to none."""
    known = {resource.urn for resource in resources}
    for resource in resources:
        dependencies = [urn for urn in resource.dependencies if urn in known]
        of_properties = {
            key: kept
            for key, each in resource.property_dependencies.items()
            if (kept := [urn for urn in each if urn in known])
        }
        if dependencies != resource.dependencies or of_properties != resource.property_dependencies:
            resource.dependencies, resource.property_dependencies = dependencies, of_properties
            resource.changed()
        if resource.deleted_with and resource.deleted_with not in known:
            resource.deleted_with = ""
            resource.changed()
        if resource.parent and resource.parent not in known:
            resource.parent = ""
            resource.changed()
    return resources
