"""Is a request a campaign's work? The judgement's own model, asked of one request at a time.

As in `campaigns.attribution`: naive Bayes first, and of what it takes, the boosted trees. The
models of all live campaigns lie in a few arrays, so that one compiled call asks them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numba as nb
import numpy as np
from numpy.typing import NDArray

from stillwatch.campaigns.attribution import (
    COMMON_VALUES,
    KEY_FEATURES,
    ORDERED_FEATURES,
    ranks_of,
)
from stillwatch.campaigns.ground import FEATURES
from stillwatch.campaigns.precedent import Precedent
from stillwatch.statistics.boosting import CODES, LEAVES, TREES, add_leaves

HALVES = 2
WIDTH = len(FEATURES) + len(KEY_FEATURES) + len(ORDERED_FEATURES)
_ORDERED = np.array([FEATURES.index(name) for name in ORDERED_FEATURES])

Models = Mapping[str, NDArray]
"""Arrays of k campaigns by name, as `models_of` makes them; they lie in a table."""


def models_of(precedents: Sequence[Precedent]) -> dict[str, NDArray]:
    """The models of k campaigns as arrays, first axis k."""
    k, features = len(precedents), len(FEATURES) + len(KEY_FEATURES)
    codes = max((p.model.ratio.shape[1] for p in precedents), default=1)
    out = {
        "ratio": np.zeros((k, features, codes)),
        "rank": np.zeros((k, features, codes), np.uint8),
        "value": np.zeros((k, len(KEY_FEATURES), COMMON_VALUES), np.uint64),
        "values": np.zeros((k, len(KEY_FEATURES)), np.int32),
        "logit": np.zeros(k),
        "halves": np.zeros(k, np.int32),
        "base": np.zeros((k, HALVES)),
        "kept": np.full((k, HALVES, WIDTH, CODES, TREES), 2**32 - 1, np.uint32),
        "leaf": np.zeros((k, HALVES, TREES, LEAVES)),
    }
    for i, precedent in enumerate(precedents):
        model, share = precedent.model, float(np.clip(precedent.typical, 0.005, 0.995))
        out["logit"][i] = np.log(share / (1 - share))
        out["ratio"][i, :, : model.ratio.shape[1]] = model.ratio
        for f, row in enumerate(model.ratio):
            out["rank"][i, f, : len(row)] = ranks_of(row)
        for f, name in enumerate(KEY_FEATURES):
            known = model.values[name]
            out["value"][i, f, : len(known)], out["values"][i, f] = known, len(known)
        out["halves"][i] = len(model.trees)
        for half, trees in enumerate(model.trees):
            kept, leaf = trees.leaves
            out["base"][i, half] = trees.base
            out["kept"][i, half, : len(kept)], out["leaf"][i, half] = kept, leaf
    return out


def told(codes: NDArray[np.uint8], keys: NDArray[np.uint64], models: Models) -> NDArray[np.float64]:
    """Probability that each of n threads is each campaign's work, (n, k).

    `codes` (n, features) are by `ground.FEATURES` and `keys` (n, 2) the opening and closing.
    """
    out = np.zeros((len(codes), len(models["logit"])))
    _told(
        codes,
        keys,
        models["ratio"],
        models["rank"],
        models["value"],
        models["values"],
        models["logit"],
        models["halves"],
        models["base"],
        models["kept"],
        models["leaf"],
        _ORDERED,
        out,
    )
    return out


@nb.njit(nogil=True, cache=True)
def _told(codes, keys, ratio, rank, value, values, logit, halves, base, kept, leaf, ordered, out):
    shared, own = codes.shape[1], keys.shape[1]
    code = np.empty(shared + own, np.int64)
    features = np.empty((1, shared + own + len(ordered)), np.uint8)
    for i in range(len(codes)):
        code[:shared] = codes[i]
        for k in range(len(logit)):
            for f in range(own):
                known = value[k, f, : values[k, f]]
                at = np.searchsorted(known, keys[i, f])
                code[shared + f] = at + 1 if at < len(known) and known[at] == keys[i, f] else 0
            score = logit[k]
            for f in range(shared + own):
                score += ratio[k, f, code[f]]
            if halves[k] == 0 or score < 0:
                out[i, k] = 1 / (1 + np.exp(-min(50.0, max(-50.0, score))))
                continue
            for f in range(shared + own):
                features[0, f] = rank[k, f, code[f]]
            for f in range(len(ordered)):
                features[0, shared + own + f] = code[ordered[f]]
            for half in range(halves[k]):
                odds = np.full(1, base[k, half])
                add_leaves(features, kept[k, half], leaf[k, half], odds)
                out[i, k] += 1 / (1 + np.exp(-odds[0])) / halves[k]
