"""A trace policy: by tenant, model and tier, with all faults of a file at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stillwatch.countermeasures.measure import Together, Who
from stillwatch.countermeasures.stripping import Stripping
from stillwatch.countermeasures.table import MEASURES, chosen
from stillwatch.countermeasures.trace_policy import (
    ShownTraces,
    TracePolicy,
    read_trace_policy,
    trace_policy_of,
)
from stillwatch.errors import MeasureRefused

GOOD = """
version = 3

[tiers]
elevated = 0.4
high = 0.8

[[rules]]
name = "partner"
tenants = ["acme"]
tiers = ["low", "elevated"]
trace = "full"

[[rules]]
name = "new model"
models = ["big-5"]
trace = "withheld"
blobs = "drop"
"""


@pytest.mark.parametrize(
    ("who", "trace"),
    [
        (Who(), "full"),
        (Who(risk=0.39), "full"),
        (Who(risk=0.4), "summary"),
        (Who(risk=0.8), "withheld"),
        (Who(tenant="acme", risk=0.5), "full"),
        (Who(tenant="acme", risk=0.8), "withheld"),
        (Who(model="big-5"), "withheld"),
        (Who(tenant="acme", model="big-5"), "full"),
        (Who(tenant="acme", withhold=("reasoning",)), "withheld"),
    ],
)
def test_the_first_rule_that_matches_decides(who: Who, trace: str) -> None:
    """A file's rules come before the defaults, and the gate before all."""
    assert trace_policy_of(GOOD).rule_for(who).trace == trace


def test_defaults_are_stated() -> None:
    """Without a file nothing changes for whom nothing speaks against."""
    policy = TracePolicy()
    told = [policy.rule_for(Who(risk=risk)).trace.value for risk in (0.0, 0.5, 0.9)]
    assert told == ["full", "summary", "withheld"]


def test_all_faults_at_once_with_their_lines() -> None:
    """Unknown keys, wrong words and bounds, each with its line and a hint."""
    bad = """
version = "1"
[tiers]
elevated = 2
[[rules]]
name = "a"
trase = "full"
trace = "hidden"
"""
    with pytest.raises(MeasureRefused) as refused:
        trace_policy_of(bad, "traces.toml")
    faults = refused.value.faults
    assert len(faults) == 4
    assert "line 2, version must be a whole number" in faults[0]
    assert "line 4, tiers.elevated must be at most 1" in faults[1]
    assert "did you mean trace?" in " ".join(faults)
    assert "'full', 'summary' or 'withheld'" in " ".join(faults)
    assert str(refused.value).startswith("traces.toml: has 4 faults")


def test_values_that_are_at_odds() -> None:
    """Tiers upside down, two rules of one name, and a rule that nothing comes to."""
    bad = """
[tiers]
elevated = 0.9
high = 0.5
[[rules]]
name = "all"
trace = "full"
[[rules]]
name = "all"
trace = "withheld"
"""
    with pytest.raises(MeasureRefused) as refused:
        trace_policy_of(bad)
    assert [
        word
        for word in ("above high", "earlier rule", "never reached")
        if any(word in fault for fault in refused.value.faults)
    ] == ["above high", "earlier rule", "never reached"]


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"\xff", "not UTF-8"),
        (b"[", "not TOML"),
        (b"#" * (2 << 20), "larger"),
        (None, "can't be read"),
    ],
)
def test_files_that_are_none(tmp_path: Path, raw: bytes | None, words: str) -> None:
    """Each is told as what it is."""
    path = tmp_path / "traces.toml"
    if raw is not None:
        path.write_bytes(raw)
    with pytest.raises(MeasureRefused, match=words):
        read_trace_policy(path)


def test_a_request_no_longer_asks_to_be_shown() -> None:
    """Thinking goes on as it was; only its showing isn't asked for."""
    shown = ShownTraces(TracePolicy())
    request: dict[str, Any] = {
        "reasoning": {"effort": "high", "summary": "auto"},
        "include": ["reasoning.encrypted_content", "x"],
        "include_reasoning": True,
        "generationConfig": {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": 9}},
        "thinking": {"type": "enabled", "budget_tokens": 9},
    }
    assert shown.to_model(request, Who()) is request
    assert shown.to_model(request, Who(risk=1.0)) == {
        "reasoning": {"effort": "high"},
        "include": ["x"],
        "generationConfig": {"thinkingConfig": {"thinkingBudget": 9}},
        "thinking": {"type": "enabled", "budget_tokens": 9},
    }


def test_measures_work_together() -> None:
    """Requests go through them in reverse, answers and pieces in order."""
    both = Together([Stripping(), ShownTraces(TracePolicy())])
    who = Who(risk=1.0, withhold=("logprobs",))
    assert both.to_model({"include_reasoning": True, "logprobs": True, "model": "m"}, who) == {
        "model": "m"
    }
    piece = {"choices": [{"index": 0, "delta": {"reasoning": "a"}, "logprobs": {"content": [1]}}]}
    told = [{"choices": [{"index": 0, "delta": {}, "logprobs": None}]}]
    assert both.stream(who).piece(piece) == told
    assert both.to_customer(piece, who) == told[0]


def test_the_table_says_what_is_false() -> None:
    """Both experimental measures serve false reasoning, and need the switch; none is on."""
    false = [name for name, about in MEASURES.items() if not about.truthful]
    assert false == ["antidistillation", "product-of-experts"]
    for name in false:
        assert MEASURES[name].default == "off"
        with pytest.raises(MeasureRefused, match="serves false reasoning"):
            chosen([name])
        assert chosen([name], serve_false_reasoning=True)[0].name == name
    with pytest.raises(MeasureRefused, match="Did you mean sealing"):
        chosen(["ceiling"])
