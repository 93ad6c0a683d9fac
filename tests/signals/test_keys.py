"""Keys: the same for the same value however it is stored, and different for different ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.signals.keys import (
    address_keys,
    list_keys,
    mix_keys,
    network_keys,
    string_keys,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=12)


def brute_force(text: str | None) -> int:
    """64-bit FNV-1a, then the finaliser of SplitMix64; 0 for null and empty."""
    if not text:
        return 0
    h, full = 0xCBF29CE484222325, (1 << 64) - 1
    for byte in text.encode():
        h = (h ^ byte) * 0x100000001B3 & full
    h = (h ^ h >> 30) * 0xBF58476D1CE4E5B9 & full
    h = (h ^ h >> 27) * 0x94D049BB133111EB & full
    return h ^ h >> 31 or 1


@given(st.lists(st.one_of(TEXT, st.none()), min_size=1), st.data())
def test_a_key_is_the_values_own_however_it_is_stored(values: list[str | None], data):
    """Plain, large, dictionary-encoded and sliced arrays give the keys of a plain computation."""
    expected = [brute_force(v) for v in values]
    plain = pa.array(values, pa.string())
    assert string_keys(plain).tolist() == expected
    assert string_keys(plain.cast(pa.large_string())).tolist() == expected
    begin = data.draw(st.integers(0, len(values)))
    for array in (plain, plain.dictionary_encode()):
        assert string_keys(array.slice(begin)).tolist() == expected[begin:]


def test_a_dictionary_may_hold_null_and_what_nobody_uses():
    """A null among a dictionary's values, and one among its codes, are unknown alike."""
    codes = pa.array([0, 1, None, 2, 0], pa.int8())
    encoded = pa.DictionaryArray.from_arrays(codes, pa.array(["a", None, "", "unused"]))
    a, null, missing, empty, again = string_keys(encoded).tolist()
    assert a == again == brute_force("a")
    assert null == missing == empty == 0


def test_many_values_have_as_many_keys():
    """A hundred thousand identifiers of one shape don't collide."""
    keys = string_keys(pa.array([f"acct_{i:07d}" for i in range(100_000)]))
    assert len(np.unique(keys)) == 100_000
    # Bits are spread: each is set in half of the keys (five standard errors are 0.008).
    bits = (keys[:, None] >> np.arange(64, dtype=np.uint64)) & np.uint64(1)
    assert np.abs(bits.mean(0) - 0.5).max() < 0.01


@given(
    st.lists(
        st.one_of(st.none(), st.sampled_from(["192.0.2.1", "::ffff:1.2.3.4", "", "2001:db8::1"]))
    )
)
def test_networks_of_dictionary_codes_are_those_of_the_addresses(addresses: list[str | None]):
    """Each distinct address is read once."""
    plain = pa.array(addresses, pa.string())
    for keys in (network_keys, address_keys):
        assert keys(plain.dictionary_encode()).tolist() == keys(plain).tolist()


SAME_NETWORK = [
    ("192.0.2.1", "192.0.2.254"),
    ("192.0.2.1", "::ffff:192.0.2.77"),
    ("192.0.2.1", "::FFFF:192.0.2.77"),
    ("2001:db8:1:2::1", "2001:db8:1:3:4:5:6:7"),
    ("2001:db8::1", "2001:db8::9:9"),
]
OTHER_NETWORK = [
    ("192.0.2.1", "192.0.3.1"),
    ("::ffff:192.0.2.1", "::ffff:198.51.100.7"),
    ("::ffff:c000:0201", "::ffff:c633:6407"),
    ("2001:db8:1::1", "2001:db8:2::1"),
    ("192.0.2.1", "192.0.21"),
    ("::ffff", "::fffe"),
    ("2001::5:1", "2001::5:6:7:8:9:a"),
]
SAME_ADDRESS = [
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"),
    ("2001:db8:1::1", "2001:db8:1::2"),
]
OTHER_ADDRESS = [
    ("192.0.2.1", "192.0.2.2"),
    ("192.0.2.1", "192.0.2.11"),
    ("2001:db8:1:2::1", "2001:db8:1:3::1"),
    ("2001:db8::1", "2001:db8::1:2:3:4:5"),
    ("::ffff:c000:0201", "::ffff:c000:0202"),
]


@pytest.mark.parametrize(("one", "other"), SAME_NETWORK)
def test_addresses_of_one_network_share_a_key(one: str, other: str):
    """/24 of IPv4, in either notation, and /48 of IPv6."""
    a, b = network_keys(pa.array([one, other]))
    assert a == b != 0


