"""What a program asks for when it registers a resource."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.runtime.proto import resource_pb2

from localcloud.engine import urns, wire
from localcloud.engine.aliases import Alias
from localcloud.engine.errors import RegistrationError, UnsupportedError
from localcloud.engine.resource import Resource
from localcloud.engine.values import Properties


@dataclass(slots=True, kw_only=True)
class Goal:
    """A resource as the program wants it to be."""

    type: str
    name: str
    custom: bool
    parent: str = ""
    properties: Properties = field(default_factory=dict[str, Any])
    provider: str = ""
    providers: dict[str, str] = field(default_factory=dict[str, str])
    dependencies: list[str] = field(default_factory=list[str])
    property_dependencies: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    protect: bool | None = None
    retain_on_delete: bool | None = None
    deleted_with: str = ""
    delete_before_replace: bool | None = None
    ignore_changes: list[str] = field(default_factory=list[str])
    replace_on_changes: list[str] = field(default_factory=list[str])
    hide_diff: list[str] = field(default_factory=list[str])
    additional_secret_outputs: list[str] = field(default_factory=list[str])
    aliases: list[Alias] = field(default_factory=list[Alias])
    timeouts: dict[str, float] = field(default_factory=dict[str, float])
    version: str = ""
    download_url: str = ""
    source_position: str = ""
    stack_trace: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


def refuse_unsupported(request: resource_pb2.RegisterResourceRequest) -> None:
    """Refuse, by name, options that would otherwise be silently dropped.

    Raises:
        UnsupportedError: the request has one.
    """
    what = f"{request.type} {request.name}"
    if request.importId:
        raise UnsupportedError(f"the option import_ ({what})")
    if request.transforms:
        raise UnsupportedError(f"the option transforms ({what})")
    if request.replace_with:
        raise UnsupportedError(f"the option replace_with ({what})")
    if request.HasField("replacement_trigger") and request.replacement_trigger.WhichOneof("kind") not in (
        None,
        "null_value",
    ):
        raise UnsupportedError(f"the option replacement_trigger ({what})")
    if request.hooks.ListFields():
        raise UnsupportedError(f"resource hooks ({what})")
    if request.packageRef:
        raise UnsupportedError(f"parameterized packages ({what})")
    if request.envVarMappings:
        raise UnsupportedError(f"the option env_var_mappings ({what})")
    if request.state_migrations:
        raise UnsupportedError(f"state migrations ({what})")
    if urns.package_of(request.type) == "pulumi-python":
        raise UnsupportedError(f"dynamic providers ({what})")


def from_request(request: resource_pb2.RegisterResourceRequest, root: Path) -> Goal:
    """The goal that a registration asks for.

    Raises:
        RegistrationError: the type token is malformed.
        UnsupportedError: it has an option that this engine does not know.
    """
    refuse_unsupported(request)
    if request.type != urns.STACK_TYPE and request.type.count(":") < 2:
        raise RegistrationError(f"{request.type!r} is no resource type: it must have the form package:module:Name")
    properties = wire.decode(request.object, outputs=request.remote)
    delete_first = (
        request.deleteBeforeReplace if request.deleteBeforeReplaceDefined or request.deleteBeforeReplace else None
    )
    of_properties = {key: list(each.urns) for key, each in request.propertyDependencies.items()}
    if not of_properties and not request.remote:
        # Who does not say which property depends on what means that each depends on everything.
        of_properties = {key: list(request.dependencies) for key in properties}
    return Goal(
        type=request.type,
        name=request.name,
        custom=request.custom,
        parent=request.parent,
        properties=properties,
        provider=request.provider,
        providers=dict(request.providers),
        dependencies=list(request.dependencies),
        property_dependencies=of_properties,
        protect=request.protect if request.HasField("protect") else None,
        retain_on_delete=request.retainOnDelete if request.HasField("retainOnDelete") else None,
        deleted_with=request.deletedWith,
        delete_before_replace=delete_first,
        ignore_changes=list(request.ignoreChanges),
        replace_on_changes=list(request.replaceOnChanges),
        hide_diff=list(request.hideDiffs),
        additional_secret_outputs=list(request.additionalSecretOutputs),
        aliases=[Alias(urn=urn) for urn in request.aliasURNs] + [_alias(alias) for alias in request.aliases],
        timeouts=_timeouts(request.customTimeouts),
        version=request.version,
        download_url=request.pluginDownloadURL,
        source_position=position(request.sourcePosition, root),
        stack_trace=[{"sourcePosition": text} for text in _trace(request, root)],
    )


def _alias(alias: Any) -> Alias:
    if alias.WhichOneof("alias") == "urn":
        return Alias(urn=alias.urn)
    spec = alias.spec
    return Alias(
        name=spec.name or None,
        type=spec.type or None,
        stack=spec.stack or None,
        project=spec.project or None,
        parent=spec.parentUrn or None,
        no_parent=spec.noParent,
    )


_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def _timeouts(message: Any) -> dict[str, float]:
    found = {name: getattr(message, name) for name in ("create", "update", "delete", "read")}
    return {name: seconds(text) for name, text in found.items() if text}


def seconds(text: str) -> float:
    """A duration as Go writes them (`1h5m`, `1.5s`), in seconds."""
    pieces = _DURATION.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text.lstrip("+"):
        raise RegistrationError(f"{text!r} is no duration: write it as 30s, 5m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in pieces)


def position(source: Any, root: Path) -> str:
    """Where in the project a resource is registered, as `project:///file#line`; empty for places outside of it."""
    uri: str = source.uri
    prefix = f"file://{root.as_posix()}/"
    if not uri.startswith(prefix):
        return ""
    place = f"#{source.line}" + (f",{source.column}" if source.column else "")
    return f"project:///{uri.removeprefix(prefix)}{place}"


def _trace(request: Any, root: Path) -> list[str]:
    texts = [position(frame.pc, root) for frame in request.stackTrace.frames]
    return [text for text in texts if text]


def resource_of(goal: Goal, urn: str, old: Resource | None, alias: str) -> Resource:
    """What the state will hold of a goal, before the provider has said anything."""
    return Resource(
        urn=urn,
        type=goal.type,
        custom=goal.custom,
        inputs=goal.properties,
        parent=goal.parent,
        protect=bool(goal.protect),
        dependencies=sorted(set(goal.dependencies)),
        provider=goal.provider if goal.custom else "",
        property_dependencies={key: sorted(set(each)) for key, each in goal.property_dependencies.items()},
        additional_secret_outputs=goal.additional_secret_outputs,
        aliases=[alias] if alias else [],
        custom_timeouts=goal.timeouts,
        retain_on_delete=bool(goal.retain_on_delete),
        deleted_with=goal.deleted_with,
        created=old.created if old else "",
        modified=old.modified if old else "",
        source_position=goal.source_position,
        stack_trace=goal.stack_trace,
        ignore_changes=goal.ignore_changes,
        hide_diff=goal.hide_diff,
        replace_on_changes=goal.replace_on_changes,
        extra=old.extra if old else {},
    )
