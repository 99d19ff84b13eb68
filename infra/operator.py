"""The operator: ACK's SageMaker controller, by its Helm chart, for transform jobs only.

With `operatorInstall: existing` the release is somebody else's, such as a GitOps tool's: the stack then gives that
operator its identity and the short names, and nothing more. It must be installed before jobs are declared. An EKS
capability cannot be served so: AWS runs it outside of the cluster, under a role with another trust policy.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.cluster import Cluster
from infra.identity import Identity
from infra.settings import JOBS_NAMESPACE, Settings

RELEASE = "ack-sagemaker"

API_GROUP = "sagemaker.services.k8s.aws"
# The plural too: kubectl finds only what the list names, and the retired operator had both.
SHORT_NAMES = ["batchtransformjob", "batchtransformjobs", "btj"]


@dataclass(frozen=True)
class OperatorArgs:
    install: str
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
    """The controller's release, and the names by which the workshop knew its jobs."""

    ready: list[pulumi.Resource]
    """What jobs depend on: an operator that is gone leaves their finalizers for ever."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("workshop:index:Operator", name, None, opts)
        self._name = name
        release = [self._release(args)] if args.install == "helm" else []
        self.ready = [*args.ready, *release, self._short_names(args, after=release)]
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

    def _short_names(
        self, args: OperatorArgs, after: Sequence[pulumi.Resource]
    ) -> kubernetes.apiextensions.v1.CustomResourceDefinitionPatch:
        """Teach kubectl the old kind's names.

        The provider writes definitions whole, so a patch can be made but not changed: it is made anew instead,
        and left behind by destroy, which takes the cluster along. The fixed field manager lets it be taken over.
        """
        options = pulumi.ResourceOptions(replace_on_changes=["*"], delete_before_replace=True, retain_on_delete=True)
        return kubernetes.apiextensions.v1.CustomResourceDefinitionPatch(
            f"{self._name}-short-names",
            metadata={
                "name": f"transformjobs.{API_GROUP}",
                "annotations": {"pulumi.com/patchFieldManager": "batch-workshop", "pulumi.com/patchForce": "true"},
            },
            spec={"group": API_GROUP, "names": {"kind": "TransformJob", "short_names": SHORT_NAMES}},
            opts=pulumi.ResourceOptions.merge(self._on_cluster(args, [*args.ready, *after]), options),
        )

    def _on_cluster(self, args: OperatorArgs, after: Sequence[pulumi.Resource]) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self, provider=args.provider, depends_on=after)


def _values(args: OperatorArgs) -> dict[str, Any]:
    return {
        "aws": {"region": args.region},
        # Rights in the jobs' namespace only; cluster-wide it could read every secret.
        "installScope": "namespace",
        "watchNamespace": JOBS_NAMESPACE,
        "enableCARM": False,
        "enableCrossNamespace": False,
        "serviceAccount": {"create": True, "name": args.service_account},
        "reconcile": {
            "resources": ["TransformJob"],
            "resourceMaxConcurrentSyncs": {"TransformJob": args.max_concurrent_syncs},
        },
        # A pod gets its credentials when it is created: another role must make another pod.
        "deployment": {"annotations": {"batch.workshop/role": args.role_arn}},
    }
