"""Canaries: random, inert, for suspects alone, within their limits, and counted."""

from __future__ import annotations

import datetime as dt
import json
import multiprocessing
from collections import Counter
from pathlib import Path

import pytest
from scipy.stats import chisquare

from stillwatch.countermeasures.canaries import (
    ALPHABET,
    Canaries,
    canary_of,
    draw,
    is_prose,
    references,
)
from stillwatch.countermeasures.measure import Who
from stillwatch.countermeasures.registry import Registry
from stillwatch.errors import InputNotFound, MeasureRefused
from stillwatch.privacy.keys import Keys, new_keys
from stillwatch.privacy.names import name_of

NOW = dt.datetime(2030, 1, 1, 12, tzinfo=dt.UTC)
SUSPECT = Who(account="mallory", risk=0.95)
TEXT = "A sentence of an answer that says a thing or two. " * 6


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    """A deployment's keys."""
    return new_keys(tmp_path / "keys", tmp_path / "owner")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """An empty registry."""
    return Registry(tmp_path / "canaries.db")


def measure(keys: Keys, registry: Registry, **how: object) -> Canaries:
    """The measure on every answer, at one time."""
    return Canaries(keys, registry, **{"share": 1.0, "clock": lambda: NOW, **how})  # pyright: ignore


def chat(text: str, ident: str = "a", **choice: object) -> dict[str, object]:
    """A chat answer."""
    told = {"message": {"content": text}, "finish_reason": "stop", **choice}
    return {"id": ident, "choices": [told]}


def test_codes_are_even_and_alike_for_alike() -> None:
    """Letters are equally frequent, no two labels have one code, and no code holds a vowel."""
    codes = [draw(b"k" * 32, "x", str(number)) for number in range(3000)]
    assert len(set(codes)) == len(codes)
    assert codes == [draw(b"k" * 32, "x", str(number)) for number in range(3000)]
    letters = Counter("".join(codes).replace("-", ""))
    assert set(letters) == set(ALPHABET)
    assert chisquare([letters[letter] for letter in ALPHABET]).pvalue > 1e-6
    assert not set(ALPHABET) & set("aeiouyl01")
    assert draw(b"k" * 32, "a", "bc") != draw(b"k" * 32, "ab", "c")


def test_a_canary_is_one_of_its_references(keys: Keys) -> None:
    """In form and in law it can't be told from them; the rank test's null is theirs."""
    epoch = keys.at(NOW)
    code = canary_of(epoch, "acc-a")
    held = references(epoch, code, 50)
    assert code not in held
    assert len(set(held)) == 50
    assert {len(each) for each in (*held, code)} == {19}
    assert held == references(epoch, code, 50)
    assert held[:20] == references(epoch, code, 20)
    assert held[0] != references(epoch, canary_of(epoch, "acc-b"), 1)[0]


def test_suspects_alone_get_one(keys: Keys, registry: Registry) -> None:
    """Below the threshold, and without an account, answers are left as they are."""
    canaries = measure(keys, registry)
    for who in (Who(account="alice", risk=0.89), Who(risk=1.0)):
        answer = chat(TEXT)
        assert canaries.to_customer(answer, who) is answer
    assert registry.canaries() == []
    told = canaries.to_customer(chat(TEXT), SUSPECT)
    content = told["choices"][0]["message"]["content"]
    (canary,) = registry.canaries()
    assert content == f"{TEXT}\n\n(ref. {canary.code})"
    assert canary.account == name_of("mallory", "account_id", keys.at(NOW).secret)
    assert (canary.exposures, canary.first, canary.last) == (1, "2030-01-01", "2030-01-01")
    assert b"mallory" not in registry.path.read_bytes()


@pytest.mark.parametrize(
    "answer",
    [
        chat("short"),
        chat(json.dumps({"rows": list(range(200))})),
        chat("[" + TEXT),
        chat(TEXT + "\n```python\nprint(1)\n"),
        chat(TEXT + "\n```\n1\n```"),
        chat(TEXT, finish_reason="length"),
        chat(TEXT, message={"content": TEXT, "tool_calls": [{"id": "t"}]}),
        {"type": "message", "content": [{"type": "text", "text": TEXT}], "stop_reason": "tool_use"},
        {"candidates": [{"content": {"parts": [{"text": TEXT}, {"functionCall": {}}]}}]},
        {"object": "response", "status": "incomplete", "output": []},
        {"error": {"message": "no"}},
    ],
)
def test_what_software_reads_is_left_alone(
    answer: dict[str, object], keys: Keys, registry: Registry
) -> None:
    """Data, code, tool calls and answers that were cut off stay as they are, and aren't counted."""
    assert measure(keys, registry).to_customer(answer, SUSPECT) == answer
    assert sum(each.exposures for each in registry.canaries()) == 0


def test_limits_hold_a_day_and_for_ever(keys: Keys, registry: Registry) -> None:
    """Two a day, five in all."""
    days = [NOW]
    canaries = measure(keys, registry, most_a_day=2, most=5, clock=lambda: days[0])
    shown = []
    for day in range(4):
        days[0] = NOW + dt.timedelta(days=day)
        told = [canaries.to_customer(chat(TEXT, f"{day}{n}"), SUSPECT) for n in range(4)]
        shown.append(sum("(ref." in json.dumps(answer) for answer in told))
    assert shown == [2, 2, 1, 0]
    assert registry.canaries()[0].exposures == 5


