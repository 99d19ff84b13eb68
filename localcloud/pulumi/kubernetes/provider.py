"""The provider `kubernetes`: objects of any kind that the cluster serves, and ACK's chart."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from localcloud.pulumi.difference import Change, Difference, compare
from localcloud.pulumi.errors import CancelledError, Failure, InitializationError, UnknownTypeError
from localcloud.pulumi.kubernetes import kubeconfig, objects
from localcloud.pulumi.kubernetes.api import Api
from localcloud.pulumi.kubernetes.cluster import CREATOR, DEFAULT_SECONDS, Cluster
from localcloud.pulumi.kubernetes.conditions import check_annotation, delete_unreachable, ready_condition
from localcloud.pulumi.kubernetes.errors import (
    ApiError,
    KubernetesError,
    NoMatchError,
    NotReadyError,
    UnreachableError,
    explained,
)
from localcloud.pulumi.kubernetes.objects import Object, TypeToken
from localcloud.pulumi.progress import ENGINE_LOG
from localcloud.pulumi.provider import Checked, Found, Provider, Target
from localcloud.pulumi.wire import UNKNOWN, Properties, is_known

if TYPE_CHECKING:
    from localcloud.pulumi.kubernetes.release import Releases

_RELEASE = "kubernetes:helm.sh/v3:Release"
_TEXTS = frozenset({"kubeconfig", "context", "cluster", "namespace", "clusterIdentifier"})
_SWITCHES = frozenset(
    {
        "deleteUnreachable",
        "enableConfigMapMutable",
        "enablePatchForce",
        "enableSecretMutable",
        "enableServerSideApply",
        "skipUpdateUnreachable",
        "suppressDeprecationWarnings",
        "suppressHelmHookWarnings",
        "upsertExistingObjects",
    }
)
_UNSUPPORTED = frozenset({"alwaysRender", "helmReleaseSettings", "kubeClientSettings", "renderYamlToDirectory"})
_DROPPED_HINT = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation with the "
    'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)


class KubernetesProvider(Provider):
    """Serves every kind that the cluster knows."""

    name = "kubernetes"

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        super().__init__()
        self.version = version("pulumi-kubernetes")
        self._environment = environment
        self._settings: Properties = {}
        self._lock = threading.Lock()
        self._connected: Cluster | None = None
        self._releases: Releases | None = None

    # Configuration

    def check_config(self, values: Properties) -> Checked:
        problems = [
            Failure(
                name,
                f"the local cloud's kubernetes plugin does not support the setting `{name}`"
                if name in _UNSUPPORTED
                else f"the kubernetes provider has no setting `{name}`",
            )
            for name in values
            if name not in _TEXTS | _SWITCHES | {"version"}
        ]
        if _setting(values.get("enableServerSideApply")) is False:
            reason = "the local cloud's kubernetes plugin works by server-side apply only"
            problems.append(Failure("enableServerSideApply", reason))
        return Checked(values, problems)

    def diff_config(self, old: Properties, new: Properties) -> Difference:
        difference = compare(old, new)
        identifier = new.get("clusterIdentifier")
        if identifier and identifier == old.get("clusterIdentifier"):
            return difference
        replaced = {"clusterIdentifier"} if identifier and old.get("clusterIdentifier") else set[str]()
        keys = ("kubeconfig", "context", "cluster")
        if not is_known({k: new.get(k) for k in keys}) or self._cluster_of(old) != self._cluster_of(new):
            replaced |= difference.names & set(keys)
        return Difference(tuple(Change(c.path, c.kind, c.top in replaced) for c in difference.changes))

    def _cluster_of(self, settings: Properties) -> Any:
        try:
            config = kubeconfig.parse(settings.get("kubeconfig"), self._environment)
        except KubernetesError:
            return None
        return kubeconfig.active_cluster(config, settings.get("context"), settings.get("cluster"))

    def configure(self, values: Properties) -> None:
        self._settings = {name: _setting(v) if name in _SWITCHES else v for name, v in values.items()}

    def _cluster(self) -> Cluster:
        """The cluster, looked for when first needed: a plugin may be configured for a cluster that is gone."""
        with self._lock:
            if self._connected is None:
                settings = self._settings
                config = kubeconfig.parse(settings.get("kubeconfig"), self._environment)
                connection = kubeconfig.active(config, settings.get("context"), settings.get("cluster"))
                kubeconfig.require_local(connection)
                api = Api(connection)
                self._connected = Cluster(api, settings.get("namespace") or connection.namespace, self.stop)
                self.stop.callbacks.append(api.interrupt)
            return self._connected

    def derived_secrets(self, token: str, secrets: frozenset[str]) -> frozenset[str]:
        # the API server turns stringData into data
        return secrets | {"data"} if "stringData" in secrets else secrets

    # Resources

    def check(self, target: Target, old: Properties | None, new: Properties) -> Checked:
        if target.urn.type == _RELEASE:
            return self._helm().check(target, old, new)
        token = self._token(target, new)
        problems = list(_problems(token, new))
        named = new if token.patch else objects.autonamed(target.urn.name, old, new, target.seed)
        return Checked(named, problems)

    def diff(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Difference:
        if target.urn.type == _RELEASE:
            return self._helm().diff(target, old, new)
        token = self._token(target, new)
        before, after = self._comparable(old), self._comparable(new)
        mutable = frozenset(
            kind
            for kind, name in (("Secret", "enableSecretMutable"), ("ConfigMap", "enableConfigMapMutable"))
            if self._settings.get(name)
        )
        paths = objects.force_new(token, mutable)
        difference = compare(before, after, replaces=lambda path: objects.is_under(path, paths))
        same_place = (objects.name_of(before), objects.namespace_of(before)) == (
            objects.name_of(after),
            objects.namespace_of(after),
        )
        fixed = same_place and not objects.is_true(new, objects.AUTONAMED)
        return Difference(difference.changes, delete_before_replace=fixed)

    def _comparable(self, inputs: Properties) -> Object:
        made = objects.without_read_only({n: v for n, v in inputs.items() if not n.startswith("__")})
        if objects.namespace_of(made) == (self._settings.get("namespace") or "default"):
            metadata = {n: v for n, v in objects.metadata(made).items() if n != "namespace"}
            made = {**made, "metadata": metadata}
        return made

    def plan_create(self, target: Target, inputs: Properties) -> Properties:
        if target.urn.type == _RELEASE:
            return self._helm().plan(inputs)
        return inputs

    def create(self, target: Target, inputs: Properties) -> tuple[str, Properties]:
        if target.urn.type == _RELEASE:
            return self._helm().create(target, inputs)
        token = self._token(target, inputs)
        source = objects.to_object(inputs, token)
        manager = _manager(target, inputs, {})
        try:
            live = self._made(token, source, manager)
        except NoMatchError as e:
            raise KubernetesError(
                f'creation of resource "{_text(target)}" with kind {token.api_version}/{token.kind} failed because the '
                "Kubernetes API server reported that the apiVersion for this resource does not exist. "
                f"Verify that any required CRDs have been created: {e}"
            ) from None
        except UnreachableError as e:
            raise KubernetesError(f"configured Kubernetes cluster is unreachable: {e}") from None
        except ApiError as e:
            raise KubernetesError(
                f'resource "{_text(target)}" was not successfully created by the Kubernetes API server: '
                f"{explained(e, manager)}"
            ) from None
        intro = (
            f'resource "{_text(target)}" was successfully created, but the Kubernetes API server reported that it '
            "failed to fully initialize or become live"
        )
        return objects.identity(live), self._awaited(target, inputs, live, manager, intro)

    def _made(self, token: TypeToken, source: Object, manager: str) -> Object:
        cluster = self._cluster()
        if token.patch or self._settings.get("upsertExistingObjects"):
            return cluster.apply(source, manager, force=self._force(source))
        return cluster.create(source)

    def _force(self, source: Object) -> bool:
        return bool(self._settings.get("enablePatchForce")) or objects.is_true(source, objects.PATCH_FORCE)

    def _awaited(self, target: Target, inputs: Properties, live: Object, manager: str, intro: str) -> Properties:
        """Outputs of an object once it is ready."""
        condition = None if self._token(target, inputs).patch else ready_condition(inputs, live)
        if condition is None:
            return objects.to_properties(live, manager)
        try:
            ready = self._cluster().wait_ready(
                live, condition, _seconds(target, inputs), lambda state: ENGINE_LOG.say(target.urn.text, state)
            )
        except (NotReadyError, CancelledError, UnreachableError, ApiError) as e:
            seen: Object = getattr(e, "live", None) or live
            outputs = objects.to_properties(seen, manager)
            raise InitializationError(objects.identity(live), outputs, [f"{intro}: {e}"]) from None
        return objects.to_properties(ready, manager)

    def read(self, target: Target, inputs: Properties, outputs: Properties) -> Found | None:
        try:
            if target.urn.type == _RELEASE:
                return self._helm().read(target, inputs, outputs)
            return self._read(target, inputs, outputs)
        except UnreachableError as e:
            if self._drops_unreachable():
                return None
            if self._settings.get("skipUpdateUnreachable"):
                return Found(target.identity, outputs, inputs)
            raise KubernetesError(
                f"failed to read resource state due to unreachable cluster ({e}). {_DROPPED_HINT}"
            ) from None

    def _read(self, target: Target, inputs: Properties, outputs: Properties) -> Found | None:
        token = self._token(target, inputs or outputs)
        namespace, name = objects.split_identity(target.identity)
        source = objects.to_object({"apiVersion": (inputs or outputs).get("apiVersion")}, token)
        source["metadata"] = {"name": name, **({"namespace": namespace} if namespace else {})}
        live = self._cluster().get(source)
        if live is None:
            return None
        manager = _manager(target, inputs, outputs)
        result = objects.to_properties(live, manager)
        if inputs:
            return Found(target.identity, result, objects.pruned(result, inputs))
        imported = objects.without_read_only({n: v for n, v in live.items() if n != "status"})
        return Found(objects.identity(live), result, imported)

    def plan_update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties:
        if target.urn.type == _RELEASE:
            return {**outputs, **self._helm().plan(new)}
        kept = {n: v for n, v in outputs.items() if n.startswith("__") or n == "status"}
        return {**kept, **new}

    def update(self, target: Target, old: Properties, new: Properties, outputs: Properties) -> Properties:
        if target.urn.type == _RELEASE:
            return self._helm().update(target, new, outputs)
        token, manager = self._token(target, new), _manager(target, new, outputs)
        source = objects.to_object(new, token)
        source["metadata"] = {"name": objects.name_of(outputs), **objects.metadata(source)}
        try:
            live = self._changed(token, source, manager)
        except UnreachableError as e:
            raise KubernetesError(f"configured Kubernetes cluster is unreachable: {e}") from None
        except (ApiError, NoMatchError) as e:
            raise KubernetesError(
                f'resource "{_text(target)}" was not successfully updated by the Kubernetes API server: '
                f"{explained(e, manager)}"
            ) from None
        intro = f'the Kubernetes API server reported that "{objects.identity(live)}" failed to fully initialize or become live'
        return self._awaited(target, new, live, manager, intro)

    def _changed(self, token: TypeToken, source: Object, manager: str) -> Object:
        cluster = self._cluster()
        live = cluster.get(source)
        if live is None and not token.patch:
            raise ApiError(404, "NotFound", f'{token.kind} "{objects.name_of(source)}" not found; run a refresh')
        if live is not None and token.kind == "CustomResourceDefinition" and not token.patch:
            # the versions of a definition are one list that an apply cannot merge
            source["metadata"]["resourceVersion"] = objects.metadata(live)["resourceVersion"]
            return cluster.replace(source, manager)
        if live is not None and not token.patch:
            cluster.take_over(live, manager)
        return cluster.apply(source, manager, force=self._force(source))

    def delete(self, target: Target, inputs: Properties, outputs: Properties) -> None:
        try:
            if target.urn.type == _RELEASE:
                self._helm().delete(target, outputs)
            else:
                self._delete(target, inputs, outputs)
        except UnreachableError as e:
            if not self._drops_unreachable():
                raise KubernetesError(f"configured Kubernetes cluster is unreachable ({e}). {_DROPPED_HINT}") from None

    def _delete(self, target: Target, inputs: Properties, outputs: Properties) -> None:
        token, cluster = self._token(target, inputs or outputs), self._cluster()
        source = objects.to_object({n: outputs[n] for n in ("apiVersion", "metadata") if n in outputs}, token)
        try:
            if token.patch:
                self._relinquish(source, _manager(target, inputs, outputs))
                return
            if not cluster.delete(source, _propagation(inputs)):
                return
            cluster.wait_gone(source, _seconds(target, inputs))
        except NotReadyError as e:
            raise KubernetesError(f'resource "{_text(target)}" was not deleted: {e}') from None
        except ApiError as e:
            raise KubernetesError(f'deleting "{_text(target)}": {e}') from None

    def _relinquish(self, source: Object, manager: str) -> None:
        """Give up the fields of a patch; what nobody else owns goes."""
        if self._cluster().get(source) is None:
            return
        kept = {n: v for n, v in objects.metadata(source).items() if n in {"name", "namespace"}}
        self._cluster().apply({**source, "metadata": kept}, manager, force=True)

    def invoke(self, token: str, arguments: Properties, *, preview: bool) -> Properties:
        raise UnknownTypeError(f"the local cloud's kubernetes plugin has no function {token}")

    def find(self, target: Target, inputs: Properties) -> str | None:
        if not is_known(inputs):
            return None
        if target.urn.type == _RELEASE:
            return self._helm().find(inputs)
        token = self._token(target, inputs)
        if token.patch or objects.name_of(inputs) is None:
            return None
        try:
            live = self._cluster().get(objects.to_object(inputs, token))
        except UnreachableError:
            return None  # with its cluster the object is gone, too
        return objects.identity(live) if live else None

    # Helpers

    def _drops_unreachable(self) -> bool:
        return delete_unreachable(self._settings.get("deleteUnreachable"), self._environment)

    def _token(self, target: Target, inputs: Properties) -> TypeToken:
        parts = target.urn.type.split(":")
        group = parts[1] if len(parts) == 3 else ""
        if "/" not in group or group.startswith(("helm.sh/", "yaml", "kustomize")):
            raise UnknownTypeError(f"the local cloud's kubernetes plugin has no resource type {target.urn.type}")
        kind = inputs.get("kind")
        return TypeToken.parse(target.urn.type, kind if isinstance(kind, str) else None)

    def _helm(self) -> Releases:
        if self._releases is None:
            from localcloud.pulumi.kubernetes.release import Releases  # noqa: PLC0415  for one type only

            self._releases = Releases(self._cluster, lambda: self._settings.get("namespace") or "default", self.stop)
        return self._releases


def _problems(token: TypeToken, inputs: Properties) -> list[Failure]:
    problems: list[Failure] = []
    metadata = inputs.get("metadata")
    if token.patch and objects.name_of(inputs) is None:
        problems.append(Failure("metadata.name", "patch resources require the `.metadata.name` field to be set"))
    if objects.metadata(inputs).get("generateName"):
        reason = "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
        problems.append(Failure("metadata.generateName", reason))
    if metadata is not None and metadata is not UNKNOWN and not isinstance(metadata, Mapping):
        problems.append(Failure("metadata", "`metadata` must be an object"))
    if token.kind.endswith("List") and "items" in inputs:
        problems.append(Failure("kind", f"a {token.kind} cannot be created: declare its items one by one"))
    if wrong := check_annotation(inputs):
        problems.append(Failure(f'metadata.annotations["{objects.WAIT_FOR}"]', wrong))
    return problems


def _manager(target: Target, inputs: Properties, outputs: Properties) -> str:
    """The field manager of a resource: fixed by annotation, or one of its own for as long as it lives."""
    kept = outputs.get(objects.FIELD_MANAGER)
    digest = hashlib.sha256(f"{target.urn}".encode()).hexdigest()[:8]
    return objects.annotation(inputs, objects.PATCH_FIELD_MANAGER) or kept or f"{CREATOR}-{digest}"


def _seconds(target: Target, inputs: Properties) -> float:
    text = objects.annotation(inputs, objects.TIMEOUT_SECONDS)
    return target.timeout or (float(text) if text.isdigit() else 0.0) or DEFAULT_SECONDS


def _propagation(inputs: Properties) -> str:
    chosen = objects.annotation(inputs, objects.DELETION_PROPAGATION).lower()
    return {"orphan": "Orphan", "background": "Background"}.get(chosen, "Foreground")


def _text(target: Target) -> str:
    return f"{target.urn.type}::{target.urn.name}"


def _setting(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value
