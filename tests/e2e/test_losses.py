"""A stack of which somebody has deleted much by hand is destroyed all the same."""

from __future__ import annotations

import pytest

from tests.e2e.checkout import Checkout
from tests.e2e.losses import assert_destroyed_after_a_loss

pytestmark = [pytest.mark.e2e, pytest.mark.last, pytest.mark.xdist_group("standing")]


def test_destroy_after_half_of_the_stack_and_the_cluster_were_deleted_by_hand(standing: Checkout) -> None:
    assert_destroyed_after_a_loss(standing, ["objects", "cluster"])
