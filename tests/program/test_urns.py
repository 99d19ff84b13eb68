"""The URNs of a stack: one that changes makes Pulumi delete what stands, with its data, and create another."""

from pathlib import Path

from tests.program.harness import deploy
from tests.program.jobs import run
from tests.program.test_schedules import churn_and_nightly

KNOWN = Path(__file__).with_name("urns.txt")
"""What released stacks have in their states. A line may be added; one that goes needs an alias in the program."""
CONFIG = {
    "inputBuckets": ["somebodys-bucket"],
    "failureEmails": ["ops@example.org"],
    "deliveryRepository": "someone/workshop",
    "deliveryStateBucket": "states",
}


def test_no_resource_changes_its_urn() -> None:
    full = run(churn_and_nightly, config=CONFIG)
    capability = deploy(config={"operatorInstall": "capability"})
    assert (full.error, capability.error) == (None, None)
    registered = {urn.removeprefix("urn:pulumi:") for urn in (*full.resources, *capability.resources)}
    assert sorted(registered) == KNOWN.read_text().splitlines()
