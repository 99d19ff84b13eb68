"""Reads plain CSV fast: numbers in everyday notation, each with exactly the value that Python's float gives it.

Most tables have numbers of at most eight characters, which are read all at once. The eight bytes that end with a number
are taken as one integer, its dot is removed, and three multiplications turn eight digits into their value (a technique
known as SWAR, "SIMD within a register"). The digits and the power of ten by which they are divided are exact, so that
the quotient is rounded once, as float rounds. Longer numbers are read by orjson, which rounds correctly too. Other text
is left to the caller: None means that it must be read in another way, not that it is wrong.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import orjson

_Floats = npt.NDArray[np.float32]
_Words = npt.NDArray[np.uint64]

_COMMA, _NEWLINE, _MINUS = ord(","), ord("\n"), ord("-")
_WORD: Final = 8
_BLOCK: Final = 32 * 1024  # numbers at a time: their words stay in the processor's cache
_JSON_NUMBERS: Final = b"0123456789.-+eE,\n\r"


def _each(byte: int) -> np.uint64:
    """A word of this byte eight times."""
    return np.uint64(int.from_bytes(bytes([byte]) * _WORD, "little"))


_ZEROS, _DOTS, _ONES, _HIGH_BITS = _each(ord("0")), _each(ord(".")), _each(1), _each(0x80)
_CARRY_ABOVE_NINE, _UPPER_HALVES = _each(6), _each(0xF0)
# For a number of n characters: which bytes of its word are its own, and zeros for the bytes before it.
_OWN: Final = np.array([(2**64 - 1) ^ (2 ** (8 * (_WORD - n)) - 1) for n in range(_WORD + 1)], dtype=np.uint64)
_LEADING: Final = ~_OWN & _ZEROS
# 256**k, the dot being byte k, times this has the number of digits after the dot in its top four bits.
_DIGITS_BEHIND: Final = np.uint64(sum((_WORD - 1 - k) << (60 - 8 * k) for k in range(_WORD)))
_POWERS_OF_TEN: Final = 10.0 ** np.arange(_WORD)


def parse_plain(body: bytes, delimiter: str) -> npt.NDArray[np.float32] | None:
    """Read a body as a matrix, in which empty fields are NaN; None if it is not plain.

    Args:
        body: the lines, without a newline at the end.
        delimiter: the character that separates the fields.
    """
    plain = _with_commas(body, delimiter)
    if plain is None:
        return None
    columns = plain.partition(b"\n")[0].count(b",") + 1
    values = _parse_short(plain, columns)
    if values is None:
        values = _parse_json(plain, columns)
    if values is None:
        return None
    return values.reshape(-1, columns)


def _with_commas(body: bytes, delimiter: str) -> bytes | None:
    if delimiter == ",":
        return body
    if delimiter not in {"\t", ";", " ", "|", ":"} or b"," in body:
        return None
    return body.replace(delimiter.encode(), b",")


def _parse_short(body: bytes, columns: int) -> npt.NDArray[np.float32] | None:
    """Read all values if each has at most eight characters, without its sign."""
    text = np.frombuffer(bytes(_WORD) + body + b"\n", dtype=np.uint8)
    ends = np.flatnonzero(text < _MINUS)[_WORD:]
    if not _rectangular(text[ends], columns):
        return None
    values = np.empty(len(ends), dtype=np.float32)
    start = _WORD
    for block in (slice(begin, begin + _BLOCK) for begin in range(0, len(ends), _BLOCK)):
        if not _read_block(text, start, ends[block], values[block]):
            return None
        start = ends[block][-1] + 1
    return values


def _read_block(text: npt.NDArray[np.uint8], start: int, ends: npt.NDArray[np.int64], values: _Floats) -> bool:
    """Read the numbers before these separators; False if one of them is too long or not a plain number."""
    starts = np.empty_like(ends)
    starts[0], starts[1:] = start, ends[:-1] + 1
    negative = text[starts] == _MINUS
    signed = negative.any()
    lengths = ends - starts - negative if signed else ends - starts
    empty = lengths == 0
    if lengths.max() > _WORD or (signed and (empty & negative).any()):
        return False
    all_words = np.ndarray((len(text) - _WORD + 1,), dtype="<u8", buffer=text, strides=(1,))
    exact = _read_words(all_words[ends - _WORD], lengths)
    if exact is None:
        return False
    if signed:
        np.negative(exact, out=exact, where=negative)
    exact[empty] = np.nan
    values[:] = exact
    return True


def _rectangular(separators: npt.NDArray[np.uint8], columns: int) -> bool:
    """Whether every line has this many fields, separated by commas and newlines only."""
    if len(separators) % columns:
        return False
    rows = separators.reshape(-1, columns)
    return bool((rows[:, -1] == _NEWLINE).all() and (rows[:, :-1] == _COMMA).all())


def _read_words(words: _Words, lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.float64] | None:
    """Read words, each of which ends with the last character of a number; None if one is not a plain number."""
    words = words & _OWN[lengths] | _LEADING[lengths]
    dots = words ^ _DOTS
    dots = ((dots - _ONES) & ~dots & _HIGH_BITS) >> np.uint64(7)  # 256**k, where the dot is byte k; 0 without one
    dots &= ~dots + np.uint64(1)  # a second dot stays in the word, and is refused because it is not a digit
    has_dot = dots != 0
    if (has_dot & (lengths == 1)).any():
        return None  # a dot and no digit
    before = dots - np.uint64(1)  # the bytes before the dot; all of them without one
    behind = ~(before | dots * np.uint64(0xFF))
    shift = has_dot * np.uint64(8)
    words = words & behind | (words & before) << shift | shift * np.uint64(6)  # 8 * 6 is the character 0
    digits = words ^ _ZEROS
    if ((digits | digits + _CARRY_ABOVE_NINE) & _UPPER_HALVES).any():
        return None
    digits = digits * np.uint64(10 * 2**8 + 1) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
    digits = digits * np.uint64(100 * 2**16 + 1) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
    digits = digits * np.uint64(10_000 * 2**32 + 1) >> np.uint64(32)
    return digits / _POWERS_OF_TEN[dots * _DIGITS_BEHIND >> np.uint64(60)]


def _parse_json(body: bytes, columns: int) -> _Floats | None:
    """Read all values if each is a number of JSON: no empty field, no leading zero."""
    if body.translate(None, _JSON_NUMBERS):
        return None
    text = np.frombuffer(body + b"\n", dtype=np.uint8)
    if not _rectangular(text[(text == _COMMA) | (text == _NEWLINE)], columns):
        return None
    try:
        values = np.array(orjson.loads(b"[" + body.replace(b"\n", b",") + b"]"), dtype=np.float64)
    except orjson.JSONDecodeError:
        return None
    with np.errstate(over="ignore"):  # beyond float32 is infinite, which the caller refuses
        return values.astype(np.float32)
