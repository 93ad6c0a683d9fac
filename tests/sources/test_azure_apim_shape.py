"""Azure's logs many records at a time: what it costs, what room it takes, and what a fault costs.

That the rows are those of the general way: `test_clouds.py`, `test_shapes.py`.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stillwatch.sources import azure_apim, azure_apim_shape, kept_texts, read_exchanges, streams
from stillwatch.sources.azure_apim_calls import Calls
from stillwatch.sources.azure_apim_logged import Logged
from stillwatch.sources.azure_apim_runs import Run
from stillwatch.sources.formats import format_named
from stillwatch.sources.reasons import Refused
from tests.sources.reading import Reading, gather

ASKED = json.dumps([{"role": "user", "content": "Name a bird."}])
ANSWERED = json.dumps([{"role": "assistant", "content": "A wren."}])
Line = dict[str, Any]


def line(key: str, **said: Any) -> Line:
    """One record."""
    return {"correlationId": key, "time": "2026-11-23T10:00:00Z", "properties": said}


def call(key: str, **said: Any) -> Line:
    """What the gateway says."""
    return line(key, apimSubscriptionId="team", **({"responseCode": 200} | said))


def asked(key: str) -> Line:
    """A request."""
    return line(key, sequenceNumber=0, deploymentName="m", requestMessages=ASKED)


def answered(key: str, text: str = ANSWERED) -> Line:
    """Its answer."""
    return line(key, sequenceNumber=1, responseMessages=text)


def written(path: Path, lines: Iterable[Line]) -> Path:
    """A log."""
    path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return path


def many(path: Path) -> Reading:
    """What it reads as, many at a time."""
    return gather(read_exchanges(path, format="azure_apim"))


def one_by_one(path: Path) -> Reading:
    """What it reads as the general way."""
    general = replace(
        format_named("azure_apim"), reader=lambda around: azure_apim.Reader(around.path)
    )
    return gather(read_exchanges(path, format=general))


def assert_same(fast: Reading, slow: Reading) -> None:
    """Rows and reasons are equal."""
    assert fast.kept.sort_by("exchange_id").equals(slow.kept.sort_by("exchange_id"))
    assert fast.reasons == slow.reasons


@pytest.fixture
def cut(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How many texts were taken out of those that are kept, one by one or together."""
    found: Counter[str] = Counter()
    some, decoded = kept_texts.Texts.some, kept_texts.Texts.decoded

    def counted_some(texts: kept_texts.Texts, first: int, end: int) -> list[memoryview]:
        found["texts"] += end - first
        return some(texts, first, end)

    def counted_decoded(texts: kept_texts.Texts, decoder: msgspec.json.Decoder) -> list[Any]:
        found["texts"] += len(texts.sizes)
        return decoded(texts, decoder)

    monkeypatch.setattr(kept_texts.Texts, "some", counted_some)
    monkeypatch.setattr(kept_texts.Texts, "decoded", counted_decoded)
    return found


KEYS = [f"c-{n}" for n in range(400)]
LATE = [[call(key), asked(key)] for key in KEYS], [[answered(key)] for key in KEYS]


