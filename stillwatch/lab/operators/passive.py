"""Trains on what is served, as it is served."""

from __future__ import annotations

from stillwatch.lab.operators.operator import Holdings, Lesson


class Passive:
    """What most tests of countermeasures look at alone."""

    name = "passive"
    says = "trains on what it is served"

    def lessons(self, holdings: Holdings) -> list[Lesson]:
        """Its own examples and what is served."""
        told = holdings.served.log_probabilities
        return [Lesson("as served", [*holdings.own, *holdings.lessons], told)]
