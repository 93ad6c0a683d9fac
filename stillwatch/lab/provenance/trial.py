"""A trial: every registered test on a suspect, on innocents, and under wrong keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stillwatch.lab.provenance.canary_rank import (
    Ranked,
    by_likelihood,
    by_occurrence,
    fisher,
    read_canaries,
)
from stillwatch.lab.provenance.controls import score, wrong_keys
from stillwatch.lab.provenance.materials import Materials
from stillwatch.lab.provenance.membership import SHUFFLES, a_token, membership
from stillwatch.lab.provenance.outcome import (
    FEWEST_ANSWERS,
    NEVER_SERVED,
    Amount,
    Control,
    Outcome,
    comparable,
)
from stillwatch.lab.provenance.plan import KEYED, OPEN, Test
from stillwatch.lab.provenance.predictions import guesses
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.signing import figure
from stillwatch.lab.provenance.wording import null_of
from stillwatch.progress import Progress, Silent

if TYPE_CHECKING:
    from stillwatch.lab.provenance.registration import Registration
    from stillwatch.lab.provenance.schemes.scheme import Scheme
    from stillwatch.lab.provenance.scoring import Guesses
    from stillwatch.lab.provenance.texts import Texts

_ANSWERS = "answers, and there have to be"
_WRITTEN = "tokens of answers, and to be comparable there have to be"


def tried(
    registration: Registration,
    schemes: Sequence[Scheme],
    materials: Materials,
    progress: Progress | None = None,
) -> list[Outcome]:
    """The outcome of every registered test, in their order; raises `TraceRefused`.

    The materials are those that were registered (`binding.check_same`).
    """
    watch = progress or Silent()
    outcomes = []
    for test in registration.tests:
        if test.mode in KEYED:
            scheme = schemes[test.key - 1]
            outcomes.append(_keyed(test, scheme, registration, materials, watch))
        elif test.mode == "canaries":
            outcomes.append(_canaries(test, materials))
        else:
            outcomes.append(_membership(test, materials))
    return outcomes


def _keyed(
    test: Test, scheme: Scheme, registration: Registration, materials: Materials, watch: Progress
) -> Outcome:
    given = materials.given
    found: list[tuple[str, Texts, Guesses]] = []
    if test.mode in OPEN:
        on = "served" if test.mode == "open_supervised" else "other"
        texts = materials.texts(given.one(on), on)
        reference, innocents = None, list(given.innocent_model)
        if test.statistic == "contrast":
            reference = materials.predictions(innocents.pop(0), on)
        for path in (given.one("suspect_model"), *innocents):
            if test.statistic not in ("tokens",):
                materials.folder(path, test.name)
            made = guesses(texts, materials.predictions(path, on), test.statistic, reference)
            found.append((materials.called(path), texts, made))
    else:
        for role in ("suspect_text", "innocent_text"):
            for path in given.of(role):
                texts = materials.texts(path, role)
                found.append((materials.called(path), texts, own_tokens(texts)))
    told = [
        (name, score(scheme, collected(on, put, scheme, test.exclusion, test.limit)))
        for name, on, put in found
    ]
    (_, texts, made), scored = found[0], told[0][1]
    controls = [Control(name, one.p) for name, one in told[1:]]
    seed = hashlib.sha256(f"{registration.seed} {test.name}".encode()).digest()
    many = registration.levels.wrong_keys
    watch.start(test.name, many, "wrong keys")
    wrong = wrong_keys(texts, made, scheme, test.exclusion, test.limit, seed, many, watch)
    watch.finish()
    return Outcome(
        test,
        scored.p,
        null_of(test, scheme),
        {
            "pieces of evidence": f"{scored.evidence:,}, of {test.least:,} that are needed",
            "distinct pairs": f"{scored.pairs:,}",
            "places looked at": f"{scored.places:,}",
            "guesses left out, their context having occurred": f"{scored.excluded:,}",
            "guesses left out as repeated": f"{scored.repeated:,}",
            "standard deviations": f"{scored.deviations:.2f}",
            "rank among wrong keys": figure(wrong.rank(scored.p)),
        },
        tuple(controls),
        wrong,
        tuple(Amount(name, one.evidence, test.least) for name, one in told),
    )


def _canaries(test: Test, materials: Materials) -> Outcome:
    given = materials.given
    canaries = read_canaries(given.one("canaries"))
    tokenizer = materials.tokenizer()

    def ranked(path: Path, role: str) -> Ranked:
        if test.statistic == "occurrence":
            decode = None if tokenizer is None else tokenizer.decode
            return by_occurrence(canaries, materials.texts(path, role), decode)
        model = materials.model(materials.folder(path, test.name))
        return by_likelihood(
            canaries,
            lambda texts: model.predictions(texts, kept=1).log_likelihood,
            model.start,
            None if tokenizer is None else partial(tokenizer.encode, add_special_tokens=False),
        )

    of = "model" if test.statistic == "likelihood" else "text"
    suspect, innocents = given.one(f"suspect_{of}"), given.of(f"innocent_{of}")
    told = ranked(suspect, f"suspect_{of}")
    controls = [
        Control(materials.called(path), ranked(path, f"innocent_{of}").p) for path in innocents
    ]
    if told.control is not None:
        controls.append(Control(NEVER_SERVED, told.control))
    exposed = [canary for canary in canaries if canary.exposures > 0]
    best = fisher([1 / (1 + len(canary.references)) for canary in exposed]) if exposed else 1.0
    amounts = _comparable(suspect, innocents, materials) if of == "text" else ()
    levels = {
        f"p at {level.exposures} exposures ({level.canaries} canaries)": figure(level.p)
        for level in told.levels
    }
    return Outcome(
        test,
        told.p,
        null_of(test, None),
        levels,
        tuple(controls),
        amounts=amounts,
        least_p=best,
    )


def _comparable(
    suspect: Path, innocents: Sequence[Path], materials: Materials
) -> tuple[Amount, ...]:
    """What hardly wrote anything says no canary: an innocent must have written as much."""
    mine = len(materials.texts(suspect, "suspect_text").answers)
    told = [Amount(materials.called(suspect), mine, 1, _WRITTEN)]
    for path in innocents:
        theirs = len(materials.texts(path, "innocent_text").answers)
        told.append(Amount(materials.called(path), theirs, comparable(mine), _WRITTEN))
    return tuple(told)


def _membership(test: Test, materials: Materials) -> Outcome:
    given = materials.given
    sides = {role: materials.texts(given.one(role), role) for role in ("served", "held_out")}
    models = [given.one("suspect_model"), *given.innocent_model]
    gained = []
    for path in models:
        materials.folder(path, test.name)
        gained.append(
            [
                a_token(texts, materials.predictions(path, role).log_likelihood)
                for role, texts in sides.items()
            ]
        )

    def judged(which: int) -> tuple[float, float]:
        others = [told for at, told in enumerate(gained) if at not in (0, which)]
        told = membership(
            gained[which][0],
            gained[which][1],
            [other[0] for other in others],
            [other[1] for other in others],
            materials.number,
        )
        return told.p, told.gain

    p, gain = judged(0)
    controls = [
        Control(materials.called(path), judged(at)[0]) for at, path in enumerate(models) if at
    ]
    copies = ""
    # one that is compared with itself gains nothing, whatever it has seen
    for one, other in combinations(range(len(models)), 2):
        if all(np.array_equal(gained[one][side], gained[other][side]) for side in (0, 1)):
            both = " and ".join(materials.called(models[at]) for at in (one, other))
            copies = copies or both
    served, held_out = (len(texts) for texts in sides.values())
    figures = {
        "served answers": f"{served:,}",
        "held-out answers": f"{held_out:,}",
        "nats a token more than on held-out answers": figure(gain),
    }
    return Outcome(
        test,
        p,
        null_of(test, None),
        figures,
        tuple(controls),
        amounts=(Amount("the smaller side", min(served, held_out), FEWEST_ANSWERS, _ANSWERS),),
        least_p=1 / (1 + SHUFFLES),
        copies=copies,
    )
