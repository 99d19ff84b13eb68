"""`python -m localcloud.cluster up`: one cluster without the rest of the local cloud, until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path

from localcloud.cluster.backend import LocalClusters
from localcloud.cluster.control_plane import ClusterError
from localcloud.home import home

_NOWHERE = "http://127.0.0.1:9"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    clusters = LocalClusters(
        options.home.resolve(),
        lambda name: f"{options.aws_endpoint or _NOWHERE}/_localcloud/eks/{name}/token-review",
        lambda: options.aws_endpoint,
        options.region,
        images=options.image,
    )
    try:
        return _run(clusters, options, stopped)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        clusters.close()


def _run(clusters: LocalClusters, options: argparse.Namespace, stopped: threading.Event) -> int:
    started = time.monotonic()
    endpoint = clusters.create_cluster(options.name, options.version)
    print(endpoint.admin_kubeconfig, flush=True)
    print(f"ready in {time.monotonic() - started:.1f} s: {endpoint.endpoint}", file=sys.stderr, flush=True)
    if options.nodegroup:
        clusters.create_nodegroup(options.name, options.nodegroup, {})
        print(f"node group {options.nodegroup} joined", file=sys.stderr, flush=True)
    while not stopped.wait(1.0):
        if problems := clusters.health(options.name):
            print(f"error: {'; '.join(problems)}", file=sys.stderr)
            return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localcloud.cluster", description=__doc__)
    up = parser.add_subparsers(required=True, metavar="up").add_parser("up", help="start a cluster in the foreground")
    up.add_argument("--home", type=Path, default=home(), help="folder of generated state (default: %(default)s)")
    up.add_argument("--name", default="local", help="the cluster's name")
    up.add_argument("--version", default="", help="the Kubernetes version to insist on, as 1.35")
    up.add_argument("--nodegroup", default="", help="start a node group of this name, too")
    up.add_argument("--image", action="append", default=[], metavar="PATTERN=COMMAND", help="an image nodes can run")
    up.add_argument("--aws-endpoint", default=os.environ.get("AWS_ENDPOINT_URL", ""), help="(default: no AWS)")
    up.add_argument("--region", default=os.environ.get("AWS_REGION", "us-east-1"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
