"""Pod Identity: associations of service accounts with roles, and the credentials that pods get for them."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from localcloud.aws.eks.account import POD_ACTIONS, Roles, node
from localcloud.aws.eks.store import ASSOCIATION, ClusterRecord, Record, Store, in_use, new_arn, not_found, now, page
from localcloud.aws.iam.permissions import PODS_SERVICE
from localcloud.aws.iam.sts import AssumeRoleRequest, Tokens, source_keys, wire_form
from localcloud.aws.protocol.wire import AccessDeniedError, AwsError, Call, Operation
from localcloud.kube import KubeApi, KubeconfigError, KubernetesError

_SUMMARY = ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId", "ownerArn")
_LONGEST = timedelta(hours=6)
_REVIEWS = "/apis/authentication.k8s.io/v1/tokenreviews"
_USER = "system:serviceaccount:"
_POD_NAME = "authentication.kubernetes.io/pod-name"
_POD_UID = "authentication.kubernetes.io/pod-uid"


@dataclass(frozen=True)
class Pod:
    """A pod, as a projected service account token identifies it."""

    namespace: str
    service_account: str
    name: str
    uid: str


class PodIdentity:
    """The Pod Identity operations of EKS and EKS Auth."""

    def __init__(self, store: Store, tokens: Tokens, roles: Roles) -> None:
        self._store = store
        self._tokens = tokens
        self._roles = roles

    def operations(self) -> Mapping[str, Operation]:
        return {
            "CreatePodIdentityAssociation": self.create,
            "DescribePodIdentityAssociation": self.describe,
            "UpdatePodIdentityAssociation": self.update,
            "DeletePodIdentityAssociation": self.delete,
            "ListPodIdentityAssociations": self.list,
        }

    def create(self, call: Call) -> Mapping[str, Any]:
        params = call.params
        namespace, account = params["namespace"], params["serviceAccount"]
        self._roles.check_trusts(params["roleArn"], PODS_SERVICE)
        cluster = self._store.active_cluster(params["clusterName"])
        if _of(cluster, namespace, account) is not None:
            raise in_use(f"Association already exists: for service account {namespace}/{account}.")
        identifier = f"a-{secrets.token_hex(9)[:17]}"
        association: Record = {
            "clusterName": cluster.name,
            "namespace": namespace,
            "serviceAccount": account,
            "roleArn": params["roleArn"],
            "associationArn": new_arn(call, f"podidentityassociation/{cluster.name}/{identifier}"),
            "associationId": identifier,
            "tags": dict(params.get("tags") or {}),
            "createdAt": now(),
            "modifiedAt": now(),
            "disableSessionTags": bool(params.get("disableSessionTags", False)),
        }
        cluster.associations[identifier] = association
        return {"association": association}

    def describe(self, call: Call) -> Mapping[str, Any]:
        return {"association": ASSOCIATION.find(self._store, call)[1]}

    def update(self, call: Call) -> Mapping[str, Any]:
        association = ASSOCIATION.find(self._store, call)[1]
        for key in ("roleArn", "disableSessionTags"):
            if key in call.params:
                association[key] = call.params[key]
        association["modifiedAt"] = now()
        return {"association": association}

    def delete(self, call: Call) -> Mapping[str, Any]:
        cluster, association = ASSOCIATION.find(self._store, call)
        return {"association": cluster.associations.pop(association["associationId"])}

    def list(self, call: Call) -> Mapping[str, Any]:
        cluster = self._store.cluster(call.params["clusterName"])
        wanted = {key: call.params[key] for key in ("namespace", "serviceAccount") if call.params.get(key)}
        found = [
            {key: row.get(key) for key in _SUMMARY}
            for _, row in sorted(cluster.associations.items())
            if all(row[key] == value for key, value in wanted.items())
        ]
        return page(found, call.params, "associations")

    def assume_role(self, call: Call) -> Mapping[str, Any]:
        """Answer AssumeRoleForPodIdentity. The lock is not held meanwhile: the cluster is asked about the token."""
        cluster = self._store.cluster(call.params["clusterName"])
        pod = review(cluster, call.params["token"])
        if pod is None:
            raise AwsError(
                "InvalidTokenException",
                f"The token is not one that cluster {cluster.name} issued for the audience {PODS_SERVICE}, or has expired.",
            )
        with self._store.lock:
            association = _of(cluster, pod.namespace, pod.service_account)
        if association is None:
            raise not_found(
                f"No Pod Identity association found for service account {pod.namespace}/{pod.service_account} in "
                f"cluster {cluster.name}."
            )
        self._ask_as_node(cluster)
        return self._session(cluster, association, pod)

    def _ask_as_node(self, cluster: ClusterRecord) -> None:
        """Use the permission of a node's role, with which the agent on the node asks."""
        for name, nodegroup in list(cluster.nodegroups.items())[:1]:
            self._roles.use(node(nodegroup["nodeRole"], name), POD_ACTIONS, cluster.description["arn"])

    def _session(self, cluster: ClusterRecord, association: Record, pod: Pod) -> Mapping[str, Any]:
        arn = cluster.description["arn"]
        wanted = AssumeRoleRequest(
            role_arn=association["roleArn"],
            session_name=f"eks-{cluster.name}-{pod.name}-{uuid.uuid4()}"[:64],
            service=PODS_SERVICE,
            context=source_keys(arn),
            tags={} if association["disableSessionTags"] else _session_tags(arn, cluster.name, pod),
            duration=_LONGEST,
        )
        try:
            credential = self._tokens.assume(wanted)
        except AccessDeniedError as error:
            message = (
                f"{error.message}. The role's trust policy must allow {PODS_SERVICE} sts:AssumeRole and sts:TagSession."
            )
            raise AccessDeniedError(message, "AccessDeniedException") from error
        keys = wire_form(credential)
        principal = credential.principal
        return {
            "subject": {"namespace": pod.namespace, "serviceAccount": pod.service_account},
            "audience": PODS_SERVICE,
            "podIdentityAssociation": {key: association[key] for key in ("associationArn", "associationId")},
            "assumedRoleUser": {"arn": principal.arn, "assumeRoleId": principal.user_id},
            "credentials": {key[0].lower() + key[1:]: value for key, value in keys.items()},
        }


