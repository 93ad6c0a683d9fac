"""A p-value can't be shopped: what is tested is bound before, and each run is entered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.binding import Bound, rule_of
from stillwatch.lab.provenance.materials import folder_digest
from stillwatch.lab.provenance.report import REPORT
from stillwatch.lab.provenance.runs import ENTRY, runs_of
from stillwatch.lab.provenance.signing import signed
from stillwatch.lab.provenance.texts import read_texts, texts_of
from stillwatch.privacy.keys import read_keys
from tests.cli.conftest import Ran
from tests.lab.provenance.conftest import Files

Run = Callable[..., Ran]


def _trace(made: Files, what: str, *more: object) -> list[object]:
    return ["lab", "trace", what, *more, "--keys", made.keys, "--sign", made.signer]


def _plan(*given: object) -> list[object]:
    """With a seed, for of a thousand draws of wrong keys one looks as if the null didn't hold."""
    levels = ["--share", "1", "--wrong-keys", "200", "--seed", "drawn once"]
    return ["--test", "open_supervised:tokens", *levels, *given]


def _three(made: Files, suspect: Path) -> list[object]:
    given = ["--suspect-model", suspect, "--innocent-model", made.innocent]
    return [*given, "--served", made.served]


RULES = ("--rule", "suspect-model=whose it is", "--rule", "innocent-model=the base")


def _body(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_text())["body"]


def _cut(source: Path, target: Path, rows: Sequence[int]) -> Path:
    lines = source.read_text().splitlines()
    target.write_text("".join(lines[row] + "\n" for row in rows))
    return target


