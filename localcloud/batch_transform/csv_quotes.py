"""Removes needless quotes from CSV, and masks commas inside quotes, by operations on all bytes of a block at once.

A byte is inside quotes if the number of quotes before it is odd: a doubled quote inside a field counts twice.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_BLOCK = 256 * 1024  # bytes at a time: the arrays of a block stay in the processor's cache
_QUOTE, _COMMA, _NEWLINE = b'",\n'


def masked(text: bytes, mask: bytes) -> bytes | None:
    """Remove needless quotes and replace each comma inside quotes by another byte, so that every comma separates two fields.

    A field keeps its quotes if it contains a comma or a quote.

    Args:
        text: rows, separated by newlines, without carriage returns.
        mask: a byte that the text does not contain.

    Returns:
        The masked text; None if a quote is in the wrong place.
    """
    blocks: list[bytes] = []
    for block in _blocks(text):
        done = _masked_block(block, mask[0])
        if done is None:
            return None
        blocks.append(done)
    return b"".join(blocks)


def _blocks(text: bytes) -> Iterator[bytes]:
    """The text in blocks of whole rows."""
    at = 0
    while at < len(text):
        end = text.find(b"\n", at + _BLOCK) + 1 or len(text)
        yield text[at:end]
        at = end


def _masked_block(block: bytes, mask: int) -> bytes | None:
    text = np.frombuffer(block, np.uint8)
    quotes, newlines = text == _QUOTE, text == _NEWLINE
    inside = np.logical_xor.accumulate(quotes)
    if inside[-1] or (newlines & inside).any():
        return None
    commas = text == _COMMA
    hidden = commas & inside
    opening, closing = quotes & inside, quotes & ~inside
    begins, ends = opening.copy(), closing.copy()
    begins[1:] &= ~closing[:-1]
    ends[:-1] &= ~opening[1:]
    # The element after the last one is also the one before the first: index -1. Both count as separators.
    separators = np.append(newlines | commas ^ hidden, True)
    places = np.flatnonzero(quotes | hidden)
    first, last = begins[places], ends[places]
    if not (separators[places[first] - 1].all() and separators[places[last] + 1].all()):
        return None
    written = np.where(hidden, np.uint8(mask), text)
    needless = first[:-1] & last[1:]  # neither a comma nor a quote is between these two
    if needless.any():
        kept = np.ones(len(text), np.bool_)
        kept[places[:-1][needless]] = kept[places[1:][needless]] = False
        written = written[kept]
    return written.tobytes()
