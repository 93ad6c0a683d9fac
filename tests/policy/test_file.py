"""The policy file: everything wrong is told at once, with its place and a hint."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import PolicyInvalid
from stillwatch.ladder import Action
from stillwatch.policy import default_policy, default_text, policy_of, read_policy
from stillwatch.policy.file import AllowList, Breaker, Budget, Recognition, Throttle

from .made import policy

WRONG = """version = true
nam = "x"
[budget]
acounts_a_day = 3
share_of_org = 1.5
honest_exchanges_a_day = nan
[[rules]]
name = "a"
action = "ban"
for_days = 0
reason = "r"
when = { campaign_confidnce = 0.3, capabilities = ["codin"] }
[[rules]]
name = "a"
action = "deny"
for_days = 2
delay_hours = [48, 2]
[rules.scope]
model = ["x"]
"""


def faults_of(text: str) -> tuple[str, ...]:
    """What is wrong with it."""
    with pytest.raises(PolicyInvalid) as refused:
        policy_of(text, "policy.toml")
    return refused.value.faults


def test_all_that_is_wrong_is_told_at_once() -> None:
    """Unknown keys, kinds, bounds, choices, names that are missing or taken; each with its line."""
    faults = faults_of(WRONG)
    wanted = [
        r"^name is missing",
        r"^line 1, version must be a whole number, not true",
        r"^line 2, nam is no key .*did you mean name\?",
        r"^line 4, budget\.acounts_a_day .*did you mean accounts_a_day\?",
        r"^line 5, budget\.share_of_org must be at most 1, not 1\.5",
        r"^line 6, budget\.honest_exchanges_a_day must be .*NaN",
        r"^line 9, rules\[1\]\.action must be 'observe', .* not \"ban\"",
        r"^line 10, rules\[1\]\.for_days must be more than 0",
        r"^line 12, rules\[1\]\.when\.campaign_confidnce .*did you mean campaign_confidence\?",
        r"^line 12, rules\[1\]\.when\.capabilities .*did you mean coding\?",
        r"^line 13, rules\[2\]\.reason is missing",
        r"^line 14, rules\[2\]\.name 'a' is an earlier rule's too",
        r"^line 17, rules\[2\]\.delay_hours must be \[least, most\]",
        r"^line 19, rules\[2\]\.scope\.model .*did you mean models\?",
    ]
    assert len(faults) == len(wanted)
    for fault, pattern in zip(faults, wanted, strict=True):
        assert re.search(pattern, fault), fault


def test_the_default_policy_does_nothing_until_it_is_live() -> None:
    """A dry run, with rules; and what it leaves at its own values is what the code has."""
    default = default_policy()
    assert not default.live
    assert [rule.action for rule in default.rules] == [
        Action.DENY,
        Action.WITHHOLD,
        Action.THROTTLE,
        Action.OBSERVE,
    ]
    assert default.budget == Budget()
    assert default.breaker == Breaker()
    assert default.allow == AllowList()
    assert default.throttle == Throttle()
    assert dataclasses.replace(default.recognition, action=None) == Recognition()
    said = tomllib.loads(default_text())
    for name, kind in (("budget", Budget), ("breaker", Breaker), ("throttle", Throttle)):
        assert list(said[name]) == [field.name for field in dataclasses.fields(kind)]


def test_the_digest_is_of_what_is_said() -> None:
    """Comments and order of keys change nothing, a value does."""
    one = policy({"budget.accounts_a_day": 3, "throttle.burst": 2})
    same = policy({"throttle.burst": 2, "budget.accounts_a_day": 3}, rules="# x\n" + RULE)
    other = policy({"throttle.burst": 3, "budget.accounts_a_day": 3})
    assert one.digest == policy({"budget.accounts_a_day": 3, "throttle.burst": 2}).digest
    assert same.digest != one.digest
    assert other.digest != one.digest
    assert policy(rules=RULE).digest == policy(rules="# note\n" + RULE).digest


RULE = '[[rules]]\nreason = "r"\nfor_days = 1.0\nname = "x"\naction = "observe"\n'


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (b"version = ", "is not TOML"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"a = " + b"[" * 5000, "is not TOML"),
        (b"", "version is missing"),
        (b"rules = 3\nversion = 1\nname = 'x'\n", "rules must be a list"),
        (b"budget = 3\nversion = 1\nname = 'x'\n", "budget must be a table"),
        (b"version = 1979-05-27\nname = 'x'\n", "version must be a whole number"),
        (b"version = 99999999999999999999\nname = 'x'\n", "version"),
        (b"version = 1\nname = ''\n", "name is empty"),
        (b"version = 1\nname = '" + b"x" * 1_000_000 + b"'\n", "name has more than 64 characters"),
        (b"version = 1\nname = 'x'\n\"\\u001b[2J\" = 1\n", r"\\x1b\[2J is no key"),
    ],
)
def test_what_is_no_policy(content: bytes, wanted: str, tmp_path: Path) -> None:
    """Bytes of any kind, and values of the wrong one."""
    path = tmp_path / "policy.toml"
    path.write_bytes(content)
    with pytest.raises(PolicyInvalid, match=wanted) as refused:
        read_policy(path)
    assert len(str(refused.value)) < 5000
    assert "\x1b" not in str(refused.value)


def test_no_file_and_too_large_a_one(tmp_path: Path) -> None:
    """Said as what they are."""
    with pytest.raises(PolicyInvalid, match="no such file"):
        read_policy(tmp_path / "none.toml")
    with pytest.raises(PolicyInvalid, match="is a folder"):
        read_policy(tmp_path)
    large = tmp_path / "large.toml"
    with large.open("wb") as file:
        file.truncate(17 * 2**20)
    with pytest.raises(PolicyInvalid, match="larger than 16 MB"):
        read_policy(large)


def test_many_faults_are_counted() -> None:
    """A file of nonsense doesn't fill the screen."""
    text = "version = 1\nname = 'x'\n" + "".join(f"key{i} = 1\n" for i in range(80))
    faults = faults_of(text)
    assert len(faults) == 51
    assert faults[-1] == "and 30 more"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.just(0.5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)
