"""A run, from recipe to card, in a folder of its own: killed at any moment, the same goes on.

recipe.json     what was asked for
asked/          the teacher's answers, in chunks
held_out/       its answers to held-out prompts
arms/NAME/      a student's checkpoint while it learns, and its figures by step
student/        the student of all examples, a Hugging Face folder
curve.json, curve.svg, card.json, card.md
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.arms import (
    FULL,
    Arm,
    Curriculum,
    arms_of,
    finished,
    points_of,
    trained,
)
from stillwatch.lab.distilling.asking import Asked, ask
from stillwatch.lab.distilling.card import Told, card_of, card_text
from stillwatch.lab.distilling.lessons import chosen, fitting, lessons, spell
from stillwatch.lab.distilling.material import Material
from stillwatch.lab.distilling.measuring import Figures, HeldOut, by_token, judged, token_losses
from stillwatch.lab.distilling.picture import curve_picture
from stillwatch.lab.distilling.recipe import Recipe, claim
from stillwatch.lab.distilling.students import Student, check_room, student_of
from stillwatch.lab.distilling.subjects.own import own_material
from stillwatch.lab.distilling.subjects.records import records_material
from stillwatch.lab.distilling.subjects.tasks import task_material
from stillwatch.lab.folders import alone, put, put_folder, put_json, read_json
from stillwatch.lab.tasks.chains import Chains
from stillwatch.lab.teachers.choosing import teacher_of
from stillwatch.lab.teachers.folder import opened, save
from stillwatch.lab.teachers.local import device_named, identity_of
from stillwatch.lab.teachers.teacher import Draw, Teacher
from stillwatch.progress import Progress, Silent


def distil(
    folder: Path, recipe: Recipe, cache: Path | None = None, watch: Progress | None = None
) -> dict[str, Any]:
    """Run `recipe` in `folder`, or what is left of it; returns the card.

    Raises `LabRefused` where the folder is another run's, or one works in it, and where teacher,
    student and method don't fit.
    """
    device = device_named(recipe.device)
    with alone(folder):
        claim(folder, recipe)
        if (folder / "card.json").exists():
            return read_json(folder / "card.json")
        return _Run(folder, recipe, cache, device, watch or Silent()).to_card()


def material_of(recipe: Recipe) -> Material:
    """The texts that a recipe is about."""
    if recipe.subject == "records":
        return records_material(recipe.counts, recipe.seed)
    if recipe.prompts is not None:
        return own_material(
            recipe.prompts, recipe.counts, recipe.seed, recipe.longest, recipe.public
        )
    return task_material(Chains(recipe.raised.secret), recipe.counts, recipe.seed)


@dataclass
class _Run:
    folder: Path
    recipe: Recipe
    cache: Path | None
    device: str
    watch: Progress

    def __post_init__(self) -> None:
        path = self.folder / "seconds.json"
        self._before = read_json(path) if path.exists() else {"wall": 0.0, "cpu": 0.0}
        self._began = {"wall": time.monotonic(), "cpu": time.process_time()}

    def to_card(self) -> dict[str, Any]:
        recipe, material = self.recipe, material_of(self.recipe)
        dtype = torch.bfloat16 if recipe.bf16 and self.device == "cuda" else torch.float32
        teacher = teacher_of(recipe.teacher, recipe.raised, self.cache, self.device, dtype)
        begun = self._student(teacher, material)
        self._pin(teacher, begun)
        _check_fit(recipe, teacher, begun)
        asked, held_out = self._asked(teacher, material)
        examples, left_out = chosen(recipe.method, teacher, material, asked, begun)
        held_out, unfit = fitting(held_out, begun)
        curriculum = Curriculum(
            own=lessons(material.own, begun),
            teacher=examples,
            public=lessons(material.public, begun),
        )
        before = begun.begun
        del begun  # its weights are not needed twice
        arms = arms_of(recipe, len(examples))
        for arm in arms:
            self._train(arm, curriculum, teacher, held_out, material)
        model, _ = opened(self.folder / "student", self.device)
        told = Told(
            recipe=recipe,
            teacher=teacher.identity,
            begun=before,
            student=identity_of("student", "student", model),
            material=material,
            answers=[answer.text for answers in asked.answers for answer in answers],
            learned={
                "own": len(curriculum.own),
                "teacher": len(curriculum.teacher),
                "public": len(curriculum.public),
            },
            left_out=left_out,
            held_out=len(held_out.prompts),
            held_out_unfit=unfit,
            unanswered=list(asked.unanswered),
            teacher_figures=_of_teacher(teacher, held_out, material),
            points={arm: points_of(self._arm(arm)) for arm in arms},
            device=self.device,
            seconds=self._seconds(),
        )
        card = card_of(told)
        put_json(self.folder / "curve.json", card["curve"])
        put(self.folder / "curve.svg", curve_picture(card["curve"]))
        put(self.folder / "card.md", card_text(card))
        put_json(self.folder / "card.json", card)
        return card

    def _student(self, teacher: Teacher, material: Material) -> Student:
        recipe = self.recipe
        student = student_of(
            recipe.student, teacher, material, recipe.raised, self.cache, self.device, recipe.seed
        )
        check_room(student, material.longest)
        return student

    def _pin(self, teacher: Teacher, student: Student) -> None:
        """Go on only with the models that the run began with: a folder may hold others by now."""
        path = self.folder / "models.json"
        now = {"teacher": teacher.identity.digest, "student": student.begun.digest}
        if not path.exists():
            put_json(path, now)
        elif read_json(path) != now:
            what = "was begun with another teacher or student, of the same place"
            raise LabRefused(self.folder, what, "Put them back, or name another folder")

    def _asked(self, teacher: Teacher, material: Material) -> tuple[Asked, HeldOut]:
        recipe, watch = self.recipe, self.watch
        draw = Draw(material.longest, recipe.method.temperature, recipe.seed + 1)
        asked = ask(
            teacher,
            material.asked,
            draw,
            recipe.method.samples,
            self.folder / "asked",
            watch,
            self._keep_time,
        )
        likeliest = Draw(material.longest, 0.0, recipe.seed)
        held = ask(
            teacher,
            material.held_out,
            likeliest,
            1,
            self.folder / "held_out",
            watch,
            self._keep_time,
        )
        return asked, HeldOut(held.prompts, tuple(answers[0] for answers in held.answers))

    def _train(
        self,
        arm: Arm,
        curriculum: Curriculum,
        teacher: Teacher,
        held_out: HeldOut,
        material: Material,
    ) -> None:
        folder, saved = self._arm(arm), self.folder / "student"
        if finished(folder) and (arm.name != FULL or saved.exists()):
            return
        student = self._student(teacher, material)
        trained(
            arm,
            folder,
            student,
            curriculum,
            teacher.weights,
            held_out,
            material,
            self.recipe,
            self.watch,
            self._keep_time,
        )
        if arm.name == FULL:
            put_folder(saved, lambda half: save(half, student.model, student.codec))
        (folder / "checkpoint.pt").unlink(missing_ok=True)

    def _arm(self, arm: Arm) -> Path:
        return self.folder / "arms" / arm.name

    def _seconds(self) -> dict[str, float]:
        """Spent until now, by the wall's clock and the CPU's, over all sittings."""
        now = {"wall": time.monotonic(), "cpu": time.process_time()}
        return {
            clock: round(self._before[clock] + now[clock] - self._began[clock], 1) for clock in now
        }

    def _keep_time(self) -> None:
        put_json(self.folder / "seconds.json", self._seconds())


def _check_fit(recipe: Recipe, teacher: Teacher, student: Student) -> None:
    if not recipe.method.needs_logits:
        return
    name, theirs = recipe.method.name, teacher.weights
    if theirs is None:
        what = f"{name} needs the teacher's logits, and only its texts come from an endpoint"
        raise LabRefused("--method", what, "Use sequence or best_of")
    vocabulary = theirs.model.config.get_text_config().vocab_size
    same = student.model.config.get_text_config().vocab_size == vocabulary
    if theirs.codec.digest != student.codec.digest or not same:
        what = f"{name} compares token by token, and teacher and student have different tokens"
        todo = "Use sequence or best_of, or a student with the teacher's tokenizer"
        raise LabRefused("--method", what, todo)


def _of_teacher(teacher: Teacher, held_out: HeldOut, material: Material) -> Figures:
    loss = None
    if teacher.weights is not None:
        codec = teacher.weights.codec
        examples = [
            spell(prompt, answer, codec)
            for prompt, answer in zip(held_out.prompts, held_out.answers, strict=True)
        ]
        with torch.inference_mode():
            losses = token_losses(teacher.weights.model, examples)
        loss = by_token(losses, examples)
    return judged(held_out, held_out.answers, material, loss)
