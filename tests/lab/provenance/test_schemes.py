"""Pseudo-random functions: golden vectors, unbiasedness, a null that holds for every detector."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binom, kstest

from stillwatch.lab.provenance.controls import score
from stillwatch.lab.provenance.schemes.gumbel import Gumbel, derived, mantissas, uniforms
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.schemes.mersenne import among_first, permutation, words
from stillwatch.lab.provenance.schemes.sbw import Bernoulli, hashed
from stillwatch.lab.provenance.schemes.scheme import Scheme
from stillwatch.lab.provenance.schemes.synthid import SynthID
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.texts import Texts, texts_of

KEYS = tuple(range(1001, 1031))
SCHEMES: dict[str, Scheme] = {
    "kgw lefthash": GreenList(15485863, 500),
    "kgw selfhash": GreenList(15485863, 500, 0.5, 4, "selfhash"),
    "synthid": SynthID(KEYS),
    "gumbel": Gumbel(42, 2),
    "dual-key gumbel": Gumbel(42, 2, 0.1),
    "sbw selfhash": Bernoulli(42),
    "sbw lefthash": Bernoulli(42, 2, "lefthash", 0.25),
}
CONTEXTS = np.array([[1, 2, 3, 4], [4, 5, 6, 7], [1, 2, 3, 4], [4, 5, 6, 7]])
TOKENS = np.array([7, 7, 8, 8])


def _text(seed: int, texts: int = 10, length: int = 60) -> Texts:
    """Text with Zipf's law and repetitions, as real text has."""
    rng = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 501)
    rows = rng.choice(500, (texts, length), p=shares / shares.sum())
    return texts_of([(row[:5].tolist(), row[5:].tolist()) for row in rows])


def test_the_generator_is_mt19937() -> None:
    """The first words of the reference implementation for seed 5489."""
    assert words(5489, 3).tolist() == [3499211612, 581869302, 3890346734]
    assert words(5489 + 2**32, 3).tolist() == words(5489, 3).tolist()


def test_permutations_are_golden() -> None:
    """As `torch.randperm(50)` gives them for one seed, in part and in full."""
    assert permutation(123456789012345, 50, 8).tolist() == [14, 11, 25, 2, 19, 38, 47, 7]
    whole = permutation(7, 50, 50)
    assert sorted(whole.tolist()) == list(range(50))
    assert permutation(7, 50, 20).tolist() == whole[:20].tolist()


def test_membership_of_a_green_list_is_that_of_its_permutation() -> None:
    """Runs of one seed share a list; tokens outside the vocabulary are in none."""
    seeds = np.array([3, 3, 9, 9], np.uint32)
    green = set(permutation(3, 40, 10).tolist()), set(permutation(9, 40, 10).tolist())
    tokens = np.array([min(green[0]), 1000, min(green[1]), -1])
    assert among_first(seeds, tokens, 40, 10).tolist() == [True, False, True, False]


def test_gumbel_is_as_in_vllm() -> None:
    """The compatibility vector of vLLM's own tests (`PhiloxPRF(42)`)."""
    told = mantissas(42, CONTEXTS, TOKENS)
    assert told.tolist() == [1661833, 9742331, 10571167, 13375724]
    assert uniforms(42, CONTEXTS, TOKENS).dtype == np.float32


def test_keys_are_derived_as_in_vllm() -> None:
    """SHA-256 over domain and big-endian key, its first eight bytes."""
    assert derived(42, b"key_a") != derived(42, b"key_b")
    assert derived(42, b"key_a") == 37150756557148556


@pytest.mark.parametrize("name", SCHEMES)
def test_scores_are_golden(name: str) -> None:
    """What each scheme gives eight pairs; a change here is a change of every report."""
    scheme = SCHEMES[name]
    rng = np.random.default_rng(0)
    contexts, tokens = rng.integers(0, 500, (8, scheme.width)), rng.integers(0, 500, 8)
    told = scheme.scores(contexts, tokens)
    assert told.round(6).tolist() == GOLDEN[name]


def test_jenkins_hash_is_golden() -> None:
    """Wraps and shifts as 32-bit integers of PyTorch do."""
    assert hashed(np.array([0, 1, 499, 2**24 - 1])).tolist() == [
        638944058,
        1362763215,
        1202355017,
        1088103735,
    ]


@pytest.mark.parametrize("name", SCHEMES)
def test_scores_have_the_mean_and_variance_that_the_null_says(name: str) -> None:
    """Unbiased: over keys a pair's score has the null's moments."""
    rng, scheme = np.random.default_rng(1), SCHEMES[name]
    contexts, tokens = rng.integers(0, 500, (50, scheme.width)), rng.integers(0, 500, 50)
    told = np.array([scheme.rekeyed(rng).scores(contexts, tokens) for _ in range(400)])
    spread = np.sqrt(scheme.null.variance / told.size)
    assert abs(told.mean() - scheme.null.mean) < 5 * spread
    assert told.var() == pytest.approx(scheme.null.variance, rel=0.12)


