"""Fit, quantise and measure: from texts to weights and scores."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from stillwatch.signals.capability import BUCKETS, WIDTH, features
from stillwatch.signals.tokens import tokenise
from stillwatch.tables import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from capability.texts import Text
    from numpy.typing import NDArray

STRENGTH = 1000.0
"""Inverse of the L2 penalty of a mean loss over rows of weight 1."""


@dataclass(frozen=True)
class Fitted:
    """Arrays as `capability.weights` stores them."""

    hashed: NDArray[np.int8]
    scale: np.float32
    dense: NDArray[np.float32]
    bias: NDArray[np.float32]

    def logits(self, x: csr_matrix) -> NDArray[np.float64]:
        """Scores of rows, in float64 from the stored values: the reference for the kernel."""
        hashed = self.hashed.astype(np.float64) * float(self.scale)
        return x[:, :BUCKETS] @ hashed + x[:, BUCKETS:] @ self.dense.astype(np.float64) + self.bias

    def digest(self) -> str:
        """SHA-256 over the arrays, so that two trainings can be compared."""
        h = hashlib.sha256()
        for array in (self.hashed, np.asarray(self.scale), self.dense, self.bias):
            h.update(np.ascontiguousarray(array).tobytes())
        return h.hexdigest()


def matrix(texts: Sequence[str]) -> csr_matrix:
    """Feature rows made by the shipped kernel."""
    tokens = tokenise(pa.array(texts, pa.large_string()))
    pointers, columns, values = features(tokens)
    x = csr_matrix((values, columns, pointers), shape=(len(tokens), WIDTH))
    x.sum_duplicates()
    return x


CLASS_WEIGHT = {"chat": 2.0, "coding": 2.0, "other": 1.5}
"""Kinds that fill honest logs weigh more; the others weigh 1."""

REAL_WEIGHT = 6.0
"""What a real chat's turn weighs against a generated text."""


def row_weights(texts: Sequence[Text]) -> NDArray[np.float64]:
    """Weight of each row, 1 on average: `CLASS_WEIGHT` by class; inside a class an origin weighs
    the root of its size, so that big pools don't drown rare kinds, and real chats more."""
    sizes: dict[str, int] = {}
    for t in texts:
        sizes[t.origin] = sizes.get(t.origin, 0) + 1
    weight = np.array(
        [
            sizes[t.origin] ** -0.5 * (REAL_WEIGHT if t.origin.startswith("sharegpt") else 1.0)
            for t in texts
        ]
    )
    labels = np.array([t.label for t in texts])
    for label in CAPABILITIES:
        mine = labels == label
        if mine.any():
            weight[mine] *= CLASS_WEIGHT.get(label, 1.0) / weight[mine].sum()
    return weight * len(texts) / weight.sum()


def fit(train: Sequence[Text], dev: Sequence[Text]) -> Fitted:
    """Multinomial logistic regression, its temperature set on `dev`, hashed weights as int8."""
    x = matrix([t.text for t in train])
    y = np.array([CAPABILITIES.index(t.label) for t in train])
    model = LogisticRegression(C=STRENGTH / 1000, max_iter=200, tol=1e-4)
    model.fit(x.astype(np.float64), y, sample_weight=row_weights(train))
    coef, bias = model.coef_.T, model.intercept_
    xd = matrix([t.text for t in dev])
    yd = np.array([CAPABILITIES.index(t.label) for t in dev])
    raw = np.asarray(xd @ coef + bias)
    beta = _temperature(raw, yd, row_weights(dev))
    coef, bias = coef * beta, bias * beta
    hashed = coef[:BUCKETS]
    scale = np.float32(np.abs(hashed).max() / 127)
    return Fitted(
        np.rint(hashed / scale).astype(np.int8),
        scale,
        coef[BUCKETS:].astype(np.float32),
        bias.astype(np.float32),
    )


def _temperature(
    logits: NDArray[np.float64], y: NDArray[np.int64], weight: NDArray[np.float64]
) -> float:
    """The factor on the logits with the least weighted log loss, on a grid of 2% steps."""
    best, least = 1.0, np.inf
    for beta in np.exp(np.arange(-1.5, 1.5, 0.02)):
        z = logits * beta
        z -= z.max(axis=1, keepdims=True)
        loss = np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(y)), y]
        mean = float((weight * loss).sum() / weight.sum())
        if mean < least:
            best, least = float(beta), mean
    return best
