"""Strings to 64-bit keys: what is compared for equality is hashed once and never held as text.

0 stands for "unknown" (null or empty). The hash is our own, so that a key is the same on every
machine and engine; at ten million distinct values two collide with probability 3e-6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numba as nb
import numpy as np
import pyarrow as pa

from stillwatch.signals.tokens import text_buffers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_OF_NETWORK, _OF_ADDRESS = 3, 4
"""Parts of an address, between dots or colons, that its network and the address itself are told by;
an IPv4 address has four in all."""


def string_keys(column: pa.Array) -> NDArray[np.uint64]:
    """Keys of a string array, plain or dictionary-encoded; null and empty give 0."""
    if pa.types.is_dictionary(column.type):
        return _by_code(cast(pa.DictionaryArray, column), string_keys)
    return _hash_rows(*text_buffers(column))


def network_keys(addresses: pa.Array) -> NDArray[np.uint64]:
    """Keys of network prefixes: IPv4 by its first three parts (/24), IPv6 by three groups (/48).

    An IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`, as servers on both write it) is the IPv4
    address. Otherwise read as text: an IPv6 address that leaves groups out before those that tell
    gets a key of its own, which can only miss a link and never make one.

    >>> a, b, c = network_keys(pa.array(["192.0.2.1", "192.0.2.9", "::ffff:192.0.2.7"]))
    >>> bool(a == b == c)
    True
    """
    if pa.types.is_dictionary(addresses.type):
        return _by_code(cast(pa.DictionaryArray, addresses), network_keys)
    return _hash_networks(*text_buffers(addresses))


def address_keys(addresses: pa.Array) -> NDArray[np.uint64]:
    """Keys of addresses: IPv4 whole, IPv6 by four groups (/64), of which one machine has many.

    Read as in `network_keys`. What isn't one address is none, 0: a list of them, or a network, as
    `--addresses prefix` keeps.

    >>> a, b, c = address_keys(pa.array(["192.0.2.1", "192.0.2.9", "::ffff:192.0.2.1"]))
    >>> bool(a == c != b)
    True
    """
    if pa.types.is_dictionary(addresses.type):
        return _by_code(cast(pa.DictionaryArray, addresses), address_keys)
    return _hash_addresses(*text_buffers(addresses))


def list_keys(column: pa.ListArray) -> NDArray[np.uint64]:
    """Keys of lists of strings, in their order; null and empty lists give 0."""
    offsets = np.asarray(column.offsets.to_numpy(), np.int64)
    keys = _hash_lists(offsets, string_keys(column.values))
    if column.null_count:
        # A null list may still span values: the format allows it.
        keys[column.is_null().to_numpy(zero_copy_only=False)] = 0
    return keys


def _by_code(
    column: pa.DictionaryArray, keys_of: Callable[[pa.Array], NDArray[np.uint64]]
) -> NDArray[np.uint64]:
    """Keys of a column of dictionary codes: each distinct value is hashed once."""
    keys = np.append(keys_of(column.dictionary), np.uint64(0))
    return keys[column.indices.fill_null(len(keys) - 1).to_numpy(zero_copy_only=False)]


@nb.njit(nogil=True, cache=True)
def mix(h: np.uint64) -> np.uint64:
    """A finaliser (SplitMix64): every bit of the input reaches every bit of the output."""
    h ^= h >> np.uint64(30)
    h = np.uint64(h * np.uint64(0xBF58476D1CE4E5B9))
    h ^= h >> np.uint64(27)
    h = np.uint64(h * np.uint64(0x94D049BB133111EB))
    return np.uint64(h ^ (h >> np.uint64(31)))


@nb.njit(nogil=True, cache=True)
def hash_bytes(data, begin, end):
    """The key of the text between two places; 0 of an empty one."""
    if end <= begin:
        return np.uint64(0)
    h = np.uint64(0xCBF29CE484222325)
    for p in range(begin, end):
        h = np.uint64((h ^ np.uint64(data[p])) * np.uint64(0x100000001B3))
    h = mix(h)
    return h if h != 0 else np.uint64(1)


@nb.njit(nogil=True, cache=True)
def _hash_rows(starts, data):
    n = len(starts) - 1
    keys = np.zeros(n, np.uint64)
    for i in range(n):
        keys[i] = hash_bytes(data, starts[i], starts[i + 1])
    return keys


@nb.njit(nogil=True, cache=True)
def _hash_networks(starts, data):
    keys = np.zeros(len(starts) - 1, np.uint64)
    for i in range(len(keys)):
        keys[i] = network_key(data, starts[i], starts[i + 1])
    return keys


@nb.njit(nogil=True, cache=True)
def _hash_addresses(starts, data):
    keys = np.zeros(len(starts) - 1, np.uint64)
    for i in range(len(keys)):
        keys[i] = address_key(data, starts[i], starts[i + 1])
    return keys


@nb.njit(nogil=True, cache=True, inline="always")
def network_key(data, begin, end):
    """As `network_keys`, of the text between two places."""
    return _hash_prefix(data, begin, end, _OF_NETWORK)


@nb.njit(nogil=True, cache=True)
def address_key(data, begin, end):
    """As `address_keys`, of the text between two places."""
    if not _is_address(data, begin, end):
        return np.uint64(0)
    return _hash_prefix(data, begin, end, _OF_ADDRESS)


@nb.njit(nogil=True, cache=True, inline="always")
def _hash_prefix(data, begin, end, parts):
    seen, begin = 0, _unmapped(data, begin, end)
    for p in range(begin, end):
        if data[p] == 46 or data[p] == 58:
            seen += 1
            if seen == parts:
                end = p
                break
            if p > begin and data[p] == 58 and data[p - 1] == 58:
                break  # groups are left out: which ones follow isn't known
    return hash_bytes(data, begin, end)


@nb.njit(nogil=True, cache=True)
def _is_address(data, begin, end):
    """Whether a text is made of what addresses are made of, and doesn't end as networks do, in `.0`
    or in `::`; a list of addresses, or `unknown`, is none."""
    if end - begin <= 2:
        return False
    parts = 0
    for p in range(begin, end):
        c = data[p]
        digit, letter, mark = 48 <= c <= 57, 97 <= c | 32 <= 102, c in (46, 58)
        if not (digit or letter or mark):
            return False
        parts += mark
    last, before = data[end - 1], data[end - 2]
    network = (before == 46 and last == 48) or before == last == 58
    return parts > 1 and not network


@nb.njit(nogil=True, cache=True)
def _unmapped(data, begin, end):
    """Where an address begins after `::ffff:`, in either case."""
    if end - begin <= 7 or data[begin] != 58 or data[begin + 1] != 58 or data[begin + 6] != 58:
        return begin
    for p in range(begin + 2, begin + 6):
        if data[p] | 32 != 102:
            return begin
    return begin + 7


@nb.njit(nogil=True, cache=True)
def _hash_lists(offsets, values):
    n = len(offsets) - 1
    keys = np.zeros(n, np.uint64)
    for i in range(n):
        if offsets[i + 1] > offsets[i]:
            h = np.uint64(0x9E3779B97F4A7C15)
            for p in range(offsets[i], offsets[i + 1]):
                h = mix(np.uint64((h ^ values[p]) * np.uint64(0x100000001B3)))
            keys[i] = h
    return keys


def mix_keys(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """One key of two; 0 only where both are unknown."""
    return _mix_rows(first, second)


@nb.njit(nogil=True, cache=True)
def _mix_rows(first, second):
    out = np.empty(len(first), np.uint64)
    for i in range(len(first)):
        out[i] = mix_both(first[i], second[i])
    return out


@nb.njit(nogil=True, cache=True)
def mix_both(first: np.uint64, second: np.uint64) -> np.uint64:
    """As `mix_keys`, of two keys."""
    if first | second == 0:
        return np.uint64(0)
    return mix(np.uint64(mix(first) ^ (second * np.uint64(0x9E3779B97F4A7C15))))
