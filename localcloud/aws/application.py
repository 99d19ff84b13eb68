"""Puts the endpoint's parts together: the composition root."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.aws.ec2.network_rules import NetworkRules
from localcloud.aws.eks.access import Access
from localcloud.aws.eks.addons import Addons
from localcloud.aws.eks.backend import ClusterBackend
from localcloud.aws.eks.capabilities import Capabilities
from localcloud.aws.eks.clusters import Clusters
from localcloud.aws.eks.kubernetes import ClusterTokenReviewer, bind_access_policies
from localcloud.aws.eks.network import Network
from localcloud.aws.eks.nodegroups import Nodegroups
from localcloud.aws.eks.pod_identity import PodIdentity
from localcloud.aws.eks.roles import Roles
from localcloud.aws.eks.store import Store
from localcloud.aws.eks.tags import Tags
from localcloud.aws.eks.token_review import TokenWebhook
from localcloud.aws.events.bus import EventBus
from localcloud.aws.events.transform_jobs import AnnouncedTransforms
from localcloud.aws.iam import sts
from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.authorization import Authorizer, bucket_policy_reader
from localcloud.aws.iam.credentials import CredentialStore
from localcloud.aws.iam.directory import Directory
from localcloud.aws.iam.resource_tags import ResourceTags, of_ec2, of_roles
from localcloud.aws.moto import adaptation as moto_adaptation
from localcloud.aws.moto.upstream import Upstream
from localcloud.aws.protocol import pages
from localcloud.aws.protocol.exchange import HttpRequest, HttpResponse
from localcloud.aws.protocol.gateway import INTERNAL_PREFIX, Gateway, json_response
from localcloud.aws.protocol.journal import Journal
from localcloud.aws.protocol.server import HttpServer
from localcloud.aws.quotas import Quotas
from localcloud.aws.s3.buckets import S3, Buckets
from localcloud.aws.s3.deletion import Deletion
from localcloud.aws.sagemaker.backend import RoleCredentials
from localcloud.aws.sagemaker.composition import local_sagemaker
from localcloud.aws.scheduler.service import Scheduler
from localcloud.aws.scheduler.targets import UniversalTargets
from localcloud.aws.settings import Settings

# In the order in which a deployment asks for them.
_WARMED = ("iam", "s3", "ec2", "logs")
_SAGEMAKER = "sagemaker.amazonaws.com"


class Application:
    """The AWS endpoint: everything between its socket and its state.

    Args:
        settings: the local account.
        port: on 127.0.0.1; 0 takes a free one.
        clusters: makes what runs the clusters; it may ask this application for its address, once that serves.
    """

    def __init__(
        self, settings: Settings, port: int, clusters: Callable[[Settings, Application], ClusterBackend]
    ) -> None:
        moto_adaptation.adapt(settings.account_id, settings.region)
        warnings.filterwarnings("ignore", module="moto")
        self.settings = settings
        self.journal = Journal(settings.logs / "api.jsonl")
        self.decisions = Journal(settings.logs / "authorization.jsonl")
        self.upstream = Upstream(lambda text: self.journal.write({"failure": text}))
        self._directory = directory = Directory(settings.account_id, self.upstream.lock("iam"))
        buckets = Buckets(settings.account_id, self.upstream.lock("s3"))
        credentials = CredentialStore(settings.account_id, directory.user_credential)
        self._authenticator = Authenticator(credentials, settings.region)
        self._tags = ResourceTags()
        self._tags.lookups["ec2"] = of_ec2(settings.account_id, self.upstream.lock("ec2"))
        self._tags.lookups["iam"] = of_roles(directory)
        self.authorizer = Authorizer(
            directory, bucket_policy_reader(buckets.policy_text), self._tags, self.decisions, enforce=settings.enforce
        )
        self.tokens = sts.Tokens(directory, credentials, self.authorizer)
        self.gateway = Gateway(self._authenticator, self.authorizer, self.upstream, self.journal)
        self._server = HttpServer(self.gateway, port)
        self.clusters = clusters(settings, self)
        locks = self.upstream.lock("events"), self.upstream.lock("sns")
        self._bus = EventBus(settings.account_id, settings.region, *locks, self.authorizer)
        self._sagemaker = local_sagemaker(
            settings.home,
            settings.account_id,
            lambda: self.endpoint,
            self.gateway,
            self._execution_role,
            lambda transforms: AnnouncedTransforms(transforms, self._bus, self._transform_job),
        )
        targets = UniversalTargets(self.tokens, lambda: self.endpoint, self.gateway, settings.region)
        self._scheduler = Scheduler(settings.account_id, settings.region, targets)
        self._register_services(buckets)
        self._register_eks()
        self.gateway.internal["health"] = self._health

    @property
    def endpoint(self) -> str:
        return self._server.endpoint

    def token_review_url(self, cluster: str) -> str:
        """Where the API server of a cluster has EKS tokens reviewed."""
        return f"{self.endpoint}{INTERNAL_PREFIX}eks/{cluster}/token-review"

    def start(self) -> None:
        self._server.start()
        self._scheduler.start()
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def stop(self) -> None:
        self._scheduler.close()
        self._server.stop()
        self._sagemaker.transforms.close()
        self.clusters.close()
        self.journal.close()
        self.decisions.close()

    def warm_jobs(self) -> None:
        """Start the process that runs transform jobs ahead of the first one."""
        self._sagemaker.transforms.warm()

    def _warm(self) -> None:
        self.upstream.warm(*_WARMED, region=self.settings.region)

    def _execution_role(self, role_arn: str, source_arn: str) -> RoleCredentials:
        session = sts.service_session(self.tokens, role_arn, _SAGEMAKER, source_arn)
        return RoleCredentials(session.access_key_id, session.secret_access_key, session.session_token)

    def _transform_job(self, region: str, name: str) -> Mapping[str, Any]:
        return self._sagemaker.answer("DescribeTransformJob", region, {"TransformJobName": name})

    def _register_services(self, buckets: Buckets) -> None:
        gateway, settings = self.gateway, self.settings
        s3 = S3(buckets, self.authorizer)
        rules = NetworkRules(settings.account_id, self.upstream.lock("ec2"))
        gateway.guards |= {("s3", name): guard for name, guard in s3.guards().items()}
        gateway.guards |= {("ec2", name): guard for name, guard in rules.guards().items()}
        gateway.guards |= {("iam", name): guard for name, guard in pages.iam_guards().items()}
        gateway.amendments |= {("s3", name): hook for name, hook in s3.amendments().items()}
        gateway.rewrites |= {("s3", name): hook for name, hook in s3.rewrites().items()}
        gateway.amendments |= {("ec2", name): hook for name, hook in rules.amendments().items()}
        gateway.failures |= {("s3", name): hook for name, hook in s3.failures().items()}
        gateway.native["s3", "DeleteObjects"] = Deletion(buckets, self.authorizer).delete
        gateway.register("sts", self.tokens.operations())
        gateway.register("sagemaker", self._sagemaker.operations())
        gateway.register("scheduler", self._scheduler.operations())
        self._tags.lookups["scheduler"] = self._scheduler.tags_of
        gateway.register("service-quotas", Quotas(settings.home, settings.account_id, settings.region).operations())

    def _register_eks(self) -> None:
        settings, store = self.settings, Store()
        network = Network(settings.account_id, settings.region, self.upstream.lock("ec2"))
        roles = Roles(self.tokens, self._directory, self.authorizer)
        pods = PodIdentity(store, self.tokens, ClusterTokenReviewer(), roles)
        tags = Tags(store)
        self._tags.lookups["eks"] = tags.of
        parts = (
            Clusters(store, self.clusters, network, roles, bind_access_policies),
            Nodegroups(store, self.clusters, network, roles),
            Addons(store),
            Capabilities(store, self.clusters, roles, self.tokens),
            Access(store),
            pods,
            tags,
        )
        for part in parts:
            self.gateway.register("eks", part.operations())
        self.gateway.register("eks-auth", pods.auth_operations())
        self.gateway.internal["eks"] = TokenWebhook(store, self._authenticator)

    def _health(self, _request: HttpRequest) -> HttpResponse:
        return json_response(200, {"status": "ok", "account_id": self.settings.account_id})
