"""The answer first and the steps backwards: true, and in the wrong order to learn from.

After PART (arXiv 2510.11545), which reformulates traces; undone by whoever sorts steps by number.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from stillwatch.lab.serving.form import House, Served
from stillwatch.lab.tasks.task import Example


@dataclass(frozen=True)
class Reversed:
    """Nothing false, nothing missing."""

    name = "reversed"
    says = "the answer first, then the steps backwards"
    withholds = ""
    truthful = True

    def forwards(self) -> int:
        """None."""
        return 0

    def serve(self, house: House, count: int) -> Served:
        """Each completion turned round."""
        reader = house.reader
        served = []
        for example in house.clean[:count]:
            parts = reader.parts(example.completion)
            turned = replace(parts, steps=parts.steps[::-1])
            served.append(Example(example.prompt, reader.written(turned, first=True)))
        return Served(served)
