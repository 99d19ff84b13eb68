"""Puts the AWS endpoint together: its settings and its services.

A new service needs three things: its operations in a package of their own, a method `_add_...` here that gives them to
the gateway, and the permissions that they need in `iam.permissions`.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from localcloud.aws import moto
from localcloud.aws.ec2 import NetworkRules
from localcloud.aws.eks.access import Access
from localcloud.aws.eks.account import Network, Roles
from localcloud.aws.eks.addons import Addons
from localcloud.aws.eks.capabilities import Capabilities
from localcloud.aws.eks.clusters import Clusters
from localcloud.aws.eks.nodegroups import Nodegroups
from localcloud.aws.eks.pod_identity import PodIdentity
from localcloud.aws.eks.store import Store, Tags
from localcloud.aws.eks.token_webhook import TokenWebhook
from localcloud.aws.events import EventBus
from localcloud.aws.iam import sts
from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import CredentialStore
from localcloud.aws.iam.directory import Directory, ResourceTags
from localcloud.aws.iam.permissions import SAGEMAKER_SERVICE
from localcloud.aws.moto import Upstream
from localcloud.aws.protocol import validation
from localcloud.aws.protocol.exchange import HttpServer
from localcloud.aws.protocol.gateway import INTERNAL_PREFIX, Gateway, Journal, json_response
from localcloud.aws.protocol.wire import Operation, Service, locked
from localcloud.aws.quotas import Quotas
from localcloud.aws.s3 import S3, Buckets, RoleAccess
from localcloud.aws.sagemaker import service
from localcloud.aws.sagemaker.containers import LOCAL_PROCESSES
from localcloud.aws.sagemaker.jobs import TransformJobs
from localcloud.aws.sagemaker.models import Models
from localcloud.aws.sagemaker.workers import LocalTransforms
from localcloud.aws.scheduler.service import Scheduler
from localcloud.aws.scheduler.targets import UniversalTargets
from localcloud.cluster.backend import LocalClusters

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
# In the order in which a deployment asks for them.
_WARMED = ("iam", "s3", "ec2", "logs")


@dataclass(frozen=True)
class Settings:
    """The local account.

    Attributes:
        home: folder of the generated state, with the logs in it.
        region: the only region that the local account uses.
        account_id: the local account's number.
        containers: `module:function` that starts the containers of models.
    """

    home: Path
    region: str = REGION
    account_id: str = ACCOUNT_ID
    containers: str = LOCAL_PROCESSES


def from_environment(home: Path) -> Settings:
    """Return settings with the region that AWS_REGION names."""
    return Settings(home, os.environ.get("AWS_REGION") or REGION)


class Application:
    """The AWS endpoint: everything between its socket and its state.

    Args:
        settings: the local account.
        port: on 127.0.0.1; 0 takes a free one.
        clusters: creates EKS's backend, which may ask this application for its address once it serves.
    """

    def __init__(
        self, settings: Settings, port: int, clusters: Callable[[Settings, Application], LocalClusters]
    ) -> None:
        moto.adapt(settings.account_id, settings.region)
        warnings.filterwarnings("ignore", module="moto")
        self._settings = settings
        self._journal = Journal(settings.home / "logs" / "api.jsonl")
        self._decisions = Journal(settings.home / "logs" / "authorization.jsonl")
        self._upstream = Upstream(lambda text: self._journal.write({"failure": text}))
        self._directory = Directory(settings.account_id, self._upstream.lock("iam"))
        self._buckets = Buckets(settings.account_id, self._upstream.lock("s3"))
        self._tags = ResourceTags()
        self._quotas = Quotas(settings.home)
        credentials = CredentialStore(settings.account_id, self._directory.user_credential)
        self._authenticator = Authenticator(credentials, settings.region)
        self._authorizer = Authorizer(self._directory, self._buckets.policy, self._tags, self._decisions.write)
        self._tokens = sts.Tokens(self._directory, credentials, self._authorizer)
        self._gateway = Gateway(self._authenticator, self._authorizer, self._upstream, self._journal)
        self._server = HttpServer(self._gateway, port)
        self._clusters = clusters(settings, self)
        self._transforms = LocalTransforms(settings.home, lambda: self.endpoint, settings.containers)
        self._add_account_services()
        self._add_s3()
        self._add_ec2()
        self._add_sagemaker()
        self._scheduler = self._add_scheduler()
        self._add_eks()
        health = {"status": "ok", "account_id": settings.account_id}
        self._gateway.internal["health"] = lambda _request: json_response(200, health)

    @property
    def endpoint(self) -> str:
        return self._server.endpoint

    def token_review_url(self, cluster: str) -> str:
        """Return the URL to which a cluster's API server sends EKS tokens for review."""
        return f"{self.endpoint}{INTERNAL_PREFIX}eks/{cluster}/token-review"

    def start(self) -> None:
        self._server.start()
        self._scheduler.start()
        region = {"region": self._settings.region}
        threading.Thread(target=self._upstream.warm, args=_WARMED, kwargs=region, name="warm", daemon=True).start()

    def stop(self) -> None:
        self._scheduler.close()
        self._server.stop()
        self._transforms.close()
        self._clusters.close()
        self._journal.close()
        self._decisions.close()

    def warm_jobs(self) -> None:
        """Start the process that runs transform jobs ahead of the first one."""
        self._transforms.warm()

    def _add_account_services(self) -> None:
        self._tags.lookups["iam"] = self._directory.tags_of_role
        self._gateway.services["iam"] = Service(
            guards={**validation.iam_guards(), "CreateRole": sts.check_trust_policy}
        )
        self._own("sts", self._tokens.operations())
        self._own("service-quotas", self._quotas.operations())

    def _own(self, service: str, operations: Mapping[str, Operation]) -> None:
        self._gateway.services[service] = Service(operations, owned=True)

    def _add_s3(self) -> None:
        self._gateway.services["s3"] = S3(self._buckets, self._authorizer).service()

    def _add_ec2(self) -> None:
        rules = NetworkRules(self._upstream.lock("ec2"))
        self._tags.lookups["ec2"] = rules.tags_of
        self._gateway.services["ec2"] = rules.service()

    def _add_sagemaker(self) -> None:
        s3 = RoleAccess(self._buckets, self._authorizer)
        limit = self._quotas.transform_limit
        locks = self._upstream.lock("events"), self._upstream.lock("sns")
        bus = EventBus(self._settings.account_id, self._settings.region, *locks, self._authorizer)
        sessions = partial(sts.service_session, self._tokens, SAGEMAKER_SERVICE)
        jobs = TransformJobs(self._transforms, sessions, s3, limit, bus.announce)
        self._own("sagemaker", service.operations(jobs, Models(sessions, s3)))

    def _add_scheduler(self) -> Scheduler:
        targets = UniversalTargets(self._tokens, lambda: self.endpoint, self._settings.region)
        scheduler = Scheduler(self._settings.account_id, self._settings.region, targets)
        self._own("scheduler", scheduler.operations())
        self._tags.lookups["scheduler"] = scheduler.tags_of
        return scheduler

    def _add_eks(self) -> None:
        settings, store = self._settings, Store()
        ec2 = partial(moto.backend, "ec2", settings.account_id, settings.region)
        network = Network(ec2, self._upstream.lock("ec2"))
        roles = Roles(self._tokens, self._directory, self._authorizer)
        pods = PodIdentity(store, self._tokens, roles)
        tags = Tags(store)
        self._tags.lookups["eks"] = tags.of
        parts = (
            Clusters(store, self._clusters, network, roles),
            Nodegroups(store, self._clusters, network, roles),
            Addons(store),
            Capabilities(store, self._clusters, roles, self._tokens),
            Access(store),
            pods,
            tags,
        )
        operations = {name: operation for part in parts for name, operation in part.operations().items()}
        self._own("eks", locked(store.lock, operations))
        self._own("eks-auth", {"AssumeRoleForPodIdentity": pods.assume_role})
        self._gateway.internal["eks"] = TokenWebhook(store, self._authenticator)
