"""Puts the endpoint's parts together."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable
from typing import Any, cast

from localcloud.aws import sts
from localcloud.aws.eks.backend import ClusterBackend
from localcloud.aws.eks.clusters import Clusters
from localcloud.aws.eks.network import Network, Roles
from localcloud.aws.eks.nodegroups import Nodegroups
from localcloud.aws.eks.store import Store
from localcloud.aws.exchange import HttpRequest, HttpResponse
from localcloud.aws.gateway import INTERNAL_PREFIX, Gateway, json_response
from localcloud.aws.iam.authentication import Authenticator
from localcloud.aws.iam.authorization import Authorizer
from localcloud.aws.iam.credentials import CredentialStore
from localcloud.aws.journal import Journal
from localcloud.aws.server import HttpServer
from localcloud.aws.settings import Settings
from localcloud.aws.upstream import Upstream

# In the order in which a deployment asks for them.
_WARMED = ("sts", "iam", "s3", "ec2", "sagemaker", "logs")


class Application:
    """The AWS endpoint: everything between its socket and its state."""

    def __init__(
        self, settings: Settings, port: int, clusters: Callable[[Settings, Application], ClusterBackend]
    ) -> None:
        os.environ["MOTO_ACCOUNT_ID"] = settings.account_id
        warnings.filterwarnings("ignore", module="moto")
        self.settings = settings
        self.journal = Journal(settings.logs / "api.jsonl")
        self.upstream = Upstream(lambda text: self.journal.write({"failure": text}))
        self.credentials = CredentialStore(settings.account_id, lambda _key: None)
        self.gateway = Gateway(
            Authenticator(self.credentials, settings.region), Authorizer(), self.upstream, self.journal
        )
        self._server = HttpServer(self.gateway, port)
        self.clusters = clusters(settings, self)
        self._register()

    @property
    def endpoint(self) -> str:
        return self._server.endpoint

    def token_review_url(self, cluster: str) -> str:
        return f"{self.endpoint}{INTERNAL_PREFIX}eks/{cluster}/token-review"

    def start(self) -> None:
        self._server.start()
        threading.Thread(target=self._warm, name="warm", daemon=True).start()

    def stop(self) -> None:
        self._server.stop()
        self.clusters.close()
        self.journal.close()

    def _warm(self) -> None:
        self.upstream.warm(*_WARMED, region=self.settings.region)

    def _register(self) -> None:
        settings = self.settings
        store = Store()
        network = Network(settings.account_id, settings.region, self.upstream.lock("ec2"))
        roles = Roles(settings.account_id, self.upstream.lock("iam"))
        self.gateway.register("sts", sts.operations())
        self.gateway.register("eks", Clusters(store, self.clusters, network, roles).operations())
        self.gateway.register("eks", Nodegroups(store, self.clusters, network, roles).operations())
        self.gateway.internal["health"] = self._health

    def _health(self, _request: HttpRequest) -> HttpResponse:
        return json_response(200, {"status": "ok", "account_id": self.settings.account_id})
