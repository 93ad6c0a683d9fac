"""Real models: folders are run, small students trained on marked answers are found (torch)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stillwatch.errors import InputNotFound, TraceRefused
from stillwatch.lab.provenance.controls import score
from stillwatch.lab.provenance.predictions import NOTHING, guesses
from stillwatch.lab.provenance.scoring import collected
from stillwatch.lab.provenance.signing import read
from stillwatch.lab.provenance.texts import texts_of
from tests.lab.provenance.conftest import Files, write_texts

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks.trace import students  # noqa: E402
from stillwatch.lab.provenance.predicting import Model  # noqa: E402

EFFORT = students.Effort(base_steps=350, student_steps=150, answers=800, tested=300)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A base, two innocent students and two of marked answers, in folders; 40 seconds."""
    students.one_thread()
    folder = tmp_path_factory.mktemp("models")
    scheme = students.key_of(1)
    base = students.learned(0, EFFORT.base_steps, 4000)
    answers = {
        "full": students.mixed(1.0, scheme, EFFORT.answers, 1),
        "quarter": students.mixed(0.25, scheme, EFFORT.answers, 1),
        "innocent": students.mixed(0.0, scheme, EFFORT.answers, 5),
        "another": students.mixed(1.0, students.key_of(9), EFFORT.answers, 7),
    }
    models = {"base": base} | {
        name: students.taught(base, given, 3, EFFORT.student_steps)
        for name, (given, _) in answers.items()
    }
    for name, model in models.items():
        model.save_pretrained(folder / name)
    served = students.first(answers["full"][1], EFFORT.tested)
    write_texts(folder / "served.jsonl", served)
    write_texts(folder / "held_out.jsonl", students.spoken().served(300, 8, scheme))
    return {"folder": folder, "served": served, "scheme": scheme, "models": models}


def test_students_of_marked_answers_are_found(trained: dict[str, Any]) -> None:
    """Full share below 1e-6, a quarter below 0.01, innocents above; open weights, small models."""
    served, scheme = trained["served"], trained["scheme"]
    told = {name: students.predicted(model, served) for name, model in trained["models"].items()}
    p = {
        name: score(
            scheme,
            collected(
                served, guesses(served, told[name], "contrast", told["base"]), scheme, "context"
            ),
        ).p
        for name in ("full", "quarter", "innocent", "another")
    }
    assert p["full"] < 1e-6
    assert p["quarter"] < 0.01
    assert min(p["innocent"], p["another"]) > 0.01
    tokens = guesses(served, told["full"], "tokens")
    assert score(scheme, collected(served, tokens, scheme, "context")).p < 1e-3


def test_predictions_are_those_of_the_model(trained: dict[str, Any]) -> None:
    """Against one text at a time; padding and batches change nothing."""
    model = trained["models"]["base"]
    texts = texts_of([([2, 9], [5, 7, 30]), ([], [4, 8]), ([3], []), ([], []), ([2], [6])])
    told = Model(model).predictions(texts, kept=5)
    at = 0
    for text, prompt in texts.pieces():
        for place in range(prompt, len(text)):
            if not place:
                assert told.likeliest[at] == told.sampled[at] == NOTHING
                assert told.log_likelihood[at] == 0
            else:
                with torch.inference_mode():
                    logits = model(input_ids=torch.tensor(text[None, :place])).logits[0, -1]
                shares = logits.softmax(-1).numpy()
                assert told.likeliest[at] == shares.argmax()
                assert told.mass[at] == pytest.approx(np.sort(shares)[::-1][:5], rel=1e-3)
                assert told.log_likelihood[at] == pytest.approx(
                    np.log(shares[text[place]]), rel=1e-3
                )
            at += 1
    assert at == len(told.likeliest) == len(texts.answers)


def test_drawn_tokens_follow_the_model_and_the_seed(trained: dict[str, Any]) -> None:
    """As often as the model says; the same with the same seed."""
    model = Model(trained["models"]["base"])
    texts = texts_of([([2, 9], [5])] * 2000)
    told, again, other = (model.predictions(texts, seed=seed) for seed in (1, 1, 2))
    assert (told.sampled == again.sampled).all()
    assert (told.sampled != other.sampled).any()
    share = (told.sampled == told.likeliest[0]).mean()
    assert share == pytest.approx(told.mass[0, 0], abs=0.05)


