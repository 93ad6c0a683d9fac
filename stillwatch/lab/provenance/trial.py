"""A trial: every registered test on a suspect, on innocents, and under wrong keys."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.canary_rank import (
    Ranked,
    by_likelihood,
    by_occurrence,
    fisher,
    read_canaries,
)
from stillwatch.lab.provenance.controls import score, wrong_keys
from stillwatch.lab.provenance.materials import Given, Materials
from stillwatch.lab.provenance.membership import a_token, membership
from stillwatch.lab.provenance.outcome import Control, Outcome
from stillwatch.lab.provenance.plan import KEYED, OPEN, Test
from stillwatch.lab.provenance.predictions import guesses
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.signing import figure
from stillwatch.lab.provenance.wording import null_of
from stillwatch.progress import Progress, Silent

if TYPE_CHECKING:
    from stillwatch.lab.provenance.commitment import Registration
    from stillwatch.lab.provenance.schemes.scheme import Scheme
    from stillwatch.lab.provenance.scoring import Guesses
    from stillwatch.lab.provenance.texts import Texts

_FEWEST_ANSWERS = 30
"""Answers on each side below which membership isn't judged."""


def tried(
    registration: Registration,
    schemes: Sequence[Scheme],
    given: Given,
    progress: Progress | None = None,
) -> tuple[list[Outcome], Materials]:
    """The outcome of every registered test, in their order; raises `TraceRefused`."""
    watch = progress or Silent()
    for test in registration.tests:
        _complete(test, given)
    seed = int(registration.hash[:8], 16)
    materials = Materials(given, seed)
    outcomes = []
    for test in registration.tests:
        if test.mode in KEYED:
            scheme = schemes[test.key - 1]
            outcomes.append(_keyed(test, scheme, registration, materials, watch))
        elif test.mode == "canaries":
            outcomes.append(_canaries(test, registration, materials))
        else:
            outcomes.append(_membership(test, materials))
    return outcomes, materials


def _complete(test: Test, given: Given) -> None:
    """That all is given that a test needs, before anything is computed."""
    model = test.mode in OPEN or test.statistic == "likelihood"
    given.needed("suspect_model" if model else "suspect_text", test.name)
    innocents = given.needed("innocent_models" if model else "innocent_texts", test.name)
    if test.statistic == "contrast" or test.mode == "membership":
        _at_least_two(test, innocents)
    names = {
        "open_supervised": ("served",),
        "open_unsupervised": ("other",),
        "canaries": ("canaries",),
        "membership": ("served", "held_out"),
    }
    for name in names.get(test.mode, ()):
        given.needed(name, test.name)


def _at_least_two(test: Test, innocents: Sequence[Path]) -> None:
    if len(innocents) < 2:
        what = f"{test.name} needs two innocent models: one to compare with, one as the control"
        raise TraceRefused("trial", what, "Give --innocent-model twice")


def _keyed(
    test: Test, scheme: Scheme, registration: Registration, materials: Materials, watch: Progress
) -> Outcome:
    given = materials.given
    found: list[tuple[str, Texts, Guesses]] = []
    if test.mode in OPEN:
        on = given.served if test.mode == "open_supervised" else given.other
        assert on is not None
        assert given.suspect_model is not None
        texts = materials.texts(on, "served" if test.mode == "open_supervised" else "other")
        reference, innocents = None, list(given.innocent_models)
        if test.statistic == "contrast":
            reference = materials.predictions(innocents.pop(0), on, texts)
        for path in (given.suspect_model, *innocents):
            if test.statistic not in ("tokens",):
                materials.folder(path, test.name)
            told = materials.predictions(path, on, texts)
            found.append((path.name, texts, guesses(texts, told, test.statistic, reference)))
    else:
        assert given.suspect_text is not None
        for path in (given.suspect_text, *given.innocent_texts):
            texts = materials.texts(path, "text")
            found.append((path.name, texts, own_tokens(texts)))
    (_, texts, made), *others = found
    scored = score(scheme, collected(texts, made, scheme, test.exclusion, test.limit))
    controls = [
        Control(name, score(scheme, collected(on, put, scheme, test.exclusion, test.limit)).p)
        for name, on, put in others
    ]
    seed = hashlib.sha256(f"{registration.hash} {test.name}".encode()).digest()
    many = registration.levels.wrong_keys
    watch.start(test.name, many, "wrong keys")
    wrong = wrong_keys(texts, made, scheme, test.exclusion, test.limit, seed, many, watch)
    watch.finish()
    missing = ""
    if scored.evidence < test.least:
        missing = (
            f"{test.name}: {scored.evidence:,} pieces of evidence, and the power table asks for "
            f"{test.least:,}"
        )
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
        missing,
    )


