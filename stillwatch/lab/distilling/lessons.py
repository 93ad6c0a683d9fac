"""Lessons: the teacher's answers that a student learns from, or is measured by, as its tokens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.asking import Asked
from stillwatch.lab.distilling.material import Material, Pair
from stillwatch.lab.distilling.measuring import HeldOut
from stillwatch.lab.distilling.methods.method import Method
from stillwatch.lab.distilling.students import Student
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.teachers.codec import Codec, Unspeakable
from stillwatch.lab.teachers.local import room_of
from stillwatch.lab.teachers.teacher import Answer, Teacher


def chosen(
    method: Method, teacher: Teacher, material: Material, asked: Asked, student: Student
) -> tuple[list[Example], dict[str, int]]:
    """The teacher's answers that are learned from, as the student's tokens; what was left out."""
    examples: list[Example] = []
    left_out: Counter[str] = Counter()
    for prompt, answers in zip(asked.prompts, asked.answers, strict=True):
        best = method.chosen(prompt, answers, material.checker, teacher)
        fit = "no right answer" if best is None else fitted(prompt, best, student)
        if isinstance(fit, Example):
            examples.append(fit)
        else:
            left_out[fit] += 1
    if not examples:
        why = ", ".join(left_out)
        raise LabRefused("distil", f"no answer is left to learn from ({why})", "Ask for more")
    return examples, dict(left_out)


def fitting(held_out: HeldOut, student: Student) -> tuple[HeldOut, int]:
    """Those that the student has words and room for, and how many it hasn't.

    Raises `LabRefused` where none is left.
    """
    pairs = zip(held_out.prompts, held_out.answers, strict=True)
    kept = [pair for pair in pairs if isinstance(fitted(*pair, student), Example)]
    if not kept:
        what = "the student has no words, or no room, for any held-out answer of the teacher"
        raise LabRefused("--student", what, "Take a student that fits teacher and subject")
    prompts, answers = zip(*kept, strict=True)
    return HeldOut(prompts, answers), len(held_out.prompts) - len(kept)


def lessons(pairs: Sequence[Pair], student: Student) -> list[Example]:
    """Pairs that the student has words and room for."""
    fits = (fitted(pair.prompt, Answer(pair.answer, True), student) for pair in pairs)
    return [fit for fit in fits if isinstance(fit, Example)]


def fitted(prompt: str, answer: Answer, student: Student) -> Example | str:
    """The student's tokens for a prompt and an answer, or why it can't learn from them."""
    try:
        example = spell(prompt, answer, student.codec)
    except Unspeakable:
        return "words that the student doesn't have"
    if not example.prompt or not example.completion:
        return "nothing is said"
    fits = len(example.prompt) + len(example.completion) <= room_of(student.model)
    return example if fits else "longer than the student takes"


def spell(prompt: str, answer: Answer, codec: Codec) -> Example:
    """One of them; raises `Unspeakable`."""
    return Example(codec.prompt(prompt), codec.completion(answer.text, ended=answer.ended))
