"""How much of its reasoning a model shows, and to whom: `full`, `summary` or `withheld`.

    version = 1
    unopened = ["deepseek-r1"] # models whose texts begin within reasoning (see TracePolicy)
    [tiers]                    # from the gate's confidence that an account is a campaign's
    elevated = 0.5
    high = 0.9

    [[rules]]                  # the first that matches decides; those of the defaults come after
    name = "partner"
    tenants = ["acme"]
    trace = "full"

Without a file, and after a file's own rules: `full` in the low tier, so that nothing changes for
whom nothing speaks against; `summary` in the elevated one, `withheld` in the high one. Where the
gate itself said to withhold reasoning, it is withheld, whatever a rule says.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import TypeAdapter, ValidationError

from stillwatch.countermeasures.forms import Body, Change, rewritten
from stillwatch.countermeasures.measure import About, Pieces, Untouched, Who
from stillwatch.countermeasures.streamed import Stream
from stillwatch.countermeasures.table import MEASURES
from stillwatch.display import plain
from stillwatch.errors import MeasureRefused
from stillwatch.toml_faults import Fault, lines_of, listed, told, unknown_keys

LARGEST = 1 << 20
"""Most bytes of a file."""

Share = Annotated[float, Ge(0), Le(1)]
Name = Annotated[str, MinLen(1), MaxLen(256)]
Names = Annotated[tuple[Name, ...], MaxLen(10_000)]


class Trace(StrEnum):
    """How much of a trace is shown."""

    FULL = "full"
    SUMMARY = "summary"
    WITHHELD = "withheld"


class Blobs(StrEnum):
    """What becomes of reasoning that only its maker can read, where the trace isn't full."""

    KEEP = "keep"
    """It goes on, so that the client can send it back: sealed, if `sealing` is used."""
    DROP = "drop"


class Tier(StrEnum):
    """How much speaks against an account."""

    LOW = "low"
    ELEVATED = "elevated"
    HIGH = "high"


@dataclass(frozen=True, kw_only=True, slots=True)
class Tiers:
    """The least confidence that the account is a campaign's, of a tier."""

    elevated: Share = 0.5
    high: Share = 0.9


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceRule:
    """Whom a rule is about (an empty list is all), and what is shown to them."""

    name: Annotated[str, MinLen(1), MaxLen(64)]
    trace: Trace
    blobs: Blobs = Blobs.KEEP
    tenants: Names = ()
    models: Names = ()
    tiers: tuple[Tier, ...] = ()


DEFAULTS = (
    TraceRule(name="default-high", tiers=(Tier.HIGH,), trace=Trace.WITHHELD, blobs=Blobs.DROP),
    TraceRule(name="default-elevated", tiers=(Tier.ELEVATED,), trace=Trace.SUMMARY),
    TraceRule(name="default-low", trace=Trace.FULL),
)
"""What holds where no rule of a file matches."""
GATE = TraceRule(name="the gate's decision", trace=Trace.WITHHELD, blobs=Blobs.DROP)
"""What holds where the gate said to withhold reasoning."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TracePolicy:
    """A trace policy, as a file says it."""

    version: Annotated[int, Ge(1), Le(10**9)] = 1
    tiers: Tiers = Tiers()
    rules: Annotated[tuple[TraceRule, ...], MaxLen(1000)] = ()
    unopened: Names = ()
    """Models whose prompt's template opens `<think>`, at engines that don't take it apart."""

    def tier_of(self, risk: float) -> Tier:
        """The tier of a confidence.

        >>> TracePolicy().tier_of(0.6).value
        'elevated'
        """
        if risk >= self.tiers.high:
            return Tier.HIGH
        return Tier.ELEVATED if risk >= self.tiers.elevated else Tier.LOW

    def rule_for(self, who: Who) -> TraceRule:
        """The rule that decides what is shown to somebody."""
        if "reasoning" in who.withhold:
            return GATE
        tier = self.tier_of(who.risk)
        return next(
            rule
            for rule in (*self.rules, *DEFAULTS)
            if (not rule.tenants or who.tenant in rule.tenants)
            and (not rule.models or who.model in rule.models)
            and (not rule.tiers or tier in rule.tiers)
        )


class ShownTraces:
    """The measure: every answer's reasoning, as the policy says.

    `summarise` makes a summary, or None where it can't (`summarising.Summariser`); without one,
    what would be a summary is withheld.
    """

    def __init__(self, policy: TracePolicy, summarise: Change | None = None) -> None:
        self._policy, self._summarise = policy, summarise

    @property
    def about(self) -> About:
        """What it says of itself."""
        return MEASURES["trace-policy"]

    def to_model(self, request: Body, who: Who) -> Body:
        """The request, which no longer asks to be shown what will be withheld.

        The model thinks as it would have: only the showing is asked for no longer.
        """
        rule = self._policy.rule_for(who)
        return _unasked(request, rule.blobs) if rule.trace is Trace.WITHHELD else request

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer with as much reasoning as is shown."""
        rule = self._policy.rule_for(who)
        if rule.trace is Trace.FULL:
            return answer
        change = self._change(rule) or (lambda _: None)
        unopened = who.model in self._policy.unopened
        return rewritten(answer, change, blobs=rule.blobs is Blobs.KEEP, unopened=unopened)

    def stream(self, who: Who) -> Pieces:
        """The same for a streamed answer; a summary comes when the reasoning has ended."""
        rule = self._policy.rule_for(who)
        if rule.trace is Trace.FULL:
            return Untouched()
        unopened = who.model in self._policy.unopened
        return Stream(self._change(rule), blobs=rule.blobs is Blobs.KEEP, unopened=unopened)

    def _change(self, rule: TraceRule) -> Change | None:
        return self._summarise if rule.trace is Trace.SUMMARY else None