def test_the_share_is_of_answers_and_is_kept(keys: Keys, registry: Registry) -> None:
    """A quarter of 400 answers within chance, and the same ones again."""
    canaries = measure(keys, registry, share=0.25, most_a_day=1000, most=10_000)

    def planted() -> list[bool]:
        return [
            "(ref." in json.dumps(canaries.to_customer(chat(TEXT, str(n)), SUSPECT))
            for n in range(400)
        ]

    first = planted()
    assert 60 <= sum(first) <= 140
    assert planted() == first


def test_a_stream_ends_with_it(keys: Keys, registry: Registry) -> None:
    """In each form, the line is the last of the text, told wherever the whole text is told."""
    canaries = measure(keys, registry)
    code = canary_of(keys.at(NOW), name_of("mallory", "account_id", keys.at(NOW).secret))
    half = len(TEXT) // 2
    cut = (TEXT[:half], TEXT[half:])

    def sent(pieces: list[dict[str, object]]) -> list[dict[str, object]]:
        stream = canaries.stream(SUSPECT)
        return [new for piece in pieces for new in stream.piece(piece)]

    told = sent(
        [
            *({"choices": [{"index": 0, "delta": {"content": text}}]} for text in cut),
            {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        ]
    )
    ending = f"\n\n(ref. {code})"
    assert told[-1]["choices"][0]["delta"]["content"] == ending  # pyright: ignore
    told = sent(
        [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
            *(
                {"type": "content_block_delta", "delta": {"type": "text_delta", "text": text}}
                for text in cut
            ),
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            {"type": "message_stop"},
        ]
    )
    assert [each["type"] for each in told[-4:]] == [
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert told[-4]["delta"]["text"] == ending  # pyright: ignore
    item = {"type": "message", "id": "m", "content": [{"type": "output_text", "text": TEXT}]}
    told = sent(
        [
            {"type": "response.output_text.delta", "item_id": "m", "delta": TEXT},
            {"type": "response.output_text.done", "item_id": "m", "text": TEXT},
            {"type": "response.content_part.done", "item_id": "m", "part": item["content"][0]},
            {"type": "response.output_item.done", "item": item},
            {"type": "response.completed", "response": {"output": [item]}},
        ]
    )
    assert [json.dumps(each).count(code) for each in told] == [0, 1, 1, 1, 1, 1]
    told = sent(
        [
            {"candidates": [{"content": {"parts": [{"text": cut[0]}]}}]},
            {"candidates": [{"content": {"parts": [{"text": cut[1]}]}, "finishReason": "STOP"}]},
        ]
    )
    assert told[-1]["candidates"][0]["content"]["parts"][-1] == {"text": ending}  # pyright: ignore


def test_a_stream_that_calls_a_tool_has_none(keys: Keys, registry: Registry) -> None:
    """Text before a tool call isn't the end of an answer."""
    canaries = measure(keys, registry)
    pieces = [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": TEXT}},
        {"type": "content_block_stop", "index": 0},
        {"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use"}},
        {"type": "content_block_stop", "index": 1},
        {"type": "message_delta", "delta": {"stop_reason": "tool_use"}},
    ]
    stream = canaries.stream(SUSPECT)
    assert [new for piece in pieces for new in stream.piece(piece)] == pieces


def _exposes(path: str, barrier: object) -> None:
    registry = Registry(path)
    barrier.wait()  # pyright: ignore
    for number in range(40):
        registry.register("code", "acc-1", 1, NOW)
        registry.expose("code", NOW + dt.timedelta(days=number % 4), most_a_day=15, most=50)


def test_two_processes_keep_one_count(tmp_path: Path) -> None:
    """Both write to a registry that neither has made; together they keep to the limits."""
    spawn = multiprocessing.get_context("spawn")
    barrier = spawn.Barrier(2)
    path = str(tmp_path / "canaries.db")
    both = [spawn.Process(target=_exposes, args=(path, barrier)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    (canary,) = Registry(path, create=False).canaries()
    assert canary.exposures == 50


def test_a_failing_registry_costs_the_canary_alone(keys: Keys, registry: Registry) -> None:
    """The answer goes on as it was."""
    canaries = measure(keys, registry)
    registry.close()
    registry.path.write_bytes(b"no database" * 100)
    assert canaries.to_customer(chat(TEXT), SUSPECT) == chat(TEXT)


def test_what_is_no_registry_is_refused(tmp_path: Path) -> None:
    """Another file, one of a newer version, and none."""
    other = tmp_path / "other"
    other.write_bytes(b"no database" * 100)
    with pytest.raises(MeasureRefused, match="can't be read"):
        Registry(other)
    with pytest.raises(InputNotFound):
        Registry(tmp_path / "none", create=False)
    with pytest.raises(InputNotFound):
        Registry(tmp_path / "no" / "folder")
    import sqlite3

    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute("pragma user_version = 9")
    newer.close()
    with pytest.raises(MeasureRefused, match="version 9"):
        Registry(tmp_path / "newer")


def test_nobody_innocent_is_planted_on(keys: Keys, registry: Registry) -> None:
    """A threshold of nothing is refused."""
    with pytest.raises(MeasureRefused, match="threshold"):
        Canaries(keys, registry, threshold=0.0)


def test_prose_is_prose() -> None:
    """Whole fences within prose are no reason."""
    assert is_prose(f"{TEXT}\n```\ncode\n```\n{TEXT}")
    assert not is_prose('"' + "a" * 300 + '"')
    assert not is_prose("[" * 100_000)
