"""The resource `helm.sh/v3:Release`, for the one chart that the local cloud knows: ACK's SageMaker controller."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localcloud.operator.chart import CHART_NAME, CHART_REFERENCE, CHART_VERSION, check_values, render
from localcloud.pulumi.difference import Difference, compare
from localcloud.pulumi.errors import CancelledError, Failure, InitializationError
from localcloud.pulumi.kubernetes import objects
from localcloud.pulumi.kubernetes.cluster import Cluster
from localcloud.pulumi.kubernetes.conditions import deployment_available, established
from localcloud.pulumi.kubernetes.errors import ApiError, KubernetesError, NotReadyError, UnreachableError
from localcloud.pulumi.kubernetes.objects import Object
from localcloud.pulumi.kubernetes.release_record import DEPLOYED, FAILED, SUPERSEDED, Record
from localcloud.pulumi.provider import Checked, Found, Stop, Target
from localcloud.pulumi.wire import Properties, is_known

_HELM = "helm"  # helm's field manager
_SECONDS = 300
_SUPPORTED = frozenset(
    {
        "atomic",
        "chart",
        "compat",
        "createNamespace",
        "name",
        "namespace",
        "skipAwait",
        "skipCrds",
        "timeout",
        "values",
        "version",
        # settings that are about what this chart has not, or about helm's own housekeeping
        "allowNullValues",
        "cleanupOnFail",
        "description",
        "dependencyUpdate",
        "disableCRDHooks",
        "disableOpenapiValidation",
        "disableWebhooks",
        "lint",
        "maxHistory",
        "renderSubchartNotes",
        "resetValues",
        "waitForJobs",
    }
)
_ANNOTATIONS = ("meta.helm.sh/release-name", "meta.helm.sh/release-namespace")


class ReleaseError(KubernetesError):
    """A release could not be installed, changed or removed."""


class Releases:
    """Installs, upgrades and uninstalls releases.

    Args:
        cluster: gives the cluster.
        default_namespace: gives the provider's namespace.
        stop: set when the engine asks to stop.
    """

    def __init__(self, cluster: Callable[[], Cluster], default_namespace: Callable[[], str], stop: Stop) -> None:
        self._cluster = cluster
        self._default_namespace = default_namespace
        self._stop = stop

    def check(self, target: Target, old: Properties | None, new: Properties) -> Checked:
        inputs = {name: value for name, value in new.items() if name not in {"resourceNames", "manifest", "status"}}
        problems = list(_problems(inputs))
        if "name" not in inputs:
            inputs["name"] = self._name(target, old)
        inputs.setdefault("namespace", self._default_namespace())
        inputs.setdefault("version", CHART_VERSION)
        if not inputs.get("skipAwait"):
            inputs.setdefault("timeout", _SECONDS)
        return Checked(inputs, problems)

    def _name(self, target: Target, old: Properties | None) -> str:
        kept = (old or {}).get("name")
        if isinstance(kept, str) and kept.startswith(f"{target.urn.name}-"):
            return kept
        return f"{target.urn.name}-{hashlib.sha256(target.seed or b'0').hexdigest()[:8]}"

    def diff(self, target: Target, old: Properties, new: Properties) -> Difference:
        ignored = {"compat"}
        before = {n: v for n, v in old.items() if n not in ignored}
        after = {n: v for n, v in new.items() if n not in ignored}
        difference = compare(before, after, replaces=lambda path: path in {"name", "namespace"})
        same = (old.get("name"), old.get("namespace")) == (new.get("name"), new.get("namespace"))
        return Difference(difference.changes, delete_before_replace=same)

    def plan(self, inputs: Properties) -> Properties:
        if not is_known(inputs):
            return inputs
        return {**inputs, "resourceNames": _resource_names(_rendered(inputs)[1])}

    def create(self, target: Target, inputs: Properties) -> tuple[str, Properties]:
        try:
            return f"{inputs['namespace']}/{inputs['name']}", self._install(target, inputs)
        except UnreachableError as e:
            raise ReleaseError(f"can't create Helm Release with unreachable cluster: {e}") from None
        except ApiError as e:
            raise ReleaseError(f"Helm release {inputs['namespace']}/{inputs['name']}: {e}") from None

    def _install(self, target: Target, inputs: Properties) -> Properties:
        present = self._record(inputs["namespace"], inputs["name"])
        if present and present.status == DEPLOYED:
            raise ReleaseError(
                f"Helm release {inputs['namespace']}/{inputs['name']}: cannot re-use a name that is still in use"
            )
        if inputs.get("createNamespace"):
            self._ensure_namespace(inputs["namespace"])
        # what a failed try left is taken over as a further revision
        return self._deploy(target, inputs, present, "Install complete")

    def update(self, target: Target, inputs: Properties, outputs: Properties) -> Properties:
        try:
            present = self._record(inputs["namespace"], inputs["name"])
            return self._deploy(target, inputs, present, "Upgrade complete")
        except UnreachableError as e:
            raise ReleaseError(f"can't update Helm Release with unreachable cluster: {e}") from None
        except ApiError as e:
            raise ReleaseError(f"Helm release {inputs['namespace']}/{inputs['name']}: {e}") from None

    def _deploy(self, target: Target, inputs: Properties, before: Record | None, words: str) -> Properties:
        crds, manifests = _rendered(inputs)
        record = _new_record(inputs, before, manifests)
        self._ensure_namespaced_record(record)
        if not inputs.get("skipCrds"):
            self._install_crds(crds)
        for manifest in manifests:
            self._apply(manifest, inputs)
        self._remove(tuple(m for m in (before.manifests if before else ()) if not _contains(manifests, m)))
        self._finish(target, inputs, record, words)
        if before:
            self._write(before.with_status(SUPERSEDED, before.description))
        return _outputs(inputs, self._record(inputs["namespace"], inputs["name"]) or record)

    def _ensure_namespaced_record(self, record: Record) -> None:
        try:
            self._write(record)
        except ApiError as e:
            if e.not_found:
                raise ReleaseError(
                    f'create: failed to create: namespaces "{record.namespace}" not found; set `createNamespace`'
                ) from None
            raise

    def _finish(self, target: Target, inputs: Properties, record: Record, words: str) -> None:
        """Wait for the release's Deployments and write down how it went."""
        try:
            if not inputs.get("skipAwait"):
                self._await(record, target.timeout or float(inputs.get("timeout") or _SECONDS))
        except (NotReadyError, CancelledError, UnreachableError) as e:
            failed = record.with_status(FAILED, str(e))
            self._try_write(failed)
            identity = f"{record.namespace}/{record.name}"
            if inputs.get("atomic") and isinstance(e, NotReadyError):
                self._uninstall(record)
                raise ReleaseError(
                    f"release {record.name} failed, and has been uninstalled due to atomic being set: {e}"
                ) from None
            reason = (
                f'Helm release "{identity}" was created, but failed to initialize completely. '
                f"Use Helm CLI to investigate: failed to become available within allocated timeout. "
                f"Error: Helm Release {identity}: {e}"
            )
            raise InitializationError(identity, _outputs(inputs, failed), [reason]) from None
        self._write(record.with_status(DEPLOYED, words))

    def _try_write(self, record: Record) -> None:
        try:
            self._write(record)
        except (ApiError, UnreachableError):
            return  # the error that led here says more

    def _await(self, record: Record, seconds: float) -> None:
        cluster, deadline = self._cluster(), datetime.now(UTC).timestamp() + seconds
        for manifest in record.manifests:
            if manifest["kind"] != "Deployment":
                continue
            live = cluster.get(manifest)
            left = max(0.0, deadline - datetime.now(UTC).timestamp())
            if live is not None:
                cluster.wait_ready(live, deployment_available, left)

    def _install_crds(self, crds: list[Object]) -> None:
        cluster = self._cluster()
        for crd in crds:
            try:
                live = cluster.create(crd, strict=False)
            except ApiError as e:
                if not e.conflict:
                    raise
                live = cluster.get(crd) or crd
            cluster.wait_ready(live, established, 60)

    def _apply(self, manifest: Object, inputs: Properties) -> None:
        live = self._cluster().get(manifest)
        owner = tuple(objects.annotation(live or {}, name) for name in _ANNOTATIONS)
        if live is not None and owner != (inputs["name"], inputs["namespace"]):
            raise ReleaseError(
                f"Unable to continue with install: {manifest['kind']} "
                f'"{objects.name_of(manifest)}" exists and cannot be imported into the current release: '
                f"it belongs to {'/'.join(filter(None, reversed(owner))) or 'nobody'}"
            )
        self._cluster().apply(manifest, _HELM, force=True, strict=False)

    def _ensure_namespace(self, name: str) -> None:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"name": name}}}
        try:
            self._cluster().create(namespace)
        except ApiError as e:
            if not e.conflict:
                raise

    def read(self, target: Target, inputs: Properties, outputs: Properties) -> Found | None:
        namespace, name = objects.split_identity(target.identity)
        record = self._record(namespace, name)
        if record is None:
            return None
        known = inputs or {
            "name": name,
            "namespace": namespace,
            "chart": CHART_REFERENCE,
            "version": record.version,
            "values": dict(record.values),
            "timeout": _SECONDS,
        }
        live = {**known, "version": record.version}
        if inputs and "values" in inputs:
            live["values"] = dict(record.values)
        return Found(target.identity, _outputs(live, record), live)

    def find(self, inputs: Properties) -> str | None:
        try:
            record = self._record(inputs["namespace"], inputs["name"])
        except UnreachableError:
            return None
        return f"{inputs['namespace']}/{inputs['name']}" if record else None

    def delete(self, target: Target, outputs: Properties) -> None:
        namespace, name = objects.split_identity(target.identity)
        record = self._record(namespace, name)
        if record is None:
            return
        try:
            self._uninstall(record, target.timeout or float(outputs.get("timeout") or _SECONDS))
        except NotReadyError as e:
            raise ReleaseError(f"uninstalling the Helm release {target.identity}: {e}") from None

    def _uninstall(self, record: Record, seconds: float = _SECONDS) -> None:
        self._remove(record.manifests, seconds)
        for secret in self._secrets(record.namespace, record.name):
            self._cluster().delete({"apiVersion": "v1", "kind": "Secret", **secret}, "Background")

    def _remove(self, manifests: tuple[Object, ...], seconds: float = _SECONDS) -> None:
        """Delete objects, last made first, and wait until they are gone."""
        cluster = self._cluster()
        going = [m for m in reversed(manifests) if cluster.delete(m)]
        for manifest in going:
            cluster.wait_gone(manifest, seconds)

    # Records

    def _write(self, record: Record) -> None:
        self._cluster().apply(record.to_secret(), _HELM, force=True, patient=False)

    def _record(self, namespace: str, name: str) -> Record | None:
        """The newest revision."""
        records = [Record.from_secret(secret) for secret in self._secrets(namespace, name)]
        return max(records, key=lambda record: record.revision, default=None)

    def _secrets(self, namespace: str, name: str) -> list[Object]:
        query = {"labelSelector": f"owner=helm,name={name}"}
        answer: Any = self._cluster().api.request("GET", f"/api/v1/namespaces/{namespace}/secrets", query)
        return answer.get("items") or []


