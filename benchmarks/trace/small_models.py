"""The judged experiments on small models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom

from benchmarks.trace.__main__ import INNOCENT, LEVEL, REPEATS, SEED, SHARES, TEXTS, UNTRAINED
from benchmarks.trace.dose import EXCLUSION, closed_score, line, open_scores
from benchmarks.trace.language import ANSWER
from benchmarks.trace.students import (
    Effort,
    canaries,
    first,
    key_of,
    learned,
    mixed,
    one_thread,
    planted,
    predicted,
    spoken,
    taught,
    written,
)
from stillwatch.lab.provenance.canary_rank import by_likelihood
from stillwatch.lab.provenance.controls import score, wrong_keys
from stillwatch.lab.provenance.membership import a_token, membership
from stillwatch.lab.provenance.predictions import Predictions, guesses
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.texts import Texts

Say = Callable[[str], None]
Tests = dict[str, dict[str, Any]]

EFFORT = Effort(tested=600)
_NAIVE = "/none"


def measured(say: Say) -> dict[str, Any]:
    """All experiments, and what was asked for."""
    one_thread()
    base = learned(0, EFFORT.base_steps)
    say("base trained")
    innocent = _innocents(base, say)
    dose, full = _dose(base, say)
    say("wrong keys")
    wrong = _wrong(base, full)
    say("canaries and membership")
    record: dict[str, Any] = {
        "innocent": innocent,
        "dose": [told for told, _ in dose],
        "power": _power(base, dose, say),
        "wrong_keys": wrong,
        **_planted(base),
    }
    return {"acceptance": _judged(record)} | record


def _all(model: Any, base: Any, served: Texts, seed: int, naive: bool = False) -> Tests:
    """Every statistic of every mode on one model, with a key of its own."""
    scheme, other = key_of(seed), spoken().served(EFFORT.tested, 40_000 + seed)
    found = open_scores(model, predicted(base, served), served, scheme, "open_supervised", naive)
    found |= open_scores(model, predicted(base, other), other, scheme, "open_unsupervised")
    found |= closed_score(written(model, other, seed), scheme)
    return {name: line(scored) for name, scored in found.items()}


def _innocents(base: Any, say: Say) -> list[dict[str, Any]]:
    found = []
    for at in range(INNOCENT + UNTRAINED):
        seed = SEED + at
        if at < INNOCENT:
            # half of them learned from text that is marked, only not with the key that is tested
            share = float(at % 2)
            answers, _ = mixed(share, key_of(seed + 5000), EFFORT.answers, seed)
            model = taught(base, answers, seed, EFFORT.student_steps)
            kind = "student of text with another key" if share else "student of unmarked text"
        else:
            model, kind = learned(seed, EFFORT.untrained_steps), "trained on no answers"
        served = spoken().served(EFFORT.tested, 20_000 + seed + 1000, key_of(seed))
        tests = _all(model, base, served, seed, naive=True)
        found.append({"seed": seed, "kind": kind, "tests": tests})
        say(f"innocent {at + 1} of {INNOCENT + UNTRAINED}")
    return found


def _dose(base: Any, say: Say) -> tuple[list[tuple[dict[str, Any], Any]], Any]:
    found, full = [], None
    for repeat in range(REPEATS):
        for at, share in enumerate(SHARES):
            seed = SEED + 100 + 10 * repeat + at
            answers, marked = mixed(share, key_of(seed), EFFORT.answers, seed)
            model = taught(base, answers, seed, EFFORT.student_steps)
            served = first(marked, EFFORT.tested)
            told = {"seed": seed, "share": share, "tests": _all(model, base, served, seed)}
            found.append((told, model))
            full = full or (model, served, seed)
            say(f"share {share:g} of seed {seed}")
    return found, full


def _power(base: Any, dose: list[tuple[dict[str, Any], Any]], say: Say) -> list[dict[str, Any]]:
    """By share and number of served texts: how often p is below 0.01, over parts of the texts."""
    found: dict[tuple[float, int, str], list[tuple[float, int]]] = {}
    for told, model in dose:
        seed, scheme = told["seed"], key_of(told["seed"])
        _, marked = mixed(told["share"], scheme, EFFORT.answers, seed)
        whole = first(marked, max(TEXTS))
        suspect, reference = predicted(model, whole), predicted(base, whole)
        for count in TEXTS:
            for skip in range(0, max(TEXTS), count):
                part, rows = (
                    first(whole, count, skip),
                    slice(skip * ANSWER, (skip + count) * ANSWER),
                )
                for statistic in ("tokens", "contrast"):
                    made = guesses(part, _part(suspect, rows), statistic, _part(reference, rows))
                    scored = score(scheme, collected(part, made, scheme, EXCLUSION))
                    key = (told["share"], count, statistic)
                    found.setdefault(key, []).append((scored.p, scored.pairs))
        say(f"power at share {told['share']:g}")
    return [
        {
            "share": share,
            "texts": count,
            "answer_tokens": count * ANSWER,
            "statistic": f"open_supervised:{statistic}",
            "pairs": round(float(np.mean([pairs for _, pairs in told]))),
            "tests": len(told),
            "power_at_0.01": round(float(np.mean([p < LEVEL for p, _ in told])), 3),
        }
        for (share, count, statistic), told in sorted(found.items())
    ]


def _part(told: Predictions, rows: slice) -> Predictions:
    return Predictions(
        told.likeliest[rows],
        told.sampled[rows],
        told.top[rows],
        told.mass[rows],
        told.log_likelihood[rows],
    )


def _wrong(base: Any, full: Any) -> Tests:
    model, served, seed = full
    scheme, small = key_of(seed), first(served, 400)
    told, reference = predicted(model, small), predicted(base, small)
    text = written(model, small, seed)
    cases = {
        f"open_supervised:{statistic}": (small, guesses(small, told, statistic, reference))
        for statistic in ("tokens", "mass", "contrast")
    }
    cases["closed:tokens"] = (text, own_tokens(text))
    found = {}
    for name, (texts, made) in cases.items():
        wrong = wrong_keys(texts, made, scheme, EXCLUSION, None, name.encode())
        found[name] = {
            "keys": len(wrong.p),
            "below_0.05": round(wrong.below_05, 4),
            "below_0.01": round(wrong.below_01, 4),
            "distance_from_uniform": round(wrong.distance, 4),
            "p_that_they_are_too_small": round(wrong.suspicion, 4),
        }
    return found


def _planted(base: Any) -> dict[str, Any]:
    seed = SEED + 200
    codes = canaries(seed)
    answers, _ = mixed(0.0, key_of(seed), EFFORT.answers, seed)
    taken = planted(answers, codes, seed)
    student = taught(base, taken, seed, 2 * EFFORT.student_steps)
    control = taught(base, answers, seed + 1, 2 * EFFORT.student_steps)
    held_out = spoken().served(500, 60_000 + seed)
    found: dict[str, Any] = {"canaries": {}, "membership": {}}
    named = {"planted": student, "not planted": control, "base": base}
    for name, model in named.items():
        told = by_likelihood(
            codes, lambda texts, of=model: predicted(of, texts).log_likelihood, None
        )
        levels = {str(level.exposures): float(f"{level.p:.3g}") for level in told.levels}
        found["canaries"][name] = {"p": float(f"{told.p:.3g}"), "by_exposures": levels}
    served = first(taken, 500)
    gained = {
        name: [
            a_token(texts, predicted(model, texts).log_likelihood) for texts in (served, held_out)
        ]
        for name, model in named.items()
    }
    other = learned(SEED + 300, EFFORT.untrained_steps)
    gained["another"] = [
        a_token(texts, predicted(other, texts).log_likelihood) for texts in (served, held_out)
    ]
    for name, reference in (("planted", "base"), ("another", "base")):
        told = membership(
            gained[name][0],
            gained[name][1],
            [gained[reference][0]],
            [gained[reference][1]],
            seed,
            99_999,
        )
        found["membership"][name] = {"p": told.p, "gain": round(told.gain, 5)}
    return found


def _judged(record: dict[str, Any]) -> Tests:
    """What was asked for, what was seen, and whether that will do."""
    rows = [told["tests"] for told in record["innocent"]]
    ours = [name for name in rows[0] if "/" not in name]
    most = int(binom.ppf(0.995, len(rows), 0.05))
    alarms = {name: sum(row[name]["p"] <= 0.05 for row in rows) for name in ours}
    least = min(row[name]["p"] for row in rows for name in ours)
    naive = [row["open_supervised:mass" + _NAIVE]["p"] for row in rows]
    lines: Tests = {
        f"innocent models below 0.05 of {len(rows)}, worst statistic": {
            "asked": most,
            "seen": max(alarms.values()),
            "met": max(alarms.values()) <= most,
        },
        "least p of an innocent model": {"asked": 1e-4, "seen": least, "met": least >= 1e-4},
        "innocent models that the naive count has below 1e-4": {
            "asked": 1,
            "seen": sum(p < 1e-4 for p in naive),
            "met": sum(p < 1e-4 for p in naive) >= 1,
        },
    }
    for share, bar in ((1.0, 1e-6), (0.25, 0.01)):
        for statistic in ("tokens", "contrast"):
            name = f"open_supervised:{statistic}"
            worst = max(
                told["tests"][name]["p"] for told in record["dose"] if told["share"] == share
            )
            lines[f"{name} at share {share:g}, greatest p"] = {
                "asked": bar,
                "seen": worst,
                "met": worst < bar,
            }
    suspicion = min(told["p_that_they_are_too_small"] for told in record["wrong_keys"].values())
    lines["wrong keys uniform, least p"] = {
        "asked": 1e-3,
        "seen": suspicion,
        "met": suspicion > 1e-3,
    }
    return lines
