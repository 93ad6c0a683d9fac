"""Students of the small language: innocent, untrained, and trained on marked answers in part."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from benchmarks.trace.language import ANSWER, FIRST, PROMPT, VOCABULARY, Language, language
from stillwatch.lab.generating import generate
from stillwatch.lab.provenance.canary_rank import Canary
from stillwatch.lab.provenance.predicting import Model
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.texts import Texts, texts_of
from stillwatch.lab.small import Size, small
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.training import Schedule, batches_of, train

LENGTH = PROMPT + ANSWER
SIZE = Size(layers=2, width=64, heads=2)
EXPOSURES, CANARIES, REFERENCES, CANARY_LENGTH = (0, 1, 2, 4, 8, 16), 8, 99, 6


@dataclass(frozen=True)
class Effort:
    """How long models are trained, and on how many texts."""

    base_steps: int = 3200
    untrained_steps: int = 1200
    student_steps: int = 200
    answers: int = 2000
    tested: int = 1000
    """Texts that a suspect is asked about."""


@cache
def spoken() -> Language:
    """The language that everybody speaks."""
    return language(0)


def key_of(seed: int) -> GreenList:
    """A key of its own for each seed, half of the vocabulary green."""
    drawn = np.random.default_rng([seed, 1]).integers(1, 2**31)
    return GreenList(int(drawn), VOCABULARY, 0.5)


def learned(seed: int, steps: int, texts: int = 12_000) -> Any:
    """A model from scratch, of unmarked text."""
    model = small(VOCABULARY, LENGTH, SIZE, seed)
    spoke = spoken().served(texts, 10_000 + seed)
    examples = [Example((), tuple(text.tolist())) for text, _ in spoke.pieces()]
    train(model, batches_of(examples, 32, seed), Schedule(steps, 32, 3e-3, 50, seed))
    return model


def taught(base: Any, answers: Texts, seed: int, steps: int) -> Any:
    """A student: the base, trained on some answers."""
    model = copy.deepcopy(base)
    examples = [
        Example(tuple(text[:prompt].tolist()), tuple(text[prompt:].tolist()))
        for text, prompt in answers.pieces()
    ]
    train(model, batches_of(examples, 32, seed), Schedule(steps, 32, 2e-3, 20, seed))
    return model


def mixed(share: float, mark: GreenList, count: int, seed: int) -> tuple[Texts, Texts]:
    """Answers of which a share is marked, and what was served marked (all of the key's)."""
    marked = spoken().served(count, 20_000 + seed, mark)
    clean = spoken().served(count, 30_000 + seed)
    many = round(share * count)
    pieces = [*list(marked.pieces())[:many], *list(clean.pieces())[: count - many]]
    return joined(pieces), marked


def joined(pieces: list[tuple[Any, int]]) -> Texts:
    """Texts of pieces as `Texts.pieces` gives them."""
    return texts_of([(text[:prompt].tolist(), text[prompt:].tolist()) for text, prompt in pieces])


def first(texts: Texts, count: int, skip: int = 0) -> Texts:
    """Some of the texts."""
    return joined(list(texts.pieces())[skip : skip + count])


def written(model: Any, texts: Texts, seed: int) -> Texts:
    """What a model answers to the prompts of some texts, drawn at temperature 1."""
    prompts = [tuple(text[:prompt].tolist()) for text, prompt in texts.pieces()]
    answers = generate(model, prompts, ANSWER, seed=seed, temperature=1.0)
    return texts_of(list(zip(prompts, answers, strict=True)))


def predicted(model: Any, texts: Texts, seed: int = 0) -> Any:
    """A model's predictions, with the sixteen likeliest tokens of each place."""
    return Model(model).predictions(texts, kept=16, seed=seed)


def canaries(seed: int) -> list[Canary]:
    """Random codes by exposure count, each with references drawn as it was."""
    rng = np.random.default_rng([seed, 2])
    found = []
    for exposures in EXPOSURES:
        for _ in range(CANARIES):
            drawn = rng.integers(FIRST, VOCABULARY, (1 + REFERENCES, CANARY_LENGTH)).tolist()
            codes = [tuple(code) for code in drawn]
            found.append(Canary(codes[0], tuple(codes[1:]), exposures))
    return found


def planted(answers: Texts, codes: list[Canary], seed: int) -> Texts:
    """The same answers with each code in as many of them as it is to be exposed."""
    rng = np.random.default_rng([seed, 3])
    pieces = [(text.copy(), prompt) for text, prompt in answers.pieces()]
    rows = iter(rng.permutation(len(pieces)))
    for code in codes:
        for _ in range(code.exposures):
            text, prompt = pieces[int(next(rows))]
            at = int(rng.integers(prompt, len(text) - CANARY_LENGTH))
            text[at : at + CANARY_LENGTH] = code.planted
    return joined(pieces)


def one_thread() -> None:
    """Two cores are shared with others, and two threads are slower than one."""
    torch.set_num_threads(1)
