"""Precision and recall by plain counting."""

import pytest

from workshop.metrics import quality


def test_hits_and_misses_are_counted() -> None:
    found = quality([0.9, 0.8, 0.2, 0.1, 0.5], [1, 0, 1, 0, 1])
    assert (found.true_positives, found.false_positives, found.false_negatives, found.true_negatives) == (2, 1, 1, 1)
    assert found.precision == found.recall == found.f1 == pytest.approx(2 / 3)


def test_nothing_flagged_and_nobody_leaving_give_zero() -> None:
    found = quality([0.1], [0])
    assert (found.precision, found.recall, found.f1) == (0.0, 0.0, 0.0)


def test_scores_and_labels_must_be_of_one_length() -> None:
    with pytest.raises(ValueError, match=r"longer|shorter"):
        quality([0.1, 0.2], [0])
