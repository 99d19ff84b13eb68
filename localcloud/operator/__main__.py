"""`python -m localcloud.operator`: the controller as a process, with ACK's flags and environment."""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Sequence

from localcloud.kube import KubeApi, KubeconfigError, default_kubeconfig
from localcloud.operator.controller import Controller, Log
from localcloud.operator.fields import spec_fields
from localcloud.operator.reconciler import Reconciler
from localcloud.operator.resource import Owner, TransformJobObjects
from localcloud.operator.sagemaker import CallError, Regions
from localcloud.operator.settings import CONTROLLER_VERSION, Settings, SettingsError, parse
from localcloud.operator.sync import Policy
from localcloud.process import die_with_parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT.

    Returns:
        0 after a signal, 1 if the controller cannot start.
    """
    die_with_parent()
    # An authority for AWS calls is of no use at a local endpoint, and makes the real controller fail.
    os.environ.pop("AWS_CA_BUNDLE", None)
    log = Log()
    try:
        settings = parse(sys.argv[1:] if arguments is None else arguments, os.environ)
        controller = _controller(settings, log)
    except (SettingsError, KubeconfigError, CallError) as error:
        log("Unable to create controller manager", level="error", error=str(error))
        return 1
    signal.signal(signal.SIGTERM, lambda *_: controller.stop())
    signal.signal(signal.SIGINT, lambda *_: controller.stop())
    log("starting manager", version=CONTROLLER_VERSION, region=settings.region)
    controller.run()
    gc.freeze()  # the interpreter ends sooner if it does not go through all objects
    return 0


def _controller(settings: Settings, log: Log) -> Controller:
    spec_fields()  # reads the large model once; later, each of several threads would read it
    connections = settings.workers + 2
    regions = Regions(settings.endpoint_url, connections)
    owner = _owner(regions, settings)
    api = KubeApi.from_kubeconfig(default_kubeconfig(), connections + len(settings.namespaces))
    objects = TransformJobObjects(api)
    policy = Policy(CONTROLLER_VERSION, settings.resource_tags, settings.deletion_policy)
    reconciler = Reconciler(objects, regions.jobs, owner, policy, settings.reads_namespaces, log=log)
    return Controller(objects, reconciler, log, settings.namespaces, settings.workers)


def _owner(regions: Regions, settings: Settings) -> Owner:
    try:
        identity = regions.caller_identity(settings.region, settings.identity_endpoint_url)
    except CallError as error:
        raise CallError(f"unable to determine account info: unable to get caller identity: {error}") from error
    return Owner(identity["Account"], identity["Arn"].split(":")[1], settings.region)


if __name__ == "__main__":
    sys.exit(main())
