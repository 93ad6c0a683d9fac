"""Mixtures: own examples, the teacher's answers and public texts, in shares that one chooses.

Item i of a run comes from the source in whose part of the unit interval i times the golden ratio
falls: at any time each source has given its share to within a few items, and which item comes when
depends on nothing but i, so that a killed run goes on exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from stillwatch.errors import LabRefused
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.training import Batch, Batches, batches_of, collated, shuffled

SOURCES = ("own", "teacher", "public")
_GOLDEN = (5**0.5 - 1) / 2


def check_mixture(weights: Mapping[str, float]) -> None:
    """Raises `LabRefused` for weights that are of no source, below 0, or not finite."""
    if set(weights) - set(SOURCES) or any(not 0 <= one < float("inf") for one in weights.values()):
        what = f"a mixture has weights from 0 up of {', '.join(SOURCES)}"
        raise LabRefused("--mix", what, "Write own=1,teacher=4")
    if not weights.get("teacher"):
        what = "a mixture without the teacher's answers is no distillation"
        raise LabRefused("--mix", what, "Write own=1,teacher=4")


def mixed(
    sources: Mapping[str, Sequence[Example]],
    weights: Mapping[str, float] | None,
    size: int,
    seed: int,
    device: str = "cpu",
) -> Batches:
    """Batches of `size` from `sources`; without `weights` every example is as likely as any other.

    A source that is empty, or has no weight, gives nothing. Raises `LabRefused` where that leaves
    nothing to learn from.
    """
    if weights is None:
        return batches_of([e for one in sources.values() for e in one], size, seed, device)
    used = {name: one for name, one in sources.items() if one and weights.get(name, 0) > 0}
    if not used:
        raise LabRefused("--mix", "nothing is left to learn from", "Give a source some weight")
    shares = np.array([weights[name] for name in used])
    edges = np.cumsum(shares / shares.sum())[:-1]
    examples = list(used.values())
    orders = [shuffled(len(one), seed + place) for place, one in enumerate(examples)]

    def batch(step: int) -> Batch:
        # which source each item until now came from: how often says which of its items is next
        items = np.arange(1, (step + 1) * size + 1)
        sources_of = np.searchsorted(edges, items * _GOLDEN % 1, side="right")
        rows = []
        for place in range(step * size, (step + 1) * size):
            source = int(sources_of[place])
            earlier = int(np.count_nonzero(sources_of[:place] == source))
            rows.append(examples[source][orders[source](earlier)])
        return collated(rows, device)

    return batch
