"""A kill at any moment loses nothing: the state loads, the next `make up` goes on, `make destroy` leaves nothing."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from localcloud.commands import inspection
from localcloud.supervisor import record
from tests.e2e.checkout import Checkout
from tests.e2e.test_destroy import assert_nothing_left, assert_taken_apart_in_order, cut_off

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("kills")]
BUDGET_SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
LONGEST_SECONDS = 25.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path_factory.mktemp("kills") / "checkout")
    yield made
    made.make_target("reset")


def assert_goes_on(checkout: Checkout) -> None:
    """The state loads, `up` ends well with everything there once, and a preview then finds nothing to do."""
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert "Traceback" not in again.text
    assert "pending operations" not in again.text
    preview = checkout.shell("pulumi preview --expect-no-changes --non-interactive")
    assert preview.code == 0, preview.text
    assert len(checkout.client("eks").list_clusters()["clusters"]) == 1
    assert len(checkout.client("s3").list_buckets()["Buckets"]) == 1
    assert len([vpc for vpc in checkout.client("ec2").describe_vpcs()["Vpcs"] if not vpc["IsDefault"]]) == 1


@pytest.mark.soak
@pytest.mark.parametrize(
    "operation",
    [
        pytest.param("CreateVpc", id="early"),
        pytest.param("PutBucketPolicy", id="while the bucket is made"),
        pytest.param("CreateTransformJob", id="while the job runs"),
    ],
)
def test_an_up_that_was_cut_off_goes_on(checkout: Checkout, operation: str) -> None:
    cut_off(checkout, operation)
    assert_goes_on(checkout)
    assert_nothing_left(checkout)


CUT_OFF_RELEASES = {"pending-install": 1, "pending-upgrade": 2, "uninstalling": 1}
"""What Helm says of a release in whose making, change or end it was killed, and of which revision."""


def test_an_up_and_releases_of_helm_that_were_cut_off_go_on_and_destroy_takes_them_apart(checkout: Checkout) -> None:
    cut_off(checkout, "CreateNodegroup")
    assert_goes_on(checkout)
    for status, revision in CUT_OFF_RELEASES.items():
        leave_release(checkout, status, revision)
        assert_release_is_repaired(checkout, status)
    os.kill(operator_process(checkout), signal.SIGKILL)
    assert_taken_apart_in_order(checkout)


def operator_process(checkout: Checkout) -> int:
    cloud = record.read(checkout.home)
    assert cloud is not None
    (pid,) = (pid for pid, _, what in inspection.family(cloud.pid) if "localcloud.operator" in what)
    return pid


def assert_release_is_repaired(checkout: Checkout, status: str) -> None:
    again = checkout.make_target("up")
    assert again.code == 0, again.text
    assert f"is in status {status}" in again.text
    listed = checkout.shell(
        "kubectl get secrets -n ack-system -l owner=helm,name=ack-sagemaker -o jsonpath='{..metadata.labels.status}'"
    )
    assert listed.text.split()[-1] == "deployed"
    assert checkout.shell("kubectl get deployment -n ack-system -o name").text.count("deployment") == 1


def leave_release(checkout: Checkout, status: str, revision: int) -> None:
    """Leave the release and the state as a kill in the middle of that operation does.

    Helm writes the new status before it changes an object, and the CLI a pending operation before it calls the provider.
    """
    secret = "sh.helm.release.v1.ack-sagemaker.v1"
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


@pytest.mark.soak
def test_kills_at_random_moments_lose_nothing(checkout: Checkout) -> None:
    seed = int(os.environ.get("SOAK_SEED", str(time.time_ns() % 100_000)))
    chance = random.Random(seed)  # noqa: S311  a walk to be repeated, no secret
    print(f"SOAK_SEED={seed} SOAK_SECONDS={BUDGET_SECONDS:.0f}", flush=True)
    end, count = time.monotonic() + BUDGET_SECONDS, 0
    while time.monotonic() < end:
        count += 1
        target = chance.choice(["up", "up", "destroy"])
        change = chance.random() < 0.5
        if change:
            checkout.shell(f"pulumi config set resultsExpireDays {chance.randint(1, 99)} || :")
        seconds, victims = chance.uniform(0.5, LONGEST_SECONDS), chance.choice(["pulumi", "plugins", "all"])
        print(f"{count}: {target}, killing {victims} after {seconds:.1f} s", flush=True)
        kill_after(checkout, target, seconds, victims)
        if chance.random() < 0.3:
            assert_nothing_left(checkout)
        else:
            assert_goes_on(checkout)
    assert_nothing_left(checkout)


def kill_after(checkout: Checkout, target: str, seconds: float, victims: str) -> None:
    """Start a command and kill (-9) some of its processes after a while."""
    running = checkout.start(target)
    time.sleep(seconds)
    for pid in _pids(checkout, victims):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.communicate(timeout=300)


def _pids(checkout: Checkout, victims: str) -> list[int]:
    listing = subprocess.run(["ps", "-axww", "-o", "pid=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 1) for line in listing.splitlines())
    ours = [(int(pid), command) for pid, command in rows if str(checkout.home) in command]
    cli = [pid for pid, command in ours if f"{checkout.home}/cli/pulumi " in command]
    plugins = [pid for pid, command in ours if "pulumi-resource-" in command or "localcloud.pulumi." in command]
    return {"pulumi": cli, "plugins": plugins, "all": [*cli, *plugins]}[victims]
