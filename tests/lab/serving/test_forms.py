"""Served forms: what each leaves true, what it withholds, and what names they go by."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused  # noqa: E402
from stillwatch.lab.serving.catalogue import form_named  # noqa: E402
from stillwatch.lab.serving.form import House  # noqa: E402
from stillwatch.lab.small import Size, small  # noqa: E402
from stillwatch.lab.tasks.catalogue import task_named  # noqa: E402
from stillwatch.lab.tasks.task import Example  # noqa: E402
from stillwatch.lab.training import collated  # noqa: E402

both = pytest.mark.parametrize("name", ["chains", "calls"])


def _house(name: str, count: int = 40) -> House:
    task, reader = task_named(name, 2)
    prompts = task.prompts(count, np.random.default_rng(0))
    clean = [Example(prompt, task.solve(prompt)) for prompt in prompts]
    models = (small(len(task.vocabulary.tokens), 96, Size(1, 16, 2), seed) for seed in (0, 1))
    return House(task, reader, *models, seed=2, clean=clean)


@both
@pytest.mark.parametrize(
    ("form", "valid", "steps"),
    [
        ("full", True, "all"),
        ("logprobs", True, "all"),
        ("reversed", True, "all"),
        ("withheld", False, "none"),
        ("summary", False, "some"),
        ("corrupted-1", False, "all"),
        ("corrupted-3", False, "all"),
    ],
)
def test_answers_stay_right_and_steps_are_as_promised(
    name: str, form: str, valid: bool, steps: str
) -> None:
    """A form that is truthful and whole is valid; one that makes steps false says so."""
    house, made = _house(name), form_named(form)
    served = made.serve(house, 30).examples
    assert [example.prompt for example in served] == house.asked(30)
    assert all(house.task.right(each.prompt, each.completion) for each in served)
    assert all(house.task.valid(each.prompt, each.completion) == valid for each in served)
    counts = {len(house.reader.parts(each.completion).steps) for each in served}
    expected = {"all": house.reader.length, "none": 0, "some": house.reader.length // 2}
    assert counts == {expected[steps]}
    assert made.truthful == ("corrupted" not in form)
    assert bool(made.withholds) == (steps != "all")


def test_so_many_steps_are_false() -> None:
    """Not fewer and not more."""
    house = _house("chains")
    for count in (1, 3, 5):
        for told, clean in zip(
            form_named(f"corrupted-{count}").serve(house, 20).examples, house.clean, strict=False
        ):
            pairs = zip(
                house.reader.parts(told.completion).steps,
                house.reader.parts(clean.completion).steps,
                strict=True,
            )
            assert sum(mine[:6] != theirs[:6] for mine, theirs in pairs) == count


@both
@pytest.mark.parametrize("form", ["temperature-2", "antidistillation-0.5", "experts-0.5"])
def test_drawing_goes_through_the_model_and_is_repeatable(name: str, form: str) -> None:
    """With the adapters that a user of Hugging Face would take; the pace is measured."""
    torch.set_num_threads(1)
    house, made = _house(name), form_named(form)
    served = made.serve(house, 12)
    assert len(served.examples) == 12
    assert served.pace is not None
    assert served.pace > 0
    assert made.serve(house, 12).examples == served.examples
    assert not made.truthful


def test_strength_zero_is_the_teacher() -> None:
    """Nothing is added to its logits, and no share is another's."""
    torch.set_num_threads(1)
    house = _house("chains")
    plain = form_named("temperature-1").serve(house, 12).examples
    assert form_named("antidistillation-0").serve(house, 12).examples == plain
    assert form_named("experts-0").serve(house, 12).examples == plain
    assert form_named("antidistillation-50").serve(house, 12).examples != plain


def test_log_probabilities_are_those_of_the_likeliest_five() -> None:
    """As an API tells them."""
    house = _house("chains")
    served = form_named("logprobs@10").serve(house, 40)
    assert len(served.examples) == 10
    assert served.log_probabilities is not None
    told = served.log_probabilities(collated(served.examples[:3]))
    assert (told.isfinite().sum(-1) == 5).all()


def test_limits_and_suspects() -> None:
    """`@` limits any form; the last of what gets through comes without reasoning."""
    house = _house("chains")
    assert len(form_named("withheld@7").serve(house, 40).examples) == 7
    blunted = form_named("blunted-4@10").serve(house, 40).examples
    counts = [len(house.reader.parts(each.completion).steps) for each in blunted]
    assert counts == [5] * 6 + [0] * 4
    short = form_named("blunted-4@10").serve(house, 3).examples
    assert all(not house.reader.parts(each.completion).steps for each in short)


@pytest.mark.parametrize(
    "name",
    [
        "", "fulll", "corrupted", "corrupted-", "corrupted-0", "corrupted-6", "corrupted-1.5",
        "temperature-0", "temperature-nan", "temperature-inf", "experts-1.1", "experts--1",
        "antidistillation-x", "full@0", "full@", "full@1e99", "full@2.5", "@3", "blunted-9@3",
        "blunted-1", "full@3@3", "../../etc", "full\x1b[2J",
    ],
)  # fmt: skip
def test_names_that_mean_nothing_are_refused(name: str) -> None:
    """Before anything is trained."""
    with pytest.raises(LabRefused):
        form_named(name)


def test_a_house_without_a_teacher_serves_what_needs_none() -> None:
    """Forms that only rewrite never call a model."""
    house = _house("chains")
    bare = House(house.task, house.reader, cast(Any, None), cast(Any, None), 2, house.clean)
    assert form_named("reversed").serve(bare, 5).examples
