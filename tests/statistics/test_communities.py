"""Communities and crowds: planted parts come back, in any order of edges."""

from __future__ import annotations

import subprocess
import sys

import graspologic_native
import numpy as np
import pytest

from stillwatch.statistics import communities as communities_of
from stillwatch.statistics.communities import communities
from stillwatch.statistics.crowds import COHESION, spread_within, twin_communities
from stillwatch.statistics.mmd import NULL_SPREAD, Samples, squared_mmd, twin_links
from stillwatch.statistics.nearest import nearest_twins

SIZES = (30, 20, 8, 3)


def planted(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four dense parts with a few bridges between them."""
    rng = np.random.default_rng(seed)
    home = np.repeat(np.arange(len(SIZES)), SIZES)
    a, b = np.triu_indices(len(home), 1)
    inside = home[a] == home[b]
    keep = np.where(inside, rng.random(len(a)) < 0.8, rng.random(len(a)) < 0.01)
    return a[keep], b[keep], np.ones(keep.sum())


def as_lists(found: list[np.ndarray]) -> list[list[int]]:
    """Communities to compare."""
    return [f.tolist() for f in found]


def test_planted_parts_come_back_largest_first():
    """Each part is one community; those below `least` are left out."""
    ends = np.cumsum([0, *SIZES])
    expected = [list(range(ends[i], ends[i + 1])) for i in range(3)]
    assert as_lists(communities(*planted(), least=4)) == expected


@pytest.mark.parametrize("seed", range(4))
def test_order_of_edges_does_not_matter(seed: int):
    """Shuffled edges give the same communities."""
    a, b, weight = planted(seed)
    weight = np.random.default_rng(seed).random(len(a)) + 0.1
    order = np.random.default_rng(seed + 1).permutation(len(a))
    shuffled = communities(a[order], b[order], weight[order], 1)
    assert as_lists(shuffled) == as_lists(communities(a, b, weight, 1))


def test_every_process_gives_the_same_answer():
    """Nothing depends on a process's own seed of hashes."""
    script = (
        "import numpy as np\n"
        "from stillwatch.statistics.communities import communities\n"
        "rng = np.random.default_rng(2)\n"
        "a, b = rng.integers(0, 60, (2, 300))\n"
        "print([f.tolist() for f in communities(a, b, np.ones(300), 1)])\n"
    )
    runs = [[sys.executable, "-c", script]] * 2
    answers = {subprocess.run(r, capture_output=True, text=True, check=True).stdout for r in runs}
    assert len(answers) == 1
    assert "[" in answers.pop()


@pytest.mark.parametrize("seed", range(3))
def test_communities_are_those_of_the_library_s_named_edges(seed: int):
    """The matrix that is handed in numbers places as a list of edges in order does."""
    rng = np.random.default_rng(seed)
    a, b = np.unique(np.sort(rng.integers(0, 300, (900, 2)), axis=1) * 7, axis=0).T
    a, b = a[a != b], b[a != b]
    edges = [(str(i), str(j), 1.0) for i, j in zip(a.tolist(), b.tolist(), strict=True)]
    _, partition = graspologic_native.leiden(  # pyright: ignore[reportAttributeAccessIssue]
        edges, iterations=2, seed=communities_of.SEED
    )
    theirs: dict[int, list[int]] = {}
    for node, label in partition.items():
        theirs.setdefault(label, []).append(int(node))
    ours = as_lists(communities(a, b, np.ones(len(a)), 1))
    assert sorted(ours) == sorted(sorted(part) for part in theirs.values())


def test_graphs_of_nothing_have_no_community():
    """No edges, and edges from an account to itself only."""
    none = np.zeros(0, np.int64)
    assert communities(none, none, np.zeros(0), 1) == []
    assert communities(np.array([3]), np.array([3]), np.ones(1), 1) == []


def _crowds(seed: int, crowds: int, each: int, n: int = 150) -> Samples:
    """Samples of `crowds` distributions, each of many topics of its own."""
    rng = np.random.default_rng(seed)
    totals = []
    for _ in range(crowds):
        topics = rng.normal(size=(30, 256))
        for _ in range(each):
            rows = topics[rng.integers(0, 30, n)] + 2.0 * rng.normal(size=(n, 256))
            totals.append((rows / np.linalg.norm(rows, axis=1, keepdims=True)).sum(0))
    size = np.full(len(totals), float(n))
    return Samples(size, np.array(totals), size.copy())


def test_crowds_are_found_whole_and_kept_apart():
    """One large crowd, which nearest neighbours cut to pieces, is one; two crowds are two."""
    sample = _crowds(1, crowds=2, each=60)
    other, mmd2 = nearest_twins(sample, 6)
    linked = twin_links(sample.size[:, None], sample.size[other], mmd2, NULL_SPREAD)
    found = sorted(as_lists(twin_communities(sample, other, linked, 4)))
    assert found == [list(range(60)), list(range(60, 120))]


def test_members_of_one_crowd_are_near_each_other_and_of_two_are_not():
    """The mean over pairs is nought in a crowd, and above the bar over two crowds together."""
    sample = _crowds(2, crowds=2, each=10)
    pairs = squared_mmd(sample, sample)[:20, :20]
    by_hand = pairs[np.triu_indices(20, 1)].mean()
    assert spread_within(sample, np.arange(20)) == pytest.approx(by_hand)
    assert spread_within(sample, np.arange(10)) < COHESION < by_hand
