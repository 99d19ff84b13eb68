"""The operator: ACK's SageMaker controller, by its Helm chart, for transform jobs only.

With `operatorInstall: capability` EKS runs the controller itself, outside of the cluster. With `existing` somebody else,
such as a GitOps tool, installs it: the stack then gives that operator its identity and the short names, and nothing more.
It must be installed before jobs are declared, under the service account that the role trusts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi.resource_hooks import ErrorHook, ErrorHookArgs

from infra.cluster import Cluster
from infra.identity import Identity
from infra.settings import JOBS_NAMESPACE, Settings

RELEASE = "ack-sagemaker"
CAPABILITY = "ack"
DEFINITION_TRIES, DEFINITION_SECONDS = 60, 5
"""How often, and at which interval in seconds, to look for the definition of TransformJob once a capability is active."""

API_GROUP = "sagemaker.services.k8s.aws"
# The plural too: kubectl finds only the names in this list, and the retired operator had both.
SHORT_NAMES = ["batchtransformjob", "batchtransformjobs", "btj"]


@dataclass(frozen=True)
class OperatorArgs:
    install: str
    cluster_name: str
    region: str
    chart: str
    chart_version: str
    max_concurrent_syncs: int
    namespace: str
    service_account: str
    role_arn: pulumi.Output[str]
    provider: kubernetes.Provider
    ready: list[pulumi.Resource]

    @classmethod
    def of(cls, settings: Settings, identity: Identity, cluster: Cluster) -> "OperatorArgs":
        return cls(
            install=settings.operator_install,
            cluster_name=cluster.cluster_name,
            region=settings.region,
            chart=settings.operator_chart,
            chart_version=settings.chart_version,
            max_concurrent_syncs=settings.max_concurrent_syncs,
            namespace=settings.operator_namespace,
            service_account=settings.operator_service_account,
            role_arn=identity.operator.arn,
            provider=cluster.provider,
            ready=cluster.ready,
        )


class Operator(pulumi.ComponentResource):
    """The controller's release, and the names that the workshop used for its jobs."""

    ready: list[pulumi.Resource]
    """What jobs depend on: without an operator, nobody would ever remove their finalizers."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Operator", name, None, opts)
        self._name = name
        makers = {"helm": self._release, "capability": self._capability}
        controller = [makers[args.install](args)] if args.install in makers else []
        self.ready = [*args.ready, *controller, self._short_names(args, after=controller)]
        self.register_outputs({"chart_version": args.chart_version})

    def _release(self, args: OperatorArgs) -> kubernetes.helm.v3.Release:
        return kubernetes.helm.v3.Release(
            f"{self._name}-operator",
            name=RELEASE,
            chart=args.chart,
            version=args.chart_version,
            namespace=args.namespace,
            create_namespace=True,
            timeout=600,
            values=_values(args),
            opts=self._on_cluster(args, args.ready),
        )

    def _capability(self, args: OperatorArgs) -> aws.eks.Capability:
        return aws.eks.Capability(
            f"{self._name}-{CAPABILITY}",
            capability_name=CAPABILITY,
            cluster_name=args.cluster_name,
            type="ACK",
            role_arn=args.role_arn,
            delete_propagation_policy="RETAIN",  # the only one there is: jobs must be gone first
            tags={"Name": f"{self._name}-{CAPABILITY}"},
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.ready),
        )

    def _short_names(
        self, args: OperatorArgs, after: Sequence[pulumi.Resource]
    ) -> kubernetes.apiextensions.v1.CustomResourceDefinitionPatch:
        """Let kubectl find jobs by the old kind's names.

        The provider writes definitions as a whole, so that a patch can be created but not updated. It is replaced
        instead, and left behind by destroy, which removes the cluster. The fixed field manager lets the new patch take
        over the fields of the old one.
        """
        options = pulumi.ResourceOptions(
            replace_on_changes=["*"],
            delete_before_replace=True,
            retain_on_delete=True,
            hooks=self._patience() if args.install == "capability" else None,
        )
        return kubernetes.apiextensions.v1.CustomResourceDefinitionPatch(
            f"{self._name}-short-names",
            metadata={
                "name": f"transformjobs.{API_GROUP}",
                "annotations": {"pulumi.com/patchFieldManager": "batch-workshop", "pulumi.com/patchForce": "true"},
            },
            spec={"group": API_GROUP, "names": {"kind": "TransformJob", "short_names": SHORT_NAMES}},
            opts=pulumi.ResourceOptions.merge(self._on_cluster(args, [*args.ready, *after]), options),
        )

    def _patience(self) -> pulumi.ResourceHookBinding:
        """EKS installs the definition by itself and does not say when; until then the patch fails."""
        return pulumi.ResourceHookBinding(on_error=[ErrorHook(f"{self._name}-definition", await_definition)])

    def _on_cluster(self, args: OperatorArgs, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=args.provider, depends_on=after)


async def await_definition(failure: ErrorHookArgs) -> bool:
    """Say, after a pause, whether to try the patch again, because it failed only for want of a definition to patch.

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


def _values(args: OperatorArgs) -> dict[str, Any]:
    return {
        "aws": {"region": args.region},
        # Permissions in the jobs' namespace only: cluster-wide ones would let it read every secret.
        "installScope": "namespace",
        "watchNamespace": JOBS_NAMESPACE,
        "enableCARM": False,
        "enableCrossNamespace": False,
        "serviceAccount": {"create": True, "name": args.service_account},
        "reconcile": {
            "resources": ["TransformJob"],
            "resourceMaxConcurrentSyncs": {"TransformJob": args.max_concurrent_syncs},
        },
        # A pod gets its credentials when it is created, so another role must lead to another pod.
        "deployment": {"annotations": {"batch.workshop/role": args.role_arn}},
    }
