"""ACK as EKS's managed capability: the local operator as a process beside the cluster, with keys of its own.

EKS installs the same objects as the Helm chart: the definition of the kind, and the controller's permissions. In the
cluster the controller is a user of its own, with a client certificate; at AWS it acts under the capability's role.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from localcloud import process
from localcloud.cluster.certs import CAPABILITY_GROUP, CAPABILITY_KUBECONFIG
from localcloud.cluster.control_plane import await_start, python_environment
from localcloud.cluster.rbac import bind, create_if_missing, create_role
from localcloud.home import CHECKOUT
from localcloud.kube import KubeApi, Object

_CRDS: Final = CHECKOUT / "localcloud" / "operator" / "chart" / "crds"
_ROLE: Final = "eks:ack"
_JOBS: Final = "sagemaker.services.k8s.aws"
# The same rules as in the chart's roles.
_RULES: Final[list[Object]] = [
    {"apiGroups": [_JOBS], "resources": ["transformjobs"], "verbs": ["get", "list", "watch", "patch", "update"]},
    {"apiGroups": [_JOBS], "resources": ["transformjobs/status"], "verbs": ["get", "patch", "update"]},
    {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get", "list", "watch"]},
]
_STARTED: Final = "starting manager"
# EKS does not promise that the definitions exist once a capability is active, so here they come late on purpose.
_DEFINITIONS_SECONDS: Final = 4.0
# EKS's own tags in place of the chart's: https://docs.aws.amazon.com/eks/latest/userguide/ack-considerations.html
_TAGS: Final = (
    "eks:controller-version=sagemaker-%CONTROLLER_VERSION%",
    "eks:kubernetes-namespace=%K8S_NAMESPACE%",
    "eks:kubernetes-resource-name=%K8S_RESOURCE_NAME%",
    f"eks:kubernetes-api-group={_JOBS}",
)


def start(
    cluster_folder: Path, log: Path, *, aws_endpoint: str, region: str, keys: Mapping[str, str], arn: str
) -> subprocess.Popen[bytes]:
    """Install the kind and the controller's permissions, and start the controller; returns when it is working.

    Args:
        cluster_folder: the cluster's folder, which contains its kubeconfigs.
        log: the controller's log file.
        aws_endpoint: URL of the AWS endpoint.
        region: AWS region of the jobs.
        keys: the variables that hold the keys of the capability's role.
        arn: the capability's ARN, which each job gets as a tag.

    Raises:
        KubernetesError: the cluster refuses the permissions.
        ClusterError: the controller does not start.
    """
    _install(KubeApi.from_kubeconfig(cluster_folder / "admin.kubeconfig"))
    log.unlink(missing_ok=True)
    tags = [f"--resource-tags={tag}" for tag in (*_TAGS, f"eks:eks-capability-arn={arn}")]
    command = [
        *(sys.executable, "-m", "localcloud.operator"),
        f"--aws-region={region}",
        f"--aws-endpoint-url={aws_endpoint}",
        f"--aws-identity-endpoint-url={aws_endpoint}",
        "--reconcile-default-max-concurrent-syncs=10",
        *tags,
    ]
    controller = process.spawn(command, log=log, env=_environment(cluster_folder / CAPABILITY_KUBECONFIG, keys))
    try:
        await_start(controller, lambda: _STARTED in log.read_text(errors="replace"), "controller", log)
    except BaseException:
        process.stop(controller)
        raise
    return controller


def _install(api: KubeApi) -> None:
    definitions = threading.Timer(_DEFINITIONS_SECONDS, _define, [api])
    definitions.daemon = True
    definitions.start()
    create_role(api, _ROLE, _RULES)
    bind(api, _ROLE, _ROLE, CAPABILITY_GROUP)


def _define(api: KubeApi) -> None:
    for path in sorted(_CRDS.glob("*.yaml")):
        create_if_missing(
            api, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load(path.read_text())
        )


def _environment(kubeconfig: Path, keys: Mapping[str, str]) -> dict[str, str]:
    """Return the controller's environment: with its role's keys in place of the local administrator's."""
    kept = {name: value for name, value in python_environment().items() if not name.startswith("AWS_")}
    return {**kept, **keys, "KUBECONFIG": str(kubeconfig)}