def test_other_materials_than_were_registered_are_refused(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """Other served texts, another suspect, another innocent, one more: none is tested."""
    trial, out = tmp_path / "trial", tmp_path / "report"
    bound = _three(made, made.trained)
    assert run(*_trace(made, "register", trial), *_plan(*bound)).code == 0
    others = {
        "--suspect-model": made.copying,
        "--innocent-model": made.copying,
        "--served": _cut(made.served, tmp_path / "fewer", range(200)),
    }
    for option, path in others.items():
        given = list(bound)
        given[given.index(option) + 1] = path
        left = run(*_trace(made, "run", trial, "--out", out), *given)
        assert left.code == 29
        assert "is not what was registered" in left.err
        assert option in left.err
    left = run(*_trace(made, "run", trial, "--out", out), *bound, "--innocent-model", made.copying)
    assert "was not registered, or so often" in left.err
    assert runs_of(trial).read_text() == ""
    told = run(*_trace(made, "run", trial, "--out", out), *bound)
    assert told.code == 0, told.err
    assert "Run 1 of 1" in told.out
    assert _body(out)["verdict"]["code"] == "shown"


def test_what_a_test_needs_must_be_bound_and_nothing_else(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """A registration that leaves a choice open is none."""
    trial = tmp_path / "trial"
    full = _three(made, made.trained)
    for at in (0, 2, 4):
        left = run(*_trace(made, "register", trial), *_plan(*full[:at], *full[at + 2 :]))
        assert left.code == 29
        assert f"needs {full[at]}" in left.err
    left = run(*_trace(made, "register", trial), *_plan(*full, "--held-out", made.served))
    assert "no test needs it" in left.err
    for rule in ("served=all", "served=0 first x", "served=5 best x", "nobody=x", "suspect-model="):
        left = run(*_trace(made, "register", trial), *_plan(*full, "--rule", rule))
        assert left.code == 29, rule
        assert "--rule" in left.err
    assert not trial.exists()


def test_a_run_beyond_the_registered_number_is_refused(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """On other materials; on the same ones it is the same run, as after a crash."""
    trial = tmp_path / "trial"
    assert run(*_trace(made, "register", trial), *_plan("--served", made.served, *RULES)).code == 0
    first = run(*_trace(made, "run", trial, "--out", tmp_path / "1"), *_three(made, made.copying))
    assert first.code == 0, first.err
    left = run(*_trace(made, "run", trial, "--out", tmp_path / "2"), *_three(made, made.trained))
    assert left.code == 29
    assert "all 1 registered runs were made" in left.err
    assert not (tmp_path / "2").exists()
    again = run(*_trace(made, "run", trial, "--out", tmp_path / "3"), *_three(made, made.copying))
    assert again.code == 0
    one, other = _body(tmp_path / "1"), _body(tmp_path / "3")
    assert one["run"] == other["run"] == 1
    assert one["tests"] == other["tests"]
    for report in ("1", "3"):
        assert run("lab", "trace", "verify", tmp_path / report, "--registration", trial).code == 0


def test_each_run_pays_for_all_that_are_registered(made: Files, tmp_path: Path, run: Run) -> None:
    """Its number is told, p-values are corrected for all, and the ledger says who reported."""
    trial, plan = tmp_path / "trial", _plan("--served", made.served, *RULES, "--runs", "5")
    told = run(*_trace(made, "register", trial), *plan, "--json")
    one = run(*_trace(made, "register", tmp_path / "one"), *plan[:-2], "--json")
    needs = [json.loads(ran.out)["tests"][0]["least_evidence"] for ran in (told, one)]
    assert needs[0] > needs[1]
    for number, suspect in enumerate((made.copying, made.trained), 1):
        out = tmp_path / str(number)
        assert run(*_trace(made, "run", trial, "--out", out), *_three(made, suspect)).code == 0
        body = _body(out)
        assert body["run"] == number
        assert len(body["ledger"]) == 2 * number - 1
        p = float(body["tests"][0]["p"])
        assert float(body["adjusted"][0]) == pytest.approx(min(1, 5 * p))
        assert f"Run {number} of 5" in (out / "report.md").read_text()
    said = run("lab", "trace", "verify", tmp_path / "1", "--registration", trial)
    assert said.code == 0, said.err
    assert "Runs in the ledger: 1 (reported), 2 (reported)" in said.out


def test_a_run_that_was_never_reported_stays_in_the_ledger(
    made: Files, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entered before it computes: whoever stops it when they see the figures is seen."""
    trial = tmp_path / "trial"
    run(*_trace(made, "register", trial), *_plan("--served", made.served, *RULES, "--runs", "2"))

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("stillwatch.lab.provenance.trial.tried", killed)
        left = run(
            *_trace(made, "run", trial, "--out", tmp_path / "1"), *_three(made, made.copying)
        )
        assert left.code != 0
    assert run(*_trace(made, "run", trial, "--out", tmp_path / "2"), *_three(made, made.trained))
    said = run("lab", "trace", "verify", tmp_path / "2", "--registration", trial, "--json")
    assert json.loads(said.out)["runs_entered"] == {"1": False, "2": True}
    assert json.loads(said.out)["run"] == 2


@pytest.mark.parametrize("what", ["dropped", "changed", "swapped", "missing", "another"])
def test_a_ledger_that_was_touched_is_refused(
    made: Files, tmp_path: Path, run: Run, what: str
) -> None:
    """A line taken out, changed or moved, the whole file, one of another registration."""
    trial, ledger = tmp_path / "trial", runs_of(tmp_path / "trial")
    plan = _plan("--served", made.served, *RULES, "--runs", "3")
    assert run(*_trace(made, "register", trial), *plan).code == 0
    suspects = (made.copying, made.trained, made.innocent)
    for number, suspect in enumerate(suspects[:2]):
        out = tmp_path / str(number)
        assert run(*_trace(made, "run", trial, "--out", out), *_three(made, suspect)).code == 0
    lines = ledger.read_text().splitlines(keepends=True)
    if what == "dropped":
        ledger.write_text("".join(lines[2:]))
    if what == "changed":
        ledger.write_text("".join([lines[0].replace('"run": 1', '"run": 2'), *lines[1:]]))
    if what == "swapped":
        ledger.write_text("".join([lines[1], lines[0], *lines[2:]]))
    if what == "missing":
        ledger.unlink()
    if what == "another":
        assert run(*_trace(made, "register", tmp_path / "other"), *plan).code == 0
        given = _three(made, made.copying)
        assert run(*_trace(made, "run", tmp_path / "other", "--out", tmp_path / "o"), *given)
        shutil.copy(runs_of(tmp_path / "other"), ledger)
    left = run(*_trace(made, "run", trial, "--out", tmp_path / "r"), *_three(made, suspects[2]))
    assert left.code == TraceRefused.exit_code
    assert not (tmp_path / "r").exists()
    left = run("lab", "trace", "verify", tmp_path / "1", "--registration", trial)
    assert left.code == (0 if what == "missing" else TraceRefused.exit_code)


def test_a_line_that_was_cut_off_is_none(made: Files, tmp_path: Path, run: Run) -> None:
    """Killed while it was entered, a run wasn't made: nothing was computed."""
    trial, ledger = tmp_path / "trial", runs_of(tmp_path / "trial")
    run(*_trace(made, "register", trial), *_plan("--served", made.served, *RULES))
    out, given = tmp_path / "report", _three(made, made.copying)
    ledger.write_text('{"format": "stillwatch-tr')
    told = run(*_trace(made, "run", trial, "--out", out), *given)
    assert told.code == 0, told.err
    assert len(ledger.read_text().splitlines()) == 2


@pytest.mark.parametrize("what", ["run", "materials", "ledger", "number"])
def test_a_report_of_another_run_than_was_entered_is_refused(
    made: Files, tmp_path: Path, run: Run, what: str
) -> None:
    """Whoever signs: the run's number, what it was made on, and the runs before it."""
    trial, out = tmp_path / "trial", tmp_path / "report"
    run(*_trace(made, "register", trial), *_plan("--served", made.served, *RULES, "--runs", "2"))
    given = _three(made, made.copying)
    assert run(*_trace(made, "run", trial, "--out", tmp_path / "0"), *given).code == 0
    given = _three(made, made.trained)
    assert run(*_trace(made, "run", trial, "--out", out), *given).code == 0
    body, signer = _body(out), read_keys(made.signer).signer
    if what == "run":
        body["run"] = 1
    if what == "materials":
        body["materials"][-1]["sha256"] = "0" * 64
    if what == "ledger":
        body["ledger"] = body["ledger"][-1:]
    if what == "number":
        last = body["ledger"][-1]["body"] | {"run": 1}
        body["ledger"][-1] = signed(ENTRY, last, signer)
        body["run"] = 1
    (out / "report.json").write_text(json.dumps(signed(REPORT, body, signer)))
    (out / "report.md").unlink()
    assert run("lab", "trace", "verify", out).code == TraceRefused.exit_code


@pytest.mark.parametrize("what", ["signer", "nan", "control", "suspect", "keys"])
def test_its_own_signer_can_t_mend_a_report(
    made: Files, tmp_path: Path, run: Run, what: str
) -> None:
    """An innocent left out, figures that are none, fewer wrong keys, another's signature."""
    trial, out = tmp_path / "trial", tmp_path / "report"
    given = [*_three(made, made.trained), "--innocent-model", made.innocent]
    assert run(*_trace(made, "register", trial), *_plan(*given)).code == 0
    assert run(*_trace(made, "run", trial, "--out", out), *given).code == 0
    assert run("lab", "trace", "verify", out).code == 0
    body, signer = _body(out), read_keys(made.signer).signer
    (told,) = body["tests"]
    if what == "signer":
        signer = Ed25519PrivateKey.generate()
    if what == "nan":
        told["controls"][0]["p"] = "nan"
    if what == "control":
        del told["controls"][0], told["amounts"][1]
    if what == "suspect":
        told["p"] = "-1"
    if what == "keys":
        told["wrong_keys"]["keys"] = "199"
    (out / "report.json").write_text(json.dumps(signed(REPORT, body, signer)))
    (out / "report.md").unlink()
    assert run("lab", "trace", "verify", out).code == TraceRefused.exit_code


def test_another_signer_s_run_is_not_entered(made: Files, tmp_path: Path, run: Run) -> None:
    """It would use up a run that isn't its own, and make the ledger unreadable."""
    trial, other, given = tmp_path / "trial", tmp_path / "other", _three(made, made.trained)
    assert run(*_trace(made, "register", trial), *_plan(*given)).code == 0
    assert run("keys", "new", other, "--owner", tmp_path / "owner").code == 0
    more = ["--sign", other, "--out", tmp_path / "out"]
    left = run("lab", "trace", "run", trial, "--keys", made.keys, *more, *given)
    assert left.code == 29
    assert "registered with" in left.err
    assert runs_of(trial).read_text() == ""


def test_a_ledger_that_is_gone_is_told(made: Files, tmp_path: Path, run: Run) -> None:
    """The report holds by itself; what other runs there were isn't known."""
    trial, out, given = tmp_path / "trial", tmp_path / "report", _three(made, made.trained)
    assert run(*_trace(made, "register", trial), *_plan(*given)).code == 0
    assert run(*_trace(made, "run", trial, "--out", out), *given).code == 0
    runs_of(trial).unlink()
    said = run("lab", "trace", "verify", out, "--registration", trial)
    assert said.code == 0
    assert "No ledger lies beside the registration" in said.out


@pytest.mark.parametrize(
    "levels",
    [
        ("--power", "0.01"),
        ("--power", "1"),
        ("--alpha", "1e-17"),
        ("--alpha", "1"),
        ("--share", "0"),
    ],
)
def test_levels_that_ask_for_no_evidence_are_refused(
    made: Files, tmp_path: Path, run: Run, levels: tuple[str, str]
) -> None:
    """With so little power the least evidence would be none at all."""
    plan = [*_plan(*_three(made, made.trained)), *levels]
    left = run(*_trace(made, "register", tmp_path / "trial"), *plan)
    assert left.code == 29
    assert "is not between" in left.err


def test_a_model_s_digest_is_of_all_that_it_is_loaded_from(tmp_path: Path) -> None:
    """Weights in a folder below it too; those that lie elsewhere are refused."""
    (tmp_path / "weights").mkdir()
    weights, index = tmp_path / "weights/a.safetensors", tmp_path / "model.safetensors.index.json"
    weights.write_bytes(b"one")
    index.write_text('{"weight_map": {"w": "weights/a.safetensors"}}')
    before = folder_digest(tmp_path)["sha256"]
    weights.write_bytes(b"two")
    assert folder_digest(tmp_path)["sha256"] != before
    for settings in (
        '{"weight_map": {"w": "../b.safetensors"}}',
        '{"transformers_weights": "/b.safetensors"}',
        '{"base_model_name_or_path": "b"}',
    ):
        index.write_text(settings)
        with pytest.raises(TraceRefused, match="lie elsewhere"):
            folder_digest(tmp_path)


def test_a_rule_takes_what_it_says_and_not_what_one_likes(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """The run draws from the whole log by the registered seed; predictions follow."""
    trial, out = tmp_path / "trial", tmp_path / "report"
    rule = ["--rule", "served=150 drawn the log of March", *RULES]
    seed = ["--seed", "a beacon's value"]
    assert run(*_trace(made, "register", trial), *_plan(*rule, *seed)).code == 0
    few = _cut(made.served, tmp_path / "few", range(100))
    given = [few if word == made.served else word for word in _three(made, made.trained)]
    left = run(*_trace(made, "run", trial, "--out", out), *given)
    assert left.code == 29
    assert "holds 100 texts, and 150 are registered" in left.err
    told = run(*_trace(made, "run", trial, "--out", out), *_three(made, made.trained))
    assert told.code == 0, told.err
    (served,) = [one for one in _body(out)["materials"] if one["role"] == "served"]
    assert served["texts"] == "150"
    assert served["sha256_of_all"] == read_texts(made.served).digest != served["sha256"]
    assert "by a rule: 150 texts, drawn, of the log of March" in (out / "report.md").read_text()


def test_what_is_drawn_depends_on_the_seed_alone() -> None:
    """Not on the file's order; equal texts are as good as each other; predictions go along."""
    pairs = [([at % 3], [at, at + 1]) for at in range(40)]
    texts = texts_of(pairs, [answer for _, answer in pairs])
    rule = rule_of("served=10 drawn the log")
    told = rule.chosen(texts, "seed")
    turned = rule.chosen(texts.taken(np.arange(40)[::-1]), "seed")
    assert told.digest == turned.digest
    assert told.digest != rule.chosen(texts, "another").digest
    assert told.predicted is not None
    assert told.predicted.tolist() == told.tokens[told.answers].tolist()
    first = rule_of("served=3 first the log").chosen(texts, "seed")
    assert first.tokens.tolist() == texts.tokens[:9].tolist()
    assert Bound("served", sha256="0").chosen(texts, "seed") is texts


@pytest.mark.parametrize("share", [0.01, 0.8, 1.0])
def test_an_innocent_that_wrote_hardly_anything_is_no_control(
    made: Files, tmp_path: Path, run: Run, share: float
) -> None:
    """By occurrence it would never be accused: it has to have written as much as the suspect."""
    rng = np.random.default_rng(3)
    codes = [rng.integers(0, 90, 6).tolist() for _ in range(8 * 10)]
    rows = [
        {"canary": codes[at], "references": codes[at + 1 : at + 10], "exposures": 9}
        for at in range(0, 80, 10)
    ]
    canaries, said = tmp_path / "canaries.jsonl", tmp_path / "said.jsonl"
    canaries.write_text("".join(json.dumps(row) + "\n" for row in rows))
    answers = [row["canary"] for row in rows] + rng.integers(0, 90, (40, 20)).tolist()
    said.write_text("".join(json.dumps({"answer_ids": one}) + "\n" for one in answers))
    quiet = rng.integers(0, 90, (round(42.4 * share), 20)).tolist()
    other = tmp_path / "other.jsonl"
    other.write_text("".join(json.dumps({"answer_ids": one}) + "\n" for one in quiet or [[1]]))
    given = ["--suspect-text", said, "--innocent-text", other, "--canaries", canaries]
    trial, out = tmp_path / "trial", tmp_path / "report"
    plan = ["--test", "canaries:occurrence", *given]
    assert run(*_trace(made, "register", trial), *plan).code == 0
    told = run(*_trace(made, "run", trial, "--out", out), *given)
    body = _body(out)
    assert float(body["tests"][0]["p"]) < 0.01
    assert body["verdict"]["code"] == ("shown" if share == 1 else "refused")
    assert told.code == (0 if share == 1 else 29)
    if share < 1:
        assert "other.jsonl gives" in told.err
        assert "to be comparable there have to be" in told.err
    assert run("lab", "trace", "verify", out).code == 0
