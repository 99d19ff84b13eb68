"""The versions of the cluster: Kubernetes, and with it the add-ons that pulumi-eks would else look up at each run.

`eks_versions.json` is the one table, which `make preflight` holds against what EKS offers. Another version of
Kubernetes is one more line there.
"""

import json
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_aws as aws

from infra.problems import told

TABLE: Mapping[str, Mapping[str, str]] = json.loads(Path(__file__).with_name("eks_versions.json").read_text())
"""From a Kubernetes version to the version of each add-on that goes with it."""


def standing_or(wanted: str, cluster_name: str, look: pulumi.InvokeOptions) -> str:
    """Return the Kubernetes version that the cluster shall have: the wanted one, or a newer one that it has already.

    At the end of standard support EKS upgrades a cluster by itself, and never takes one back.

    Raises:
        pulumi.RunError: EKS cannot be asked.
    """
    standing = _standing(cluster_name, look)
    if standing is None or _order(standing) <= _order(wanted):
        return wanted
    pulumi.log.warn(
        f"the cluster {cluster_name} has Kubernetes {standing}, the setting kubernetesVersion is {wanted}: EKS upgraded it "
        f"at the end of standard support. It stays as it is; to say so in the settings: "
        f"pulumi config set kubernetesVersion {standing} --stack {pulumi.get_stack()}"
    )
    return standing


def addons(version: str) -> Mapping[str, str]:
    """Return the add-ons' versions for a Kubernetes version; for one that the table lacks, those of the nearest older."""
    older = [known for known in TABLE if _order(known) <= _order(version)]
    return TABLE[max(older, key=_order)]


def _standing(cluster_name: str, look: pulumi.InvokeOptions) -> str | None:
    try:
        if cluster_name not in aws.eks.get_clusters(opts=look).names:
            return None
        return aws.eks.get_cluster(name=cluster_name, opts=look).version
    except Exception as error:
        # An invoke raises plain exceptions; whatever it says, the version of a standing cluster is not known.
        raise pulumi.RunError(
            f"EKS does not tell which version the cluster {cluster_name} has: {told(error)}."
        ) from error


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
