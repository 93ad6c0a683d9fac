"""Signals to profiles: what an account's exchanges add up to, and what accounts share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stillwatch.columns import Column, blocks, looking, parts
from stillwatch.profiles.families import frame_families
from stillwatch.profiles.incidence import Run, as_numpy, incidence
from stillwatch.profiles.objects import OBJECT_KINDS
from stillwatch.profiles.slices import SliceSums
from stillwatch.profiles.threads import threads
from stillwatch.progress import Spread, one_by_one
from stillwatch.statistics.cells import Codebook, assign_threads, codebook
from stillwatch.statistics.lookup import places_among
from stillwatch.traffic import Accounts, Cells, Exchanges, Ids, Threads, Traffic

CODEBOOK_ROWS = 20_000

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
    "bands",
)

STEPS = len(OBJECT_KINDS) + 2
"""Steps that `gather` tells of: exchanges, accounts, and each kind of object."""

_ODD = np.uint64(0x9E3779B97F4A7C15)

Keep = Callable[[str, Iterable[NDArray]], Column]
"""Takes a column, block by block, to where a run keeps what it won't hold in memory."""


def _held(_: str, blocks: Iterable[NDArray]) -> Column:
    """A column kept in memory."""
    return np.concatenate(list(blocks))


def gather(
    signals: Mapping[str, Column],
    ids: Ids,
    names: Mapping[str, Mapping[int, str]],
    registrations: pa.Table | None,
    run: Run,
    scale: float,
    tell: Callable[[int], None] = lambda _: None,
    keep: Keep = _held,
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
    content = _Content(exchanges, len(accounts), spread)
    for _ in spread(content.looks()):
        pass
    return Traffic(
        accounts=accounts,
        exchanges=exchanges,
        slices=content.sums.result(),
        cells=Cells(content.cells, content.book),
        incidence=incidence(exchanges, accounts, run, tell),
        models=dict(names.get("model", {})),
        scale=scale,
    )


def gather_exchanges(
    signals: Mapping[str, Column],
    ids: Ids,
    names: Mapping[str, Mapping[int, str]],
    registrations: pa.Table | None = None,
) -> tuple[Exchanges, Accounts]:
    """Exchanges and the accounts that sent them, where nothing else of the traffic is needed.

    As in `gather`; of `names` those of accounts in the signals count.
    """
    present = np.unique(signals["account"][:]).tolist()
    named = {**names, "account_id": {key: names["account_id"][key] for key in present}}
    exchanges = _exchanges(signals, ids, named["account_id"], _held, one_by_one)
    return exchanges, _accounts(exchanges, signals, named, registrations)


def _exchanges(
    signals: Mapping[str, Column],
    ids: Ids,
    account_names: Mapping[int, str],
    keep: Keep,
    spread: Spread,
) -> Exchanges:
    named = sorted(account_names.items(), key=lambda item: item[1])
    known = np.array([key for key, _ in named], np.uint64)
    with looking(signals["account"]) as key:
        account = places_among(known, key)
    columns = {name: signals[name] for name in _KEPT}
    family, (thread, followed) = spread(
        [
            partial(_families, columns["frame"], signals["bands"], spread),
            partial(_threads, account, columns, len(named)),
        ]
    )
    columns["family"] = keep("family", [family])
    columns["thread"] = keep("thread", [thread])
    return Exchanges(account, columns, signals["content"], ids, followed)


def _families(frame: Column, bands: Column, spread: Spread) -> NDArray[np.uint64]:
    with looking(frame) as keys:
        return frame_families(keys, bands, spread)


def _threads(
    account: NDArray[np.integer], columns: Mapping[str, Column], accounts: int
) -> tuple[NDArray[np.integer], Threads]:
    context = np.empty(len(account), np.uint64)
    of = (blocks(columns[name], PART) for name in ("client", "system", "toolset"))
    for (part, client), (_, system), (_, toolset) in zip(*of, strict=True):
        context[part] = client ^ (system * _ODD) ^ (toolset * _ODD * _ODD)
    with (
        looking(columns["ts"]) as ts,
        looking(columns["exchange"]) as exchange,
        looking(columns["conversation"]) as conversation,
        looking(columns["turns"]) as turns,
    ):
        return threads(account, ts, exchange, conversation, context, turns, accounts)


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
    with looking(exchanges["ts"]) as ts:
        np.minimum.at(first, exchanges.account, ts)
        np.maximum.at(last, exchanges.account, ts)
    org = np.zeros(n, np.uint64)
    # An account whose exchanges name several organisations keeps the largest key: any one does,
    # and this choice doesn't depend on the order of rows.
    with looking(signals["org"]) as key:
        np.maximum.at(org, exchanges.account, key)
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


class _Content:
    """What all content is looked at for, in one look: sums by slice, and cells of threads."""

    def __init__(self, exchanges: Exchanges, accounts: int, spread: Spread) -> None:
        self._exchanges = exchanges
        self._capability = exchanges["capability"][:]
        self.sums, self.book = spread(
            [
                partial(SliceSums, accounts, exchanges.account, self._capability, LEAST_SLICE),
                self._codebook,
            ]
        )
        self.cells = np.zeros(len(exchanges.threads), np.uint8)

    def _codebook(self) -> Codebook:
        return codebook(self._exchanges.content[_sample(self._exchanges["exchange"][:])])

    def looks(self) -> Iterator[Callable[[], None]]:
        """Jobs that look at a part each; several may go at a time.

        What was written last is looked at first: of a file larger than memory the system has kept
        the end, and would lose it while the beginning is read.
        """
        for place, part in reversed(list(enumerate(parts(len(self._exchanges), PART)))):
            yield partial(self._look, place, part)

    def _look(self, place: int, part: slice) -> None:
        exchanges = self._exchanges
        key, thread = exchanges["exchange"][part], exchanges["thread"][part]
        with looking(exchanges.content, part) as content:
            account, capability = exchanges.account[part], self._capability[part]
            self.sums.add(account, capability, key, content, first=place)
            assign_threads(exchanges.threads, thread, part.start, content, self.book, self.cells)


def _sample(key: NDArray[np.uint64]) -> NDArray[np.integer]:
    """Rows of the least keys, in order of keys: keys are hashes, and know no order of rows."""
    if len(key) <= CODEBOOK_ROWS:
        return np.argsort(key, kind="stable")
    few = np.argpartition(key, CODEBOOK_ROWS)[:CODEBOOK_ROWS]
    return few[np.argsort(key[few], kind="stable")]
