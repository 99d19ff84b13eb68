"""Owns a cluster with a node until SIGTERM, as the AWS endpoint does: `python -m tests.localcloud.cluster.owner HOME`."""

import signal
import sys
import threading
from pathlib import Path

from localcloud.cluster.backend import LocalClusters


def main() -> None:
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    nowhere = "http://127.0.0.1:9"
    clusters = LocalClusters(Path(sys.argv[1]), lambda _name: nowhere, lambda: nowhere, "us-east-1")
    try:
        clusters.create_cluster("local", "")
        clusters.create_nodegroup("local", "workers", {})
        print("joined", flush=True)
        stopped.wait()
    finally:
        clusters.close()


if __name__ == "__main__":
    main()
