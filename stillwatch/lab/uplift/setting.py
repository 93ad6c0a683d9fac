"""How large a comparison is: small for minutes on two cores, full for a record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from stillwatch.errors import LabRefused
from stillwatch.lab.operators.operator import Effort
from stillwatch.lab.small import Size

MEASURES = (
    "full", "withheld", "summary", "reversed", "corrupted-1", "corrupted-3",
    "temperature-1.5", "temperature-2", "temperature-3", "antidistillation-0.03",
    "antidistillation-0.1", "antidistillation-0.3", "experts-0.35", "experts-0.5", "experts-0.8",
    "full@1000", "full@250", "logprobs@250", "withheld@250",
)  # fmt: skip
"""Those compared where none are named. Strengths were settled on seed 9, by how much of what is
served stays valid: most of it, half of it, next to nothing."""
CALLS_MEASURES = (
    "full", "withheld", "summary", "corrupted-1", "antidistillation-0.1", "experts-0.5", "full@250",
    "withheld@250",
)  # fmt: skip
"""The main ones, for the second task."""


@dataclass(frozen=True)
class Setting:
    """Sizes; students are all alike, so that only what they learn from differs."""

    name: str
    served: int = 4_000
    own: int = 20
    """Solved examples that an operator has of its own."""
    test: int = 1_000
    public: int = 40_000
    base_steps: int = 1_000
    teacher_steps: int = 500
    teacher_prompts: int = 20_000
    student_steps: int = 200
    batch: int = 64
    size: Size = field(default_factory=Size)
    effort: Effort = field(default_factory=Effort)

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting("small", effort=Effort(rounds=2, prompts=1_500)),
        Setting("full", test=2_000, teacher_steps=700, effort=Effort(rounds=4, prompts=3_000)),
        Setting(
            "tiny", served=160, own=10, test=40, public=200, base_steps=10, teacher_steps=10,
            teacher_prompts=100, student_steps=4, batch=8, size=Size(1, 16, 2),
            effort=Effort(rounds=1, prompts=20, traces=1),
        ),
    )
}  # fmt: skip


def setting_named(name: str) -> Setting:
    """The setting; raises `LabRefused` where there is none of that name."""
    if name not in SETTINGS:
        what = "there is none of that name"
        raise LabRefused(f"setting {name!r}", what, f"Take one of {', '.join(SETTINGS)}")
    return SETTINGS[name]
