"""Whatever happened before, `make destroy` leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.conveniences import calls
from tests.e2e.interruptions import assert_nothing_left, cut_off
from tests.e2e.losses import assert_destroyed_after_a_loss

pytestmark = [pytest.mark.e2e, pytest.mark.soak, pytest.mark.xdist_group("destroy")]
CHANGES = ("Create", "Put", "Attach", "Modify", "Associate")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A checkout whose stack each test brings up and takes down: the cloud runs on, nothing of a test outlives it."""
    made = Checkout.make(tmp_path_factory.mktemp("destroy") / "checkout")
    yield made
    made.make_target("reset")


def test_an_up_cut_off_after_any_creation_is_destroyed(checkout: Checkout) -> None:
    start = len(calls(checkout))
    assert checkout.make_target("up").code == 0
    # Not the job's log: the job makes that, and it is kept.
    whole = [name for name in calls(checkout)[start:] if name.startswith(CHANGES) and "Log" not in name]
    assert_nothing_left(checkout)
    for index, operation in enumerate(whole):
        count = whole[: index + 1].count(operation)
        print(f"cut off after {operation} number {count}", flush=True)
        cut_off(checkout, operation, count)
        assert_nothing_left(checkout)


@pytest.mark.parametrize("lost", [pytest.param([what], id=what) for what in ("objects", "cluster")])
def test_destroy_after_things_were_deleted_by_hand(checkout: Checkout, lost: list[str]) -> None:
    assert checkout.make_target("up").code == 0
    assert_destroyed_after_a_loss(checkout, lost)
