"""Ways of access: what a campaign's accounts come by, and hardly anybody else does.

Accounts that were recognised or are decided on count among members: who is stopped after a few
requests is no member of a later finding, and its seat is taken over all the same. Who was let go
counts for nothing: an honest account that was stopped by mistake would be known by its own seat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numba as nb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.campaigns.membership import THEIRS
from stillwatch.gateway.works.sample import BLOCK, DOUBTED, NOBODYS, Sampled
from stillwatch.signals.keys import (
    address_key,
    address_keys,
    hash_bytes,
    mix_both,
    mix_keys,
    network_key,
    network_keys,
    string_keys,
)
from stillwatch.tables import EXCHANGES

if TYPE_CHECKING:
    from stillwatch.columns import Column

WAYS = (("network",), ("network", "client"), ("device",), ("address",))
"""Columns of `tables.SIGNALS` that say together how an account comes. Software alone isn't a way:
who uses a popular agent looks by it like everybody who does."""

_COLUMNS = ("network", "client", "device", "address")
_SAYS = np.array([[column in way for column in _COLUMNS] for way in WAYS])
"""Which of the columns, in this order, say a way of each kind."""

CAME = pa.schema(
    [EXCHANGES.field(name) for name in ("account_id", "ip", "user_agent", "ja4", "device_id")]
)
"""The contract's columns that say how a request came."""

SEAT = (False, False, True, True)
"""Whether a way is one machine, or hardly more: a seat that is taken over."""

RARE = 0.01
"""Share of honest accounts that may come a way that is a campaign's."""

LEAST = (3, 1, 1, 1)
"""Members who come a way that is a campaign's."""

MOST = 1 << 17
"""Ways of a campaign that are kept, those that most members come and least others."""


@dataclass(frozen=True)
class Access:
    """The campaigns' ways: o sorted keys `way`, whose each is, `owners` (o, k), and which are a
    `seat` (o,). Of the sampled accounts: whether each comes a way that is a campaign's by others
    than itself, `shared` (a, k), and at how many such `seats` of one kind it sits, (a,)."""

    way: NDArray[np.uint64]
    owners: NDArray[np.bool_]
    seat: NDArray[np.bool_]
    shared: NDArray[np.bool_]
    seats: NDArray[np.int64]


def access(
    accounts: Sampled,
    columns: Mapping[str, Column],
    rows: int,
    knocks: Mapping[str, NDArray[np.uint64]],
    campaigns: int,
) -> Access:
    """The ways of k campaigns, by the first `rows` of `columns`, which are signals, and by how
    requests that were refused `came`, the `knocks`."""
    everyone = max(1, int(np.count_nonzero(accounts.campaign == NOBODYS)))
    ways, owning, is_seat = [], [], []
    shared = np.zeros((len(accounts.key), campaigns), bool)
    seats = np.zeros(len(accounts.key), np.int64)
    for kind in range(len(WAYS)):
        seen = _pairs(accounts, kind, columns, rows)
        refused = _pairs(accounts, kind, knocks, len(knocks["account"]))
        place, way = _distinct(np.concatenate([seen, refused])).T
        place = place.astype(np.int64)
        key, at = np.unique(way, return_inverse=True)
        home = accounts.campaign[place]
        honest = np.bincount(at[home == NOBODYS], minlength=len(key))
        before = np.bincount(at[home == DOUBTED], minlength=len(key))
        owners = np.zeros((len(key), campaigns), bool)
        theirs = np.zeros(len(way), bool)
        for k in range(campaigns):
            members = before + np.bincount(at[home == k], minlength=len(key))
            mine = np.flatnonzero(_is_theirs(members, honest, everyone, LEAST[kind]))
            best = mine[np.lexsort((key[mine], -members[mine] / (1 + honest[mine])))][:MOST]
            owners[best, k] = True
            others = members[at] - ((home == k) | (home == DOUBTED))
            comes = _is_theirs(others, honest[at] - (home == NOBODYS), everyone, LEAST[kind])
            np.logical_or.at(shared[:, k], place, comes)
            theirs |= comes
        if SEAT[kind]:
            seats = np.maximum(seats, np.bincount(place[theirs], minlength=len(seats)))
        kept = owners.any(1)
        ways.append(key[kept])
        owning.append(owners[kept])
        is_seat.append(np.full(int(kept.sum()), SEAT[kind]))
    order = np.argsort(np.concatenate(ways), kind="stable")
    return Access(
        np.concatenate(ways)[order],
        np.concatenate(owning)[order],
        np.concatenate(is_seat)[order],
        shared,
        seats,
    )


