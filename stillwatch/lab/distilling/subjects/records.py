"""Short texts to put into JSON: work that a small language model does, and that can be checked.

A sentence names a person and a town; the answer is a JSON object of the two. Sentences come from
templates, so nothing has to be fetched; prompts are drawn without replacement from their product,
so none that is held out is ever asked for training.
"""

from __future__ import annotations

import json

import numpy as np

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.material import Counts, Material, Pair, folded

_ASKING = 'Write this sentence as JSON with the keys "name" and "city": '
_SENTENCES = (
    "{name} lives in {city}.",
    "{name} works in {city}.",
    "In {city}, {name} works as a teacher.",
    "My friend {name} has a house in {city}.",
    "{name} went to school in {city}.",
    "{name}, a doctor, lives in {city}.",
    "{name} moved to {city} last year.",
    "Every summer {name} travels to {city}.",
)
_NAMES = (
    "Ahmed", "Alice", "Anna", "Carlos", "Clara", "David", "Diego", "Elena", "Emma", "Felix",
    "George", "Grace", "Hannah", "Henry", "Ivan", "James", "Jane", "Julia", "Karl", "Laura",
    "Linda", "Lucy", "Marco", "Maria", "Martin", "Nina", "Oliver", "Omar", "Paul", "Peter",
    "Robert", "Rosa", "Sarah", "Simon", "Sofia", "Susan", "Thomas", "Tom", "Victor", "Walter",
)  # fmt: skip
_CITIES = (
    "Amsterdam", "Athens", "Berlin", "Boston", "Cairo", "Chicago", "Dallas", "Delhi", "Denver",
    "Dublin", "Geneva", "Hamburg", "Havana", "Houston", "Istanbul", "Lima", "Lisbon", "London",
    "Madrid", "Miami", "Milan", "Moscow", "Munich", "Nairobi", "Naples", "Oslo", "Oxford", "Paris",
    "Prague", "Rome", "Seattle", "Sydney", "Tokyo", "Toronto", "Venice", "Vienna", "Warsaw",
    "Zurich",
)  # fmt: skip
LONGEST = 36
"""Tokens: what it takes has about 20."""


class Records:
    """Checks answers against the sentence that was asked about."""

    def right(self, prompt: str, answer: str) -> bool:
        """Whether it is an object of just the two, in any letter case."""
        return self.said(answer) == _TRUE.get(prompt)

    def said(self, answer: str) -> str:
        """The object in one form; what isn't one stands for itself.

        >>> Records().said('{"city": "Rome", "name": "Eva"}')
        '{"city": "rome", "name": "eva"}'
        """
        try:
            found = json.loads(answer.strip().removeprefix("```json").removesuffix("```"))
        except (ValueError, RecursionError):
            return folded(answer)
        return _one_form(found) if isinstance(found, dict) else folded(answer)


def records_material(counts: Counts, seed: int) -> Material:
    """Prompts drawn by `seed`; raises `LabRefused` where more are wanted than there are."""
    wanted = counts.asked + counts.held_out + counts.own
    if wanted > len(_TRUE):
        what = f"{wanted:,} prompts are wanted, and there are {len(_TRUE):,}"
        raise LabRefused("records", what, "Ask for fewer, or give your own with --prompts")
    places = np.random.default_rng([seed, 5]).permutation(len(_TRUE))[:wanted].tolist()
    every = tuple(_TRUE)
    drawn = [every[place] for place in places]
    asked_from = counts.held_out + counts.own
    return Material(
        name="records",
        asked=tuple(drawn[asked_from:]),
        held_out=tuple(drawn[: counts.held_out]),
        own=tuple(
            Pair(prompt, json.dumps(_PARTS[prompt], indent=2))
            for prompt in drawn[counts.held_out : asked_from]
        ),
        public=(),
        longest=LONGEST,
        checker=Records(),
    )


def _one_form(record: object) -> str:
    return folded(json.dumps(record, sort_keys=True))


_PARTS = {
    _ASKING + sentence.format(name=name, city=city): {"name": name, "city": city}
    for sentence in _SENTENCES
    for name in _NAMES
    for city in _CITIES
}
_TRUE = {prompt: _one_form(parts) for prompt, parts in _PARTS.items()}
