"""Built-in conversations of people: hundreds of topics in six languages, each with its own words."""

from __future__ import annotations

import random

import numpy as np

from stillwatch.worlds.phrases import PhraseBook
from stillwatch.worlds.texts import LANGUAGES, Conversations
from stillwatch.worlds.words import Grammar, read_words

ANGLES = {"en": 4, "zh": 4, "es": 3, "de": 3, "fr": 3, "pt": 3}
"""Topics made of one line of the list: each takes five of its terms."""


def people_conversations(book: PhraseBook, rng: random.Random, people: int) -> Conversations:
    """Topics with conversations; more people, more conversations a topic (24 to 150)."""
    each = min(150, max(24, people // 120))
    turns: list[list[int]] = []
    first, topic_first, spoken = [0], [0], []
    own = {lang: _grammar(rng, lang) for lang in ANGLES}
    for language, lines in read_words("topics").items():
        for line in lines:
            domain, terms = line.split(": ", 1)
            for _ in range(ANGLES[language]):
                grammar = own[language]
                words = rng.sample(terms.split(", "), 5)
                for _ in range(each):
                    turns += _conversation(book, grammar, language, domain, words)
                    first.append(len(turns))
                topic_first.append(len(first) - 1)
                spoken.append(LANGUAGES.index(language))
    table = np.full((len(turns), 3), -1, dtype=np.int32)
    for i, row in enumerate(turns):
        table[i, : len(row)] = row
    asides = {lang: book.add_all(_asides(own[lang], lang)) for lang in LANGUAGES}
    return Conversations(table, np.array(first), np.array(topic_first), np.array(spoken), asides)


def _grammar(rng: random.Random, language: str) -> Grammar:
    grammar = Grammar(rng, "people")
    for section in ("rel", "when"):
        local = grammar.sections.get(f"{section}_{language}")
        if local:
            grammar.sections[section] = local
    return grammar


def _conversation(
    book: PhraseBook, grammar: Grammar, language: str, domain: str, words: list[str]
) -> list[list[int]]:
    rng = grammar.rng
    follow = "follow" if language == "en" else f"follow_{language}"
    t, u = rng.sample(words, 2)
    out = [[book.add(grammar.one(language, d=domain, t=t, u=u)) for _ in range(_pieces(rng))]]
    while rng.random() < 0.72 and len(out) < 12:
        if rng.random() < 0.3:
            t, u = u, rng.choice(words)
        section = follow if rng.random() < 0.65 else language
        pieces = 1 if section == follow else _pieces(rng)
        out.append([book.add(grammar.one(section, d=domain, t=t, u=u)) for _ in range(pieces)])
    return out


def _pieces(rng: random.Random) -> int:
    return rng.choice((1, 1, 2, 2, 3))


def _asides(grammar: Grammar, language: str) -> list[str]:
    section = "own" if language == "en" else f"own_{language}"
    return [grammar.one(section) for _ in range(400 if language == "en" else 30)]