def _is_theirs(
    members: NDArray[np.int64], honest: NDArray[np.int64], everyone: int, least: int
) -> NDArray[np.bool_]:
    """Whether ways that so many come are a campaign's."""
    mostly = members >= THEIRS * (members + honest)
    return mostly & (honest <= RARE * everyone) & (members >= least)


def came(batch: pa.RecordBatch) -> dict[str, NDArray[np.uint64]]:
    """How n requests came (`CAME`), as columns of `tables.SIGNALS` say it."""
    account, ip, *others = batch.columns
    agent, handshake, device = map(string_keys, others)
    return {
        "account": string_keys(account),
        "network": network_keys(ip),
        "address": address_keys(ip),
        "device": device,
        "client": mix_keys(agent, handshake),
    }


def way_keys(kind: int, columns: Mapping[str, NDArray[np.uint64]]) -> NDArray[np.uint64]:
    """Keys of a kind of `WAYS` by columns of `tables.SIGNALS`; 0 where one of them is unknown.

    The kind is mixed in: clients choose what a device is called, be it like an address.
    """
    parts = [columns[name] for name in WAYS[kind]]
    key = np.full(len(parts[0]), kind + 1, np.uint64)
    for part in parts:
        key = mix_keys(key, part)
    return np.where(np.all([part != 0 for part in parts], axis=0), key, np.uint64(0))


def told_by(
    ip: str | None, device: str | None, user_agent: str | None, ja4: str | None
) -> tuple[bytes, int, int, int, int]:
    """What one request says of how it came: its texts in a row, and the length of each."""
    said = [(text or "").encode("utf-8", "replace") for text in (ip, device, user_agent, ja4)]
    return b"".join(said), len(said[0]), len(said[1]), len(said[2]), len(said[3])


@nb.njit(nogil=True, cache=True)
def ways_of(told):
    """The ways that a request comes that `told_by` tells of: keys by kind, (4,), those that
    `way_keys` makes of `came`."""
    data, ip, device, agent, handshake = told
    device += ip
    agent += device
    software = mix_both(hash_bytes(data, device, agent), hash_bytes(data, agent, agent + handshake))
    columns = (
        network_key(data, 0, ip),
        software,
        hash_bytes(data, ip, device),
        address_key(data, 0, ip),
    )
    keys = np.arange(1, len(_SAYS) + 1).astype(np.uint64)
    for kind in range(len(keys)):
        for at in range(len(columns)):
            if _SAYS[kind, at]:
                known = keys[kind] != 0 and columns[at] != 0
                keys[kind] = mix_both(keys[kind], columns[at]) if known else np.uint64(0)
    return keys


def _pairs(
    accounts: Sampled, kind: int, columns: Mapping[str, Column], rows: int
) -> NDArray[np.uint64]:
    """Accounts by place, and the ways of a kind that they come, each pair once, (n, 2)."""
    pairs = np.zeros((0, 2), np.uint64)
    for begin in range(0, rows if len(accounts.key) else 0, BLOCK):
        block = slice(begin, min(rows, begin + BLOCK))
        place, there = accounts.places(columns["account"][block])
        way = way_keys(kind, {name: columns[name][block] for name in WAYS[kind]})
        known = there & (way != 0)
        fresh = np.column_stack([place[known].astype(np.uint64), way[known]])
        pairs = _distinct(np.concatenate([pairs, fresh]))
    return pairs


def _distinct(pairs: NDArray[np.uint64]) -> NDArray[np.uint64]:
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    fresh = np.ones(len(pairs), bool)
    fresh[1:] = (pairs[1:] != pairs[:-1]).any(1)
    return pairs[fresh]
