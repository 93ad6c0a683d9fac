"""The names that stand for identifiers, and which columns they stand in.

A name is a tag that says of what it is, and 128 bits of keyed BLAKE2b (RFC 7693; its `person`
parts the kinds, so that the same text as an account and as a device has two names that nobody can
connect). Names are short enough and of letters that every format of ours carries as they are.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress

import re2

KINDS = {
    "account_id": "acc",
    "org_id": "org",
    "key_id": "key",
    "end_user": "usr",
    "device_id": "dev",
    "conversation_id": "cnv",
    "payment_id": "pay",
    "email_domain": "dom",
    "ip": "adr",
    "net": "net",
    "header": "hdr",
    "file": "src",
}
"""Kinds of identifiers, and the tags of their names."""

COLUMNS = {kind: kind for kind in KINDS if kind not in ("ip", "net", "header", "file")}
"""Columns of exchanges and accounts that hold identifiers, and of which kind."""

ADDRESSES = ("ip", "signup_ip")
"""Columns that hold addresses."""

ONE_WAY = frozenset({"conversation_id", "header"})
"""Kinds that the vault doesn't hold: many, and nobody ever has to act on one."""

HARMLESS_HEADERS = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "anthropic-beta",
        "anthropic-dangerous-direct-browser-access",
        "anthropic-version",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "openai-beta",
        "priority",
        "sec-ch-ua-mobile",
        "sec-fetch-dest",
        "sec-fetch-mode",
        "sec-fetch-site",
        "te",
        "transfer-encoding",
        "x-app",
        "x-stainless-arch",
        "x-stainless-async",
        "x-stainless-helper-method",
        "x-stainless-lang",
        "x-stainless-os",
        "x-stainless-package-version",
        "x-stainless-retry-count",
        "x-stainless-runtime",
        "x-stainless-runtime-version",
        "x-stainless-timeout",
        "x-stillwatch-ip-from",
    }
)
"""Headers that say what software asks, and how; what any other one says becomes a name."""

_BITS = 16
_SHORT = 26
_FAMILIES = {4: b"net4", 6: b"net6"}

NAMES = re2.compile(rf"\b(?:{'|'.join(KINDS.values())})-[a-z2-7]{{{_SHORT}}}\b")
"""Names other than those of addresses, wherever they stand in a text."""

_ACCOUNT = re2.compile(rf"{KINDS['account_id']}-[a-z2-7]{{{_SHORT}}}")

ADDRESS_NAMES = re2.compile(r"\bfd[0-9a-f]{2}(?::[0-9a-f]{4}){7}\b")
"""Names of addresses."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def name_of(value: str, kind: str, secret: bytes) -> str:
    """The name of one identifier.

    >>> name_of("acme", "org_id", bytes(32))
    'org-ytxctq2az5ngkwv5gszooujtfu'
    """
    state = hashlib.blake2b(
        value.encode("utf-8", "surrogatepass"),
        key=secret,
        person=kind.encode(),
        digest_size=_BITS,
    )
    tail = base64.b32encode(state.digest()).decode("ascii").rstrip("=").lower()
    return f"{KINDS[kind]}-{tail}"


def is_name(account: str) -> bool:
    """Whether an account is one as a lake of names has it.

    >>> is_name(name_of("acme", "account_id", bytes(32))), is_name("acc-1")
    (True, False)
    """
    return _ACCOUNT.fullmatch(account) is not None


def read_address(text: str) -> Address | None:
    """An address as a number, an IPv4 address in IPv6's clothes as itself; else `None`.

    >>> read_address("::ffff:192.0.2.1")
    IPv4Address('192.0.2.1')
    """
    try:
        address = ipaddress.ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return address if mapped is None else mapped


def prefix_of(address: Address) -> str:
    """The network of an address, as an address: /24 of IPv4, /48 of IPv6.

    >>> prefix_of(ipaddress.ip_address("2001:db8::7")), prefix_of(read_address("192.0.2.9"))
    ('2001:db8:0::', '192.0.2.0')
    """
    if address.version == 4:
        return ".".join(str(part) for part in address.packed[:3]) + ".0"
    packed = address.packed.hex()
    return ":".join(f"{int(packed[at : at + 4], 16):x}" for at in (0, 4, 8)) + "::"


def network_name(prefix: str, secret: bytes) -> str:
    """The first three groups of the names of all addresses in a network: `fd`, and 40 bits.

    They are a unique local prefix (RFC 4193), which no address on the Internet has.
    """
    address = ipaddress.ip_address(prefix)
    person = _FAMILIES[address.version]
    packed = address.packed[:3] if address.version == 4 else address.packed[:6]
    head = hashlib.blake2b(packed, key=secret, person=person, digest_size=5).hexdigest()
    return f"fd{head[:2]}:{head[2:6]}:{head[6:10]}"


def address_name(network: str, address: Address, secret: bytes) -> str:
    """The name of an address of that network: an IPv6 address, all groups of it in full."""
    tail = hashlib.blake2b(address.packed, key=secret, person=b"ip", digest_size=10).hexdigest()
    return ":".join([network, *(tail[at : at + 4] for at in range(0, 20, 4))])
