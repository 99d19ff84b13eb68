"""The provider `aws`: everything that its resource types have in common."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from localcloud.pulumi.aws import inputs as input_check
from localcloud.pulumi.aws.cloud import Cloud
from localcloud.pulumi.aws.conversion import empty
from localcloud.pulumi.aws.endpoint import Endpoint, local_endpoint
from localcloud.pulumi.aws.inputs import canonical, is_fixed, named, projected
from localcloud.pulumi.aws.operation import Checked, Found, Stop, Target
from localcloud.pulumi.aws.resource import ResourceType, Tags, Update
from localcloud.pulumi.aws.schema import coerced, mistyped, properties, schema
from localcloud.pulumi.difference import Change, Difference, compare
from localcloud.pulumi.errors import CallError, Failure, InitializationError, PluginError, UnknownTypeError
from localcloud.pulumi.wire import UNKNOWN, Properties, Unknown, names, present

# Settings of the official provider that have a meaning here, and settings that have none and do no harm.
_SETTINGS = names("region defaultTags accessKey secretKey token allowedAccountIds")
_IGNORED = names(
    "skipCredentialsValidation skipMetadataApiCheck skipRegionValidation skipRequestingAccountId maxRetries retryMode "
    "s3UsePathStyle userAgents"
)


class AwsProvider:
    """The operations on the resource types of `types.CATALOGUE`, on plain values."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.stop = Stop()
        self._directory = Path.cwd()  # an engine starts its plugins in the program's directory
        self.version = schema()["version"]
        self._environment = environment
        self._endpoint: Endpoint | None = None
        self._default_tags: Tags = {}

    # Configuration

    def check_config(self, values: Properties) -> Checked:
        known: dict[str, Any] = schema()["config"]
        problems: list[Failure] = []
        for name, value in _settings(values).items():
            if name not in known:
                problems.append(Failure(name, f"the aws provider has no setting `{name}`"))
            elif name not in _SETTINGS | _IGNORED:
                problems.append(Failure(name, f"the local cloud's aws plugin does not support the setting `{name}`"))
            else:
                problems += mistyped(name, known[name], value)
        return Checked(values, problems)

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        # Objects cannot move: with another region they are other objects.
        return compare(_settings(old), _settings(new), replaces=lambda path: path == "region")

    def configure(self, values: Properties) -> None:
        settings = _settings(values)
        region = (
            settings.get("region") or self._environment.get("AWS_REGION") or self._environment.get("AWS_DEFAULT_REGION")
        )
        if not region:
            raise PluginError("the aws provider has no region: set the config `aws:region` or AWS_REGION")
        credentials = {n: settings[n] for n in ("accessKey", "secretKey", "token") if n in settings}
        self._endpoint = Endpoint(local_endpoint(self._environment), region, credentials)
        self._default_tags = (settings.get("defaultTags") or {}).get("tags") or {}
        allowed = settings.get("allowedAccountIds") or []
        if allowed and self._endpoint.caller_identity["Account"] not in allowed:
            raise PluginError(f"the local account is not one of the allowed accounts {', '.join(allowed)}")

    # Resources

    def check(self, target: Target, old: Properties | None, new: Properties) -> Checked:
        kind = self._kind(target.urn.type)
        declared = properties(kind.token)["inputs"]
        given = {n: coerced(declared.get(n, "any"), v) for n, v in new.items()}
        given.pop("tagsAll", None)
        problems = list(input_check.failures(kind, given))
        if problems:
            return Checked(given, problems)
        filled = {**{n: v for n, v in kind.defaults.items() if n not in given}, **given}
        if kind.naming:
            filled = named(kind.naming, target.urn.name, old, filled, target.seed)
        if kind.tagger:
            filled = self._with_all_tags(filled)
        return Checked(_quiet(kind, old or {}, filled))

    def _with_all_tags(self, inputs: Properties) -> Properties:
        tags = inputs.get("tags")
        if isinstance(tags, Unknown):
            return {**inputs, "tagsAll": UNKNOWN}
        merged = {**self._default_tags, **(tags or {})}
        return {**inputs, "tagsAll": merged} if merged else inputs

    def diff(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Difference:
        kind = self._kind(target.urn.type)
        computed = {*properties(kind.token)["computed"]}
        # an input that AWS fills in and the program no longer sets has not changed
        before = {n: canonical(kind, n, v) for n, v in old.items() if n in new or n not in computed}
        after = {n: canonical(kind, n, v) for n, v in new.items()}
        if "region" in after and "region" not in before:
            before["region"] = outputs.get("region")
        difference = compare(before, after, replaces=lambda path: _replaces(kind, path))
        # an object whose name the program sets cannot be created beside the old one
        fixed = kind.naming is not None and is_fixed(kind.naming, target.urn.name, old, new)
        return Difference(_collapsed(kind, difference.changes), delete_before_replace=fixed or kind.delete_first)

    def plan_create(self, target: Target, inputs: Properties) -> Properties:
        kind = self._kind(target.urn.type)
        return {**dict.fromkeys(properties(kind.token)["outputs"], UNKNOWN), **_optional_absent(kind, inputs), **inputs}

    def create(self, target: Target, inputs: Properties) -> tuple[str, Properties]:
        kind, cloud = self._kind(target.urn.type), self._cloud(inputs, target.timeout)
        try:
            with _reporting("creating", target, inputs, kind):
                identity = cloud.made(kind.create(cloud, inputs))
                if kind.ready:
                    kind.ready(cloud, identity, inputs)
                return identity, self._settled(kind, cloud, identity, inputs)
        except InitializationError:
            raise
        except PluginError as e:
            if cloud.made_so_far is None:
                raise
            raise self._unready(e, kind, cloud, cloud.made_so_far, inputs) from None

    def _unready(
        self, error: PluginError, kind: ResourceType, cloud: Cloud, identity: str, inputs: Properties
    ) -> InitializationError:
        """An error that keeps the object in the state: the next run continues with it, and a destroy removes it."""
        try:
            outputs = self._outputs(kind, cloud, identity, inputs, {}) or inputs
        except PluginError:
            outputs = inputs
        return InitializationError(identity, _without_id(outputs), [str(error)])

    def _settled(self, kind: ResourceType, cloud: Cloud, identity: str, inputs: Properties) -> Properties:
        """Outputs of an object that was just created; a listing may not show it at once."""
        for pause in (0.1, 0.3, 1.0, 2.0, 4.0):
            outputs = self._outputs(kind, cloud, identity, inputs, {})
            if outputs is not None:
                return _without_id(outputs)
            self.stop.sleep(pause)
        raise InitializationError(identity, inputs, [f"{kind.token} {identity} cannot be found after its creation"])

    def read(self, target: Target, inputs: Properties, outputs: Properties) -> Found | None:
        kind = self._kind(target.urn.type)
        cloud = self._cloud({**outputs, **inputs}, target.timeout)
        with _reporting("reading", target, inputs, kind):
            live = self._outputs(kind, cloud, target.identity, inputs, outputs)
        if live is None:
            return None
        return Found(str(live.pop("id", target.identity)), live, self._live_inputs(kind, inputs, live))

    def _outputs(
        self, kind: ResourceType, cloud: Cloud, identity: str, inputs: Properties, outputs: Properties
    ) -> Properties | None:
        described = properties(kind.token)
        declared, known = described["outputs"], {**outputs, **inputs}
        live = kind.read(cloud, identity, known)
        if live is None:
            return None
        if kind.regional and "region" in declared:
            live.setdefault("region", cloud.region)
        if kind.tagger:
            live["tags"] = self._own_tags(live.get("tagsAll") or {}, inputs)
        # An output that the SDK declares as always present gets an empty value if AWS sets none. Another property is
        # present only if the program or AWS sets it.
        always = {
            n: empty(t) for n, t in declared.items() if n in described["computed"] or n not in described["inputs"]
        }
        kept = {n: v for n, v in inputs.items() if n in declared and n not in live}
        set_here = {n: v for n, v in live.items() if v != "" or n in inputs or n in always}
        return present({**always, **kept, **present(set_here)})

    def _own_tags(self, live: Tags, inputs: Properties) -> Tags:
        own: Tags = inputs.get("tags") or {}
        return {k: v for k, v in live.items() if k in own or self._default_tags.get(k) != v}

    def _live_inputs(self, kind: ResourceType, inputs: Properties, live: Properties) -> Properties:
        declared = properties(kind.token)["inputs"]
        if not inputs:
            found = {n: v for n, v in live.items() if n in {*declared, "tagsAll"} and v not in ("", [], {})}
            return {**kind.defaults, **{n: v for n, v in found.items() if n not in kind.unsupported}}
        refreshed: Properties = {}
        for name, old in inputs.items():
            now = projected(declared.get(name, "any"), old, live.get(name, old))
            refreshed[name] = old if canonical(kind, name, now) == canonical(kind, name, old) else now
        for name in ("tags", "tagsAll"):
            if kind.tagger and name not in inputs and live.get(name):
                refreshed[name] = live[name]
        return refreshed

    def plan_update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties:
        kind = self._kind(target.urn.type)
        changed = self.diff(target, old, new, outputs).names
        stale = {output for name in changed for output in kind.volatile.get(name, ())}
        gone = {n for n in old if n not in new and n not in properties(kind.token)["computed"]}
        return {**{n: v for n, v in outputs.items() if n not in gone}, **dict.fromkeys(stale, UNKNOWN), **new}

    def update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties:
        kind = self._kind(target.urn.type)
        cloud = self._cloud({"region": outputs.get("region"), **new}, target.timeout)
        changed = self.diff(target, old, new, outputs).names
        with _reporting("updating", target, new, kind):
            if kind.update and changed - {"tags", "tagsAll"}:
                kind.update(cloud, Update(target.identity, old, new, outputs, changed))
            self._update_tags(kind, cloud, target, new, outputs)
            self._await_ready(kind, cloud, target, new)
            updated = self._outputs(kind, cloud, target.identity, new, outputs)
        if updated is None:
            raise PluginError(f"updating {target.urn.type} {target.urn.name}: {target.identity} is gone; run a refresh")
        return _without_id(updated)

    def _await_ready(self, kind: ResourceType, cloud: Cloud, target: Target, inputs: Properties) -> None:
        if kind.ready is None:
            return
        try:
            with _reporting("updating", target, inputs, kind):
                kind.ready(cloud, target.identity, inputs)
        except PluginError as e:
            raise self._unready(e, kind, cloud, target.identity, inputs) from None

    def _update_tags(
        self, kind: ResourceType, cloud: Cloud, target: Target, new: Properties, outputs: Properties
    ) -> None:
        if kind.tagger is None:
            return
        before: Tags = outputs.get("tagsAll") or {}
        after: Tags = new.get("tagsAll") or {}
        add = {k: v for k, v in after.items() if before.get(k) != v}
        remove = [k for k in before if k not in after]
        if add or remove:
            kind.tagger(cloud, target.identity, outputs, add, remove)

    def delete(self, target: Target, inputs: Properties, outputs: Properties) -> None:
        kind = self._kind(target.urn.type)
        cloud = self._cloud({"region": outputs.get("region"), **inputs}, target.timeout)
        with _reporting("deleting", target, inputs, kind):
            kind.delete(cloud, target.identity, {**outputs, **inputs})

    # Functions

    def invoke(self, token: str, arguments: Properties) -> Properties:
        from localcloud.pulumi.aws.functions import FUNCTIONS  # noqa: PLC0415  most processes invoke nothing

        if token not in FUNCTIONS:
            raise UnknownTypeError(f"the local cloud's aws plugin has no function {token}")
        try:
            return FUNCTIONS[token](self._cloud(arguments), arguments)
        except CallError as e:
            raise PluginError(f"invoking {token}: {e}") from None

    # Helpers

    def _kind(self, token: str) -> ResourceType:
        from localcloud.pulumi.aws.types import CATALOGUE  # noqa: PLC0415  CheckConfig answers without it

        if token not in CATALOGUE:
            raise UnknownTypeError(
                f"the local cloud's aws plugin has no resource type {token}; it has {', '.join(sorted(CATALOGUE))}"
            )
        return CATALOGUE[token]

    def _cloud(self, values: Mapping[str, Any], timeout: float = 0.0) -> Cloud:
        if self._endpoint is None:
            local_endpoint(self._environment)
            raise PluginError("the aws provider is not configured yet")
        region = values.get("region")
        return Cloud(
            self._endpoint,
            region if isinstance(region, str) and region else self._endpoint.region,
            self.stop,
            timeout,
            self._directory,
        )


def _without_id(outputs: Properties) -> Properties:
    return {name: value for name, value in outputs.items() if name != "id"}


def _setting(expected: Any, value: Any) -> Any:
    """A setting's value: one that is not of the type string arrives as JSON."""
    if expected != "string" and isinstance(value, str):
        with contextlib.suppress(ValueError):
            return json.loads(value)
    return value


def _settings(values: Properties) -> Properties:
    known = schema()["config"]
    return {name: _setting(known.get(name), value) for name, value in values.items() if name != "version"}


def _replaces(kind: ResourceType, path: str) -> bool:
    top = path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    return top in kind.replaces or top == "region" or path in kind.replace_paths


def _collapsed(kind: ResourceType, changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """Changes inside a JSON document count as one change of the document."""
    kept: dict[str, Change] = {}
    for change in changes:
        path = change.top if change.top in kind.documents else change.path
        kept.setdefault(path, replace(change, path=path))
    return tuple(kept.values())


def _quiet(kind: ResourceType, old: Properties, new: Properties) -> Properties:
    """New inputs, with the old spelling for values of the same meaning, so that these do not count as changes."""
    reworded = kind.documents | {path.split(".")[0] for path in kind.sets}
    return {
        n: old[n] if n in reworded and n in old and canonical(kind, n, old[n]) == canonical(kind, n, v) else v
        for n, v in new.items()
    }


def _optional_absent(kind: ResourceType, inputs: Properties) -> Properties:
    """Optional inputs that the program does not set are known to be absent, not unknown."""
    known = properties(kind.token)
    return {n: None for n in known["inputs"] if n not in inputs and n not in known["computed"]}


@contextlib.contextmanager
def _reporting(doing: str, target: Target, inputs: Properties, kind: ResourceType) -> Generator[None]:
    """Let an error of a call say during which operation, and on which resource, it happened."""
    try:
        yield
    except CallError as error:
        name = inputs.get(kind.naming.property) if kind.naming else None
        physical = target.identity or (name if isinstance(name, str) else "")
        detail = f" ({physical})" if physical else ""
        raise PluginError(f"{doing} {target.urn.type} {target.urn.name}{detail}: {error}") from None