def _problems(inputs: Properties) -> list[Failure]:
    problems = [
        Failure(name, f"the local cloud's kubernetes plugin does not support `{name}` of a Release")
        for name in inputs
        if name not in _SUPPORTED and inputs[name] not in (False, None)
    ]
    chart, version, values = inputs.get("chart"), inputs.get("version"), inputs.get("values")
    if isinstance(chart, str) and chart != CHART_REFERENCE:
        reason = f"the local cloud knows one chart, {CHART_REFERENCE}; it cannot install {chart}"
        problems.append(Failure("chart", reason))
    if chart is None:
        problems.append(Failure("chart", "a Release needs a `chart`"))
    if isinstance(version, str) and version != CHART_VERSION:
        reason = f"the local cloud knows version {CHART_VERSION} of {CHART_NAME}, not {version}"
        problems.append(Failure("version", reason))
    if values is None or (isinstance(values, dict) and is_known(values)):
        problems += [Failure("values", message) for message in check_values(values or {})]
    return problems


def _rendered(inputs: Properties) -> tuple[list[Object], tuple[Object, ...]]:
    """Definitions and objects of the release, the objects marked as helm marks them."""
    rendered = render(inputs["name"], inputs["namespace"], inputs["version"], inputs.get("values") or {})
    return rendered.crds, tuple(_marked(manifest, inputs) for manifest in rendered.manifests)


