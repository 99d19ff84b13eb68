"""ACK's SageMaker chart without helm: the objects that installing it makes, from the same values.

Written from what the chart of version 1.9.1 renders; the definitions cover TransformJob only, the one kind that the
local operator reconciles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from localcloud.operator import chart_rules
from localcloud.operator.chart_values import CHART_NAME, CHART_VERSION, IMAGE_REPOSITORY, Values, check_values, merged
from localcloud.operator.crd import transform_job_crd

__all__ = [
    "CHART_NAME",
    "CHART_REFERENCE",
    "CHART_VERSION",
    "IMAGE_REPOSITORY",
    "Rendered",
    "check_values",
    "render",
]

CHART_REFERENCE: Final = f"oci://public.ecr.aws/aws-controllers-k8s/{CHART_NAME}"
_RBAC: Final = "rbac.authorization.k8s.io"
_CREDENTIALS_FOLDER: Final = "/var/run/secrets/aws"

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What an installation of the chart consists of.

    Attributes:
        crds: custom resource definitions; helm installs them where absent, and never updates or deletes them.
        manifests: the release's own objects, in the order in which helm creates them.
    """

    crds: list[Manifest]
    manifests: list[Manifest]


def render(release: str, namespace: str, version: str, values: Mapping[str, Any]) -> Rendered:
    """The objects of a release, for values that `check_values` found good."""
    chart = _Chart(release, namespace, version, merged(values, version))
    return Rendered(crds=[transform_job_crd()], manifests=list(chart.manifests()))


