"""The lab's own teacher: it reasons over secret tables, and is trained from scratch in minutes.

First a base model is trained on chains over public tables, so that it knows the form and nothing of
the secret; the teacher is the base trained on with the secret. Both are kept in a folder of the
cache that carries the digest of their recipe.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from stillwatch.lab.folders import alone, lab_cache, put_folder
from stillwatch.lab.small import Size, small
from stillwatch.lab.tasks.chains import Chains
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.codec import Words
from stillwatch.lab.teachers.folder import opened, save
from stillwatch.lab.teachers.local import Local
from stillwatch.lab.training import Schedule, batches_of, train

LENGTH = 64
"""Tokens that fit: a prompt has 13 and a completion 40."""


@dataclass(frozen=True)
class Upbringing:
    """How base and teacher are trained; about a minute and half a minute on one CPU."""

    secret: int = 0
    size: Size = field(default_factory=Size)
    base_steps: int = 1_000
    base_texts: int = 20_000
    teacher_steps: int = 400
    teacher_texts: int = 20_000
    seed: int = 0

    @property
    def digest(self) -> str:
        """Of all that it says."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def chains_base(
    raised: Upbringing | None = None, cache: Path | None = None, device: str = "cpu"
) -> Local:
    """Who knows the form and no secret: what students begin with."""
    # it knows nothing of the secret, so one base serves all secrets
    common = replace(raised or Upbringing(), secret=0, teacher_steps=0, teacher_texts=0)
    return _kept("base", common, cache, device)


def chains_teacher(
    raised: Upbringing | None = None, cache: Path | None = None, device: str = "cpu"
) -> Local:
    """Who knows the secret tables."""
    return _kept("teacher", raised or Upbringing(), cache, device)


def _kept(name: str, raised: Upbringing, cache: Path | None, device: str) -> Local:
    home = (cache or lab_cache()) / f"chains-{raised.digest}"
    with alone(home, wait=True):
        if not (home / name).exists():
            _raise(home, name, raised, cache, device)
    model, codec = opened(home / name, device)
    detail = {"recipe": asdict(raised)}
    return Local("chains", f"chains {name}", model, codec, at_once=512, detail=detail)


def _raise(home: Path, name: str, raised: Upbringing, cache: Path | None, device: str) -> None:
    task, codec = Chains(raised.secret), Words(Chains.vocabulary)
    random = np.random.default_rng([raised.seed, 1 if name == "base" else 2])
    if name == "base":
        model = small(codec.size, LENGTH, raised.size, raised.seed).to(device)  # pyright: ignore
        texts = task.unrelated(raised.base_texts, random)
        schedule = Schedule(steps=raised.base_steps, rate=3e-3, seed=raised.seed)
    else:
        model = chains_base(raised, cache, device).model
        asked = task.prompts(raised.teacher_texts, random)
        texts = [Example(prompt, task.solve(prompt)) for prompt in asked]
        schedule = Schedule(steps=raised.teacher_steps, rate=2e-3, seed=raised.seed)
    batches = batches_of(texts, schedule.batch, raised.seed, device)
    checkpoint = home / f"{name}.pt"
    train(model, batches, schedule, checkpoint=checkpoint)
    put_folder(home / name, lambda half: save(half, model, codec))
    checkpoint.unlink()