def _canaries(test: Test, registration: Registration, materials: Materials) -> Outcome:
    given = materials.given
    assert given.canaries is not None
    canaries = read_canaries(given.canaries)
    tokenizer = materials.tokenizer()

    def ranked(path: Path) -> Ranked:
        if test.statistic == "occurrence":
            decode = None if tokenizer is None else tokenizer.decode
            return by_occurrence(canaries, materials.texts(path, "text"), decode)
        model = materials.model(materials.folder(path, test.name))
        return by_likelihood(
            canaries,
            lambda texts: model.predictions(texts, kept=1).log_likelihood,
            model.start,
            None if tokenizer is None else partial(tokenizer.encode, add_special_tokens=False),
        )

    likely = test.statistic == "likelihood"
    suspect = given.suspect_model if likely else given.suspect_text
    innocents = given.innocent_models if likely else given.innocent_texts
    assert suspect is not None
    told = ranked(suspect)
    controls = [Control(path.name, ranked(path).p) for path in innocents]
    if told.control is not None:
        controls.append(Control("canaries that were never served", told.control))
    exposed = [canary for canary in canaries if canary.exposures > 0]
    best = fisher([1 / (1 + len(canary.references)) for canary in exposed]) if exposed else 1.0
    alpha = registration.levels.alpha / len(registration.tests)
    missing = ""
    if best > alpha:
        missing = f"{test.name}: so few canaries and references can't give p below {best:.3g}"
    levels = {
        f"p at {level.exposures} exposures ({level.canaries} canaries)": figure(level.p)
        for level in told.levels
    }
    return Outcome(test, told.p, null_of(test, None), levels, tuple(controls), missing=missing)


def _membership(test: Test, materials: Materials) -> Outcome:
    given = materials.given
    assert given.suspect_model is not None
    assert given.served is not None
    assert given.held_out is not None
    sides = [
        (given.served, materials.texts(given.served, "served")),
        (given.held_out, materials.texts(given.held_out, "held out")),
    ]
    models = [given.suspect_model, *given.innocent_models]
    gained = []
    for path in models:
        materials.folder(path, test.name)
        gained.append(
            [
                a_token(texts, materials.predictions(path, on, texts).log_likelihood)
                for on, texts in sides
            ]
        )

    def judged(which: int) -> tuple[float, float]:
        others = [told for at, told in enumerate(gained) if at not in (0, which)]
        told = membership(
            gained[which][0],
            gained[which][1],
            [other[0] for other in others],
            [other[1] for other in others],
            materials.seed,
        )
        return told.p, told.gain

    p, gain = judged(0)
    controls = [Control(path.name, judged(at)[0]) for at, path in enumerate(models) if at]
    fewest = min(len(texts) for _, texts in sides)
    missing = ""
    if fewest < _FEWEST_ANSWERS:
        missing = f"{test.name}: {fewest} answers on a side, and {_FEWEST_ANSWERS} are needed"
    figures = {
        "served answers": f"{len(sides[0][1]):,}",
        "held-out answers": f"{len(sides[1][1]):,}",
        "nats a token more than on held-out answers": figure(gain),
    }
    return Outcome(test, p, null_of(test, None), figures, tuple(controls), missing=missing)
