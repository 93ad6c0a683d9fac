"""The labelled texts: published pools, real chats with weak labels, generated templates; split.

Every text has a class, an origin (a published source, or class/language/number of a template) and
a part: `train`, `dev` (fits the temperature) or `test`. Whole sources and whole templates are held
out, and a text whose tokens (numbers masked) occur in training is dropped from the other parts.
"""

from __future__ import annotations

import hashlib
import json
import random
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from capability.fillers import Pools, fill
from capability.sharegpt import labelled

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
PER_TEMPLATE = {"en": 110, "other": 70}
PER_SOURCE = {"sharegpt/chat": 8000, "sharegpt/coding": 8000, "": 3000}
PER_CLASS = {"train": 4000, "dev": 600, "test": 1500}
"""Joined texts a class."""

SOURCES = {
    "train": {
        "coding": ["rllm_leetcode_train", "rllm_code_contests_test"],
        "mathematical_reasoning": ["gsm8k_train", "rllm_math_train", "rllm_aime_train"],
        "tool_use": [
            "taskbench_huggingface",
            "taskbench_multimedia",
            "gorilla_torchhub_train",
            "gorilla_tensorflow_eval",
            "BFCL_v4_simple_python",
            "BFCL_v4_parallel",
            "BFCL_v4_multiple",
            "BFCL_v4_simple_java",
            "BFCL_v4_live_simple",
        ],
    },
    "test": {
        "coding": ["rllm_codeforces_test", "rllm_leetcode_test"],
        "mathematical_reasoning": [
            "gsm8k_test",
            "rllm_math_test",
            "rllm_olympiad_bench",
            "rllm_minerva",
            "rllm_amc_test",
        ],
        "tool_use": [
            "taskbench_dailylifeapis",
            "gorilla_huggingface_eval",
            "BFCL_v4_live_multiple",
            "BFCL_v4_live_irrelevance",
            "BFCL_v4_multi_turn_base",
            "BFCL_v4_parallel_multiple",
        ],
    },
}
"""Sources by part and class. BFCL's memory and web-search sets ask plain questions and are left
out; `mmlu`, `t0_batch`, `hh_harmless_test` and `arena_hard_v2.0` are divided below."""

_ARENA = {"coding": "coding", "math": "mathematical_reasoning", "creative_writing": "chat"}


@dataclass(frozen=True)
class Text:
    """One labelled text; `tools` says whether its request offers tools."""

    text: str
    label: str
    origin: str
    part: str
    tools: bool = False


