"""`python -m localcloud.aws --home HOME --port 0` serves AWS on 127.0.0.1. Its first line of output says at which address."""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
from pathlib import Path

from localcloud.aws.application import Application, Settings, from_environment
from localcloud.cluster.backend import LocalClusters
from localcloud.process import die_with_parent


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m localcloud.aws", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="folder of the generated state")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1; 0 takes a free one")
    options = parser.parse_args(arguments)
    die_with_parent()
    asked_to_end = _signals(signal.SIGTERM, signal.SIGINT)
    try:
        application = Application(from_environment(options.home.resolve()), options.port, _clusters)
    except OSError as error:
        print(f"The AWS endpoint cannot listen on 127.0.0.1:{options.port}: {error}.", file=sys.stderr)
        return 1
    application.start()
    print(json.dumps({"endpoint": application.endpoint}), flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the parent process reads one line only
    application.warm_jobs()
    asked_to_end.recv(1)
    application.stop()
    return 0


def _signals(*numbers: signal.Signals) -> socket.socket:
    """Return a socket that gets a byte for each of these signals.

    The kernel may deliver a signal to any thread. A main thread that waits for a lock would then never run its handler.
    """
    receiver, sender = socket.socketpair()
    sender.settimeout(0)
    signal.set_wakeup_fd(sender.detach())
    for number in numbers:
        signal.signal(number, lambda *_: None)
    return receiver


def _clusters(settings: Settings, application: Application) -> LocalClusters:
    return LocalClusters(
        home=settings.home,
        token_review_url=application.token_review_url,
        aws_endpoint=lambda: application.endpoint,
        region=settings.region,
    )


if __name__ == "__main__":
    sys.exit(main())
