"""Dense blocks: against exhaustive search, under camouflage, and against connected components."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stillwatch.groups.blocks import dense_blocks, densest_block, rarity

Edges = tuple[np.ndarray, np.ndarray, np.ndarray]


def density(edges: Edges, accounts: set[int], objects: set[int]) -> float:
    """Weight of the edges inside, per node."""
    account, obj, weight = edges
    inside = np.isin(account, list(accounts)) & np.isin(obj, list(objects))
    return float(weight[inside].sum() / (len(accounts) + len(objects)))


def densest(edges: Edges) -> float:
    """The greatest density there is, by trying every set of accounts and of objects."""
    account, obj, weight = edges
    rows, columns = np.unique(account), np.unique(obj)
    matrix = np.zeros((len(rows), len(columns)))
    np.add.at(matrix, (np.searchsorted(rows, account), np.searchsorted(columns, obj)), weight)
    best = 0.0
    for kept in product((False, True), repeat=len(rows)):
        mine = np.array(kept)
        if not mine.any():
            continue
        # With the accounts given, the heaviest objects are best, so many as pay.
        worth = np.sort(matrix[mine].sum(0))[::-1].cumsum()
        best = max(best, (worth / (mine.sum() + np.arange(1, len(worth) + 1))).max())
    return best


def tiny(seed: int) -> Edges:
    """A random graph of up to eight accounts and eight objects, each edge once."""
    rng = np.random.default_rng(seed)
    a, o = np.divmod(rng.choice(64, int(rng.integers(3, 40)), replace=False), 8)
    return a * 10 + 3, o * 7 + 1, rng.random(len(a)) * rng.choice([1.0, 5.0], len(a))


@pytest.mark.parametrize("seed", range(40))
def test_the_block_is_at_least_half_as_dense_as_the_densest(seed: int):
    """FRAUDAR's guarantee, on graphs small enough to try everything; density is what it says."""
    edges = tiny(seed)
    block = densest_block(*edges)
    best = densest(edges)
    assert best / 2 <= block.density <= best + 1e-9
    found = density(edges, set(block.accounts.tolist()), set(block.objects.tolist()))
    assert block.density == pytest.approx(found)
    assert (np.diff(block.accounts) > 0).all()
    assert (np.diff(block.objects) > 0).all()


@pytest.mark.parametrize("seed", range(10))
def test_order_of_edges_does_not_matter(seed: int):
    """Shuffled edges give the same block to the last bit, ties in weight and all."""
    rng = np.random.default_rng(seed)
    account, obj = np.divmod(rng.choice(2400, 400, replace=False), 60)
    weight = rarity(np.bincount(obj)[obj], 40)
    whole = densest_block(account, obj, weight)
    order = rng.permutation(400)
    again = densest_block(account[order], obj[order], weight[order])
    assert whole.density == again.density
    assert whole.accounts.tolist() == again.accounts.tolist()
    assert whole.objects.tolist() == again.objects.tolist()


def test_rare_objects_weigh_more_and_what_all_use_weighs_nothing():
    """ln(N / d): 0 at d = N, and growing as users grow fewer."""
    weight = rarity(np.array([100, 50, 10, 2, 1]), 100)
    assert weight[0] == 0
    assert (np.diff(weight) > 0).all()
    assert weight[3] == pytest.approx(np.log(50))


N, MEMBERS = 300, 30


def camouflaged(seed: int, camouflage: float) -> Edges:
    """300 accounts with habits of their own and popular objects; 30 share 40 rare ones.

    Every member also uses popular objects, `camouflage` of its edges, drawn as honest users do.
    """
    rng = np.random.default_rng(seed)
    popular = 1 / np.arange(1, 201)
    popular /= popular.sum()
    edges: set[tuple[int, int]] = set()
    for a in range(N):
        edges |= {(a, int(o)) for o in rng.choice(200, 12, p=popular)}
        edges |= {(a, 1000 + 3 * a + i) for i in range(3)}
    for a in range(MEMBERS):
        own = {(a, 500 + int(o)) for o in rng.choice(40, 16, replace=False)}
        extra = int(len(own) * camouflage / (1 - camouflage))
        edges |= own | {(a, int(o)) for o in rng.choice(200, extra, p=popular)}
    account, obj = np.array(sorted(edges)).T
    users = np.bincount(obj)
    keep = users[obj] >= 2
    account, obj = account[keep], obj[keep]
    return account, obj, rarity(users[obj], N)


@pytest.mark.parametrize("camouflage", [0.0, 0.2, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(2))
def test_a_planted_block_is_found_under_camouflage(seed: int, camouflage: float):
    """The members and nobody else, however much of their traffic copies honest users'."""
    block = dense_blocks(*camouflaged(seed, camouflage))[0]
    assert block.accounts.tolist() == list(range(MEMBERS))
    assert set(block.objects.tolist()) >= set(range(500, 540))


@pytest.mark.parametrize("camouflage", [0.0, 0.2])
def test_connected_components_collapse_where_the_block_is_found(camouflage: float):
    """The baseline: components over shared objects put members and honest users in one."""
    account, obj, _ = camouflaged(0, camouflage)
    nodes = N + int(obj.max()) + 1
    graph = coo_array((np.ones(len(obj)), (account, N + obj)), shape=(nodes, nodes))
    _, label = connected_components(graph, directed=False)
    together = np.bincount(label[:N])[label[0]]
    assert together > 0.95 * N


def test_blocks_come_densest_first_and_share_no_edge():
    """Two planted blocks are found one after the other; small ones and thin ones are not told."""

    def grid(accounts: range, objects: range) -> list[tuple[int, int]]:
        """Every account with every object."""
        return list(product(accounts, objects))

    edges = (
        grid(range(12), range(12))
        + grid(range(20, 28), range(20, 28))
        + grid(range(40, 43), range(40, 60))
    )
    edges += [(60 + i, 70 + i) for i in range(20)]
    account, obj = np.array(edges).T
    weight = np.ones(len(edges))
    blocks = dense_blocks(account, obj, weight, least_density=1.0)
    assert [b.accounts.tolist() for b in blocks] == [list(range(12)), list(range(20, 28))]
    assert [b.density for b in blocks] == sorted((b.density for b in blocks), reverse=True)
    assert len(dense_blocks(account, obj, weight, most=1)) == 1
    three = dense_blocks(account, obj, weight, least_density=1.0, least_accounts=3)
    assert list(range(40, 43)) in [b.accounts.tolist() for b in three]
    assert dense_blocks(account, obj, weight, least_density=100.0) == []


def test_edges_of_no_weight_are_no_edges():
    """What everybody uses links nobody; a graph without edges has no block."""
    account, obj = np.array(list(product(range(9), range(3)))).T
    assert dense_blocks(account, obj, rarity(np.bincount(obj)[obj], 9)) == []
    none = np.zeros(0, np.int64)
    assert dense_blocks(none, none, np.zeros(0)) == []