keys = st.sampled_from(
    ["version", "name", "live", "rules", "budget", "breaker", "allow", "throttle", "recognition"]
)


@given(st.dictionaries(keys, values))
@settings(max_examples=200, deadline=None)
def test_anything_is_a_policy_or_refused(said: dict[str, Any]) -> None:
    """Nothing but `PolicyInvalid` comes of whatever TOML can say."""
    text = "".join(f"{key} = {_toml(value)}\n" for key, value in said.items() if value is not None)
    try:
        tomllib.loads(text)
        policy_of(text, "it")
    except (PolicyInvalid, tomllib.TOMLDecodeError):
        pass


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return (
            '"' + "".join(f"\\U{ord(c):08x}" for c in value if not 0xD800 <= ord(c) < 0xE000) + '"'
        )
    if isinstance(value, list):
        return "[" + ", ".join(_toml(each) for each in value if each is not None) + "]"
    if isinstance(value, dict):
        inside = (f"{_toml(str(k))} = {_toml(v)}" for k, v in value.items() if v is not None)
        return "{" + ", ".join(inside) + "}"
    return str(value)


@pytest.mark.parametrize(
    ("honest", "rate"), [(0, 1e-4), (5_000, 1e-4), (20_000, 2.5e-5), (50_000, 1e-5), (10**6, 1e-5)]
)
def test_known_work_is_surer_where_more_honest_accounts_are_known(honest: int, rate: float) -> None:
    """Unless the policy says at which rate."""
    assert Recognition().rate_after(honest) == pytest.approx(rate)
    assert Recognition(false_rate=0.001).rate_after(honest) == 0.001
