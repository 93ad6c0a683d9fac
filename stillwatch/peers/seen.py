"""Sets to compare with a peer's: exact values that accounts of campaigns have, as keyed hashes.

Only what campaigns' accounts have is ever compared, never what all customers have: a peer that asks
about a thousand people must learn of none who isn't in a campaign here. Values are hashed under the
group's key and an epoch before the private set intersection hides them anew: whoever breaks one
still holds the other.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stillwatch.errors import InputNotFound, PeerRefused, PrivacyRefused
from stillwatch.sharing.indicators import KEYED, Kind
from stillwatch.sharing.keyed import GroupKey, epoch_of, keyed

if TYPE_CHECKING:
    from stillwatch.findings import Findings
    from stillwatch.lake import Lake

KINDS = (Kind.PAYMENT, Kind.DEVICE, Kind.PREFIX)
"""Kinds that are compared: what few people share by chance. Domains of e-mail and software aren't:
everybody has them."""

MOST_ITEMS = 100_000
_COLUMNS = {Kind.DEVICE: "device_id", Kind.PREFIX: "ip"}
_TODO = "Make it again with `stillwatch peers answer`"


@dataclass(frozen=True)
class Seen:
    """A set: `items`, sorted, hashed under the key of that name for the epoch."""

    key: str
    epoch: str
    items: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write it to a file that only its owner may read."""
        path.touch(0o600)
        path.chmod(0o600)
        path.write_text(json.dumps({"key": self.key, "epoch": self.epoch, "items": self.items}))

    @classmethod
    def load(cls, path: Path) -> Seen:
        """The set in a file; raises `InputNotFound` and `PeerRefused`."""
        try:
            sent: Any = json.loads(path.read_bytes())
            items = tuple(map(str, sent["items"]))
            made = cls(str(sent["key"]), str(sent["epoch"]), items)
        except OSError:
            raise InputNotFound(path, "can't be read", _TODO) from None
        except (ValueError, TypeError, KeyError, RecursionError):
            raise PeerRefused(path, "is no set of what was seen", _TODO) from None
        if len(items) > MOST_ITEMS:
            raise PeerRefused(path, f"has more than {MOST_ITEMS:,} items", _TODO)
        return made


def seen(
    lake: Lake, findings: Findings, campaigns: Collection[str], key: GroupKey, epoch: str
) -> Seen:
    """What members of some campaigns have; of all that harvest, where none is named.

    Raises `PeerRefused` where no campaign has that name, or where it is too much to compare, and
    `PrivacyRefused` of a lake of names: a peer has other names for the same cards.
    """
    if lake.privacy.keys is not None:
        raise PrivacyRefused(
            lake.path,
            "holds names in place of cards, devices and addresses, which no peer has",
            "Name a lake of the same logs that was made without --pseudonyms",
        )
    harvests = {
        row["campaign_id"]
        for row in findings.campaigns.to_pylist()
        if row["kind"] == "distillation"
    }
    if missing := sorted(set(campaigns) - harvests):
        raise PeerRefused(missing[0], "is no campaign of these findings", "Look with `show`")
    wanted = set(campaigns) or harvests
    members = {
        row["account_id"]
        for row in findings.members.select(["campaign_id", "account_id"]).to_pylist()
        if row["campaign_id"] in wanted
    }
    items = {item_of(key, epoch, kind, value) for kind, value in _values(lake, members)}
    if len(items) > MOST_ITEMS:
        raise PeerRefused(
            "the set", f"has {len(items):,} items, more than {MOST_ITEMS:,}", "Name fewer campaigns"
        )
    return Seen(key.name, epoch, tuple(sorted(items)))


def item_of(key: GroupKey, epoch: str, kind: Kind, value: str) -> str:
    """A value as an item of a set: kinds that are told in plain elsewhere are hashed here too."""
    as_kind = kind if kind in KEYED else Kind.DEVICE
    return f"{kind}:{keyed(key, epoch, as_kind, f'{kind}:{value}').digest}"


def this_epoch() -> str:
    """The epoch that today is in."""
    return epoch_of(dt.datetime.now(dt.UTC).date())


def checked_epoch(text: str) -> str:
    """An epoch as it is asked for; raises `PeerRefused`."""
    try:
        return epoch_of(dt.date.fromisoformat(f"{text}-01"))
    except ValueError:
        raise PeerRefused(text, "is no epoch", "Write a month as 2026-02") from None


def prefix_of(address: str) -> str | None:
    """The prefix of an address, /24 or /48; `None` where it is no address.

    >>> prefix_of("192.0.2.7"), prefix_of("2001:db8:1:2::3"), prefix_of("nowhere")
    ('192.0.2.0/24', '2001:db8:1::/48', None)
    """
    try:
        found = ipaddress.ip_address(address.partition("/")[0])
    except ValueError:
        return None
    mapped = getattr(found, "ipv4_mapped", None) or found
    return str(ipaddress.ip_network((mapped, 24 if mapped.version == 4 else 48), strict=False))


def _values(lake: Lake, members: set[str]) -> Iterator[tuple[Kind, str]]:
    """Kinds and values of some accounts, with repeats."""
    for row in lake.accounts().select(["account_id", "payment_id"]).to_pylist():
        if row["account_id"] in members and row["payment_id"]:
            yield Kind.PAYMENT, row["payment_id"]
    columns = list(_COLUMNS.values())
    for batch in lake.scan(["account_id", *columns]):
        some = batch.select(["account_id", *columns]).to_pylist()
        for device, address in {
            (row["device_id"], row["ip"]) for row in some if row["account_id"] in members
        }:
            if device:
                yield Kind.DEVICE, device
            if address and (prefix := prefix_of(address)):
                yield Kind.PREFIX, prefix
