"""The operator: ACK's SageMaker controller, by its Helm chart, for transform jobs only.

With `operatorInstall: capability` EKS runs the controller itself, outside of the cluster. With `existing` somebody else,
such as a GitOps tool, installs it, before jobs are declared and under the service account that the role trusts. The stack
then gives that operator its identity and the short names only.

Helm installs a chart's CRDs once and never upgrades them. After a raise of `chartVersion` the new controller would run with
the old definitions, and fields that these lack would be lost silently. So the preview refuses it until `make crds`, which
sets `crdsVersion`, has applied those of the new chart.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from google.protobuf import json_format
from google.protobuf.struct_pb2 import Struct
from pulumi.resource_hooks import ErrorHook, ErrorHookArgs
from pulumi.runtime.proto.resource_pb2 import ResourceInvokeRequest
from pulumi.runtime.settings import get_monitor

from infra.cluster import Cluster, version_order
from infra.identity import Identity
from infra.problems import refuse
from infra.settings import JOBS_NAMESPACE, Settings

RELEASE = "ack-sagemaker"
CAPABILITY = "ack"
DEFINITION_TRIES, DEFINITION_SECONDS = 60, 5
"""How often, and at which interval in seconds, to look for the definition of TransformJob once a capability is active."""

API_GROUP = "sagemaker.services.k8s.aws"
# With the plural, because kubectl finds only the names in this list, and people know both from the retired operator.
SHORT_NAMES = ["batchtransformjob", "batchtransformjobs", "btj"]

RELEASE_TYPE = "kubernetes:helm.sh/v3:Release"


@dataclass(frozen=True)
class OperatorArgs:
    """Arguments of an operator.

    Attributes:
        install: `helm`, `capability` or `existing`.
        chart: the chart's OCI address, or its folder.
        chart_version: the chart's version, such as 1.9.1.
        namespace: the namespace of the operator's pod.
        service_account: the service account of the operator's pod.
        region: the region of its jobs, such as us-east-1.
        max_concurrent_syncs: how many jobs it reconciles at once.
        role_arn: the role that it acts with.
        cluster_name: the cluster's name at EKS.
        cluster_provider: the provider of the cluster's objects.
        cluster_ready: the resources that must exist while the operator works.
    """

    install: str
    chart: str
    chart_version: str
    namespace: str
    service_account: str
    region: str
    max_concurrent_syncs: int
    role_arn: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    cluster_provider: kubernetes.Provider
    cluster_ready: Sequence[pulumi.Resource]

    @classmethod
    def of(cls, settings: Settings, identity: Identity, cluster: Cluster) -> "OperatorArgs":
        return cls(
            install=settings.operator_install,
            chart=settings.operator_chart,
            chart_version=settings.chart_version,
            namespace=settings.operator_namespace,
            service_account=settings.operator_service_account,
            region=settings.region,
            max_concurrent_syncs=settings.max_concurrent_syncs,
            role_arn=identity.operator.arn,
            cluster_name=cluster.cluster_name,
            cluster_provider=cluster.provider,
            cluster_ready=cluster.ready,
        )


class Operator(pulumi.ComponentResource):
    """The controller's release, and the names that the workshop used for its jobs."""

    ready: list[pulumi.Resource]
    """The resources that jobs depend on: without an operator, nothing would remove their finalizers."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Operator", name, None, opts)
        self._name, self._args = name, args
        makers = {"helm": self._release, "capability": self._capability}
        controller = [makers[args.install]()] if args.install in makers else []
        self.ready = [*args.cluster_ready, *controller, self._short_names(after=controller)]
        self.register_outputs({"chart_version": args.chart_version})

    def _release(self) -> kubernetes.helm.v3.Release:
        return kubernetes.helm.v3.Release(
            f"{self._name}-operator",
            name=RELEASE,
            chart=self._args.chart,
            version=self._args.chart_version,
            namespace=self._args.namespace,
            create_namespace=True,
            timeout=600,
            values=self._values(),
            opts=self._on_cluster(after=()),
        )

    def _capability(self) -> aws.eks.Capability:
        return aws.eks.Capability(
            f"{self._name}-{CAPABILITY}",
            capability_name=CAPABILITY,
            cluster_name=self._args.cluster_name,
            type="ACK",
            role_arn=self._args.role_arn,
            delete_propagation_policy="RETAIN",  # the only one there is: jobs must be gone first
            tags={"Name": f"{self._name}-{CAPABILITY}"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(self._args.cluster_ready)),
        )

    def _short_names(
        self, after: Sequence[pulumi.Resource]
    ) -> kubernetes.apiextensions.v1.CustomResourceDefinitionPatch:
        """Let kubectl find jobs by the old kind's names.

        The provider writes definitions as a whole, so that a patch can be created but not updated. It is replaced
        instead, and left behind by destroy, which removes the cluster. The fixed field manager lets the new patch take
        over the fields of the old one.
        """
        options = pulumi.ResourceOptions(replace_on_changes=["*"], delete_before_replace=True, retain_on_delete=True)
        if self._args.install == "capability":
            # EKS installs the definition by itself and does not say when; until then the patch fails.
            hook = ErrorHook(f"{self._name}-definition", await_definition)
            options.hooks = pulumi.ResourceHookBinding(on_error=[hook])
        return kubernetes.apiextensions.v1.CustomResourceDefinitionPatch(
            f"{self._name}-short-names",
            metadata={
                "name": f"transformjobs.{API_GROUP}",
                "annotations": {"pulumi.com/patchFieldManager": "batch-workshop", "pulumi.com/patchForce": "true"},
            },
            spec={"group": API_GROUP, "names": {"kind": "TransformJob", "short_names": SHORT_NAMES}},
            opts=pulumi.ResourceOptions.merge(self._on_cluster(after), options),
        )

    def _values(self) -> dict[str, Any]:
        return {
            "aws": {"region": self._args.region},
            # Permissions in the jobs' namespace only: cluster-wide ones would let it read every secret.
            "installScope": "namespace",
            "watchNamespace": JOBS_NAMESPACE,
            "enableCARM": False,
            "enableCrossNamespace": False,
            "serviceAccount": {"create": True, "name": self._args.service_account},
            "reconcile": {
                "resources": ["TransformJob"],
                "resourceMaxConcurrentSyncs": {"TransformJob": self._args.max_concurrent_syncs},
            },
            # A pod gets its credentials when it is created, so another role must lead to another pod.
            "deployment": {"annotations": {"batch.workshop/role": self._args.role_arn}},
        }

    def _on_cluster(self, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        ready = [*self._args.cluster_ready, *after]
        return pulumi.ResourceOptions(parent=self, provider=self._args.cluster_provider, depends_on=ready)


async def await_definition(failure: ErrorHookArgs) -> bool:
    """Say, after a pause, whether to try the patch again, because there was no definition to patch yet.

    Server-side apply would then create a definition from the patch alone, which the API server refuses as incomplete.
    """
    latest = failure.errors[0] if failure.errors else ""
    if failure.failed_operation != "create" or "spec.versions: Invalid value" not in latest:
        return False
    if len(failure.errors) >= DEFINITION_TRIES:
        minutes = DEFINITION_TRIES * DEFINITION_SECONDS // 60
        pulumi.log.error(
            f"the capability is active, but after {minutes} minutes EKS has not installed the definition "
            f"transformjobs.{API_GROUP}: look with `kubectl get crd`, and run the same command again when it is there"
        )
        return False
    await asyncio.sleep(DEFINITION_SECONDS)
    return True


def check_crds(settings: Settings) -> None:
    """Compare the chart's version with that of the installed release.

    Raises:
        pulumi.RunError: the cluster has the definitions of an older chart.
    """
    installed = _installed() if settings.operator_install == "helm" else None
    if problem := crds_problem(settings.chart_version, settings.crds_version, installed, pulumi.get_stack()):
        refuse([problem], "the settings")


def crds_problem(wanted: str, applied: str, installed: str | None, stack: str) -> str | None:
    """Say that the cluster has the definitions of an older chart, or None.

    Args:
        wanted: the chart's version in the settings.
        applied: the version whose definitions `make crds` has applied; empty if it has not run.
        installed: the version of the installed release; None if there is none.
        stack: the stack's name, for the command in the message.
    """
    if installed is None or applied == wanted or version_order(wanted) <= version_order(installed):
        return None
    return (
        f"chartVersion: '{wanted}', but the cluster has the CRDs of {installed}, which Helm does not upgrade. "
        f"Run `make crds STACK={stack}`, which applies those of {wanted}, then run this again."
    )


def _installed() -> str | None:
    """Return the version of the release in the stack's own state, which the engine reads for the program.

    The SDK's own `invoke` would look up each resource that some output refers to, and none of them is there yet.
    """
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    asked = json_format.ParseDict({"stackName": name}, Struct())
    request = ResourceInvokeRequest(tok="pulumi:pulumi:readStackResourceOutputs", args=asked, acceptResources=False)
    monitor = get_monitor()
    if monitor is None:
        return None
    try:
        response = monitor.Invoke(request)
    except grpc.RpcError:  # an engine without this function, or a backend that does not let it read
        return None
    found: dict[str, Any] = json_format.MessageToDict(getattr(response, "return"))
    states = found.get("outputs", {}).values()
    releases = [state["outputs"] for state in states if state["type"] == RELEASE_TYPE]
    return next((str(found["version"]) for found in releases if found.get("name") == RELEASE), None)
