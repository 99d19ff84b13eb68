"""The versions of the cluster: Kubernetes, and the add-ons whose versions pulumi-eks would otherwise look up at each run.

`eks_versions.json` is the one table, which `make preflight` compares with what EKS offers. To use another version of
Kubernetes, add a line there.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.problems import told

TABLE: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_name("eks_versions.json").read_text())
"""For each Kubernetes version, the version of each add-on."""


def standing_or(wanted: str, cluster_name: str, look: pulumi.InvokeOptions) -> str:
    """Return the Kubernetes version for the cluster: the wanted one, or a newer one that it has already.

    At the end of standard support EKS upgrades a cluster by itself, and never takes one back.

    Raises:
        pulumi.RunError: EKS cannot be asked.
    """
    standing = _standing(cluster_name, look)
    if standing is None or _order(standing) <= _order(wanted):
        return wanted
    pulumi.log.warn(
        f"the cluster {cluster_name} has Kubernetes {standing}, the setting kubernetesVersion is {wanted}: EKS upgraded it "
        f"at the end of standard support. It keeps that version; to say so in the settings: "
        f"pulumi config set kubernetesVersion {standing} --stack {pulumi.get_stack()}"
    )
    return standing


def addons(version: str) -> Mapping[str, str]:
    """Return the add-ons' versions for a Kubernetes version, or for the nearest older one if the table lacks it."""
    older = [known for known in TABLE if _order(known) <= _order(version)]
    return TABLE[max(older, key=_order)]


def _standing(cluster_name: str, look: pulumi.InvokeOptions) -> str | None:
    try:
        if cluster_name not in aws.eks.get_clusters(opts=look).names:
            return None
        return aws.eks.get_cluster(name=cluster_name, opts=look).version
    except Exception as error:
        # An invoke raises plain exceptions; whatever the reason, the version of the existing cluster is not known.
        raise pulumi.RunError(
            f"the version of the cluster {cluster_name} cannot be read from EKS: {told(error)}."
        ) from error


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
