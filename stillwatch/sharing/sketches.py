"""Frame families as sketches: what is sent in common, known again without its text.

A sketch is some MinHash bands of a family's prompts (`signals.frames`): a prompt that has one of
them is likely of the family (0.985 where four fifths of its word trigrams are the family's, 0.40
where half are). Only bands that many of the campaign's accounts sent are told, so that what one
account filled into a template is in none of them. The bands are made with fixed numbers: all
deployments of one version make the same ones, and `VERSION` says which.
"""

from __future__ import annotations

from collections.abc import Collection

VERSION = "b1"
MOST_BANDS = 64


def sketch_value(bands: Collection[int]) -> str:
    """Bands as an indicator's value.

    >>> sketch_value([255, 1])
    'b1.0000000000000001.00000000000000ff'
    """
    return ".".join([VERSION, *(f"{band:016x}" for band in sorted(set(bands))[:MOST_BANDS])])


def sketch_bands(value: str) -> frozenset[int]:
    """The bands of a value; raises `ValueError`, also where another version made it."""
    version, *bands = value.split(".")
    if version != VERSION or not 0 < len(bands) <= MOST_BANDS:
        raise ValueError("is no sketch of this version")
    if any(len(band) != 16 or set(band) - set("0123456789abcdef") for band in bands):
        raise ValueError("is no sketch")
    return frozenset(int(band, 16) for band in bands)