def read_trace_policy(path: str | Path) -> TracePolicy:
    """The trace policy in a file; raises `MeasureRefused` with all that is wrong with it."""
    try:
        raw = Path(path).read_bytes()
        if len(raw) > LARGEST:
            raise _refused(path, [f"is larger than {LARGEST:,} bytes"])
        text = raw.decode("utf-8-sig")
    except OSError as fault:
        raise _refused(path, [f"can't be read ({fault.strerror})"]) from None
    except UnicodeDecodeError as fault:
        raise _refused(path, [f"byte {fault.start + 1} is not UTF-8"]) from None
    return trace_policy_of(text, path)


def trace_policy_of(text: str, where: object = "the trace policy") -> TracePolicy:
    """The trace policy that a TOML text says; raises as `read_trace_policy` does.

    >>> trace_policy_of('[[rules]]\\nname = "all"\\ntrace = "withheld"').rules[0].trace.value
    'withheld'
    """
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as fault:
        raise _refused(where, [f"is not TOML: {plain(fault)}"]) from None
    faults: list[Fault] = list(unknown_keys(said, TracePolicy))
    policy = None
    try:
        policy = _ADAPTER.validate_json(json.dumps(said, default=str), strict=True)
    except ValidationError as invalid:
        faults += [(error["loc"], told(error)) for error in invalid.errors(include_url=False)]
    if policy is not None:
        faults += _at_odds(policy)
    if faults or policy is None:
        raise _refused(where, listed(faults, lines_of(text)))
    return policy


_ADAPTER = TypeAdapter(TracePolicy)


def _at_odds(policy: TracePolicy) -> list[Fault]:
    """What each value by itself may be, and together they may not."""
    faults: list[Fault] = []
    if policy.tiers.elevated > policy.tiers.high:
        faults.append((("tiers", "elevated"), "is above high, so that no account is elevated"))
    names: set[str] = set()
    ends: str | None = None
    for at, rule in enumerate(policy.rules):
        if rule.name in names:
            faults.append((("rules", at, "name"), f"{plain(rule.name, 60)!r} is an earlier rule's"))
        names.add(rule.name)
        if ends is not None:
            faults.append((("rules", at), f"is never reached: {plain(ends, 60)!r} matches all"))
        if not (rule.tenants or rule.models or rule.tiers):
            ends = ends or rule.name
    return faults


def _refused(where: object, faults: list[str]) -> MeasureRefused:
    many = f"has {len(faults)} faults: " if len(faults) > 1 else ""
    todo = "docs/countermeasures.md explains every key"
    return MeasureRefused(where, many + "; ".join(faults), todo, faults)


def _unasked(request: Body, blobs: Blobs) -> Body:
    """A request without what asks to be shown reasoning, in any of the forms."""
    told = {name: value for name, value in request.items() if name != "include_reasoning"}
    reasoning = told.get("reasoning")
    if isinstance(reasoning, dict):
        shown = ("summary", "generate_summary")
        told["reasoning"] = {name: reasoning[name] for name in reasoning if name not in shown}
    included = told.get("include")
    if blobs is Blobs.DROP and isinstance(included, list):
        told["include"] = [each for each in included if each != "reasoning.encrypted_content"]
    for name in ("generationConfig", "generation_config"):
        if isinstance(told.get(name), dict):
            told[name] = _no_thoughts(told[name])
    return told


def _no_thoughts(settings: Any) -> Any:
    told = dict(settings)
    for name in ("thinkingConfig", "thinking_config"):
        if isinstance(told.get(name), dict):
            shown = ("includeThoughts", "include_thoughts")
            told[name] = {key: value for key, value in told[name].items() if key not in shown}
    return told
