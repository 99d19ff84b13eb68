"""Commands that are interrupted, and the checks that must hold afterwards."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
from collections.abc import Sequence
from typing import Any

from localcloud.commands import cloud
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout, Said
from tests.e2e.conveniences import calls, wait_for

# Each before the next, as the stack needs it on AWS: jobs and operator (no AWS calls), then these.
ORDER = ("DeleteNodegroup", "DeletePodIdentityAssociation", "DeleteCluster", "DeleteSubnet", "DeleteVpc")
ROLES_LAST = ("DeleteNodegroup", "DeleteCluster")
CUT_OFF_RELEASES = {"pending-install": 1, "pending-upgrade": 2, "uninstalling": 1}
"""What Helm says of a release in whose making, change or end it was killed, and of which revision."""


def cut_off(checkout: Checkout, operation: str, count: int = 1, target: str = "up") -> None:
    """Kill an `up` or `destroy`, engine and plugins included, as soon as the endpoint answered this operation that often."""
    start = len(calls(checkout))
    running = checkout.start(target)
    try:
        wait_for(lambda: calls(checkout)[start:].count(operation) >= count or running.poll() is not None, 240)
    finally:
        with contextlib.suppress(ProcessLookupError):  # an operation that is not needed this time lets it end
            os.killpg(running.pid, signal.SIGKILL)
        running.communicate(timeout=60)


def end_plugins(checkout: Checkout, operation: str) -> None:
    """Kill the plugins alone as soon as the endpoint answered this operation; the CLI then ends by itself."""
    start = len(calls(checkout))
    running = checkout.start("up")
    wait_for(lambda: operation in calls(checkout)[start:], 240)
    for pid in pids_of(checkout, "plugins"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    said, _ = running.communicate(timeout=120)
    assert "exited prematurely" in said


def pids_of(checkout: Checkout, victims: str) -> list[int]:
    """The processes of a checkout's deployment: `pulumi`, `plugins`, or `all`."""
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 1) for line in listing.splitlines())
    ours = [(int(pid), command) for pid, command in rows if str(checkout.home) in command]
    cli = [pid for pid, command in ours if f"{checkout.home}/cli/pulumi " in command]
    plugins = [pid for pid, command in ours if "pulumi-resource-" in command or "localcloud.pulumi." in command]
    return {"pulumi": cli, "plugins": plugins, "all": [*cli, *plugins]}[victims]


def assert_goes_on(checkout: Checkout) -> None:
    """The state loads, `up` ends well with everything there once, and a preview then finds nothing to do."""
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert "Traceback" not in again.text
    assert "pending operations" not in again.text
    preview = checkout.shell("pulumi preview --expect-no-changes --non-interactive")
    assert preview.code == 0, preview.text
    assert not list((checkout.home / "pulumi").rglob("*.attrs"))  # the CLI does not write them in one step
    assert len(checkout.client("eks").list_clusters()["clusters"]) == 1
    assert len(checkout.client("s3").list_buckets()["Buckets"]) == 1
    assert len([vpc for vpc in checkout.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]) == 1


def assert_nothing_left(checkout: Checkout) -> Said:
    """By the listing that `make destroy` makes, and by asking again."""
    destroyed = checkout.make_target("destroy")
    assert destroyed.code == 0, destroyed.text
    assert "Traceback" not in destroyed.text
    assert "nothing of stack local is left" in destroyed.text
    assert "AWS keeps" not in destroyed.text
    assert "not of this stack" not in destroyed.text
    assert checkout.client("s3").list_buckets()["Buckets"] == []
    assert checkout.client("eks").list_clusters()["clusters"] == []
    assert checkout.client("iam").list_roles()["Roles"] == []
    assert checkout.client("sagemaker").list_models()["Models"] == []
    vpcs: list[dict[str, Any]] = checkout.client("ec2").describe_vpcs()["Vpcs"]
    assert all(vpc["IsDefault"] for vpc in vpcs)
    statuses = checkout.transform_jobs().values()
    assert not {"InProgress", "Stopping"} & set(statuses)
    return destroyed


