"""Content centroids: what a campaign asks for, as one point that paraphrases come near to.

The mean of many prompts' embeddings (`signals.content`) is a kernel mean embedding: an account
whose prompts are of the same distribution has a mean within sampling error of it, whatever the
words of each, and the unbiased MMD says how far it is. Told are the 256 components, the unbiased
square of the mean's length, and a radius within which nine in ten of the campaign's own accounts
lie. Every account counts alike, however much it asked: of k accounts, none is more than a k-th of
what is told.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.statistics.mmd import CEILING, NULL_SPREAD, Means, Samples, squared_mmd
from stillwatch.tables import CONTENT_COMPONENTS

VERSION = "m1"
_STEP = 1e-4
"""What the told numbers are whole multiples of. A component of a mean of unit vectors is about
1/16 or less, and rounding it moves a squared MMD by 3e-7."""
_FINE = 1e-6

LEAST_COMPARED = 8
"""Exchanges of an account from which it can be near: with fewer, its error alone is too large."""

INSIDE = 0.9
"""Part of the campaign's accounts that lie within the radius, at least."""


@dataclass(frozen=True)
class Centroid:
    """`mean` (256,) of unit embeddings, `own` the unbiased square of its length, and `radius`."""

    mean: NDArray[np.float32]
    own: float
    radius: float

    @property
    def value(self) -> str:
        """As an indicator's value."""
        steps = np.clip(np.rint(self.mean / _STEP), -32768, 32767).astype("<i2")
        numbers = (f"{round(number / _FINE)}" for number in (self.own, self.radius))
        packed = base64.urlsafe_b64encode(steps.tobytes()).decode("ascii")
        return ".".join([VERSION, *numbers, packed])

    @classmethod
    def parse(cls, value: str) -> Centroid:
        """The centroid of a value; raises `ValueError`, also where another version made it."""
        version, own, radius, packed = value.split(".")
        try:
            raw = base64.b64decode(packed, altchars=b"-_", validate=True)
        except binascii.Error:
            raw = b""
        if version != VERSION or len(raw) != 2 * CONTENT_COMPONENTS:
            raise ValueError("is no centroid of this version")
        if not all(n.removeprefix("-").isdecimal() and len(n) < 9 for n in (own, radius)):
            raise ValueError("is no centroid")
        mean = np.frombuffer(raw, "<i2").astype(np.float32) * np.float32(_STEP)
        return cls(mean, int(own) * _FINE, int(radius) * _FINE)

    @property
    def means(self) -> Means:
        """As one sample that others can be compared with by `squared_mmd`."""
        return Means(np.ones(1), self.mean[None], np.array([self.own]))

    def near(self, accounts: Samples | Means) -> NDArray[np.bool_]:
        """Which of s accounts lie within the radius, (s,), one standard error against it."""
        return _apart(accounts, self.means) <= self.radius


def centroid_of(accounts: Samples) -> Centroid:
    """The centroid of two or more accounts, each of `LEAST_COMPARED` exchanges or more.

    The radius is never less than `CEILING`, within which two samples count as twins.
    """
    mean, n = accounts.mean, len(accounts.size)
    total = mean.sum(0)
    own = float((total @ total - np.einsum("sd,sd->", mean, mean)) / (n * (n - 1)))
    made = Centroid((total / n).astype(np.float32), own, CEILING)
    apart = _apart(accounts, made.means)
    return Centroid(made.mean, own, max(CEILING, float(np.quantile(apart, INSIDE))))


def _apart(accounts: Samples | Means, middle: Means) -> NDArray[np.float64]:
    """Squared MMD of accounts to the middle and its standard error, added, (s,)."""
    return squared_mmd(accounts, middle)[:, 0] + NULL_SPREAD / accounts.size