@pytest.mark.parametrize(
    "records",
    [
        [[asked(key), answered(key)] for key in KEYS],
        [[call(key), asked(key), answered(key, '"A wren."')] for key in KEYS],
        [*LATE[0], *LATE[1]],
    ],
    ids=["no gateway's log", "unusual answers", "late answers"],
)
def test_a_text_is_taken_out_thrice_at_most(
    records: list[list[Line]],
    cut: Counter[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Twice with all of its run, once by itself: what exchanges cost doesn't grow with the log."""
    monkeypatch.setattr(streams.pieces, "__defaults__", (40_000,))
    path = written(tmp_path / "log.jsonl", (one for some in records for one in some))
    assert_same(many(path), one_by_one(path))
    assert 0 < cut["texts"] <= 3 * 2 * len(KEYS)


def _logged(rng: random.Random, key: str) -> list[Line]:
    """A call, some messages a record each, and an answer, some of other spelling."""
    messages = [
        [{"role": ("user", "assistant")[n % 2], "content": f"{key} {n} " * rng.randint(1, 30)}]
        for n in range(rng.randint(1, 5))
    ]
    texts = [{"requestMessages": json.dumps(one)} for one in messages]
    parts: list[Line] = [*texts, {"responseMessages": ANSWERED}]
    found = [line(key, sequenceNumber=n, **part) for n, part in enumerate(parts)]
    if rng.random() < 0.1:
        place = rng.randrange(len(found))
        found[place] = {"CorrelationId": key, "SequenceNumber": place} | {
            name.title(): text for name, text in parts[place].items()
        }
    return [call(key, requestBody='{"model": "m"}'), *found]


@pytest.mark.parametrize("seed", range(12))
def test_no_exchange_is_two_rows_where_room_is_made(
    seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None comes out twice, and each record is in its row or told as late."""
    rng = random.Random(seed)
    todo = [_logged(rng, f"c-{n}") for n in range(150)]
    lines: list[Line] = []
    underway: list[list[Line]] = []
    most = rng.choice([3, 40])
    while todo or underway:
        while todo and len(underway) < most:
            underway.append(todo.pop(0))
        lines.append(rng.choice(underway).pop(0))
        underway = [some for some in underway if some]
    path = written(tmp_path / "log.jsonl", lines)
    monkeypatch.setattr(azure_apim.Waiting.__init__, "__defaults__", (rng.choice([500, 30_000]),))
    monkeypatch.setattr(streams.pieces, "__defaults__", (rng.choice([3000, 20_000, 768 << 10]),))
    for reading in many(path), one_by_one(path):
        assert max(Counter(row["exchange_id"] for row in reading.rows).values()) == 1
        told = sum(row["turns"] or 0 for row in reading.rows)
        told += sum(row["response"] == "A wren." for row in reading.rows)
        told += reading.reasons.get("unjoined", 0)
        assert told == sum("apimSubscriptionId" not in one.get("properties", "") for one in lines)


def test_what_never_is_answered_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """One exchange that goes on for ever comes out as soon as there is no room for it."""
    monkeypatch.setattr(azure_apim.Waiting.__init__, "__defaults__", (100_000,))
    reader = azure_apim_shape.Reader()
    assert reader.shape is not None
    text = json.dumps([{"role": "user", "content": "x" * 1000}])
    out: list[int] = []
    late = 0
    for batch in range(20):
        given = [
            line("same", sequenceNumber=20 * batch + n, requestMessages=text) for n in range(20)
        ]
        made = reader.shape.columns(msgspec.convert([call("same"), *given], list[Logged]))
        rows = [row for _, row in made.others if isinstance(row, dict)]
        out += [batch] * (len(rows) + made.rows)
        late += sum(isinstance(row, Refused) and row.reason == "unjoined" for _, row in made.others)
    assert out == [4]
    assert late == 15 * 20
    assert list(reader.finish()) == []


def _stumbles(*_: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (azure_apim_shape, "joined"),
        (azure_apim_shape, "together"),
        (azure_apim_shape, "as_columns"),
        (azure_apim_shape, "Together"),
        (azure_apim_shape, "Run"),
        (Calls, "rows"),
        (Calls, "at"),
    ],
)
def test_a_fault_in_reading_many_costs_nothing(
    where: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exchanges are told the general way then, with every record once."""
    lines: list[Line] = []
    for key in KEYS:
        lines += [asked(key), answered(key)]
    others = {"CorrelationId": "t-1", "SequenceNumber": 0, "RequestMessages": ASKED}
    calls = [{"CorrelationId": key, "ApimSubscriptionId": "t"} for key in KEYS]
    path = written(tmp_path / "log.jsonl", [*lines, others, *calls])
    monkeypatch.setattr(streams.pieces, "__defaults__", (5_050,))
    slow = one_by_one(path)
    monkeypatch.setattr(where, name, _stumbles)
    fast = many(path)
    assert_same(fast, slow)
    assert fast.kept.num_rows == len(KEYS)


def _but(key: str, plain: Callable[..., Any], of: Callable[..., str]) -> Callable[..., Any]:
    """`plain`, which stumbles over one exchange."""
    return lambda *given: _stumbles() if of(*given) == key else plain(*given)


def test_a_fault_costs_one_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where one can't be taken out of its run, and where its call can't be had."""
    monkeypatch.setattr(azure_apim_shape, "joined", _stumbles)
    monkeypatch.setattr(Run, "exchange", _but("c-7", Run.exchange, lambda _, key: key))
    monkeypatch.setattr(Calls, "get", _but("c-9", Calls.get, lambda _, key: key))
    path = written(
        tmp_path / "log.jsonl",
        [one for key in KEYS for one in (call(key), asked(key), answered(key))],
    )
    reading = many(path)
    assert reading.reasons["failed"] == 2
    assert {row["exchange_id"] for row in reading.rows} == {*KEYS} - {"c-7", "c-9"}
