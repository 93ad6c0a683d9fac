"""64-bit hashes of Arrow columns: SipHash-1-3 of every value, folded over columns and lists.

SipHash because ids and texts come from clients: with a secret key nobody can craft two ids that
collide (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). Two different ids among
32 million collide with probability 3e-5.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numba import njit

from stillwatch.statistics.lanes import eight_bytes

_NULL = np.uint64(0x9E3779B97F4A7C15)


@njit(inline="always")
def _turn(value, n):  # pragma: no cover - compiled
    return (value << np.uint64(n)) | (value >> np.uint64(64 - n))


@njit(inline="always")
def _round(v0, v1, v2, v3):  # pragma: no cover - compiled
    v0 += v1
    v1 = _turn(v1, 13) ^ v0
    v0 = _turn(v0, 32)
    v2 += v3
    v3 = _turn(v3, 16) ^ v2
    v0 += v3
    v3 = _turn(v3, 21) ^ v0
    v2 += v1
    v1 = _turn(v1, 17) ^ v2
    v2 = _turn(v2, 32)
    return v0, v1, v2, v3


@njit(inline="always")
def _ended(data, at, end, size, v0, v1, v2, v3):  # pragma: no cover - compiled
    """The hash of `size` bytes, of which those from `at` to before `end` are still to come."""
    while at + 8 <= end:
        m = eight_bytes(data, at)
        v3 ^= m
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= m
        at += 8
    m = np.uint64(size & 255) << np.uint64(56)
    shift = np.uint64(0)
    while at < end:
        m |= np.uint64(data[at]) << shift
        shift += np.uint64(8)
        at += 1
    v3 ^= m
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= m
    v2 ^= np.uint64(0xFF)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return v0 ^ v1 ^ v2 ^ v3


@njit(cache=True, nogil=True, boundscheck=False)
def siphash_strings(data, offsets, k0, k1, out):  # pragma: no cover - compiled
    """SipHash-1-3 with key (k0, k1) of `data[offsets[i]:offsets[i + 1]]` into `out[i]`.

    Two at a time as far as both reach: a round waits for the one before it, and for no other.
    """
    s0 = k0 ^ np.uint64(0x736F6D6570736575)
    s1 = k1 ^ np.uint64(0x646F72616E646F6D)
    s2 = k0 ^ np.uint64(0x6C7967656E657261)
    s3 = k1 ^ np.uint64(0x7465646279746573)
    for i in range(0, out.size - 1, 2):
        at, middle, end = np.int64(offsets[i]), np.int64(offsets[i + 1]), np.int64(offsets[i + 2])
        one, other = middle - at, end - middle
        v0, v1, v2, v3 = s0, s1, s2, s3
        w0, w1, w2, w3 = s0, s1, s2, s3
        beside = middle
        for _ in range(min(one, other) // 8):
            m, n = eight_bytes(data, at), eight_bytes(data, beside)
            v3 ^= m
            w3 ^= n
            v0, v1, v2, v3 = _round(v0, v1, v2, v3)
            w0, w1, w2, w3 = _round(w0, w1, w2, w3)
            v0 ^= m
            w0 ^= n
            at += 8
            beside += 8
        out[i] = _ended(data, at, middle, one, v0, v1, v2, v3)
        out[i + 1] = _ended(data, beside, end, other, w0, w1, w2, w3)
    if out.size % 2:
        at, end = np.int64(offsets[-2]), np.int64(offsets[-1])
        out[-1] = _ended(data, at, end, end - at, s0, s1, s2, s3)


@njit(cache=True, nogil=True)
def _mix(into, values):  # pragma: no cover - compiled
    """Fold `values[i]` into `into[i]`, order-dependent (splitmix64's finaliser)."""
    for i in range(into.size):
        h = (into[i] ^ values[i]) * np.uint64(0x9FB21C651E98DF25)
        h ^= h >> np.uint64(30)
        h *= np.uint64(0xBF58476D1CE4E5B9)
        h ^= h >> np.uint64(27)
        h *= np.uint64(0x94D049BB133111EB)
        into[i] = h ^ (h >> np.uint64(31))


@njit(cache=True, nogil=True)
def _put_nulls(out, valid, first):  # pragma: no cover - compiled
    """Make `out[i]` a null's hash where bit `first + i` of `valid` isn't set."""
    for i in range(out.size):
        bit = first + i
        if not valid[bit >> 3] >> np.uint8(bit & 7) & np.uint8(1):
            out[i] = _NULL


@njit(cache=True, nogil=True)
def _fold(offsets, children, out):  # pragma: no cover - compiled
    """Fold each list's child hashes, in their order, into one."""
    for i in range(out.size):
        h = np.uint64(offsets[i + 1] - offsets[i]) * np.uint64(0x9FB21C651E98DF25)
        for j in range(offsets[i], offsets[i + 1]):
            h = (h ^ children[j]) * np.uint64(0xBF58476D1CE4E5B9)
            h ^= h >> np.uint64(29)
        out[i] = h


def hash_strings(values: pa.Array, key: tuple[int, int] = (0, 0)) -> np.ndarray:
    """uint64 hash of every string of `values`; a null hashes as the empty string does."""
    out = np.empty(len(values), np.uint64)
    if not len(values):
        return out
    _, offsets, data = values.buffers()
    at = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    raw = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
    siphash_strings(raw, at, np.uint64(key[0]), np.uint64(key[1]), out)
    return out


def _hash_column(values: pa.Array) -> np.ndarray:
    """uint64 hash of every value; from the buffers, for a batch may have few rows."""
    kind = values.type
    if values.null_count == len(values):
        return np.full(len(values), _NULL)
    if pa.types.is_string(kind):
        out = hash_strings(values)
    elif pa.types.is_nested(kind):
        offsets = np.asarray(values.offsets).astype(np.int64)
        children = _hash_children(values, int(offsets[0]), int(offsets[-1]))
        out = np.empty(len(values), np.uint64)
        _fold(offsets - offsets[0], children, out)
    elif pa.types.is_boolean(kind):
        out = values.cast(pa.uint8()).fill_null(0).to_numpy().astype(np.uint64)
    else:
        words = np.frombuffer(values.buffers()[1], f"u{kind.bit_width // 8}")
        out = words[values.offset : values.offset + len(values)].astype(np.uint64)
    if values.null_count:
        _put_nulls(out, np.frombuffer(values.buffers()[0], np.uint8), values.offset)
    return out


def _hash_children(values: pa.Array, first: int, last: int) -> np.ndarray:
    if pa.types.is_map(values.type):
        out = _hash_column(values.keys.slice(first, last - first))
        _mix(out, _hash_column(values.items.slice(first, last - first)))
        return out
    return _hash_column(values.values.slice(first, last - first))


def hash_rows(batch: pa.RecordBatch) -> np.ndarray:
    """uint64 hash of each row's whole content: equal rows hash equal in every lake."""
    out = np.zeros(batch.num_rows, np.uint64)
    for column in batch.columns:
        _mix(out, _hash_column(column))
    return out
