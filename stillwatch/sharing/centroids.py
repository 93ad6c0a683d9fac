"""Content centroids: what a campaign asks for, as one point that paraphrases come near to.

The mean of many prompts' embeddings (`signals.content`) is a kernel mean embedding: an account
whose prompts are of the same distribution has a mean within sampling error of it, whatever the
words of each, and the unbiased MMD says how far it is. Told are the 256 components, the unbiased
square of the mean's length, and a radius: the squared MMD within which nine in ten of the
campaign's own accounts lie.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stillwatch.statistics.mmd import Means
from stillwatch.tables import CONTENT_COMPONENTS

VERSION = "m1"
_STEP = 1e-4
"""What the told numbers are whole multiples of. A component of a mean of unit vectors is about
1/16 or less, and rounding it moves a squared MMD by 3e-7."""
_FINE = 1e-6


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
