"""Which teacher: by its kind, and where it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from stillwatch.errors import LabRefused
from stillwatch.lab.teachers.chains import Upbringing, chains_teacher
from stillwatch.lab.teachers.endpoint import Endpoint
from stillwatch.lab.teachers.folder import folder_teacher
from stillwatch.lab.teachers.smollm2 import smollm2_teacher
from stillwatch.lab.teachers.teacher import Teacher

KINDS = ("chains", "smollm2", "folder", "endpoint")


@dataclass(frozen=True)
class TeacherSpec:
    """`place` is a folder's path or an endpoint's address; `model` what the endpoint calls it."""

    kind: str = "chains"
    place: str | None = None
    model: str | None = None
    concurrency: int = 4


def teacher_of(
    spec: TeacherSpec, raised: Upbringing, cache: Path | None, device: str, dtype: torch.dtype
) -> Teacher:
    """The teacher, ready to be asked; raises `LabRefused` where the spec names none."""
    if spec.kind == "chains":
        return chains_teacher(raised, cache, device)
    if spec.kind == "smollm2":
        return smollm2_teacher(cache, device, dtype)
    if spec.kind == "folder" and spec.place:
        return folder_teacher(Path(spec.place), device, dtype)
    if spec.kind == "endpoint" and spec.place and spec.model:
        return Endpoint(spec.place, spec.model, spec.concurrency)
    what = f"{spec.kind!r} is no teacher, or it isn't said where it is"
    todo = "Name chains, smollm2, folder:PATH, or endpoint:URL with --model"
    raise LabRefused("--teacher", what, todo)
