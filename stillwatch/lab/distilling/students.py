"""Students: a small transformer, the lab's base model, a part of the teacher, any folder."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from transformers import PreTrainedModel

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.material import Material
from stillwatch.lab.small import Size, small
from stillwatch.lab.teachers.chains import Upbringing, chains_base
from stillwatch.lab.teachers.codec import Codec
from stillwatch.lab.teachers.folder import opened
from stillwatch.lab.teachers.local import identity_of, room_of
from stillwatch.lab.teachers.smollm2 import dequantised, packaged
from stillwatch.lab.teachers.teacher import Identity, Teacher

KINDS = ("small", "base", "partial", "folder")
_TEXT_LENGTH = 1_024
_TASK_LENGTH = 64


@dataclass(frozen=True)
class StudentSpec:
    """`small` is new, of `size`; `base` the lab's that knows the form of chains; `partial` the
    teacher itself, of which `keep` layers are left (0: all); `folder` is at `path`.

    Of `partial` and `folder` only the top `train` layers learn (0: everything).
    """

    kind: str = "base"
    size: Size = field(default_factory=Size)
    path: str | None = None
    keep: int = 0
    train: int = 0


@dataclass(frozen=True)
class Student:
    """A model that is to learn, with its tokens, and who it was before."""

    model: PreTrainedModel
    codec: Codec
    begun: Identity


def student_of(
    spec: StudentSpec,
    teacher: Teacher,
    material: Material,
    raised: Upbringing,
    cache: Path | None,
    device: str,
    seed: int,
) -> Student:
    """The student before it learns: the same each time.

    Raises `LabRefused` where the spec doesn't fit teacher or material.
    """
    if spec.kind == "small":
        codec = material.codec or _text_codec(teacher, cache)
        length = _TASK_LENGTH if material.codec else _TEXT_LENGTH
        model = small(codec.size, length, spec.size, seed).to(device)  # pyright: ignore
        _fit_ends(model, codec)
    elif spec.kind == "base":
        base = chains_base(raised, cache, device)
        model, codec = base.model, base.codec
    elif spec.kind == "partial":
        if teacher.weights is None:
            what = "a part of the teacher needs its weights, and this one is elsewhere"
            raise LabRefused("--student", what, "Use small, or folder:PATH")
        model, codec = copy.deepcopy(teacher.weights.model).float(), teacher.weights.codec
        if spec.keep:
            _keep(model, spec.keep)
    elif spec.kind == "folder" and spec.path:
        model, codec = opened(Path(spec.path), device)
    else:
        what = f"there is no student {spec.kind!r}"
        raise LabRefused("--student", what, f"Name one of {', '.join(KINDS)}")
    if spec.train and spec.kind in ("partial", "folder"):
        _freeze(model, spec.train)
    return Student(model, codec, identity_of(spec.kind, spec.path or spec.kind, model))


def _text_codec(teacher: Teacher, cache: Path | None) -> Codec:
    """The teacher's tokens, or SmolLM2's where it has none that we know."""
    if teacher.weights is not None:
        return teacher.weights.codec
    return opened(dequantised(packaged(), cache))[1]


def _fit_ends(model: PreTrainedModel, codec: Codec) -> None:
    end = codec.completion("", ended=True)[0]
    for config in (model.config, model.generation_config):
        config.eos_token_id = end  # pyright: ignore


def _layers(model: PreTrainedModel) -> tuple[torch.nn.Module, str, torch.nn.ModuleList]:
    """The list of a model's layers, and where it hangs: the one as long as its configuration."""
    count = getattr(model.config, "num_hidden_layers", None)
    for module in model.modules():
        for name, child in module.named_children():
            if isinstance(child, torch.nn.ModuleList) and len(child) == count:
                return module, name, child
    raise LabRefused("--student", "its layers can't be found", "Let all of it learn, keep all")


def _keep(model: PreTrainedModel, keep: int) -> None:
    """Leave `keep` layers, the first half and the last half of them: the middle goes.

    The first and the last matter most (Men et al., https://arxiv.org/abs/2403.03853). Of
    SmolLM2-135M's thirty, leaving out any one of 3 to 7 raised the loss on its own answers by 0.1
    to 0.3 nats, the first or the last by 3 and more; six of the middle by 1.6, the last six but
    one by 10.
    """
    parent, name, layers = _layers(model)
    if not 2 <= keep <= len(layers):
        what = f"of {len(layers)} layers 2 to {len(layers)} can be kept, not {keep}"
        raise LabRefused("--keep-layers", what, "Name another number")
    first, last = -(-keep // 2), keep // 2
    left = torch.nn.ModuleList([*layers[:first], *layers[-last:]])
    for place, layer in enumerate(left):
        for module in layer.modules():
            if hasattr(module, "layer_idx"):
                module.layer_idx = place  # pyright: ignore
    setattr(parent, name, left)
    kinds = getattr(model.config, "layer_types", None)
    if kinds:
        model.config.layer_types = [*kinds[:first], *kinds[-last:]]
    model.config.num_hidden_layers = keep


def _freeze(model: PreTrainedModel, train: int) -> None:
    _, _, layers = _layers(model)
    if not 1 <= train <= len(layers):
        what = f"it has {len(layers)} layers, so {train} can't learn"
        raise LabRefused("--train-layers", what, "Name a smaller number")
    for weight in model.parameters():
        weight.requires_grad = False
    for layer in layers[-train:]:
        for weight in layer.parameters():
            weight.requires_grad = True


def check_room(student: Student, longest: int) -> None:
    """Raises `LabRefused` where an answer alone would fill the student."""
    room = room_of(student.model)
    if longest >= room:
        what = f"{room} tokens fit into the student, and answers alone may have {longest}"
        raise LabRefused("--student", what, "Shorten the answers, or take another student")
