"""The operators by name, from the plainest to the strongest."""

from __future__ import annotations

from stillwatch.errors import LabRefused
from stillwatch.lab.operators.adaptive import Adaptive
from stillwatch.lab.operators.cleaning import Cleaning
from stillwatch.lab.operators.operator import Operator
from stillwatch.lab.operators.passive import Passive

OPERATORS: dict[str, Operator] = {
    operator.name: operator for operator in (Passive(), Cleaning(), Adaptive())
}


def operator_named(name: str) -> Operator:
    """The operator; raises `LabRefused` where there is none of that name."""
    if name not in OPERATORS:
        known = ", ".join(OPERATORS)
        raise LabRefused(
            f"operator {name!r}", "there is none of that name", f"Take some of {known}"
        )
    return OPERATORS[name]