def share(key: str) -> float:
    """A number in [0, 1) that depends on `key` alone."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:6], "big") / 2**48


def part_of(key: str) -> str:
    """Where a template or conversation goes: 65% train, 10% dev, 25% test."""
    at = share("part:" + key)
    return "train" if at < 0.65 else "dev" if at < 0.75 else "test"


def published(folder: Path) -> list[Text]:
    """Texts of the prompts folder with the class that their source implies."""
    rows = rows_of(folder)
    where = {
        source: (part, label)
        for part, classes in SOURCES.items()
        for label, sources in classes.items()
        for source in sources
    }
    texts: list[Text] = []
    for row in rows:
        source, text = row["source"], row["text"]
        meta = json.loads(row["meta"] or "{}")
        if source in where:
            part, label = where[source]
            if part == "train" and share("dev:" + row["id"]) < 0.05:
                part = "dev"
            if source.startswith("rllm_leetcode") and part != "test" and share(text) < 0.6:
                text = text.split("\n\n", 1)[-1]
            texts.append(Text(text, label, source, part, bool(row["system"])))
        elif source == "mmlu":
            texts.append(Text(text, "other", source, "train" if row["at"] < 0.6 else "test"))
        elif source == "t0_batch":
            template = meta["template"]
            texts.append(Text(text, "other", f"t0/{template}", part_of("t0/" + template)))
        elif source == "hh_harmless_test":
            texts.append(Text(text, "chat", source, part_of("hh" + row["id"])))
        elif source == "arena_hard_v2.0" and meta.get("sub") in _ARENA:
            label = _ARENA[meta["sub"]]
            texts.append(Text(text, label, f"arena_hard_v2.0/{meta['sub']}", "test"))
    return texts


@cache
def real_turns() -> list[Text]:
    """ShareGPT turns that the wording rules label; held-out conversations become `test`."""
    return [
        Text(text, label, f"sharegpt/{label}", part_of("sharegpt" + conversation))
        for conversation, label, text in labelled()
    ]


def generated(folder: Path) -> list[Text]:
    """Filled templates; those of the test part wrap problems and answers of the test sources."""
    english = tomllib.loads((HERE / "lists_en.toml").read_text("utf-8"))
    more = tomllib.loads((HERE / "lists_more.toml").read_text("utf-8"))
    pools = {part: _pools(folder, part) for part in ("train", "test")}
    texts = []
    for language, label, number, template in templates():
        origin = f"{label}/{language}/{number}"
        part = part_of("template/" + origin)
        rng = random.Random(origin)
        lists = english | more.get(language, {})
        pool = pools["test" if part == "test" else "train"]
        count = PER_TEMPLATE["en" if language == "en" else "other"]
        for _ in range(count):
            tools = label == "tool_use" and rng.random() < 0.5
            texts.append(Text(fill(template, rng, lists, pool), label, origin, part, tools))
    return texts


def joined(folder: Path) -> list[Text]:
    """Texts joined from pieces: a lead, a body and a tail, in several orders.

    Leads and tails are held out, each on its own; bodies are shared by all parts, since most are
    shared by classes too and say nothing of the asking. Leads of other languages go with the same
    bodies, filled from that language's lists half of the time.
    """
    english = tomllib.loads((HERE / "lists_en.toml").read_text("utf-8"))
    more = tomllib.loads((HERE / "lists_more.toml").read_text("utf-8"))
    table = tomllib.loads((HERE / "pieces_en.toml").read_text("utf-8"))
    foreign = tomllib.loads((HERE / "pieces_more.toml").read_text("utf-8"))
    bodies = table.pop("bodies")
    texts = []
    for part in ("train", "dev", "test"):
        pool = _pools(folder, "test" if part == "test" else "train")
        for kind, pieces in table.items():
            label = kind.split("-")[0]
            tails = [p for p in pieces["tail"] if p and part_of(f"tail/{label}/{p}") == part]
            for language in ("en", *more):
                own = foreign.get(language, {}).get(kind, [])
                leads = pieces["lead"] if language == "en" else own
                leads = [p for p in leads if not p or part_of(f"lead/{label}/{p}") == part]
                rng = random.Random(f"{part}/{kind}/{language}")
                lists = english | more.get(language, {}) | _own(more.get(language, {}))
                for _ in range(PER_CLASS[part] // (1 if language == "en" else 12) if leads else 0):
                    at_home = language == "en" or rng.random() < 0.5
                    lead = rng.choice(leads)
                    template = _compose(
                        rng, lead, leads, tails if language == "en" else [], pieces, bodies
                    )
                    filled = fill(
                        template,
                        rng,
                        lists if at_home else english,
                        pool if language == "en" or not at_home else Pools(),
                    )
                    tools = label == "tool_use" and rng.random() < 0.6
                    origin = f"{label}/lead-{language}/{lead[:40]}"
                    texts.append(Text(filled, label, origin, part, tools))
    return texts


def _compose(
    rng: random.Random, lead: str, leads: list[str], tails: list[str], pieces: dict, bodies: dict
) -> str:
    """One template: most are a lead, a body and a tail or none; a third are long instructions."""
    kind = bodies[rng.choice(pieces["bodies"])]
    body = rng.choice(kind)
    if rng.random() < pieces.get("stack", 0):
        glue = rng.choice(["\n", "\n\n", " "])
        body = glue.join([body, *rng.sample(kind, rng.randint(1, 4))])
    extra = rng.choice(bodies[pieces["extra"][0]]) if "extra" in pieces else ""
    tail = rng.choice(tails) if tails and rng.random() < 0.6 else ""
    if rng.random() < pieces.get("bare", 0):
        return "\n\n".join(p for p in (extra, body) if p)
    if rng.random() < 0.33:
        lead = " ".join([lead, *rng.sample(leads, min(len(leads), rng.randint(0, 2)))])
        rules = rng.sample(tails, min(len(tails), rng.randint(2, 6)))
        mark = rng.choice(["- ", "* ", "{}. ", ""])
        listed = "\n".join(mark.replace("{}", str(i + 1)) + rule for i, rule in enumerate(rules))
        tail = (
            rng.choice(["", "Instructions:\n", "Rules:\n", "## Guidelines\n", "Note:\n"]) + listed
        )
    order = rng.choices(
        [(lead, extra, body, tail), (extra, body, lead, tail), (lead, tail, extra, body)],
        [5, 3, 2],
    )[0]
    return rng.choice(["\n\n", "\n", " ", "\n\n"]).join(p for p in order if p.strip())


_SAME = {
    "question": "q_l",
    "sentence": "sent_l",
    "sensitive_q": "sens_q",
    "sensitive_a": "sens_a",
    "goal": "goal_l",
    "bug": "bug_l",
    "api_job": "api_l",
    "mathtask": "math_l",
    "logic": "math_l",
    "theorem": "theorem_l",
    "topic": "topic_l",
    "rubric": "rubric_l",
    "code_task": "code_l",
    "sqljob": "sqldata_l",
}


def _own(lists: dict[str, list[str]]) -> dict[str, list[str]]:
    """A language's lists under the names of the English slots that they can stand in for."""
    return {slot: lists[name] for slot, name in _SAME.items() if name in lists}