def test_texts_that_a_model_cannot_read_are_refused(
    trained: dict[str, Any], tmp_path: Path
) -> None:
    """Tokens beyond its vocabulary, texts beyond its length, folders that hold no model."""
    model = Model(trained["models"]["base"])
    with pytest.raises(TraceRefused, match="tokenizer"):
        model.predictions(texts_of([([1], [students.VOCABULARY])]))
    with pytest.raises(TraceRefused, match="at most"):
        model.predictions(texts_of([([1], [2] * 1000)]))
    with pytest.raises(InputNotFound):
        Model.of_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(TraceRefused, match="can't be loaded"):
        Model.of_folder(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(TraceRefused, match="can't be loaded"):
        Model.of_folder(tmp_path)
    cut, pickled = tmp_path / "cut", tmp_path / "pickled"
    for folder in (cut, pickled):
        shutil.copytree(trained["folder"] / "base", folder)
    weights = cut / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    (pickled / "model.safetensors").unlink()
    torch.save(trained["models"]["base"].state_dict(), pickled / "pytorch_model.bin")
    for folder in (cut, pickled):
        with pytest.raises(TraceRefused, match="can't be loaded"):
            Model.of_folder(folder)


def test_a_whole_trial_on_folders(
    trained: dict[str, Any], made: Files, tmp_path: Path, run
) -> None:
    """Contrast, membership and canaries together: all run, corrected by Holm, signed."""
    folder, trial, keys = trained["folder"], tmp_path / "trial.json", tmp_path / "keys.json"
    scheme = trained["scheme"]
    keys.write_text(json.dumps(scheme.parameters() | scheme.secret()))
    canaries = tmp_path / "canaries.jsonl"
    rows = [
        {
            "canary": list(code.planted),
            "references": [list(other) for other in code.references],
            "exposures": code.exposures,
        }
        for code in students.canaries(3)
    ]
    canaries.write_text("\n".join(json.dumps(row) for row in rows))
    common = [trial, "--keys", keys, "--sign", made.signer]
    tests = ["open_supervised:contrast", "membership", "canaries:likelihood"]
    asked = [word for name in tests for word in ("--test", name)]
    more = ["--share", "1", "--wrong-keys", "100"]
    given = [
        *["--suspect-model", folder / "full"],
        *["--innocent-model", folder / "base", "--innocent-model", folder / "innocent"],
        *["--served", folder / "served.jsonl", "--held-out", folder / "held_out.jsonl"],
        *["--canaries", canaries],
    ]
    assert run("lab", "trace", "register", *common, *asked, *more, *given).code == 0
    told = run("lab", "trace", "run", *common, "--out", tmp_path / "report", *given)
    assert told.code == 0, told.err
    document = read(tmp_path / "report" / "report.json")
    body = document["body"]
    assert body["verdict"]["code"] == "shown"
    by_name = {test["name"]: float(test["p"]) for test in body["tests"]}
    assert by_name["open_supervised:contrast, key 1"] < 1e-6
    assert by_name["canaries:likelihood"] > 0.001
    assert body["tests"][0]["wrong_keys"]["keys"] == "100"
    assert {"suspect_model", "canaries", "held_out"} < {one["role"] for one in body["materials"]}
    assert run("lab", "trace", "verify", tmp_path / "report", "--registration", trial).code == 0


def test_contrast_needs_two_innocents(
    trained: dict[str, Any], made: Files, tmp_path: Path, run
) -> None:
    """One to compare with, one to be the control."""
    folder, trial, keys = trained["folder"], tmp_path / "trial.json", tmp_path / "keys.json"
    scheme = trained["scheme"]
    keys.write_text(json.dumps(scheme.parameters() | scheme.secret()))
    common = [trial, "--keys", keys, "--sign", made.signer]
    told = run(
        *["lab", "trace", "register", *common, "--test", "open_supervised:contrast"],
        *["--suspect-model", folder / "full", "--innocent-model", folder / "base"],
        *["--served", folder / "served.jsonl"],
    )
    assert told.code == 29
    assert "two innocents" in told.err
    assert not trial.exists()


@pytest.mark.parametrize("test", ["open_supervised:contrast", "membership"])
def test_an_innocent_beside_itself_is_no_control(
    trained: dict[str, Any], made: Files, tmp_path: Path, run, test: str
) -> None:
    """Compared with itself, or with a copy, nothing is left that could be accused."""
    folder, trial, keys = trained["folder"], tmp_path / "trial.json", tmp_path / "keys.json"
    scheme = trained["scheme"]
    keys.write_text(json.dumps(scheme.parameters() | scheme.secret()))
    common = [trial, "--keys", keys, "--sign", made.signer]
    more = ["--share", "1", "--wrong-keys", "100"]
    copied = tmp_path / "copy" / "base"
    shutil.copytree(folder / "base", copied)
    given = [
        *["--suspect-model", folder / "full", "--innocent-model", folder / "base"],
        *["--innocent-model", copied, "--served", folder / "served.jsonl"],
        *(["--held-out", folder / "held_out.jsonl"] if test == "membership" else []),
    ]
    assert run("lab", "trace", "register", *common, "--test", test, *more, *given).code == 0
    told = run("lab", "trace", "run", *common, "--out", tmp_path / "report", *given)
    assert told.code == 29
    body = read(tmp_path / "report" / "report.json")["body"]
    assert body["verdict"]["code"] == "refused"
    assert "copy/base" in body["refusals"][0]
    models = [one["name"] for one in body["materials"] if one["role"] == "innocent_model"]
    assert "copy/base" in models
    assert len(models) == 2
