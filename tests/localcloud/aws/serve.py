"""Runs the AWS endpoint with pretended clusters. Its first line of output is its address, as for the real one.

A pretended API server answers TokenReviews: the token `good.NAMESPACE.ACCOUNT` is that service account's.
A cluster, node group or capability whose name begins with `broken` fails to start, and one whose name begins with `stuck`
fails to stop when it is first asked. A second argument names the function that starts the containers of models.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from localcloud.aws.application import Application, from_environment
from localcloud.cluster.backend import ClusterEndpoint, LocalClusters
from localcloud.process import die_with_parent


class PretendedApiServer(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self.path.endswith("/tokenreviews"):
            self._answer("{}")
            return
        word, _, account = review["spec"]["token"].partition(".")
        namespace, _, name = account.partition(".")
        user = {
            "username": f"system:serviceaccount:{namespace}:{name}",
            "extra": {
                "authentication.kubernetes.io/pod-name": ["operator-1"],
                "authentication.kubernetes.io/pod-uid": ["uid-1"],
            },
        }
        good = word == "good" and review["spec"]["audiences"] == ["pods.eks.amazonaws.com"]
        body = json.dumps({"status": {"authenticated": True, "user": user} if good else {"authenticated": False}})
        self._answer(body)

    def _answer(self, body: str) -> None:
        self.send_response(201)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Quiet."""


class PretendedClusters(LocalClusters):
    def __init__(self, home: Path) -> None:
        self._home = home
        self._stuck: set[str] = set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), PretendedApiServer)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        time.sleep(0.05)
        if name.startswith("broken"):
            raise RuntimeError("etcd did not start")
        url = f"http://127.0.0.1:{self._server.server_port}"
        kubeconfig = self._home / f"{name}.kubeconfig"
        kubeconfig.write_text(
            json.dumps(
                {
                    "clusters": [{"name": name, "cluster": {"server": url}}],
                    "users": [{"name": "admin", "user": {"token": "admin"}}],
                    "contexts": [{"name": name, "context": {"cluster": name, "user": "admin"}}],
                    "current-context": name,
                }
            )
        )
        return ClusterEndpoint("https://127.0.0.1:6443", b"-----BEGIN CERTIFICATE-----", kubeconfig)

    def delete_cluster(self, name: str) -> None:
        time.sleep(0.05)
        self._stick(name)

    def _stick(self, name: str) -> None:
        if name.startswith("stuck") and name not in self._stuck:
            self._stuck.add(name)
            raise RuntimeError("it did not stop")

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None:
        if nodegroup.startswith("broken"):
            raise RuntimeError("no node")

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None:
        self._stick(nodegroup)

    def create_capability(self, cluster: str, name: str, keys: Mapping[str, str], arn: str) -> None:
        if name.startswith("broken"):
            raise RuntimeError("no controller")
        (self._home / f"{cluster}.capability.json").write_text(json.dumps({**keys, "arn": arn}))

    def delete_capability(self, cluster: str, name: str) -> None:
        self._stick(name)

    def close(self) -> None:
        """Nothing runs."""


def main() -> None:
    die_with_parent()
    home = Path(sys.argv[1])
    settings = from_environment(home)
    if len(sys.argv) > 2:
        settings = dataclasses.replace(settings, containers=sys.argv[2])
    application = Application(settings, 0, lambda _settings, _application: PretendedClusters(home))
    application.start()
    print(json.dumps({"endpoint": application.endpoint}), flush=True)
    if len(sys.argv) > 2:
        application.warm_jobs()
    threading.Event().wait()


if __name__ == "__main__":
    main()
