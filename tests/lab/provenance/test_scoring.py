"""Which pairs count: against a slow account of the same rules."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.lab.provenance.schemes.gumbel import Gumbel
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.scoring import EXCLUSIONS, Guesses, collected, own_tokens
from stillwatch.lab.provenance.texts import Texts, texts_of

TEXT = st.lists(st.integers(1, 4), max_size=12)


def _slowly(
    texts: Texts, guesses: Guesses, width: int, exclusion: str, prompt_counts: bool
) -> list[tuple[tuple[int, ...], int]]:
    """Pairs that count once, in order, by the rules as they are written down."""
    found: list[tuple[tuple[int, ...], int]] = []
    for place, token in zip(guesses.places.tolist(), guesses.tokens.tolist(), strict=True):
        row = int(texts.rows[place])
        start = int(texts.starts[row]) + (0 if prompt_counts else int(texts.prompts[row]))
        if place - width < start:
            continue
        context = tuple(texts.tokens[place - width : place].tolist())
        before = []
        for at in range(place):
            same = int(texts.rows[at]) == row
            whole = at - width >= int(texts.starts[int(texts.rows[at])])
            if whole and (same or exclusion == "fresh"):
                before.append(
                    (tuple(texts.tokens[at - width : at].tolist()), int(texts.tokens[at]))
                )
        stands = {
            "none": False,
            "pair": (context, token) in before,
            "context": context in {known for known, _ in before},
            "fresh": context in {known for known, _ in before},
        }[exclusion]
        if not stands and (context, token) not in found:
            found.append((context, token))
    return found


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), st.sampled_from(EXCLUSIONS))
def test_pairs_are_those_of_the_rules(pairs: list[tuple[list[int], list[int]]], how: str) -> None:
    """For a suspect's own text and for guesses, for schemes that see the prompt and that don't."""
    texts = texts_of(pairs)
    guessed = Guesses(texts.answers, (texts.tokens[texts.answers] % 4) + 1)
    for scheme in (GreenList(3, 10), Gumbel(3, 2)):
        for guesses in (own_tokens(texts), guessed):
            told = collected(texts, guesses, scheme, how)
            ours = [
                (tuple(context), token)
                for context, token in zip(told.contexts.tolist(), told.tokens.tolist(), strict=True)
            ]
            assert ours == _slowly(texts, guesses, scheme.width, how, scheme.sees_prompt)
            assert told.excluded + told.repeated + len(told) == _looked_at(texts, guesses, scheme)


def _looked_at(texts: Texts, guesses: Guesses, scheme: GreenList | Gumbel) -> int:
    before = texts.offsets - (0 if scheme.sees_prompt else texts.prompts[texts.rows])
    return int((before[guesses.places] >= scheme.width).sum())


def test_shares_of_equal_pairs_add_up() -> None:
    """Two places with one context: their mass on a token is one weight; excluded mass is none."""
    texts = texts_of([([1], [2, 3]), ([1], [4, 1, 5])])
    guesses = Guesses(
        texts.answers[[0, 0, 2, 4, 4]],
        np.array([2, 9, 2, 2, 4]),
        np.array([0.5, 0.3, 0.25, 0.125, 0.6]),
    )
    told = collected(texts, guesses, GreenList(3, 10), "pair")
    weights = dict(zip(told.tokens.tolist(), told.weights.tolist(), strict=True))
    # the last 4 stands after 1 in its own text; the third 2 doesn't, and adds up
    assert weights == {2: 0.875, 9: 0.3}
    assert told.excluded == 1


def test_a_limit_takes_the_first_pairs() -> None:
    """In order of the texts, so that who runs the test can't choose."""
    texts = texts_of([([1], [2, 3, 4]), ([1], [5, 6])])
    told = collected(texts, own_tokens(texts), GreenList(3, 10), "pair", 3)
    assert told.tokens.tolist() == [2, 3, 4]


@pytest.mark.parametrize("how", EXCLUSIONS)
def test_texts_too_short_for_a_context_give_nothing(how: str) -> None:
    """An empty answer, an empty prompt, one token."""
    texts = texts_of([([], []), ([], [3]), ([4], [])])
    assert len(collected(texts, own_tokens(texts), GreenList(3, 10), how)) == 0
