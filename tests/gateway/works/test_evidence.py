"""Evidence: a fair bet against honest accounts, however often it is looked at."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.gateway.works.evidence import MOST_THREADS, Crowd, log_ratio


def crowd(rates: np.ndarray, threads: int, seed: int, unseen: float = 1.0) -> Crowd:
    """Accounts that hit at these rates."""
    rng = np.random.default_rng(seed)
    hits = rng.binomial(threads, rates)
    return Crowd(hits, np.full(len(rates), threads), np.ones(len(rates)), unseen)


def passes(ratio: np.ndarray, rates: np.ndarray, bound: float, seed: int) -> float:
    """Share of accounts at these rates whose evidence ever passes the bound."""
    rng = np.random.default_rng(seed)
    hits = np.cumsum(rng.random((len(rates), MOST_THREADS)) < rates[:, None], axis=1)
    evidence = ratio[np.arange(1, MOST_THREADS + 1), hits]
    return float((evidence.max(1) >= bound).mean())


@pytest.mark.parametrize("alpha", [0.1, 0.01])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_honest_accounts_pass_by_chance_as_seldom_as_is_said(alpha: float, seed: int) -> None:
    """New accounts of the crowd that was seen, some of whom do much of the like."""
    rng = np.random.default_rng(seed)
    rates = np.where(rng.random(40_000) < 0.02, rng.beta(6, 3, 40_000), rng.beta(0.3, 30, 40_000))
    ratio = log_ratio(crowd(rng.beta(8, 2, 500), 16, seed), crowd(rates[:4_000], 16, seed + 1))
    wrong = passes(ratio, rates[4_000:], -np.log10(alpha), seed + 2)
    assert wrong <= 1.5 * alpha  # 3,600 or 360 are expected at most
    assert passes(ratio, rng.beta(8, 2, 500), 1.0, seed + 3) > 0.5


def test_who_has_seen_few_is_never_certain() -> None:
    """Evidence is bounded by how many honest accounts were seen, and grows with them."""
    members = crowd(np.full(500, 0.9), 16, 1)
    most = [
        float(log_ratio(members, crowd(np.zeros(n), 16, 2))[: MOST_THREADS + 1].max())
        for n in (10, 100, 1_000, 10_000)
    ]
    assert most == sorted(most)
    assert most[0] < np.log10(11 * 65)
    assert 0.8 < most[2] - most[1] < 1.2


def test_marks_that_few_bear_make_evidence_stronger() -> None:
    """By as much as they are rare."""
    members = crowd(np.full(500, 0.9), 16, 1)
    honest = crowd(np.full(1_000, 0.05), 16, 2)
    rare = Crowd(honest.hits, honest.threads, honest.bears * 0.01, 0.01)
    plain, marked = log_ratio(members, honest), log_ratio(members, rare)
    threads, hits = np.mgrid[: MOST_THREADS + 1, : MOST_THREADS + 1]
    possible = hits <= threads
    np.testing.assert_allclose(marked[possible] - plain[possible], 2.0, atol=0.01)
    assert (plain[~possible] == -np.inf).all()


def test_nobody_to_learn_from_is_no_evidence() -> None:
    """Without members or honest accounts it stays near nil."""
    nobody = Crowd(np.zeros(0, int), np.zeros(0, int), np.zeros(0), 1.0)
    ratio = log_ratio(nobody, nobody)
    assert ratio[np.isfinite(ratio)].max() == pytest.approx(0.0, abs=1e-6)
