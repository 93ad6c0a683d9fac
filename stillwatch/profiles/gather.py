"""Signals to profiles: what an account's exchanges add up to, and what accounts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.columns import Column, stretches
from stillwatch.profiles.families import frame_families
from stillwatch.profiles.incidence import Run, as_numpy, incidence
from stillwatch.profiles.objects import OBJECT_KINDS
from stillwatch.profiles.slices import SliceSums
from stillwatch.profiles.threads import threads
from stillwatch.progress import Spread, one_by_one
from stillwatch.traffic import Accounts, Exchanges, Ids, Slices, Traffic

LEAST_SLICE = 8
"""Slices of fewer exchanges carry no usable mean."""

PART = 1 << 17
"""Exchanges whose content is looked at at a time."""

_KEPT = (
    "exchange",
    "ts",
    "conversation",
    "surface",
    "model",
    "system",
    "toolset",
    "network",
    "client",
    "device",
    "frame",
    "opening",
    "closing",
    "capability",
    "signs",
    "turns",
    "max_tokens",
    "input_tokens",
    "output_tokens",
    "thinking",
    "settings",
)

STEPS = len(OBJECT_KINDS) + 2
"""Steps that `gather` tells of: exchanges, accounts, and each kind of object."""

_ODD = np.uint64(0x9E3779B97F4A7C15)

Keep = Callable[[str, Iterable[NDArray]], Column]
"""Takes a column, block by block, to where a run keeps what it won't hold in memory."""


def gather(
    signals: Mapping[str, Column],
    ids: Ids,
    names: Mapping[str, Mapping[int, str]],
    registrations: pa.Table | None,
    run: Run,
    scale: float,
    tell: Callable[[int], None] = lambda _: None,
    keep: Keep = lambda _, blocks: np.concatenate(list(blocks)),
    spread: Spread = one_by_one,
) -> Traffic:
    """A run's traffic from all its signals (columns of `tables.SIGNALS`) and `ids`, row by row the
    same.

    `tell` hears of each of `STEPS` steps; `spread` does parts of them, on as many threads as it
    likes.
    """
    exchanges = _exchanges(signals, ids, names["account_id"], keep, spread)
    tell(1)
    accounts = _accounts(exchanges, signals, names, registrations)
    tell(1)
    return Traffic(
        accounts=accounts,
        exchanges=exchanges,
        slices=_slices(exchanges, len(accounts), spread),
        incidence=incidence(exchanges, accounts, run, tell),
        models=dict(names.get("model", {})),
        scale=scale,
    )


def _exchanges(
    signals: Mapping[str, Column],
    ids: Ids,
    account_names: Mapping[int, str],
    keep: Keep,
    spread: Spread,
) -> Exchanges:
    ordered = sorted(account_names.items(), key=lambda item: item[1])
    known = np.array([key for key, _ in ordered], np.uint64)
    rank = np.argsort(known).astype(np.int32)
    account = rank[np.searchsorted(known[rank], signals["account"][:])]
    columns = {name: signals[name] for name in _KEPT}
    family = frame_families(columns["frame"][:], signals["bands"], spread)
    columns["family"] = keep("family", [family])
    del family
    context = columns["client"][:] ^ (columns["system"][:] * _ODD)
    context ^= columns["toolset"][:] * _ODD * _ODD
    thread = threads(
        account,
        columns["ts"][:],
        columns["exchange"][:],
        columns["conversation"][:],
        context,
        columns["turns"][:],
    )
    columns["thread"] = keep("thread", [thread])
    return Exchanges(account, columns, signals["content"], ids)


def _accounts(
    exchanges: Exchanges,
    signals: Mapping[str, Column],
    names: Mapping[str, Mapping[int, str]],
    registrations: pa.Table | None,
) -> Accounts:
    ordered = sorted(names["account_id"].items(), key=lambda item: item[1])
    n = len(ordered)
    first = np.full(n, np.iinfo(np.int64).max)
    last = np.full(n, np.iinfo(np.int64).min)
    ts = exchanges["ts"][:]
    np.minimum.at(first, exchanges.account, ts)
    np.maximum.at(last, exchanges.account, ts)
    org = np.zeros(n, np.uint64)
    # An account whose exchanges name several organisations keeps the largest key: any one does,
    # and this choice doesn't depend on the order of rows.
    np.maximum.at(org, exchanges.account, signals["org"][:])
    registration: dict[str, np.ndarray] = {}
    if registrations is not None:
        place = {key: i for i, (key, _) in enumerate(ordered)}
        found = np.array([place.get(key, -1) for key in registrations["account"].to_pylist()], int)
        source = np.flatnonzero(found >= 0)
        target = found[source]
        for name in registrations.schema.names:
            if name == "account":
                continue
            values = np.zeros(n, np.uint64)
            values[target] = as_numpy(registrations[name])[source]
            if name == "org":
                org = np.where(org == 0, values, org)
            else:
                registration[name] = values
    return Accounts(
        ids=[name for _, name in ordered],
        exchanges=np.bincount(exchanges.account, minlength=n),
        first=first,
        last=last,
        org=org,
        orgs=dict(names.get("org_id", {})),
        registration=registration,
    )


def _slices(exchanges: Exchanges, accounts: int, spread: Spread) -> Slices:
    """The slices, in one look at all content."""
    capability = exchanges["capability"][:]
    sums = SliceSums(accounts, exchanges.account, capability, LEAST_SLICE)
    for part, content in stretches(exchanges.content, PART):
        account, key = exchanges.account[part], exchanges["exchange"][part]
        sums.add(account, capability[part], key, content, spread)
    return sums.result()
