"""The recipe of a run: all that decides what comes out, in one value with a digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.display import plain
from stillwatch.errors import InputNotFound, LabRefused
from stillwatch.lab.distilling.material import Counts
from stillwatch.lab.distilling.methods.method import Method
from stillwatch.lab.distilling.methods.sequence import SequenceLevel
from stillwatch.lab.distilling.mixing import check_mixture
from stillwatch.lab.distilling.students import StudentSpec
from stillwatch.lab.folders import put_json, read_json
from stillwatch.lab.teachers.chains import Upbringing
from stillwatch.lab.teachers.choosing import TeacherSpec
from stillwatch.lab.training import Schedule

SUBJECTS = ("chains", "records", "own")


@dataclass(frozen=True)
class Recipe:
    """What is distilled, from whom, into whom, and how.

    `subject` is `chains`, `records`, or `own`, which reads `prompts`. `fewer` are numbers of the
    teacher's examples that students of their own learn from, for the curve. `right` is what the one
    who started the run said of their right to distil this teacher.
    """

    subject: str = "chains"
    prompts: Path | None = None
    public: Path | None = None
    teacher: TeacherSpec = field(default_factory=TeacherSpec)
    student: StudentSpec = field(default_factory=StudentSpec)
    method: Method = field(default_factory=SequenceLevel)
    counts: Counts = field(default_factory=lambda: Counts(4_000, 500, 20, 0))
    fewer: tuple[int, ...] = (250,)
    mixture: Mapping[str, float] | None = None
    schedule: Schedule = field(default_factory=lambda: Schedule(steps=200, save_every=50))
    longest: int = 128
    """Tokens of the longest answer, where the subject is one's own."""
    raised: Upbringing = field(default_factory=Upbringing)
    right: str | None = None
    seed: int = 0
    device: str = "cpu"
    bf16: bool = False

    def __post_init__(self) -> None:
        if self.teacher.kind == "endpoint" and not (self.right or "").strip():
            what = "an endpoint is distilled only by who has the right to"
            todo = 'Say why you have it, for the card: --i-own-this "our own model, served by us"'
            raise LabRefused("--i-own-this", what, todo)
        if self.subject not in SUBJECTS or (self.subject == "own") != (self.prompts is not None):
            raise LabRefused("--subject", "isn't one", f"Name one of {', '.join(SUBJECTS)}")
        if self.mixture is not None:
            check_mixture(self.mixture)
        if self.counts.asked < 1 or self.counts.held_out < 1:
            what = "at least one prompt is asked, and one held out"
            raise LabRefused("--examples", what, "Ask for more")
        if any(not 0 < n < self.counts.asked for n in self.fewer):
            what = f"numbers for the curve lie between 0 and {self.counts.asked}"
            raise LabRefused("--fewer", what, "Name smaller ones")

    def to_dict(self) -> dict[str, Any]:
        """As the run's folder and the card keep it; files by name and digest."""
        told = asdict(self)
        told["method"] = {"name": self.method.name, **told["method"]}
        for name in ("prompts", "public"):
            path = getattr(self, name)
            told[name] = None if path is None else {"name": path.name, "sha256": _digest(path)}
        return json.loads(json.dumps(told))


def claim(folder: Path, recipe: Recipe) -> None:
    """Make `folder` this recipe's; raises `LabRefused` where it holds another, or anything else."""
    path, told = folder / "recipe.json", recipe.to_dict()
    if path.exists():
        other = dict(_flat(read_json(path)))
        ours = dict(_flat(told))
        differ = [key for key in sorted(other.keys() | ours) if other.get(key) != ours.get(key)]
        if differ:
            first = differ[0]
            what = (
                f"is the folder of another run: {first} is {plain(other.get(first), 80)} there, "
                f"{plain(ours.get(first), 80)} here"
            )
            raise LabRefused(folder, what, "Name another folder, or give the same options")
        return
    if any(entry.name != "lock" for entry in folder.iterdir()):
        what = "holds something else, and no run"
        raise LabRefused(folder, what, "Name a new folder")
    put_json(path, told)


def _flat(value: object, at: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _flat(item, f"{at}.{key}" if at else str(key))
    else:
        yield at, value


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise InputNotFound(path, "there is no such file", "Name a file of JSON Lines") from None