def review(cluster: ClusterRecord, token: str) -> Pod | None:
    """Ask a cluster to which pod a service account token belongs; None if it is not valid for Pod Identity.

    Raises:
        AwsError: the cluster does not run, or does not answer.
    """
    if cluster.admin_kubeconfig is None:
        raise AwsError("ServiceUnavailableException", f"Cluster {cluster.name} does not run yet.", 503)
    spec = {"token": token, "audiences": [PODS_SERVICE]}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    try:
        answer = KubeApi.from_kubeconfig(cluster.admin_kubeconfig).create(_REVIEWS, body)
    except (KubernetesError, KubeconfigError) as error:
        message = f"Cluster {cluster.name} does not answer a token review: {error}"
        raise AwsError("ServiceUnavailableException", message, 503) from error
    return _pod(answer.get("status") or {})


def _pod(status: Mapping[str, Any]) -> Pod | None:
    user = status.get("user") or {}
    name = str(user.get("username") or "")
    if not status.get("authenticated") or not name.startswith(_USER):
        return None
    namespace, _, account = name.removeprefix(_USER).partition(":")
    extra = user.get("extra") or {}
    return Pod(namespace, account, _first(extra.get(_POD_NAME), account), _first(extra.get(_POD_UID), "unknown"))


def _first(values: Any, default: str) -> str:
    return str(values[0]) if values else default


def _of(cluster: ClusterRecord, namespace: str, account: str) -> Record | None:
    rows = cluster.associations.values()
    return next((row for row in rows if (row["namespace"], row["serviceAccount"]) == (namespace, account)), None)


def _session_tags(cluster_arn: str, cluster: str, pod: Pod) -> dict[str, str]:
    return {
        "eks-cluster-arn": cluster_arn,
        "eks-cluster-name": cluster,
        "kubernetes-namespace": pod.namespace,
        "kubernetes-service-account": pod.service_account,
        "kubernetes-pod-name": pod.name,
        "kubernetes-pod-uid": pod.uid,
    }
