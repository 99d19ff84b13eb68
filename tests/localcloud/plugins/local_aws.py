"""Serves AWS for the plugins' tests: the local endpoint, with clusters that are records only."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from localcloud.aws.application import Application
from localcloud.aws.eks.backend import ClusterEndpoint
from localcloud.aws.settings import from_environment
from localcloud.process import die_with_parent


class NoClusters:
    def create_cluster(self, name: str, version: str) -> ClusterEndpoint:
        return ClusterEndpoint("https://127.0.0.1:1", b"-----BEGIN CERTIFICATE-----\n", Path("/nowhere"))

    def delete_cluster(self, name: str) -> None: ...

    def create_nodegroup(self, cluster: str, nodegroup: str, labels: Mapping[str, str]) -> None: ...

    def delete_nodegroup(self, cluster: str, nodegroup: str) -> None: ...

    def close(self) -> None: ...


if __name__ == "__main__":
    die_with_parent(os.getppid())
    application = Application(from_environment(Path(sys.argv[1])), 0, lambda _settings, _application: NoClusters())
    application.start()
    print(json.dumps({"endpoint": application.endpoint}), flush=True)
    threading.Event().wait()
