"""The served forms by name: `withheld`, `temperature-2`, `full@250`."""

from __future__ import annotations

import math
from collections.abc import Callable

from stillwatch.errors import LabRefused
from stillwatch.lab.serving.corrupted import Corrupted
from stillwatch.lab.serving.form import Form
from stillwatch.lab.serving.logprobs import LogProbs
from stillwatch.lab.serving.plain import Full, Limited
from stillwatch.lab.serving.reordered import Reversed
from stillwatch.lab.serving.sampled import AntidistillationSampling, Experts, Hot
from stillwatch.lab.serving.withheld import Blunted, Summary, Withheld

PLAIN: dict[str, Callable[[], Form]] = {
    "full": Full,
    "withheld": Withheld,
    "summary": Summary,
    "reversed": Reversed,
    "logprobs": LogProbs,
}
STRONG: dict[str, tuple[Callable[[float], Form], float, float]] = {
    "corrupted": (lambda steps: Corrupted(int(steps)), 1, 5),
    "temperature": (Hot, 0.1, 100),
    "antidistillation": (AntidistillationSampling, 0, 1e6),
    "experts": (Experts, 0, 1),
}
"""Forms with a strength, and from where to where it goes."""


def form_named(name: str) -> Form:
    """The form; raises `LabRefused` for none of that name, or a strength that can't be."""
    text, at, limit = name.partition("@")
    if not at:
        return _unlimited(name)
    answers = _number(name, limit, 1, 10_000_000, whole=True)
    kind, dash, blunted = text.partition("-")
    if kind == "blunted" and dash:
        return Blunted(int(answers), int(_number(name, blunted, 0, answers, whole=True)))
    return Limited(_unlimited(text), int(answers))


def _unlimited(name: str) -> Form:
    if name in PLAIN:
        return PLAIN[name]()
    kind, dash, strength = name.partition("-")
    if kind not in STRONG or not dash:
        known = ", ".join((*PLAIN, *(f"{kind}-N" for kind in STRONG)))
        raise LabRefused(
            f"measure {name!r}", "there is none of that name", f"Take some of {known}; @N limits it"
        )
    make, least, most = STRONG[kind]
    return make(_number(name, strength, least, most, whole=kind == "corrupted"))


def _number(name: str, text: str, least: float, most: float, *, whole: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most or (whole and value != int(value)):
        what = f"{text!r} is no {'whole number' if whole else 'number'} from {least:g} to {most:,}"
        raise LabRefused(f"measure {name!r}", what, "Write for instance corrupted-1 or full@250")
    return value