def templates() -> Iterator[tuple[str, str, int, str]]:
    """(language, class, number, template) of every template."""
    tables = {"en": tomllib.loads((HERE / "templates_en.toml").read_text("utf-8"))}
    tables |= tomllib.loads((HERE / "templates_more.toml").read_text("utf-8"))
    for language, classes in tables.items():
        for label, rows in classes.items():
            for number, template in enumerate(rows):
                yield language, label, number, template


@cache
def rows_of(folder: Path) -> list[dict]:
    """All rows of the prompts folder, each with its relative position in its file as `at`."""
    rows = []
    for path in sorted(folder.glob("*.parquet")):
        columns = ["id", "source", "text", "system", "response", "meta"]
        part = pq.read_table(path, columns=columns).to_pylist()
        for i, row in enumerate(part):
            row["at"] = i / len(part)
        rows += part
    return rows


@cache
def _pools(folder: Path, part: str) -> Pools:
    """Problems, code, questions and answers to wrap, from the sources of one part only."""
    math = set(SOURCES[part]["mathematical_reasoning"])
    code = set(SOURCES[part]["coding"])
    pools = Pools()
    for row in rows_of(folder):
        source, response = row["source"], (row["response"] or "").strip()
        if source in math and response:
            answer = response.rsplit("####", 1)[-1].strip()[:200]
            pools.problems.append((row["text"][:1500], response[:1500], answer))
        elif source in code and response:
            pools.codes.append(response[:1500])
        elif source == "hh_harmless_test" and (share(row["id"]) < 0.5) == (part == "train"):
            pools.harms.append(row["text"][:400])
            if response:
                pools.essays.append(response[:800])
        elif source == "t0_batch":
            mine = part_of("t0/" + json.loads(row["meta"])["template"]) == part
            if mine and len(response) > 60:
                pools.essays.append(response.replace("<|endoftext|>", "")[:1200])
    for text in real_turns():
        if text.part == part and text.label == "chat" and 20 < len(text.text) < 400:
            pools.questions.append(text.text)
        elif text.part == part and text.label == "chat" and 400 <= len(text.text) < 1500:
            pools.essays.append(text.text)
    return pools
