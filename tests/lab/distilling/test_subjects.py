"""What runs are about: nothing held out is ever asked, and hostile files are put aside by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")

from stillwatch.errors import InputNotFound, LabRefused
from stillwatch.lab.distilling.material import Counts
from stillwatch.lab.distilling.subjects.own import own_material
from stillwatch.lab.distilling.subjects.records import Records, records_material
from stillwatch.lab.distilling.subjects.tasks import task_material
from stillwatch.lab.tasks.chains import Chains

COUNTS = Counts(200, 40, 20, 30)


@pytest.mark.parametrize("seed", range(3))
def test_held_out_prompts_are_never_learned_from(seed: int, tmp_path: Path) -> None:
    """In no subject, for no seed; and own examples are right."""
    path = tmp_path / "p.jsonl"
    path.write_text(
        "".join(json.dumps({"prompt": f"p{n}", "answer": f"a{n}"}) + "\n" for n in range(300))
    )
    for material in (
        task_material(Chains(1), COUNTS, seed),
        records_material(COUNTS, seed),
        own_material(path, COUNTS, seed, 64, path),
    ):
        learned = {*material.asked, *(p.prompt for p in (*material.own, *material.public))}
        assert not learned & set(material.held_out)
        assert (len(material.asked), len(material.held_out)) == (200, 40)
        assert len(material.own) == 20
        assert all(material.checker.right(pair.prompt, pair.answer) for pair in material.own)


def test_records_are_judged_as_objects() -> None:
    """Order, spaces and letter case are nothing; another value, key or form is."""
    prompt = records_material(COUNTS, 0).own[0].prompt
    known = json.loads(records_material(COUNTS, 0).own[0].answer)
    right = Records().right
    assert right(prompt, json.dumps(dict(reversed(known.items())), indent=8).upper().lower())
    assert right(prompt, f"```json\n{json.dumps(known)}\n```")
    for wrong in (
        json.dumps(known | {"age": 3}),
        json.dumps(known | {"city": "Atlantis"}),
        json.dumps(list(known.values())),
        json.dumps(known)[:-1],
        "[" * 100_000,
        "",
        "null",
        '{"name": NaN}',
    ):
        assert not right(prompt, wrong)
    with pytest.raises(LabRefused, match="there are"):
        records_material(Counts(100_000, 1, 1, 0), 0)


def test_lines_that_cant_be_used_are_put_aside_with_their_reason(tmp_path: Path) -> None:
    """File, line and reason; the others are used."""
    good = [json.dumps({"prompt": f"question {n}"}) for n in range(8)]
    bad = [
        "not json",
        "[" * 50_000,
        '{"prompt": 7}',
        '{"answer": "a"}',
        '{"prompt": "  "}',
        '{"prompt": "x", "answer": ""}',
        good[0],
        json.dumps({"prompt": "y" * 100_000}),
        '{"prompt": "\\ud800"}',
    ]
    path = tmp_path / "prompts.jsonl"
    path.write_bytes("\n".join([*good, *bad, ""]).encode() + b'\xff\xfe\n{"prompt": "last"}')
    material = own_material(path, COUNTS, 0, 64)
    assert len(material.asked) + len(material.held_out) == len(good) + 1
    assert len(material.put_aside) == len(bad) + 1
    for number, line in enumerate(material.put_aside, len(good) + 1):
        assert line.startswith(f"prompts.jsonl:{number}: ")
    assert "came before" in material.put_aside[6]
    assert "longer than" in material.put_aside[7]


def test_files_without_enough_are_refused(tmp_path: Path) -> None:
    """None there, an empty one, a folder."""
    with pytest.raises(InputNotFound):
        own_material(tmp_path / "none.jsonl", COUNTS, 0, 64)
    with pytest.raises(InputNotFound):
        own_material(tmp_path, COUNTS, 0, 64)
    (tmp_path / "few.jsonl").write_text('{"prompt": "a"}\n')
    with pytest.raises(LabRefused, match="at least four"):
        own_material(tmp_path / "few.jsonl", COUNTS, 0, 64)


def test_where_nobody_knows_what_is_right_nobody_says_so(tmp_path: Path) -> None:
    """Answers that are known judge; others are None."""
    lines = [{"prompt": "2+2", "answer": "Four "}, *({"prompt": f"p{n}"} for n in range(5))]
    path = tmp_path / "p.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    checker = own_material(path, COUNTS, 0, 64).checker
    assert checker.right("2+2", " four") is True
    assert checker.right("2+2", "five") is False
    assert checker.right("p1", "four") is None
