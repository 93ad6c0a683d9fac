"""What goes into the slots of a training template: problems, answers, code, logs, tables, topics.

Everything here is our own wording, combined at random under a seed. Pools of real problems and
answers, where a texts folder has them, are handed in by `texts.py` and used beside these.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

_CHOICE = re.compile(r"\[\[([^\[\]]*)\]\]")
_SLOT = re.compile(r"\{([a-z_0-9]+)\}")
_MARK = re.compile(r"@([a-zA-Z])")
_FRAMES = tomllib.loads(Path(__file__).with_name("frames_en.toml").read_text("utf-8"))
_IDENTIFIERS = _FRAMES["identifiers"]
_COLUMNS = _FRAMES["columns"]


@dataclass
class Pools:
    """Real texts to wrap: (problem, solution, answer) triples, code, questions of harm, questions,
    essays."""

    problems: list[tuple[str, str, str]] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    harms: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    essays: list[str] = field(default_factory=list)


def fill(template: str, rng: random.Random, lists: dict[str, list[str]], pools: Pools) -> str:
    """One text from a template: choices drawn, slots filled, `problem` and its answer together."""
    triple = _problem(rng, lists, pools)
    made: dict[str, Callable[[], str]] = {
        "problem": lambda: triple[0],
        "solution": lambda: triple[1],
        "answer": lambda: triple[2],
        "answer2": lambda: rng.choice([triple[2], str(rng.randint(1, 999))]),
        "essay": lambda: _essay(rng, lists, pools),
        "question": lambda: _question(rng, lists, pools),
        "sensitive_long": lambda: _sensitive(rng, lists, pools),
        "sentence": lambda: _plain(rng, lists, "sentence"),
        "code": lambda: _code(rng, pools),
        "log": lambda: _log(rng, lists),
        "table": lambda: _table(rng),
        "numbers": lambda: ", ".join(str(rng.randint(1, 400)) for _ in range(rng.randint(5, 15))),
        "json": lambda: json.dumps(_record(rng), indent=rng.choice([None, 2])),
        "schema": lambda: _schema(rng),
        "tools": lambda: ", ".join(_function(rng)["name"] for _ in range(rng.randint(2, 6))),
        "tool": lambda: _function(rng)["name"],
        "mcq": lambda: _mcq(rng, lists),
        "diff": lambda: _diff(rng, pools),
        "hh_q": lambda: (
            rng.choice(pools.harms) if pools.harms else rng.choice(lists["sensitive_q"])
        ),
        "n": lambda: str(rng.randint(2, 60)),
        "d": lambda: str(rng.randint(2, 9)),
        "d0": lambda: rng.choice(["5", "10", "20", "100"]),
        "letter": lambda: rng.choice("ABCD"),
        "nfail": lambda: str(rng.randint(1, 14)),
        "ntools": lambda: str(rng.randint(2, 9)),
        "sku": lambda: f"{rng.choice('ABCDEFGH')}{rng.randint(100, 99999)}",
        "path": lambda: (
            f"/{rng.choice(['srv', 'home/dev', 'workspace', 'repo', 'app', 'opt'])}/"
            + rng.choice(lists["names"])
        ),
    }

    def choose(text: str) -> str:
        while (m := _CHOICE.search(text)) is not None:
            text = text[: m.start()] + rng.choice(m.group(1).split("|")) + text[m.end() :]
        return text

    def slot(match: re.Match[str]) -> str:
        name = match.group(1)
        if name in made:
            return made[name]()
        if name in lists:
            return _SLOT.sub(slot, choose(rng.choice(lists[name])))
        return match.group(0)

    return _SLOT.sub(slot, choose(template))


def _plain(rng: random.Random, lists: dict[str, list[str]], name: str) -> str:
    def slot(match: re.Match[str]) -> str:
        return rng.choice(lists[match.group(1)]) if match.group(1) in lists else match.group(0)

    text = rng.choice(lists[name])
    for _ in range(3):
        text = _SLOT.sub(slot, text)
    return _CHOICE.sub(lambda m: rng.choice(m.group(1).split("|")), text)


def _problem(rng: random.Random, lists: dict[str, list[str]], pools: Pools) -> tuple[str, str, str]:
    if pools.problems and rng.random() < 0.75:
        return rng.choice(pools.problems)
    a, b, c = rng.randint(2, 90), rng.randint(2, 40), rng.randint(2, 12)
    text = rng.choice(lists["problem_frames"]).format(
        a=a, b=b, c=c, name=rng.choice(lists["people"]), thing=rng.choice(lists["things"])
    )
    steps = rng.choice(
        [
            f"{a} * {c} = {a * c}; {a * c} + {b} = {a * c + b}.",
            f"First {a} + {b} = {a + b}. Then times {c}: {(a + b) * c}.",
            f"x = {a} - {b}, x = {a - b}",
        ]
    )
    return text, steps, str(a * c + b)


def _question(rng: random.Random, lists: dict[str, list[str]], pools: Pools) -> str:
    if pools.questions and rng.random() < 0.6:
        return rng.choice(pools.questions)
    return _plain(rng, lists, "question")


def _sensitive(rng: random.Random, lists: dict[str, list[str]], pools: Pools) -> str:
    """Three to ten sentences, of which some are touchy."""
    touchy = [_plain(rng, lists, "sensitive_a") for _ in range(rng.randint(1, 4))]
    plain = [_plain(rng, lists, "sentence") for _ in range(rng.randint(1, 4))]
    if pools.essays and rng.random() < 0.4:
        plain = [rng.choice(pools.essays)[:500]]
    mixed = touchy + plain
    rng.shuffle(mixed)
    return " ".join(mixed)


def _essay(rng: random.Random, lists: dict[str, list[str]], pools: Pools) -> str:
    if pools.essays and rng.random() < 0.7:
        return rng.choice(pools.essays)
    return " ".join(_plain(rng, lists, "sentence") for _ in range(rng.randint(1, 8)))


def _code(rng: random.Random, pools: Pools) -> str:
    if pools.codes and rng.random() < 0.5:
        return rng.choice(pools.codes)
    return _mark(rng, rng.choice(_FRAMES["code"]), {})


def _log(rng: random.Random, lists: dict[str, list[str]]) -> str:
    words = {"s": rng.choice(lists["names"])}
    words |= {"c": _plain(rng, lists, "cmd"), "e": _plain(rng, lists, "error")}
    return _mark(rng, rng.choice(_FRAMES["log"]), words)


def _mark(rng: random.Random, frame: str, words: dict[str, str]) -> str:
    """`frame` with its @ marks replaced, a name mark by the same name throughout."""
    names = dict(zip("fxyk", rng.sample(_IDENTIFIERS, 4), strict=True)) | words
    names["F"] = names["f"].title().replace("_", "")

    def put(match: re.Match[str]) -> str:
        mark = match.group(1)
        if mark in "nm":
            return str(rng.randint(1, 900 if mark == "n" else 40))
        return names[mark]

    return _MARK.sub(put, frame)


def _table(rng: random.Random) -> str:
    heads = rng.sample(_COLUMNS, rng.randint(2, 5))
    rows = [
        [
            f"{2015 + i}-{rng.randint(1, 12):02d}"
            if h in ("month", "date")
            else rng.choice(["north", "south", "east", "web", "retail", "A", "B", "C"])
            if h in ("region", "channel", "segment", "store", "country", "product")
            else str(round(rng.uniform(1, 5000), rng.choice([0, 1, 2])))
            for h in heads
        ]
        for i in range(rng.randint(3, 12))
    ]
    style = rng.randint(0, 3)
    if style == 0:
        return "\n".join(",".join(r) for r in [heads, *rows])
    if style == 1:
        bar = ["---"] * len(heads)
        return "\n".join("| " + " | ".join(r) + " |" for r in [heads, bar, *rows])
    if style == 2:
        return "\n".join("\t".join(r) for r in [heads, *rows])
    return json.dumps([dict(zip(heads, r, strict=True)) for r in rows])


def _record(rng: random.Random) -> dict[str, object]:
    keys = rng.sample(_IDENTIFIERS, rng.randint(2, 6))
    return {k: rng.choice([rng.randint(0, 999), True, None, "ok", [1, 2], {"id": 7}]) for k in keys}


def _schema(rng: random.Random) -> str:
    functions = [_function(rng) for _ in range(rng.randint(1, 4))]
    style = rng.randint(0, 4)
    if style == 0:
        return json.dumps(functions)
    if style == 1:
        wrapped = [{"type": "function", "function": f} for f in functions]
        return json.dumps(wrapped, indent=rng.choice([None, 2]))
    names = [(f["name"], list(f["parameters"]["properties"])) for f in functions]  # type: ignore[index]
    if style == 2:
        return "\n".join(f"- {name}({', '.join(ps)})" for name, ps in names)
    if style == 3:
        return "\n".join(
            f"def {str(name).replace('.', '_')}({': str, '.join(ps)}: str) -> dict: ..."
            for name, ps in names
        )
    return "\n".join(
        f'<tool name="{name}">{"".join(f"<param>{p}</param>" for p in ps)}</tool>'
        for name, ps in names
    )


def _function(rng: random.Random) -> dict[str, object]:
    verb = rng.choice(
        ["get", "search", "create", "update", "send", "book", "cancel", "list", "find"]
    )
    noun = rng.choice(
        [
            "weather",
            "flight",
            "invoice",
            "ticket",
            "calendar_event",
            "email",
            "order",
            "stock_price",
            "restaurant",
            "contact",
            "playlist",
            "route",
            "payment",
            "user",
            "device",
            "reservation",
        ]
    )
    name = rng.choice(
        [f"{verb}_{noun}", f"{noun}.{verb}", f"{verb}{noun.title().replace('_', '')}"]
    )
    properties = {
        k: {"type": rng.choice(["string", "integer", "boolean"])}
        for k in rng.sample(["id", "city", "date", "query", "limit", "unit", "email"], 2)
    }
    return {
        "name": name,
        "description": f"{verb} a {noun.replace('_', ' ')}",
        "parameters": {"type": "object", "properties": properties},
    }


def _mcq(rng: random.Random, lists: dict[str, list[str]]) -> str:
    options = [_plain(rng, lists, "topic") for _ in range(4)]
    if rng.random() < 0.3:
        options = [str(rng.randint(1, 300)) for _ in range(4)]
    marks = rng.choice(
        [["A.", "B.", "C.", "D."], ["A)", "B)", "C)", "D)"], ["(a)", "(b)", "(c)", "(d)"]]
    )
    lines = [f"{m} {o}" for m, o in zip(marks, options, strict=True)]
    return _plain(rng, lists, "mcq_stem") + "\n" + "\n".join(lines)


def _diff(rng: random.Random, pools: Pools) -> str:
    lines = _code(rng, pools).splitlines()
    return "@@ -1,7 +1,8 @@\n" + "\n".join(rng.choice(["+", "-", " "]) + line for line in lines)
