"""How good a batch of scores is against the truth: plain counting, so that anybody can check it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

THRESHOLD = 0.5


@dataclass(frozen=True)
class Quality:
    """The confusion matrix of a binary classifier at one threshold, positive = the customer leaves."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @property
    def precision(self) -> float:
        """Share of the customers flagged who do leave; 0 when none was flagged."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the customers who leave that were flagged; 0 when none leaves."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return _share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


def quality(scores: Sequence[float], labels: Sequence[int], threshold: float = THRESHOLD) -> Quality:
    """Count hits and misses.

    Args:
        scores: probability that the customer leaves, one a row.
        labels: 1 for a customer who left, else 0, in the same order.
        threshold: scores of at least this count as positive.

    Raises:
        ValueError: the two are not of one length.
    """
    pairs = [(score >= threshold, bool(label)) for score, label in zip(scores, labels, strict=True)]
    return Quality(
        true_positives=pairs.count((True, True)),
        false_positives=pairs.count((True, False)),
        false_negatives=pairs.count((False, True)),
        true_negatives=pairs.count((False, False)),
    )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
