"""Figures that can be recomputed: each says of which table, which rows and by what sum it is."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import pyarrow.compute as pc

from stillwatch.findings import Findings


@dataclass(frozen=True)
class Figure:
    """A number of the text. `where` are columns and what they are equal to; `how` is `rows`, or
    `sum`, `distinct`, `max` of the column `of`."""

    name: str
    value: int
    table: str
    where: tuple[tuple[str, str], ...]
    how: str
    of: str = ""

    @property
    def recipe(self) -> str:
        """How to come by it again, in words."""
        rows = " and ".join(f"{name} = {value!r}" for name, value in self.where)
        taken = "number of rows" if self.how == "rows" else f"{self.how} of {self.of}"
        return f"{taken}, where {rows}" if rows else f"{taken}, of all rows"


def recompute(findings: Findings, figure: Figure) -> int:
    """The figure as the findings' tables have it."""
    table = getattr(findings, figure.table)
    for name, value in figure.where:
        table = table.filter(pc.field(name) == value)
    if figure.how == "rows":
        return table.num_rows
    column = table[figure.of]
    if figure.how == "distinct":
        return len(column.unique())
    return (pc.sum(column) if figure.how == "sum" else pc.max(column)).as_py() or 0


def figure(
    findings: Findings, name: str, table: str, how: str, of: str = "", **where: str
) -> Figure:
    """A figure with the value that the findings have."""
    bare = Figure(name, 0, table, tuple(where.items()), how, of)
    return Figure(name, recompute(findings, bare), table, bare.where, how, of)
