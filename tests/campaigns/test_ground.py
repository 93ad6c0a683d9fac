"""The ground: codes of threads, signs and days of a run, against plain loops over its rows."""

from __future__ import annotations

import bisect
from functools import partial

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.campaigns.ground import FEATURES, WIDTHS, ground
from stillwatch.campaigns.harvest import signs_of_all
from stillwatch.profiles import gather as module
from stillwatch.statistics.cells import assign, codebook
from stillwatch.tables import SIGNALS
from stillwatch.traffic import Traffic
from tests.profiles.traffic_made import gathered, some_signals

DAY_US = 86_400_000_000
TURNS = (-1, 0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 32, 33, 64, 65, 128, 129, 900)
MAX_TOKENS = (-1, 0, 1, 511, 512, 1023, 1024, 2048, 4095, 4096, 8192, 16383, 16384, 100_000)


def some_log(accounts: int, values: int, seed: int) -> pa.Table:
    """Signals with turns and token limits at the edges of the codes, and keys of few values."""
    signals = some_signals(700, accounts, seed, values)
    rng = np.random.default_rng(seed)
    for name, drawn in (("turns", TURNS), ("max_tokens", MAX_TOKENS)):
        place = signals.schema.get_field_index(name)
        column = pa.array(rng.choice(drawn, len(signals)).astype(np.int32))
        signals = signals.set_column(place, SIGNALS.field(name), column)
    return signals


LOGS = {
    "few long threads": partial(some_log, 5, 4),
    "threads of some twenty exchanges": partial(some_log, 3, 10),
    "many accounts of a family": partial(some_log, 40, 12),
    "families of one or two": partial(some_log, 60, 300),
}


@pytest.fixture(params=LOGS, scope="module")
def signals(request: pytest.FixtureRequest) -> pa.Table:
    """Signals of each kind of log."""
    return LOGS[request.param](seed=3)


def in_order(traffic: Traffic) -> dict[int, list[int]]:
    """Each thread's rows, in order of time, then key."""
    x, found = traffic.exchanges, {}
    for row in np.lexsort((x["exchange"], x["ts"])).tolist():
        found.setdefault(int(x["thread"][row]), []).append(row)
    return found


def by_hand(traffic: Traffic) -> list[list[int]]:
    """The codes of each thread in order of number, feature by feature, in plain Python."""
    x = traffic.exchanges
    columns = {name: x[name].tolist() for name in x.keys}
    senders: dict[int, set[int]] = {}
    for family, account in zip(columns["family"], x.account.tolist(), strict=True):
        senders.setdefault(family, set()).add(account)
    codes = []
    for _, rows in sorted(in_order(traffic).items()):
        told = {name: values[rows[0]] for name, values in columns.items()}
        accounts = len(senders[told["family"]]) if told["family"] else 1
        most = max(columns["turns"][row] for row in rows)
        limits = (0, 512, 1024, 2048, 4096, 8192, 16384)
        of = {
            "cell": int(assign(x.content[rows[:1]], traffic.cells.book)[0]),
            "capability": told["capability"],
            "signs": told["signs"] * 0x9E3779B1 % 2**32 >> 26,
            "turns": bisect.bisect((0, 1, 2, 3, 5, 9, 17, 33, 65, 129), most),
            "exchanges": bisect.bisect((2, 3, 5, 9, 17, 33), len(rows)),
            "max_tokens": bisect.bisect(limits, told["max_tokens"]),
            "thinking": told["thinking"] + 1,
            "repeats": 0 if accounts < 2 else 1 if accounts < 4 else 2,
        }
        codes.append([of[name] for name in FEATURES])
    return codes


def test_codes_are_those_made_by_hand(signals: pa.Table):
    """Every feature of every thread, and each below its width."""
    traffic = gathered(signals)
    found = ground(traffic)
    assert found.codes.tolist() == by_hand(traffic)
    assert (found.codes < np.array(WIDTHS)).all()
    assert len(found.codes) == len(traffic.exchanges.threads) > 100


def test_every_code_of_repeats_turns_and_lengths_occurs():
    """So that the comparison by hand says something of all of them."""
    codes = np.concatenate([ground(gathered(log(seed=3))).codes for log in LOGS.values()])
    for name in ("turns", "exchanges", "max_tokens", "thinking", "repeats"):
        feature = FEATURES.index(name)
        assert len(np.unique(codes[:, feature])) == WIDTHS[feature], name


def test_cells_are_of_the_codebook_of_the_least_keys(
    signals: pa.Table, monkeypatch: pytest.MonkeyPatch
):
    """Of more exchanges than a codebook is made of, those of the least keys make it, in order."""
    monkeypatch.setattr(module, "CODEBOOK_ROWS", 300)
    traffic = gathered(signals)
    least = np.argsort(traffic.exchanges["exchange"])[:300]
    expected = codebook(traffic.exchanges.content[least])
    book = traffic.cells.book
    assert (book.wide == expected.wide).all()
    assert (book.parts == expected.parts).all()


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_order_nor_blocks_nor_threads_matter(
    signals: pa.Table, threads: int, monkeypatch: pytest.MonkeyPatch
):
    """Shuffled rows, looked at 128 at a time on two threads: the same codes, rates and days."""
    monkeypatch.setattr(module, "CODEBOOK_ROWS", 300)
    first = ground(gathered(signals))
    order = np.random.default_rng(1).permutation(len(signals))
    monkeypatch.setattr(module, "PART", 128)
    again = ground(gathered(signals.take(pa.array(order)), threads=threads))
    assert (again.codes == first.codes).all()
    assert (again.signs == first.signs[order]).all()
    assert (again.sign_rates == first.sign_rates).all()
    assert (again.daily == first.daily).all()


def test_rates_and_days_are_those_of_each_account(signals: pa.Table):
    """Counted row by row; an account's days add up to its exchanges."""
    traffic = gathered(signals)
    found, x = ground(traffic), traffic.exchanges
    assert (found.signs == signs_of_all(x)).all()
    first = int(traffic.accounts.first.min()) // DAY_US
    daily = np.zeros_like(found.daily)
    for account, ts in zip(x.account.tolist(), x["ts"].tolist(), strict=True):
        daily[account, ts // DAY_US - first] += 1
    assert found.daily.tolist() == daily.tolist()
    assert found.daily.sum(1).tolist() == traffic.accounts.exchanges.tolist()
    for a, rate in enumerate(found.sign_rates.tolist()):
        assert rate == pytest.approx(found.signs[x.account == a].mean())


def test_one_exchange_has_a_ground():
    """The smallest log there is."""
    found = ground(gathered(some_signals(1, 1)))
    assert found.codes.shape == (1, len(FEATURES))
    assert found.daily.tolist() == [[1.0]]
