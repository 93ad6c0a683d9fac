"""What a gateway is told: the vocabulary that users' gateways depend on.

`verdict` follows the draft of OpenTelemetry's guardrail conventions; `action` is a step of the
ladder; `reasons` are of `Reason`. New words may come with a minor version, none goes or changes its
meaning without a major one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stillwatch.ladder import Action


class Verdict(StrEnum):
    """What a gateway does with the request."""

    ALLOW = "allow"
    WARN = "warn"
    MODIFY = "modify"
    ESCALATE = "escalate"
    DENY = "deny"


class Reason(StrEnum):
    """Why; several may hold."""

    NOTHING_KNOWN = "nothing_known"
    ALLOW_LISTED = "allow_listed"
    MEMBER = "member"
    """A member of a campaign, by findings."""
    ENFORCED = "enforced"
    """People decided on it, in a case."""
    KNOWN_WORK = "known_work"
    """A new account that carries a known campaign's work."""
    INDICATOR = "indicator"
    """It shares a way of access with a campaign."""
    NOT_YET = "not_yet"
    """A decision waits for its time, which is drawn so that it teaches nothing."""
    WAITING = "waiting"
    """A decision waits for a person's approval."""
    DRY_RUN = "dry_run"
    """The policy isn't live: nothing is done."""
    BUDGET_SPENT = "budget_spent"
    """It would have been acted on, but the day's budget is spent."""
    BREAKER_OPEN = "breaker_open"
    """The circuit breaker is open: nothing is done to anybody."""
    REVERSED = "reversed"
    """What was decided was taken back."""
    LATE = "late"
    """No answer within the deadline: the request goes on."""
    FAULT = "fault"
    """The decision failed: the request goes on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One decision on one request.

    `action` is what is done and `would` what would be, were the policy live, the budget unspent and
    the breaker closed; both null where nothing is. `score` is the confidence, from 0 to 1, that the
    account is a campaign's. `withhold` names parts of the answer to leave out (`reasoning`,
    `logprobs`). A decision holds for `ttl_s` more seconds, and the same request may be tried again
    after `retry_after_s`.
    """

    decision_id: str
    verdict: Verdict
    action: Action | None
    would: Action | None
    score: float
    reasons: tuple[Reason, ...]
    policy_version: int
    table_version: int
    campaign_id: str | None = None
    case_id: int | None = None
    withhold: tuple[str, ...] = ()
    ttl_s: int = 0
    retry_after_s: int | None = None

    @property
    def status(self) -> int:
        """The HTTP status that a gateway answers with: 200 where the request goes on."""
        return STATUS.get(self.action, 200) if self.action else 200


STATUS = {
    Action.THROTTLE: 429,
    Action.STEP_UP: 401,
    Action.DENY: 403,
    Action.SUSPEND: 403,
}
"""By action; others let the request go on."""

VERDICT = {
    Action.OBSERVE: Verdict.WARN,
    Action.THROTTLE: Verdict.DENY,
    Action.STEP_UP: Verdict.ESCALATE,
    Action.WITHHOLD: Verdict.MODIFY,
    Action.DENY: Verdict.DENY,
    Action.SUSPEND: Verdict.DENY,
}
"""The verdict that goes with an action."""