def test_gumbel_sampling_is_unbiased() -> None:
    """The token of the greatest u**(1/p) is drawn with probability p."""
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    contexts = np.arange(20_000)[:, None]
    drawn = np.stack([uniforms(7, contexts, np.full(20_000, token)) for token in range(4)], axis=1)
    found = np.bincount((np.log(drawn) / shares).argmax(axis=1), minlength=4) / 20_000
    assert np.abs(found - shares).max() < 0.015


@pytest.mark.parametrize("name", SCHEMES)
def test_the_null_holds_over_800_keys(name: str) -> None:
    """On one unmarked text, p-values under 800 keys are uniform or greater."""
    rng, scheme, texts = np.random.default_rng(2), SCHEMES[name], _text(3)
    others = [scheme.rekeyed(rng) for _ in range(800)]
    p = np.array([score(key, collected(texts, own_tokens(texts), key)).p for key in others])
    assert (p <= 0.05).sum() <= binom.ppf(0.9995, 800, 0.05)
    assert (p <= 0.01).sum() <= binom.ppf(0.9995, 800, 0.01)
    assert kstest(p, "uniform", alternative="greater").pvalue > 1e-4
    # and not so much greater that nothing would be found
    assert (p <= 0.05).sum() >= binom.ppf(0.0005, 800, 0.02)


def test_hugging_face_synthid_sees_sixteen_bits() -> None:
    """Pairs whose n-grams differ by a multiple of the table's size score alike under every key."""
    scheme = SynthID(KEYS, 2)
    contexts, tokens = np.array([[5], [5]]), np.array([9, 9 + 2**16])
    assert scheme.ids(contexts, tokens)[0] == scheme.ids(contexts, tokens)[1]
    for key in (scheme, scheme.rekeyed(np.random.default_rng(0))):
        assert (np.diff(key.g_values(contexts, tokens), axis=0) == 0).all()


def test_pairs_that_share_a_list_share_an_id() -> None:
    """The left hash sees one token; what the self hash sees follows the key."""
    left = GreenList(11, 500, context_width=3)
    assert left.width == 1
    contexts, tokens = np.array([[1], [1], [2]]), np.array([4, 5, 4])
    assert len(np.unique(left.ids(contexts, tokens))) == 3
    own = GreenList(11, 500, 0.5, 4, "selfhash")
    windows = np.random.default_rng(4).integers(0, 30, (400, 3))
    token = np.full(400, 7)
    ids, seeds = own.ids(windows, token), own.seeds(windows, token)
    assert len(np.unique(ids)) == len(np.unique(seeds)) < 40


def test_a_key_of_another_kind_is_another_scheme() -> None:
    """Parameters say nothing of the key, secrets nothing else."""
    for scheme in SCHEMES.values():
        told, secret = scheme.parameters(), scheme.secret()
        assert not set(told) & set(secret)
        other = scheme.rekeyed(np.random.default_rng(5))
        assert other.parameters() == told
        assert other.secret() != secret
    assert replace(GreenList(1, 500), greenlist_ratio=0.5).null.rate == 0.5


GOLDEN: dict[str, list[float]] = {
    "kgw lefthash": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    "kgw selfhash": [0.0, 1.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
    "synthid": [9.0, 15.0, 14.0, 19.0, 16.0, 18.0, 13.0, 16.0],
    "gumbel": [0.918112, 0.381634, 1.408463, 1.227146, 0.906796, 0.034549, 0.883556, 0.052371],
    "dual-key gumbel": [
        0.446553,
        0.901399,
        2.2889,
        0.22654,
        0.416398,
        0.509515,
        0.165232,
        0.716624,
    ],
    "sbw selfhash": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0],
    "sbw lefthash": [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0],
}


def test_what_no_key_decides_is_no_evidence() -> None:
    """A seed of key times token is zero for token 0, whatever the key."""
    rng = np.random.default_rng(6)
    left, sums = GreenList(11, 500), Bernoulli(11, 2, "lefthash")
    texts = texts_of([([], [0, 5, 0, 9, 3])])
    for scheme, zero in ((left, np.array([[0]])), (sums, np.array([[0, 0]]))):
        tokens = np.arange(20)
        contexts = np.repeat(zero, 20, axis=0)
        same = [scheme.rekeyed(rng).scores(contexts, tokens).tolist() for _ in range(3)]
        assert same[0] == same[1] == same[2]
        assert not scheme.keyed(contexts, tokens).any()
    counted = collected(texts, own_tokens(texts), left, "none")
    assert counted.contexts[:, 0].tolist() == [5, 9]
