"""A hundred jobs declared at once: up, unchanged, one changed, destroy; beside `kubectl apply` of the same objects."""

from __future__ import annotations

import json
import time
from typing import Any

from bench._clock import fresh_checkout, timed
from tests.e2e.checkout import Checkout
from tests.e2e.jobs_as_code import added

JOBS = 100
ROWS = 1000
ROW = "128,415,0,1,25,265.1,110,45.07,197.4,99,16.78,244.7,91,11.01,10,3,2.7,{}\n"


def main() -> None:
    """Print seconds beside the project's targets for 2 cores."""
    with fresh_checkout() as checkout:
        _measure(checkout)


def _measure(checkout: Checkout) -> None:
    first = checkout.make_target("up")
    assert first.code == 0, first.text
    files = {
        f"rows-{number}.csv": "".join(ROW.format((number + row) % 10) for row in range(ROWS)) for number in range(JOBS)
    }
    jobs = {f"job-{number}": f'input="rows-{number}.csv"' for number in range(JOBS)}
    with added(checkout, jobs, files):
        timed(checkout, "up of 100 jobs", "up", 45)
        timed(checkout, "unchanged", "up", 10)
        _applied(checkout)
        before = checkout.transform_jobs()
        checkout.write("rows-7.csv", files["rows-7.csv"] + ROW.format(9))
        timed(checkout, "one changed", "up")
        print(f"  jobs that ran for one change: {len(checkout.transform_jobs()) - len(before)}", flush=True)
        timed(checkout, "destroy", "destroy", 15)


def _applied(checkout: Checkout) -> None:
    """Apply the same objects under other names with kubectl, and time it until each has completed."""
    listed = json.loads(checkout.shell("kubectl get transformjobs -o json").text)["items"]
    checkout.write(
        "peers.json", json.dumps({"apiVersion": "v1", "kind": "List", "items": [_peer(item) for item in listed]})
    )
    wait = "kubectl wait --for=jsonpath='{.status.transformJobStatus}'=Completed transformjobs --all --timeout=120s"
    started = time.monotonic()
    said = checkout.shell(f"kubectl apply -f peers.json > /dev/null; {wait} > /dev/null")
    assert said.code == 0, said.text
    print(f"  kubectl apply of the same objects: {time.monotonic() - started:.1f} s", flush=True)
    assert checkout.shell("kubectl delete -f peers.json > /dev/null").code == 0


def _peer(item: dict[str, Any]) -> dict[str, Any]:
    name = f"{item['metadata']['name']}-p"
    spec = item["spec"] | {"transformJobName": name}
    return {"apiVersion": item["apiVersion"], "kind": item["kind"], "metadata": {"name": name}, "spec": spec}
