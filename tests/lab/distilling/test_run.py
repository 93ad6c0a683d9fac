"""A run: its folder, its card, its curve; what doesn't fit is refused before anybody is asked."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import LabRefused
from stillwatch.lab.distilling.divergences import Divergence
from stillwatch.lab.distilling.methods.best_of import BestOf
from stillwatch.lab.distilling.methods.logits import LogitLevel
from stillwatch.lab.distilling.methods.on_policy import OnPolicy
from stillwatch.lab.distilling.recipe import Recipe
from stillwatch.lab.distilling.run import distil, material_of
from stillwatch.lab.distilling.students import StudentSpec
from stillwatch.lab.folders import alone
from stillwatch.lab.small import Size
from stillwatch.lab.teachers.folder import opened
from stillwatch.lab.teachers.local import weights_digest

METHODS = (
    LogitLevel(),
    LogitLevel(Divergence("reverse", 2.0, top=5), hard=0.5),
    OnPolicy(own=1.0),
    OnPolicy(Divergence("forward"), own=0.5),
)


def test_a_run_leaves_student_card_and_curve(recipe: Recipe, cache: Path, tmp_path: Path) -> None:
    """The student can be opened and is the card's; no text of a prompt stands in the card."""
    card = distil(tmp_path / "run", recipe, cache)
    model, _ = opened(tmp_path / "run" / "student")
    assert weights_digest(model) == card["student"]["digest"]
    assert card["student"]["digest"] != card["student_before"]["digest"]
    assert [row["examples"] for row in card["curve"]["by_examples"]] == [0, 16, 48]
    steps = [point["step"] for point in card["curve"]["by_step"]["all"]]
    assert steps == [0, 3, 6]
    ET.fromstring((tmp_path / "run" / "curve.svg").read_text())
    written = (tmp_path / "run" / "card.json").read_text()
    assert json.loads(written) == card
    told = (tmp_path / "run" / "card.md").read_text()
    assert "must not be used for" in told
    for prompt in material_of(recipe).held_out:
        assert prompt not in written + told


def test_the_same_again_is_the_same_student_and_a_run_that_is_over_stays(
    recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    """Bit for bit; and a second call returns the first one's card without doing anything."""
    first = distil(tmp_path / "a", recipe, cache)
    second = distil(tmp_path / "b", recipe, cache)
    assert first["student"] == second["student"]
    assert first["curve"] == second["curve"]
    (tmp_path / "a" / "student" / "config.json").unlink()
    assert distil(tmp_path / "a", recipe, cache) == first


@pytest.mark.parametrize("method", METHODS, ids=lambda method: f"{method}"[:40])
def test_methods_with_logits_teach_something_else_than_answers(
    method: LogitLevel | OnPolicy, recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    """Each ends with a student of its own, the same whenever it is run."""
    plain = distil(tmp_path / "plain", replace(recipe, fewer=()), cache)
    again = replace(recipe, method=method, fewer=())
    one, two = (distil(tmp_path / name, again, cache) for name in ("one", "two"))
    assert one["student"] == two["student"]
    assert one["student"]["digest"] != plain["student"]["digest"]
    assert one["curve"]["by_step"]["no_teacher"] == plain["curve"]["by_step"]["no_teacher"]


def test_without_own_examples_the_baseline_is_the_student_as_it_was(
    recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    """It has nothing to learn from, so it is measured once."""
    counts = replace(recipe.counts, own=0)
    card = distil(tmp_path, replace(recipe, counts=counts, fewer=()), cache)
    (only,) = card["curve"]["by_step"]["no_teacher"]
    assert (only["step"], only["last"]) == (0, True)
    assert only["loss"] == card["curve"]["by_step"]["all"][0]["loss"]


@pytest.mark.parametrize(
    "spec",
    [StudentSpec("small", Size(1, 32, 2)), StudentSpec("partial", train=1)],
    ids=lambda spec: spec.kind,
)
def test_students_of_other_kinds(
    spec: StudentSpec, recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    """A new one learns by answers and logits alike; of a part, frozen weights stay."""
    card = distil(tmp_path, replace(recipe, student=spec, method=LogitLevel(), fewer=()), cache)
    assert card["student_before"]["kind"] == spec.kind
    points = card["curve"]["by_step"]["all"]
    assert points[-1]["loss"] != points[0]["loss"]


def test_two_runs_in_one_folder_and_another_recipe_are_refused(
    recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    """With what differs; and a folder that holds something else is left as it is."""
    run = tmp_path / "run"
    with alone(run), pytest.raises(LabRefused, match="another run works"):
        distil(run, recipe, cache)
    distil(run, recipe, cache)
    other = replace(recipe, schedule=replace(recipe.schedule, rate=1e-3))
    with pytest.raises(LabRefused, match=r"schedule.rate is 0.002 there, 0.001 here"):
        distil(run, other, cache)
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    with pytest.raises(LabRefused, match="something else"):
        distil(mine, recipe, cache)
    assert (mine / "thesis.txt").read_text() == "years of work"


def test_a_damaged_file_of_a_run_is_named(recipe: Recipe, cache: Path, tmp_path: Path) -> None:
    """Answers that were cut, or are of other prompts, aren't learned from."""
    distil(tmp_path, recipe, cache)
    (tmp_path / "card.json").unlink()
    chunk = tmp_path / "asked" / "000000.json"
    whole = chunk.read_text()
    for broken in (whole[:50], whole.replace('"prompt": "s', '"prompt": "x', 1), "[]", "[" * 9999):
        chunk.write_text(broken)
        with pytest.raises(LabRefused, match=r"000000\.json"):
            distil(tmp_path, recipe, cache)


def test_best_of_takes_right_answers_alone(recipe: Recipe, cache: Path, tmp_path: Path) -> None:
    """Of a teacher that is often wrong some are right: what is left out is counted."""
    counts = replace(recipe.counts, asked=400)
    raised = replace(recipe.raised, teacher_steps=60)
    taught = replace(recipe, method=BestOf(6, 1.0), counts=counts, fewer=(), raised=raised)
    data = distil(tmp_path, taught, cache)["data"]
    assert data["learned_from"]["teacher"] + data["left_out"]["no right answer"] == 400
    assert 0 < data["learned_from"]["teacher"] < 400
    assert data["answers"]["count"] == 6 * 400


def test_an_endpoint_needs_an_assertion_of_right(recipe: Recipe) -> None:
    """Without one there is no recipe."""
    from stillwatch.lab.teachers.choosing import TeacherSpec

    spec = TeacherSpec("endpoint", "https://models.example.com/v1", "m")
    with pytest.raises(LabRefused, match="i-own-this"):
        replace(recipe, teacher=spec, right="  ")
