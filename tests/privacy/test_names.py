"""Names: the same for the same, different for all else, and addresses alike in their networks."""

from __future__ import annotations

import ipaddress

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.privacy.names import (
    ADDRESS_NAMES,
    KINDS,
    NAMES,
    address_name,
    name_of,
    network_name,
    prefix_of,
    read_address,
)
from stillwatch.signals.keys import network_keys

SECRET, OTHER = bytes(range(32)), bytes(range(1, 33))
texts = st.text(st.characters(codec=None), min_size=1, max_size=60)
addresses = st.ip_addresses()


@given(texts, texts, st.sampled_from(sorted(KINDS)), st.sampled_from(sorted(KINDS)))
def test_names_tell_kinds_and_secrets_apart(one: str, other: str, kind: str, another: str) -> None:
    """Equal only where value, kind and secret are; always of the form that is looked for."""
    name = name_of(one, kind, SECRET)
    assert name == name_of(one, kind, SECRET)
    assert (name == name_of(other, kind, SECRET)) == (one == other)
    assert (name == name_of(one, another, SECRET)) == (kind == another)
    assert name != name_of(one, kind, OTHER)
    assert NAMES.findall(f"({name}), {name}x") == [name]


@given(addresses, addresses)
def test_named_addresses_share_what_the_addresses_share(one, other) -> None:
    """Equal where they are, in one network where they are, by the keys that detection uses."""
    names = [
        address_name(network_name(prefix_of(a), SECRET), a, SECRET)
        for a in (read_address(str(one)), read_address(str(other)))
        if a is not None
    ]
    assert all(ipaddress.ip_address(name) in ipaddress.ip_network("fd00::/8") for name in names)
    assert all(ADDRESS_NAMES.fullmatch(name) for name in names)
    assert (names[0] == names[1]) == (read_address(str(one)) == read_address(str(other)))
    a, b = network_keys(pa.array(names))
    mine, theirs = (prefix_of(read_address(str(x)) or x) for x in (one, other))
    assert (a == b) == (mine == theirs)


@given(st.integers(0, 2**32 - 1), st.integers(0, 255))
def test_networks_of_ipv4(number: int, last: int) -> None:
    """All 256 addresses of a /24 have one prefix, as they have one network in detection."""
    one = ipaddress.IPv4Address(number)
    other = ipaddress.IPv4Address(number & ~0xFF | last)
    assert prefix_of(one) == prefix_of(other)
    keys = network_keys(pa.array([str(one), prefix_of(one), f"::ffff:{other}"]))
    assert len(set(keys.tolist())) == 1


@given(st.integers(0, 2**48 - 1), st.integers(0, 2**80 - 1), st.integers(0, 2**80 - 1))
def test_networks_of_ipv6(network: int, one: int, other: int) -> None:
    """All addresses of a /48 have one prefix, which is an address, and one key."""
    a, b = (ipaddress.IPv6Address(network << 80 | host) for host in (one, other))
    if a.ipv4_mapped or b.ipv4_mapped:
        return
    assert prefix_of(a) == prefix_of(b)
    assert ipaddress.ip_address(prefix_of(a)).packed == (network << 80).to_bytes(16, "big")


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_none(text: str) -> None:
    """Nothing that a log may hold there raises."""
    read_address(text)