def assert_taken_apart_in_order(checkout: Checkout) -> None:
    """Nothing is left of a stack that stood, and it went in the order that AWS needs."""
    start = len(calls(checkout))
    destroyed = assert_nothing_left(checkout)
    operations = [name for name in calls(checkout)[start:] if name.startswith(("Delete", "Detach", "Disassociate"))]
    assert in_order(operations, ORDER)
    for users in ROLES_LAST:
        assert in_order(operations, (users, "DeleteRole"))
    assert in_order(operations, ("DeleteNodegroup", "DetachRolePolicy"))
    assert in_order(operations, ("DeleteNodegroup", "DisassociateRouteTable"))
    assert kinds_in_order(destroyed.text) == ["TransformJob", "Release", "NodeGroup", "Cluster", "Vpc"]


def in_order(operations: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the last of each comes before the first of the next."""
    last = {name: max(i for i, found in enumerate(operations) if found == name) for name in wanted}
    first = {name: operations.index(name) for name in wanted}
    return all(last[before] < first[after] for before, after in itertools.pairwise(wanted))


def kinds_in_order(said: str) -> list[str]:
    """What the engine said it had deleted, of the kinds whose order matters."""
    found = re.findall(r"^ -\s.*[:/](TransformJob|Release|NodeGroup|Cluster|Vpc)\b.*\bdeleted", said, re.MULTILINE)
    return [kind for index, kind in enumerate(found) if kind not in found[:index]]


def operator_process(checkout: Checkout) -> int:
    running = record.read(checkout.home)
    assert running is not None
    (pid,) = (pid for pid, _, what in cloud.family(running.pid) if "localcloud.operator" in what)
    return pid


def leave_release(checkout: Checkout, status: str) -> None:
    """Leave the release and the state as a kill in the middle of that operation does.

    Helm writes the new status before it changes an object, and the CLI a pending operation before it calls the provider.
    """
    secret, revision = "sh.helm.release.v1.ack-sagemaker.v1", CUT_OFF_RELEASES[status]
    names = {"pending-install": "creating", "pending-upgrade": "updating", "uninstalling": "deleting"}
    script = f"""
    kubectl get secret -n ack-system {secret} -o json > .local/release.json
    python3 - <<'PYTHON'
import base64, gzip, json
secret = json.load(open(".local/release.json"))
release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(secret["data"]["release"]))))
release["info"]["status"], release["version"] = "{status}", {revision}
packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
meta = {{"name": "sh.helm.release.v1.ack-sagemaker.v{revision}", "namespace": "ack-system"}}
meta["labels"] = {{**secret["metadata"]["labels"], "status": "{status}", "version": "{revision}"}}
json.dump({{"apiVersion": "v1", "kind": "Secret", "type": secret["type"], "metadata": meta,
           "data": {{"release": packed}}}}, open(".local/release.json", "w"))
PYTHON
    kubectl apply --server-side --force-conflicts -f .local/release.json
    """
    said = checkout.shell(script)
    assert said.code == 0, said.text
    path = checkout.home / "pulumi" / ".pulumi" / "stacks" / "sagemaker-batch-workshop" / "local.json"
    document = json.loads(path.read_text())
    latest = document["checkpoint"]["latest"]  # not by `stack import`, which drops pending operations
    (release,) = (each for each in latest["resources"] if each["type"] == "kubernetes:helm.sh/v3:Release")
    at = latest["resources"].index(release)
    if status == "uninstalling":  # what depends on it was deleted before
        checkout.shell("kubectl delete transformjobs --all")
        latest["resources"] = latest["resources"][: at + 1]
    if status == "pending-install":  # what depends on it was not made yet
        latest["resources"] = latest["resources"][:at]
        release = {name: value for name, value in release.items() if name not in {"id", "outputs"}}
    latest["pending_operations"] = [{"type": names[status], "resource": release}]
    path.write_text(json.dumps(document))


def assert_release_is_repaired(checkout: Checkout, status: str) -> None:
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert f"is in status {status}" in again.text
    listed = checkout.shell(
        "kubectl get secrets -n ack-system -l owner=helm,name=ack-sagemaker -o jsonpath='{..metadata.labels.status}'"
    )
    assert listed.text.split()[-1] == "deployed"
    assert checkout.shell("kubectl get deployment -n ack-system -o name").text.count("deployment") == 1