def _marked(manifest: Object, inputs: Properties) -> Object:
    metadata = objects.metadata(manifest)
    owner = dict(zip(_ANNOTATIONS, (inputs["name"], inputs["namespace"]), strict=True))
    labels = {**(metadata.get("labels") or {}), "app.kubernetes.io/managed-by": "Helm"}
    annotations = {**(metadata.get("annotations") or {}), **owner}
    return {**manifest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def _new_record(inputs: Properties, before: Record | None, manifests: tuple[Object, ...]) -> Record:
    return Record(
        name=inputs["name"],
        namespace=inputs["namespace"],
        revision=before.revision + 1 if before else 1,
        status="pending-upgrade" if before else "pending-install",
        values=inputs.get("values") or {},
        chart=CHART_NAME,
        version=inputs["version"],
        manifests=manifests,
        time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    )


def _contains(manifests: tuple[Object, ...], manifest: Object) -> bool:
    return any(_key(m) == _key(manifest) for m in manifests)


def _key(manifest: Object) -> tuple[str, str, str]:
    return manifest["apiVersion"], manifest["kind"], objects.identity(manifest)


def _resource_names(manifests: tuple[Object, ...]) -> dict[str, list[str]]:
    """Names of the release's objects by kind, as the official provider groups them."""
    names: dict[str, list[str]] = {}
    for manifest in manifests:
        group = manifest["apiVersion"].rpartition("/")[0]
        kind = f"{manifest['kind']}.{group}" if group else manifest["kind"]
        names.setdefault(f"{kind}/{manifest['apiVersion']}", []).append(objects.identity(manifest))
    return {key: sorted(value) for key, value in sorted(names.items())}


def _outputs(inputs: Properties, record: Record) -> Properties:
    return {
        **inputs,
        "resourceNames": _resource_names(record.manifests),
        "status": {
            "name": record.name,
            "namespace": record.namespace,
            "revision": record.revision,
            "status": record.status,
            "version": record.version,
            "chart": record.chart,
            "appVersion": record.version,
        },
    }
