"""A kill at any moment loses nothing: the state loads, the next `make up` goes on, `make destroy` leaves nothing."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.interruptions import assert_goes_on, assert_nothing_left, cut_off, pids_of

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("kills")]
BUDGET_SECONDS = float(os.environ.get("SOAK_SECONDS", "3600"))
LONGEST_SECONDS = 25.0


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    made = Checkout.make(tmp_path_factory.mktemp("kills") / "checkout")
    yield made
    made.make_target("reset")


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
    for pid in pids_of(checkout, victims):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    running.communicate(timeout=300)
