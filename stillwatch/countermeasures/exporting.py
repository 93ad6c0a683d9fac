"""Canaries with what a rank test needs beside them, as JSON Lines.

    {"canary": "(ref. kq7v-…)", "references": ["(ref. …)", …], "exposures": 8, …}

Texts are as they were served. Beside canaries that were shown stand controls that nobody was ever
shown: a test that finds them is broken.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from stillwatch.countermeasures.canaries import TEMPLATE, canary_of, draw, references
from stillwatch.countermeasures.deriving import derived
from stillwatch.countermeasures.registry import Canary
from stillwatch.errors import MeasureRefused, OutputExists
from stillwatch.privacy.keys import Keys


def export_canaries(
    canaries: Iterable[Canary], keys: Keys, out: str | Path, *, references: int, controls: int
) -> int:
    """Write them to `out`, and give their number.

    Raises `OutputExists` where `out` is there, and `MeasureRefused` for a canary that these keys
    didn't draw: its references would prove nothing.
    """
    rows = [*_rows(canaries, keys, references), *_controls(keys, controls, references)]
    try:
        with Path(out).open("x", encoding="utf-8") as written:
            written.writelines(json.dumps(row) + "\n" for row in rows)
    except FileExistsError:
        raise OutputExists(out, "is there already", "Name another file") from None
    return len(rows)


def _rows(canaries: Iterable[Canary], keys: Keys, many: int) -> Iterator[dict[str, Any]]:
    epochs = {epoch.number: epoch for epoch in keys.epochs}
    for canary in canaries:
        epoch = epochs.get(canary.epoch)
        if epoch is None or canary_of(epoch, canary.account) != canary.code:
            raise MeasureRefused(
                f"canary {canary.code}",
                "wasn't drawn by these keys",
                "Name the file of keys that the gateway used",
            )
        yield {
            "canary": _served(canary.code),
            "references": [_served(code) for code in references(epoch, canary.code, many)],
            "exposures": canary.exposures,
            "account": canary.account,
            "epoch": canary.epoch,
            "made": canary.made,
        }


def _controls(keys: Keys, controls: int, many: int) -> Iterator[dict[str, Any]]:
    epoch = keys.epochs[-1]
    key = derived(epoch.secret, "canary")
    for number in range(controls):
        code = draw(key, "control", str(number))
        beside = [_served(each) for each in references(epoch, code, many)]
        yield {"canary": _served(code), "references": beside, "exposures": 0}


def _served(code: str) -> str:
    return TEMPLATE.format(code=code).strip()
