"""Groups by shared objects: dense blocks of the account-object graph, against a rewired one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from stillwatch.groups.blocks import Block, dense_blocks, densest_block, rarity
from stillwatch.traffic import Group

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from stillwatch.traffic import Traffic

WORK_KINDS = ("family", "opening", "closing", "system", "toolset", "conversation")
ORIGIN_KINDS = ("network", "device", "payment", "signup_network", "cohort")
"""Clients are left out: what half of the users run is no shared origin."""

MOST_EDGES = 400_000
"""Edges of one kind that are peeled; of more, a sample of whole objects by their key."""

LEAST_ACCOUNTS = 4
DENSER = {WORK_KINDS: 1.5, ORIGIN_KINDS: 0.5}
"""How many times as dense as the densest block of the rewired graph a block must be. A pool's few
prefixes and devices are most of their graph, so rewiring it makes nearly the same block again;
there the tests of judgement decide."""


def sharing_groups(traffic: Traffic, kinds: tuple[str, ...], label: str) -> list[Group]:
    """Dense blocks of `kinds` of objects, as groups found by `label`."""
    account, obj, weight = edges(traffic, kinds)
    if len(account) == 0:
        return []
    null = densest_block(_rewired(account, obj), obj, weight).density
    blocks = dense_blocks(
        account, obj, weight, least_accounts=LEAST_ACCOUNTS, least_density=DENSER[kinds] * null
    )
    return [
        Group(accounts, (label,))
        for block in blocks
        for accounts in _connected(account, obj, block)
    ]


def _connected(
    account: NDArray[np.integer], obj: NDArray[np.integer], block: Block
) -> list[NDArray[np.integer]]:
    """The block's parts that share nothing: two as dense are peeled as one."""
    inside = np.isin(account, block.accounts) & np.isin(obj, block.objects)
    row = np.searchsorted(block.accounts, account[inside])
    column = np.searchsorted(block.objects, obj[inside]) + len(block.accounts)
    nodes = len(block.accounts) + len(block.objects)
    graph = coo_array((np.ones(len(row)), (row, column)), shape=(nodes, nodes))
    _, part = connected_components(graph, directed=False)
    parts = part[: len(block.accounts)]
    found = [block.accounts[parts == p] for p in np.unique(parts)]
    return [accounts for accounts in found if len(accounts) >= LEAST_ACCOUNTS]


def edges(
    traffic: Traffic, kinds: tuple[str, ...]
) -> tuple[NDArray[np.integer], NDArray[np.integer], NDArray[np.float64]]:
    """The uses of objects of `kinds`: account and object places, and rarity weights."""
    incidence = traffic.incidence
    kept = np.zeros(len(incidence.obj_kind), bool)
    for kind in kinds:
        mine = incidence.obj_kind == incidence.kinds.index(kind)
        uses = int(incidence.obj_accounts[mine].sum())
        every = max(1, -(-uses // MOST_EDGES))
        kept |= mine & (incidence.obj_key % np.uint64(every) == 0)
    use = np.flatnonzero(kept[incidence.obj])
    obj = incidence.obj[use]
    weight = rarity(incidence.obj_accounts[obj], len(traffic.accounts))
    return incidence.account[use], obj, weight


def _rewired(account: NDArray[np.integer], obj: NDArray[np.integer]) -> NDArray[np.integer]:
    """Accounts dealt anew to the edges: every degree stays, every sharing becomes chance."""
    order = np.argsort((obj.astype(np.int64) << 32) | account)
    dealt = np.empty_like(account)
    dealt[order] = np.random.default_rng(20260223).permutation(account[order])
    return dealt