@dataclass(frozen=True)
class _Chart:
    release: str
    namespace: str
    version: str
    values: Values

    def manifests(self) -> Iterator[Manifest]:
        if self.values["serviceAccount"]["create"]:
            yield self._service_account()
        yield from self._cluster_roles()
        yield from self._roles()
        if self.values["metrics"]["service"]["create"]:
            yield self._metrics_service()
        yield self._deployment()

    # Names and labels

    @property
    def name(self) -> str:
        return _short(self.values["nameOverride"] or CHART_NAME)

    @property
    def full_name(self) -> str:
        name = self.values["nameOverride"] or CHART_NAME
        default = self.release if name in self.release else f"{self.release}-{name}"
        return _short(self.values["fullnameOverride"] or default)

    @property
    def service_account(self) -> str:
        return self.values["serviceAccount"]["name"] or "default"

    @property
    def watch_namespace(self) -> str:
        if self.values["installScope"] != "namespace":
            return ""
        return self.values["watchNamespace"] or self.namespace

    def _labels(self, name: str | None = None) -> dict[str, str]:
        name = name or self.name
        return {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/instance": self.release,
            "app.kubernetes.io/managed-by": "Helm",
            "app.kubernetes.io/version": self.version,
            "k8s-app": name,
            "helm.sh/chart": _short(f"{CHART_NAME}-{self.version}".replace("+", "_")),
        }

    def _pod_labels(self) -> dict[str, str]:
        return {
            "app.kubernetes.io/name": self.name,
            "app.kubernetes.io/instance": self.release,
            "app.kubernetes.io/managed-by": "Helm",
            "k8s-app": self.name,
            **_strings(self.values["deployment"]["labels"]),
        }

    def _object(self, api: str, kind: str, name: str, namespace: str | None, labels: Mapping[str, str]) -> Manifest:
        metadata = {"name": name, "labels": dict(labels)} | ({} if namespace is None else {"namespace": namespace})
        return {"apiVersion": api, "kind": kind, "metadata": metadata}

    # Who the controller is and what it may do in the cluster

    def _service_account(self) -> Manifest:
        account = self._object("v1", "ServiceAccount", self.service_account, self.namespace, self._labels())
        if annotations := self.values["serviceAccount"]["annotations"]:
            account["metadata"]["annotations"] = _strings(annotations)
        return account

    def _cluster_roles(self) -> Iterator[Manifest]:
        cache = f"{self.full_name}-namespaces-cache"
        cluster_wide = self.values["installScope"] == "cluster"
        yield self._role("ClusterRole", cache, None, chart_rules.READ_NAMESPACES)
        if cluster_wide:
            labels = self._labels() | _strings(self.values["role"]["labels"])
            yield self._role("ClusterRole", self.full_name, None, chart_rules.CONTROLLER, labels)
        yield self._binding("ClusterRole", cache, cache, None)
        if cluster_wide:
            yield self._binding("ClusterRole", f"{self.full_name}-rolebinding", self.full_name, None)

    def _roles(self) -> Iterator[Manifest]:
        cache = f"{self.full_name}-configmaps-cache"
        scoped = [f"{self.full_name}-{namespace}" for namespace in self._watched()]
        # The chart labels what it makes for each watched namespace by its full name.
        labels = self._labels(self.full_name)
        role_labels = labels | _strings(self.values["role"]["labels"])
        yield self._role("Role", cache, self.namespace, chart_rules.READ_CONFIG_MAPS)
        for name, namespace in zip(scoped, self._watched(), strict=True):
            yield self._role("Role", name, namespace, chart_rules.CONTROLLER, role_labels)
        yield from self._leader_election("Role")
        yield self._role("Role", f"{self.full_name}-reader", self.namespace, chart_rules.READER)
        yield self._role("Role", f"{self.full_name}-writer", self.namespace, chart_rules.WRITER)
        yield self._binding("Role", cache, cache, self.namespace)
        for name, namespace in zip(scoped, self._watched(), strict=True):
            yield self._binding("Role", name, name, namespace, labels)
        yield from self._leader_election("RoleBinding")

    def _watched(self) -> list[str]:
        return self.watch_namespace.split(",") if self.watch_namespace else []

    def _leader_election(self, kind: str) -> Iterator[Manifest]:
        election = self.values["leaderElection"]
        if not election["enabled"]:
            return
        name = f"{self.full_name}-leaderelection"
        namespace = election["namespace"] or self.namespace
        if kind == "Role":
            yield self._role("Role", name, namespace, chart_rules.LEADER_ELECTION)
        else:
            yield self._binding("Role", name, name, namespace)

    def _role(
        self,
        kind: str,
        name: str,
        namespace: str | None,
        rules: chart_rules.Rules,
        labels: Mapping[str, str] | None = None,
    ) -> Manifest:
        role = self._object(f"{_RBAC}/v1", kind, name, namespace, labels or self._labels())
        return role | {"rules": chart_rules.copied(rules)}

    def _binding(
        self, role_kind: str, name: str, role: str, namespace: str | None, labels: Mapping[str, str] | None = None
    ) -> Manifest:
        binding = self._object(f"{_RBAC}/v1", f"{role_kind}Binding", name, namespace, labels or self._labels())
        return binding | {
            "roleRef": {"apiGroup": _RBAC, "kind": role_kind, "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": self.service_account, "namespace": self.namespace}],
        }

    # The controller itself

    def _metrics_service(self) -> Manifest:
        # Named after the chart, not the release, and for a port of its own: so the chart has it.
        name = f"{CHART_NAME.removesuffix('-chart')[:44]}-controller-metrics"
        service = self._object("v1", "Service", name, self.namespace, self._labels())
        return service | {
            "spec": {
                "selector": self._pod_labels(),
                "type": self.values["metrics"]["service"]["type"],
                "ports": [{"name": "metricsport", "port": 8080, "targetPort": "http", "protocol": "TCP"}],
            }
        }

    def _deployment(self) -> Manifest:
        settings = self.values["deployment"]
        labels = self._labels() | _strings(settings["labels"])
        pod_metadata: Manifest = {"labels": self._pod_labels()}
        if settings["annotations"]:
            pod_metadata["annotations"] = _strings(settings["annotations"])
        spec = {
            "replicas": settings["replicas"],
            "selector": {
                "matchLabels": {"app.kubernetes.io/name": self.name, "app.kubernetes.io/instance": self.release}
            },
            "template": {"metadata": pod_metadata, "spec": self._pod()},
        }
        if settings["strategy"]:
            spec["strategy"] = settings["strategy"]
        return self._object("apps/v1", "Deployment", self.full_name, self.namespace, labels) | {"spec": spec}

    def _pod(self) -> Manifest:
        settings = self.values["deployment"]
        optional = {
            "imagePullSecrets": [{"name": secret} for secret in self.values["image"]["pullSecrets"]],
            "tolerations": settings["tolerations"],
            "affinity": settings["affinity"],
            "priorityClassName": settings["priorityClassName"],
            "volumes": self._volumes(),
        }
        return {
            "serviceAccountName": self.service_account,
            "containers": [self._container()],
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "terminationGracePeriodSeconds": 10,
            "nodeSelector": settings["nodeSelector"],
            "hostIPC": False,
            "hostPID": False,
            "hostNetwork": settings["hostNetwork"],
            "dnsPolicy": settings["dnsPolicy"],
        } | {name: value for name, value in optional.items() if value}

    def _container(self) -> Manifest:
        image = self.values["image"]
        container = {
            "name": "controller",
            "image": f"{image['repository']}:{image['tag']}",
            "imagePullPolicy": image["pullPolicy"],
            "command": ["./bin/controller"],
            "args": self._args(),
            "env": self._env(),
            "ports": [{"name": "http", "containerPort": self.values["deployment"]["containerPort"]}],
            "resources": self.values["resources"],
            "securityContext": {
                "allowPrivilegeEscalation": False,
                "privileged": False,
                "readOnlyRootFilesystem": True,
                "runAsNonRoot": True,
                "capabilities": {"drop": ["ALL"]},
            },
            "livenessProbe": _probe("/healthz", initial=15, period=20),
            "readinessProbe": _probe("/readyz", initial=5, period=10),
        }
        return container | ({"volumeMounts": mounts} if (mounts := self._mounts()) else {})

    def _volumes(self) -> list[Manifest]:
        secret = self.values["aws"]["credentials"]["secretName"]
        own = [{"name": secret, "secret": {"secretName": secret}}] if secret else []
        return own + self.values["deployment"]["extraVolumes"]

    def _mounts(self) -> list[Manifest]:
        secret = self.values["aws"]["credentials"]["secretName"]
        own = [{"name": secret, "mountPath": _CREDENTIALS_FOLDER, "readOnly": True}] if secret else []
        return own + self.values["deployment"]["extraVolumeMounts"]

    def _args(self) -> list[str]:
        values, reconcile = self.values, self.values["reconcile"]
        args = ["--aws-region", "$(AWS_REGION)", "--aws-endpoint-url", "$(AWS_ENDPOINT_URL)"]
        if values["aws"]["identity_endpoint_url"]:
            args += ["--aws-identity-endpoint-url", "$(AWS_IDENTITY_ENDPOINT_URL)"]
        if values["aws"]["allow_unsafe_aws_endpoint_urls"]:
            args.append("--allow-unsafe-aws-endpoint-urls")
        if values["log"]["enable_development_logging"]:
            args.append("--enable-development-logging")
        args += ["--log-level", "$(ACK_LOG_LEVEL)", "--resource-tags", "$(ACK_RESOURCE_TAGS)"]
        args += ["--watch-namespace", "$(ACK_WATCH_NAMESPACE)", "--watch-selectors", "$(ACK_WATCH_SELECTORS)"]
        args += ["--reconcile-resources", "$(RECONCILE_RESOURCES)", "--deletion-policy", "$(DELETION_POLICY)"]
        if values["leaderElection"]["enabled"]:
            args += ["--enable-leader-election", "--leader-election-namespace", "$(LEADER_ELECTION_NAMESPACE)"]
        if reconcile["defaultResyncPeriod"] > 0:
            args += ["--reconcile-default-resync-seconds", "$(RECONCILE_DEFAULT_RESYNC_SECONDS)"]
        args += _by_kind_args("resync-seconds", reconcile["resourceResyncPeriods"])
        if reconcile["defaultMaxConcurrentSyncs"] > 0:
            args += ["--reconcile-default-max-concurrent-syncs", "$(RECONCILE_DEFAULT_MAX_CONCURRENT_SYNCS)"]
        args += _by_kind_args("max-concurrent-syncs", reconcile["resourceMaxConcurrentSyncs"])
        if values["featureGates"]:
            args += ["--feature-gates", "$(FEATURE_GATES)"]
        args.append(f"--enable-carm={_text(values['enableCARM'])}")
        args.append(f"--enable-cross-namespace={_text(values['enableCrossNamespace'])}")
        return args

    def _env(self) -> list[Manifest]:
        values, aws, reconcile = self.values, self.values["aws"], self.values["reconcile"]
        env = {
            "AWS_REGION": aws["region"],
            "AWS_ENDPOINT_URL": aws["endpoint_url"],
            "AWS_IDENTITY_ENDPOINT_URL": aws["identity_endpoint_url"],
            "ACK_WATCH_NAMESPACE": self.watch_namespace,
            "ACK_WATCH_SELECTORS": values["watchSelectors"],
            "RECONCILE_RESOURCES": ",".join(reconcile["resources"]),
            "DELETION_POLICY": values["deletionPolicy"],
            "LEADER_ELECTION_NAMESPACE": values["leaderElection"]["namespace"],
            "ACK_LOG_LEVEL": values["log"]["level"],
            "ACK_RESOURCE_TAGS": ",".join(values["resourceTags"]),
        }
        if reconcile["defaultResyncPeriod"] > 0:
            env["RECONCILE_DEFAULT_RESYNC_SECONDS"] = _text(reconcile["defaultResyncPeriod"])
        env |= _by_kind_env("RESYNC_SECONDS", reconcile["resourceResyncPeriods"])
        if reconcile["defaultMaxConcurrentSyncs"] > 0:
            env["RECONCILE_DEFAULT_MAX_CONCURRENT_SYNCS"] = _text(reconcile["defaultMaxConcurrentSyncs"])
        env |= _by_kind_env("MAX_CONCURRENT_SYNCS", reconcile["resourceMaxConcurrentSyncs"])
        if gates := values["featureGates"]:
            env["FEATURE_GATES"] = ",".join(f"{gate}={_text(gates[gate])}" for gate in sorted(gates))
        if aws["credentials"]["secretName"]:
            env["AWS_SHARED_CREDENTIALS_FILE"] = f"{_CREDENTIALS_FOLDER}/{aws['credentials']['secretKey']}"
            env["AWS_PROFILE"] = aws["credentials"]["profile"]
        own = {"name": "ACK_SYSTEM_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}
        given = [{"name": name, "value": value} for name, value in env.items()]
        return [own, *given, *values["deployment"]["extraEnvVars"]]


def _by_kind_args(setting: str, by_kind: Mapping[str, int]) -> list[str]:
    variable = f"RECONCILE_RESOURCE_{setting.replace('-', '_').upper()}"
    return [
        arg for kind in sorted(by_kind) for arg in (f"--reconcile-resource-{setting}", f"$({variable}_{kind.upper()})")
    ]


def _by_kind_env(setting: str, by_kind: Mapping[str, int]) -> dict[str, str]:
    return {f"RECONCILE_RESOURCE_{setting}_{kind.upper()}": f"{kind}={by_kind[kind]}" for kind in sorted(by_kind)}


def _probe(path: str, *, initial: int, period: int) -> Manifest:
    return {"httpGet": {"path": path, "port": 8081}, "initialDelaySeconds": initial, "periodSeconds": period}


def _short(name: str) -> str:
    """Kubernetes limits many names to 63 characters."""
    return name[:63].removesuffix("-")


def _strings(entries: Mapping[str, Any]) -> dict[str, str]:
    return {key: _text(value) for key, value in entries.items()}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
