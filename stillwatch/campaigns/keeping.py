"""A judgement as tables, arrays and facts: the form in which it is kept, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.campaigns.attribution import Model
from stillwatch.campaigns.precedent import PENDING, Grounds, Judgement, Precedent
from stillwatch.findings import FILES, Findings
from stillwatch.statistics.boosting import Boosted
from stillwatch.statistics.cells import Codebook
from stillwatch.statistics.mmd import Samples
from stillwatch.tables import require

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

Tables = dict[str, "pa.Table"]
Arrays = dict[str, "NDArray"]
Facts = dict[str, Any]

_TREES = ("feature", "cut", "left", "value")
_BOOK = ("wide", "parts")
_GROUNDS = ("load", "hits", "sought", "fates")
_PRECEDENT = ("name", "confidence", "typical", "stray")


def to_kept(judgement: Judgement) -> tuple[Tables, Arrays, Facts]:
    """All of a judgement; facts are for JSON."""
    grounds = judgement.grounds
    tables = {name: getattr(judgement.findings, name) for name in FILES}
    arrays: Arrays = {name: getattr(grounds, name) for name in _GROUNDS}
    arrays |= {f"book.{name}": getattr(grounds.book, name) for name in _BOOK}
    for i, precedent in enumerate(grounds.precedents):
        model = precedent.model
        arrays[f"{i}.ratio"] = model.ratio
        for name, values in model.values.items():
            arrays[f"{i}.values.{name}"] = values
        for half, trees in enumerate(model.trees):
            arrays[f"{i}.{half}.base"] = np.array(trees.base)
            for name in _TREES:
                arrays[f"{i}.{half}.{name}"] = getattr(trees, name)
        for name in ("size", "total", "squares"):
            arrays[f"{i}.parts.{name}"] = getattr(precedent.parts, name)
    facts = {
        "run": judgement.findings.run,
        "judged": judgement.judged,
        "absorbed": judgement.absorbed,
        "reasons": grounds.reasons,
        "precedents": [
            {name: getattr(precedent, name) for name in _PRECEDENT}
            | {"values": list(precedent.model.values), "halves": len(precedent.model.trees)}
            for precedent in grounds.precedents
        ],
    }
    return {**tables, "pending": grounds.pending}, arrays, facts


def from_kept(tables: Tables, arrays: Arrays, facts: Facts) -> Judgement:
    """The judgement that was kept so; raises `KeyError` and `ValueError` where that can't be."""
    found = {name: require(tables[name], schema, name) for name, schema in FILES.items()}
    return Judgement(
        findings=Findings(**found, run=facts["run"]),
        grounds=Grounds(
            precedents=tuple(
                _precedent(arrays, i, told) for i, told in enumerate(facts["precedents"])
            ),
            book=Codebook(*(arrays[f"book.{name}"] for name in _BOOK)),
            **{name: arrays[name] for name in _GROUNDS},
            pending=require(tables["pending"], PENDING, "pending"),
            reasons=facts["reasons"],
        ),
        judged=facts["judged"],
        absorbed=facts["absorbed"],
    )


def _precedent(arrays: Arrays, i: int, told: Facts) -> Precedent:
    trees = tuple(
        Boosted(
            float(arrays[f"{i}.{half}.base"]),
            **{name: arrays[f"{i}.{half}.{name}"] for name in _TREES},
        )
        for half in range(told["halves"])
    )
    values = {name: arrays[f"{i}.values.{name}"] for name in told["values"]}
    return Precedent(
        **{name: told[name] for name in _PRECEDENT},
        model=Model(arrays[f"{i}.ratio"], values, trees),
        parts=Samples(*(arrays[f"{i}.parts.{name}"] for name in ("size", "total", "squares"))),
    )
