"""A whole trial on the command line: registered, run, told, verified; and refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stillwatch.cli.exits import MEANINGS
from stillwatch.errors import OutputExists, TraceRefused
from stillwatch.lab.provenance.commitment import REGISTRATION
from stillwatch.lab.provenance.report import REPORT
from stillwatch.lab.provenance.signing import signed
from stillwatch.privacy.keys import read_keys
from tests.cli.conftest import Ran
from tests.lab.provenance.conftest import MARK, Files

Run = Callable[..., Ran]
TEST = "open_supervised:tokens"


@pytest.fixture
def trial(made: Files, tmp_path: Path, run: Run) -> Path:
    """A registration of one test."""
    path = tmp_path / "trial.json"
    told = run(*_register(made, path))
    assert told.code == 0, told.err
    return path


def _register(made: Files, path: Path, *more: object, served: Path | None = None) -> list[object]:
    """Whose predictions they are is left to a rule, so that a test may give one or the other; with
    a seed, for of a thousand draws of wrong keys one looks as if the null didn't hold."""
    first = ["lab", "trace", "register", path, "--keys", made.keys, "--sign", made.signer]
    plan = ["--test", TEST, "--share", "1", "--alpha", "0.01", "--wrong-keys", "200"]
    plan += ["--seed", "drawn once"]
    rules = ["--rule", "suspect-model=of the suspect", "--rule", "innocent-model=of the base"]
    return [*first, *plan, "--served", served or made.served, *rules, *more]


def _run(made: Files, trial: Path, out: Path, suspect: Path, *more: object) -> list[object]:
    first = ["lab", "trace", "run", trial, "--keys", made.keys, "--sign", made.signer]
    given = ["--out", out, "--suspect-model", suspect, "--innocent-model", made.innocent]
    return [*first, *given, "--served", made.served, *more]


def _body(out: Path) -> dict[str, Any]:
    return json.loads((out / "report.json").read_text())["body"]


def test_who_was_trained_is_found(made: Files, trial: Path, tmp_path: Path, run: Run) -> None:
    """A verdict in words with its alternatives, and nothing in them of theft."""
    out = tmp_path / "report"
    told = run(*_run(made, trial, out, made.trained))
    assert told.code == 0, told.err
    body = _body(out)
    assert body["verdict"]["code"] == "shown"
    assert float(body["tests"][0]["p"]) < 1e-6
    said = (out / "report.md").read_text()
    assert "by any route" in said
    assert "stole" not in said
    assert "probability that nothing was learned" in said
    checked = run("lab", "trace", "verify", out, "--registration", trial)
    assert checked.code == 0, checked.err
    assert "holds" in checked.out


def test_who_only_copies_is_not(made: Files, trial: Path, tmp_path: Path, run: Run) -> None:
    """An innocent suspect: nothing was shown, and that is no proof of the contrary."""
    out = tmp_path / "report"
    told = run(*_run(made, trial, out, made.copying, "--json"))
    assert told.code == 0, told.err
    verdict = json.loads(told.out)["verdict"]
    assert verdict["code"] == "not shown"
    assert verdict["consistent_with"] == []
    assert "no proof" in verdict["words"]


