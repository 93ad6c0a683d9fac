"""Identifiers: every kind from one generator, so that none tells what it belongs to.

A number and a kind are mixed (splitmix64) with the world's seed and written in base 32. Equal
numbers give equal identifiers; neighbours give unrelated ones.
"""

from __future__ import annotations

import zlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ALPHABET = np.frombuffer(b"0123456789abcdefghjkmnpqrstvwxyz", dtype=np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


def mix(numbers: np.ndarray, salt: int) -> np.ndarray:
    """splitmix64 of `numbers` (any integers) under `salt`: uint64, a bijection for each salt."""
    with np.errstate(over="ignore"):
        z = numbers.astype(np.uint64) + np.uint64(salt & 0xFFFFFFFFFFFFFFFF)
        z = (z + np.uint64(0x9E3779B97F4A7C15)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z = (z ^ (z >> np.uint64(31))) * np.uint64(0xBF58476D1CE4E5B9)
        return z ^ (z >> np.uint64(29))


def salt_of(seed: int, kind: str) -> int:
    """A salt for one kind of identifier in one world."""
    return (zlib.crc32(kind.encode()) << 32) ^ (seed * 0x2545F4914F6CDD1D & 0xFFFFFFFFFFFFFFFF)


def identifiers(prefix: str, numbers: np.ndarray, seed: int, letters: int = 20) -> pa.Array:
    """Strings `prefix` + `letters` characters (at most 24), null where a number is negative.

    >>> identifiers("org_", np.array([1, -1]), seed=0, letters=6).to_pylist()
    ['org_qckbtz', None]
    """
    salt = salt_of(seed, prefix)
    return _spell(prefix, numbers, salt, letters, alphabet=_ALPHABET)


def digests(prefix: str, numbers: np.ndarray, seed: int, letters: int = 16) -> pa.Array:
    """Like `identifiers`, in hexadecimal digits."""
    return _spell(prefix, numbers, salt_of(seed, prefix + "#"), letters, alphabet=_HEX)


def _spell(
    prefix: str, numbers: np.ndarray, salt: int, letters: int, *, alphabet: np.ndarray
) -> pa.Array:
    n, head = len(numbers), np.frombuffer(prefix.encode(), dtype=np.uint8)
    width = len(head) + letters
    out = np.empty((n, width), dtype=np.uint8)
    out[:, : len(head)] = head
    bits = len(alphabet).bit_length() - 1
    per_word = 60 // bits
    for word in range(-(-letters // per_word)):
        value = mix(numbers, salt + 0x632BE59BD9B4E019 * word)
        for i in range(min(per_word, letters - word * per_word)):
            digit = (value >> np.uint64(bits * i)) & np.uint64((1 << bits) - 1)
            out[:, len(head) + word * per_word + i] = alphabet[digit.astype(np.intp)]
    return fixed_width_strings(out, numbers < 0)


def fixed_width_strings(letters: np.ndarray, null: np.ndarray | None = None) -> pa.Array:
    """A string array from a matrix of ASCII bytes [n, width]; null where `null` says so."""
    n, width = letters.shape
    offsets = np.arange(n + 1, dtype=np.int64) * width
    if offsets[-1] > 2**31 - 1:
        raise ValueError("too many letters for one array; write in smaller chunks")
    array = pa.StringArray.from_buffers(
        n, pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(np.ascontiguousarray(letters))
    )
    if null is None or not null.any():
        return array
    return pc.call_function("if_else", [pa.array(~null), array, pa.scalar(None, pa.string())])