@pytest.mark.parametrize(("one", "other"), SAME_ADDRESS)
def test_one_machine_has_one_address(one: str, other: str):
    """IPv4 in either notation, and IPv6 by its /64."""
    a, b = address_keys(pa.array([one, other]))
    assert a == b != 0


@pytest.mark.parametrize(("one", "other"), OTHER_ADDRESS)
def test_two_machines_have_two(one: str, other: str):
    """Also where one abbreviates what the other spells out."""
    a, b = address_keys(pa.array([one, other]))
    assert 0 not in (a, b)
    assert a != b


def test_a_network_is_no_address():
    """Where only networks are kept, as `--addresses prefix` does."""
    kept = pa.array(["192.0.2.0", "2001:db8:1::", "192.0.2.0/24", "2001:db8:1::/48", None, ""])
    assert not address_keys(kept).any()
    assert network_keys(kept)[:4].all()
    assert address_keys(pa.array(["192.0.2.10", "192.0.2.100", "2001:DB8:a:b::c"])).all()


def test_what_isn_t_one_address_is_none():
    """Proxies write lists, and words for what they don't know."""
    texts = ["192.0.2.1, 198.51.100.7", "unknown", "-", "face", "localhost:80", "[2001:db8::1]:443"]
    assert not address_keys(pa.array(texts)).any()


@pytest.mark.parametrize(("one", "other"), OTHER_NETWORK)
def test_addresses_of_two_networks_do_not(one: str, other: str):
    """What only looks alike, such as every IPv4 address written as IPv6, is not linked."""
    a, b = network_keys(pa.array([one, other]))
    assert 0 not in (a, b)
    assert a != b


def test_network_keys_of_every_storage_and_of_nonsense():
    """Sliced and encoded arrays give the same keys; null and empty are unknown; nothing fails."""
    values = [None, "", "192.0.2.1", "not an address", ".", ":::::", "192.0.2.9", "::ffff:"]
    plain = pa.array(values)
    keys = network_keys(plain)
    assert keys[0] == keys[1] == 0
    assert keys[2] == keys[6] != 0
    assert network_keys(plain.dictionary_encode()).tolist() == keys.tolist()
    assert network_keys(plain.slice(2)).tolist() == keys[2:].tolist()
    assert network_keys(plain.cast(pa.large_string())).tolist() == keys.tolist()
    assert len(network_keys(pa.array([], pa.string()))) == 0


LISTS = st.lists(
    st.one_of(st.none(), st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "", "ü"])))),
    min_size=1,
    max_size=12,
)


@given(LISTS, st.data())
def test_list_keys_are_equal_exactly_where_lists_are(lists, data):
    """The key goes by the strings in their order; null and empty lists are unknown."""
    array = pa.array(lists, pa.list_(pa.string()))
    keys = list_keys(array).tolist()
    same = [tuple(s or "" for s in row) if row else () for row in lists]
    for i, row in enumerate(same):
        assert (keys[i] == 0) == (row == ())
        for j, other in enumerate(same):
            assert (keys[i] == keys[j]) == (row == other)
    begin = data.draw(st.integers(0, len(lists)))
    assert list_keys(array.slice(begin)).tolist() == keys[begin:]


def test_lists_of_dictionary_codes_have_the_keys_of_their_strings():
    """As a lake gives them, of a slice too."""
    lists = [["a", "b"], None, [], ["b", None], ["b"]]
    plain = pa.array(lists, pa.list_(pa.string()))
    codes = pa.array(["a", "b", "b", None, "b"]).dictionary_encode()
    encoded = pa.ListArray.from_arrays(
        pa.array([0, 2, 2, 2, 4, 5], pa.int32()),
        codes,
        mask=pa.array([row is None for row in lists]),
    )
    assert list_keys(encoded).tolist() == list_keys(plain).tolist()
    assert list_keys(encoded.slice(2)).tolist() == list_keys(plain).tolist()[2:]


def test_a_null_list_that_spans_values_is_unknown():
    """What lies behind a null is not looked at."""
    values = pa.array(["a", "b", "c"])
    array = pa.ListArray.from_arrays(
        pa.array([0, 2, 3]).cast("int32"), values, mask=pa.array([True, False])
    )
    null, known = list_keys(array)
    assert null == 0
    assert known == list_keys(pa.array([["c"]]))[0]


def test_a_mixed_key_is_of_both_and_in_their_order():
    """0 only where both are unknown; no sum or exchange of parts gives the same key."""
    one, two, none = (
        np.array([k], np.uint64) for k in (*string_keys(pa.array(["a", "b"])).tolist(), 0)
    )
    mixed = [int(mix_keys(a, b)[0]) for a in (one, two, none) for b in (one, two, none)]
    assert len(set(mixed)) == 9
    assert mixed[-1] == 0
    assert 0 not in mixed[:-1]