def test_an_innocent_that_is_accused_ends_the_trial(
    made: Files,
    trial: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    """With code 29, and a signed report of why, so that it can't be tried until it fits."""
    out = tmp_path / "report"
    told = run(*_swap(_run(made, trial, out, made.trained), made))
    assert told.code == 29
    assert MEANINGS[29]
    body = _body(out)
    assert body["verdict"]["code"] == "refused"
    assert "innocent" in body["refusals"][0]
    assert run("lab", "trace", "verify", out).code == 0


def _swap(line: list[object], made: Files) -> list[object]:
    """The trained model in the innocent's place too."""
    return [made.trained if word == made.innocent else word for word in line]


def test_too_little_text_gives_no_verdict(made: Files, tmp_path: Path, run: Run) -> None:
    """Below the power table, silence would mean nothing."""
    short, trial = {}, tmp_path / "trial.json"
    for name in ("served", "trained", "innocent"):
        short[name] = tmp_path / f"{name}.jsonl"
        lines = getattr(made, name).read_text().splitlines()[:5]
        short[name].write_text("\n".join(lines) + "\n")
    assert run(*_register(made, trial, served=short["served"])).code == 0
    told = run(
        *["lab", "trace", "run", trial, "--keys", made.keys, "--sign", made.signer],
        *["--out", tmp_path / "report", "--suspect-model", short["trained"]],
        *["--innocent-model", short["innocent"], "--served", short["served"]],
    )
    assert told.code == 29
    assert "power table" in told.err


def test_another_key_is_refused(made: Files, trial: Path, tmp_path: Path, run: Run) -> None:
    """A key that wasn't registered, other settings, one more key, another opening."""
    told = MARK.parameters() | MARK.secret()
    cases = {
        "not the one": told | {"hashing_key": 5},
        "other settings": told | {"greenlist_ratio": 0.25},
        "2 keys are given": [told, told],
    }
    for words, keys in cases.items():
        path = tmp_path / "other.json"
        path.write_text(json.dumps(keys))
        line = [
            path if word == made.keys else word
            for word in _run(made, trial, tmp_path / "r", made.trained)
        ]
        left = run(*line)
        assert left.code == 29
        assert words in left.err
    opening = tmp_path / "opening"
    opening.write_text(json.dumps({"registration": "0" * 64, "salts": ["00"]}))
    left = run(*_run(made, trial, tmp_path / "r", made.trained, "--opening", opening))
    assert left.code == 29
    assert "not the opening" in left.err


def test_a_registration_that_was_changed_is_refused(
    made: Files,
    trial: Path,
    tmp_path: Path,
    run: Run,
) -> None:
    """Another level, fewer tests: its hash is another, and signing anew needs the signer's key."""
    document = json.loads(trial.read_text())
    document["body"]["levels"]["alpha"] = "0.5"
    trial.write_text(json.dumps(document))
    left = run(*_run(made, trial, tmp_path / "r", made.trained))
    assert left.code == 29
    assert "was changed" in left.err


def test_all_that_is_registered_must_be_run(made: Files, tmp_path: Path, run: Run) -> None:
    """A test without its material, or without its innocent, refuses the whole before computing."""
    path = tmp_path / "trial.json"
    texts = ["--rule", "suspect-text=9 first its own", "--rule", "innocent-text=9 first its own"]
    assert run(*_register(made, path, "--test", "closed", *texts)).code == 0
    left = run(*_run(made, path, tmp_path / "r", made.trained))
    assert left.code == 29
    assert "--suspect-text is not given" in left.err
    assert not (tmp_path / "r").exists()
    left = run(*_run(made, path, tmp_path / "r", made.trained, "--suspect-text", made.served))
    assert "--innocent-text is not given" in left.err


def test_without_torch_files_do_and_folders_say_what_is_missing(
    made: Files, trial: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 11 for a model's folder; a trial of files needs no torch."""
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert run(*_run(made, trial, tmp_path / "report", made.copying)).code == 0
    (tmp_path / "config.json").write_text("{}")
    left = run(*_run(made, trial, tmp_path / "other", tmp_path))
    assert left.code == 11
    assert "stillwatch[lab]" in left.err


def test_texts_and_names_from_files_cannot_act_in_a_report(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """Escapes, markup, overrides and links in the reasons and in names of files."""
    trial, hostile = tmp_path / "trial.json", tmp_path / "a\x1b[2J<script>[x](http:y)`\u202e.jsonl"
    hostile.write_bytes(made.copying.read_bytes())
    why = "<img src=x onerror=1>\x1b]0;\u202e**bold** [a](b)\n# heading"
    another = ["--rule", f"innocent-model=another {why}"]
    assert run(*_register(made, trial, "--why", why, *another)).code == 0
    told = run(*_run(made, trial, tmp_path / "report", made.copying, "--innocent-model", hostile))
    assert told.code == 0
    said = (tmp_path / "report" / "report.md").read_text()
    for text in (said, told.out):
        assert not {"\x1b", "\u202e"} & set(text)
    assert "<script>" not in said.replace("\\<", "")
    assert "\n# heading" not in said
    assert "[x](" not in said.replace("\\[", "").replace("\\]", "")
    assert run("lab", "trace", "verify", tmp_path / "report").code == 0


def test_nothing_is_written_over(made: Files, trial: Path, tmp_path: Path, run: Run) -> None:
    """Neither a registration nor a report."""
    assert run(*_register(made, trial)).code == OutputExists.exit_code
    line = _run(made, trial, tmp_path / "report", made.copying)
    assert run(*line).code == 0
    assert run(*line).code == OutputExists.exit_code


@pytest.mark.parametrize("what", ["p", "verdict", "adjusted", "markdown", "signature", "key"])
def test_a_report_that_was_changed_is_refused(
    made: Files,
    trial: Path,
    tmp_path: Path,
    run: Run,
    what: str,
) -> None:
    """Any figure, the verdict, the words, the signature."""
    out = tmp_path / "report"
    assert run(*_run(made, trial, out, made.copying)).code == 0
    path = out / "report.json"
    document = json.loads(path.read_text())
    if what == "p":
        document["body"]["tests"][0]["p"] = "1e-9"
    if what == "verdict":
        document["body"]["verdict"]["code"] = "shown"
    if what == "adjusted":
        document["body"]["adjusted"] = ["1e-9"]
    if what == "signature":
        document["signature"] = "00" * 64
    path.write_text(json.dumps(document))
    if what == "markdown":
        (out / "report.md").write_text("# Shown\n")
    more = ["--key", "ab" * 32] if what == "key" else []
    assert run("lab", "trace", "verify", out, *more).code == TraceRefused.exit_code


def test_a_plan_that_cannot_be_is_refused(made: Files, tmp_path: Path, run: Run) -> None:
    """Unknown tests, levels, exclusions; a share that the table lacks; too low a limit."""
    cases: list[list[object]] = [
        ["--test", "closed:mass"],
        ["--test", TEST],
        ["--exclusion", "none"],
        ["--alpha", "1.5"],
        ["--wrong-keys", "10"],
        ["--share", "0.0001"],
        ["--limit", "3"],
    ]
    for number, more in enumerate(cases):
        left = run(*_register(made, tmp_path / f"{number}.json", *more))
        assert left.code == 29, more
        assert not (tmp_path / f"{number}.json").exists()


def test_the_opening_is_its_owners_alone(trial: Path) -> None:
    """And the registration says nothing of the key."""
    opening = trial.with_name(trial.name + ".opening")
    assert opening.stat().st_mode & 0o077 == 0
    assert str(MARK.hashing_key) not in trial.read_text()


def test_an_innocent_with_too_little_text_is_no_control(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """What is too little to accuse anybody shows nobody innocent."""
    trial, short = tmp_path / "trial.json", tmp_path / "short.jsonl"
    short.write_text(made.served.read_text().splitlines()[0] + "\n")
    line = ["lab", "trace", "register", trial, "--keys", made.keys, "--sign", made.signer]
    given = ["--suspect-text", made.served, "--innocent-text", short]
    more = ["--share", "1", "--wrong-keys", "200"]
    assert run(*line, "--test", "marked", *given, *more).code == 0
    told = run(
        *["lab", "trace", "run", trial, "--keys", made.keys, "--sign", made.signer],
        *["--out", tmp_path / "report", "--suspect-text", made.served, "--innocent-text", short],
    )
    assert told.code == 29
    assert "short.jsonl gives" in told.err
    assert float(_body(tmp_path / "report")["tests"][0]["p"]) < 1e-6


@pytest.mark.parametrize("what", ["control", "wrong keys", "no control"])
def test_a_report_whose_control_failed_is_refused_whoever_signed_it(
    made: Files, trial: Path, tmp_path: Path, run: Run, what: str
) -> None:
    """A verdict isn't had by leaving refusals out: it follows from the controls, too."""
    out = tmp_path / "report"
    assert run(*_run(made, trial, out, made.trained)).code == 0
    path = out / "report.json"
    body = json.loads(path.read_text())["body"]
    told = body["tests"][0]
    if what == "control":
        told["controls"] = [one | {"p": "1e-05"} for one in told["controls"]]
    if what == "wrong keys":
        told["wrong_keys"]["p_that_they_are_too_small"] = "1e-05"
    if what == "no control":
        told["controls"] = []
    path.write_text(json.dumps(signed(REPORT, body, read_keys(made.signer).signer)))
    (out / "report.md").unlink()
    left = run("lab", "trace", "verify", out)
    assert left.code == TraceRefused.exit_code
    assert "doesn't follow" in left.err


def test_settings_written_for_vllm_are_keys(made: Files, tmp_path: Path, run: Run) -> None:
    """What `lab watermark` wrote is what a trial is registered with, for every algorithm."""
    for algorithm in ("gumbel", "dual_key_gumbel", "sbw"):
        settings, trial = tmp_path / f"{algorithm}.yaml", tmp_path / f"{algorithm}.trial"
        line = ["lab", "watermark", "vllm", "--algorithm", algorithm, "--out", settings]
        more = ["--pseudonyms", made.signer, "--commitments", tmp_path / "commitments.jsonl"]
        assert run(*line, *more).code == 0
        told = ["lab", "trace", "register", trial, "--keys", settings, "--sign", made.signer]
        texts = ["--rule", "suspect-text=1 first found", "--rule", "innocent-text=1 first written"]
        left = run(*told, "--test", "marked", "--share", "1", *texts)
        assert left.code == 0, left.err
        parameters = json.loads(trial.read_text())["body"]["keys"][0]["parameters"]
        assert parameters["scheme"] == algorithm
        assert parameters["context_width"] == 2


@pytest.mark.parametrize("algorithm", ["gumbel", "dual_key_gumbel", "synthid"])
def test_settings_written_for_sglang_are_refused_with_the_reason(
    made: Files, tmp_path: Path, run: Run, algorithm: str
) -> None:
    """Its functions are its own: guessing would tell marked text as unmarked."""
    settings, trial = tmp_path / "sglang.json", tmp_path / "trial"
    line = ["lab", "watermark", "sglang", "--algorithm", algorithm, "--out", settings]
    more = ["--pseudonyms", made.signer, "--commitments", tmp_path / "commitments.jsonl"]
    assert run(*line, *more).code == 0
    told = ["lab", "trace", "register", trial, "--keys", settings, "--sign", made.signer]
    left = run(*told, "--test", "marked", "--suspect-text", made.served)
    assert left.code == 29
    assert "SGLang draws by functions of its own" in left.err
    assert not trial.exists()


def test_a_verdict_below_the_power_table_is_refused_whoever_signed_it(
    made: Files, trial: Path, tmp_path: Path, run: Run
) -> None:
    """Evidence that a report has too little of, or doesn't tell, and a bar that was lowered."""
    out = tmp_path / "report"
    assert run(*_run(made, trial, out, made.trained)).code == 0
    signer = read_keys(made.signer).signer
    (out / "report.md").unlink()
    path, original = out / "report.json", (out / "report.json").read_text()
    for what in ("suspect", "control", "untold"):
        body = json.loads(original)["body"]
        amounts = body["tests"][0]["amounts"]
        if what == "untold":
            del amounts[1]
        else:
            amounts[what == "control"]["has"] = 3
        path.write_text(json.dumps(signed(REPORT, body, signer)))
        left = run("lab", "trace", "verify", out)
        assert left.code == TraceRefused.exit_code
        assert "doesn't follow" in left.err
    body = json.loads(original)["body"]
    plan = body["registration"]["body"]
    plan["tests"][0]["least"] = body["tests"][0]["test"]["least"] = 3
    body["registration"] = signed(REGISTRATION, plan, signer)
    path.write_text(json.dumps(signed(REPORT, body, signer)))
    left = run("lab", "trace", "verify", out)
    assert left.code == TraceRefused.exit_code
    assert "asks for 3 pieces" in left.err


def test_an_innocent_fails_at_the_trials_own_level_at_least(
    made: Files, tmp_path: Path, run: Run
) -> None:
    """A level of its own could let a test pass that accuses the innocent."""
    trial = tmp_path / "trial.json"
    for alpha, control in (("0.05", "0.01"), ("0.001", "0.001"), ("0.01", "1e-9")):
        left = run(*_register(made, trial, "--alpha", alpha, "--control-alpha", control))
        assert left.code == 29
        assert "an innocent would fail below" in left.err
    assert run(*_register(made, trial, "--alpha", "0.05")).code == 0
    document = json.loads(trial.read_text())
    assert document["body"]["levels"]["control_alpha"] == "0.05"
    document["body"]["levels"]["control_alpha"] = "1e-09"
    signer = read_keys(made.signer).signer
    trial.write_text(json.dumps(signed(REGISTRATION, document["body"], signer)))
    left = run(*_run(made, trial, tmp_path / "report", made.trained))
    assert left.code == 29
    assert "no trial may have" in left.err
