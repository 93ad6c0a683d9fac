"""Policy: findings and cases to decisions, by a file that people can read."""

from __future__ import annotations

from stillwatch.policy.breaker import Trip
from stillwatch.policy.file import (
    AllowList,
    Breaker,
    Budget,
    Policy,
    Recognition,
    Rule,
    Scope,
    Throttle,
    When,
)
from stillwatch.policy.known import Known
from stillwatch.policy.plan import Plan, plan
from stillwatch.policy.read import default_policy, default_text, policy_of, read_policy

__all__ = [
    "AllowList",
    "Breaker",
    "Budget",
    "Known",
    "Plan",
    "Policy",
    "Recognition",
    "Rule",
    "Scope",
    "Throttle",
    "Trip",
    "When",
    "default_policy",
    "default_text",
    "plan",
    "policy_of",
    "read_policy",
]
