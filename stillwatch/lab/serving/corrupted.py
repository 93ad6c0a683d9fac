"""False steps beside the true answer. It deceives honest customers too: for measurement only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.tasks.task import Example


@dataclass(frozen=True)
class Corrupted:
    """So many steps of each trace get another result."""

    steps: int = 1
    withholds = ""
    truthful = False

    @property
    def name(self) -> str:
        """`corrupted-1`"""
        return f"corrupted-{self.steps}"

    @property
    def says(self) -> str:
        """How many."""
        count = "one step" if self.steps == 1 else f"{self.steps} steps"
        return f"{count} of each trace made false, beside the true answer"

    def forwards(self) -> int:
        """None."""
        return 0

    def serve(self, house: House, count: int) -> Served:
        """Which steps, and how they are false, is drawn anew for each."""
        reader, random = house.reader, np.random.default_rng([house.seed, self.steps, 29])
        served = []
        for example in house.clean[:count]:
            parts = reader.parts(example.completion)
            steps = list(parts.steps)
            size = min(self.steps, len(steps))
            for at in random.choice(len(steps), size=size, replace=False) if steps else ():
                steps[at] = reader.broken(steps[at], random)
            broken = replace(parts, steps=tuple(steps))
            served.append(Example(example.prompt, reader.written(broken)))
        return Served(served)
