"""What a policy file says: whom a rule is about, what is done, and how much harm is bearable.

A policy is TOML, its keys are the names here (`docs/policy.md` explains each). Bounds of a value
stand in its type, and `read` checks them all at once.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Annotated

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from stillwatch.ladder import Action

Share = Annotated[float, Ge(0), Le(1)]
Name = Annotated[str, MinLen(1), MaxLen(64)]
Id = Annotated[str, MinLen(1), MaxLen(1024)]
Hours = Annotated[float, Ge(0), Le(24 * 90)]


class Kind(StrEnum):
    """What a finding is, as findings name it."""

    DISTILLATION = "distillation"
    RESELLER = "reseller"


class CaseState(StrEnum):
    """How far people have come with an account's case.

    `appealed`, `rejected` and `closed` (without a decision) are never acted on by rules, whatever a
    rule says. An account that joined after the decision is `open`: nobody looked at it.
    """

    NONE = "none"
    OPEN = "open"
    CONFIRMED = "confirmed"
    APPEALED = "appealed"
    REJECTED = "rejected"
    CLOSED = "closed"


class CaseWanted(StrEnum):
    """The state of a case that a rule asks for; `any` is none, open or confirmed."""

    ANY = "any"
    NONE = "none"
    OPEN = "open"
    CONFIRMED = "confirmed"


class Approval(StrEnum):
    """Whether a person must agree before a rule's decision is in force."""

    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, kw_only=True, slots=True)
class When:
    """Whom a rule is about: all of it must hold. Confidences and counts are the least that will do.

    `capabilities` asks that one of them is at least `capability_share` of what the campaign took.
    """

    kind: Kind = Kind.DISTILLATION
    campaign_confidence: Share = 0.0
    member_confidence: Share = 0.0
    case: CaseWanted = CaseWanted.ANY
    accounts: Annotated[int, Ge(1), Le(10**9)] = 1
    exchanges: Annotated[int, Ge(0), Le(10**12)] = 0
    capabilities: tuple[Name, ...] = ()
    capability_share: Share = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Scope:
    """The ways in and the models that a decision holds for; empty is all."""

    surfaces: Annotated[tuple[Id, ...], MaxLen(64)] = ()
    models: Annotated[tuple[Id, ...], MaxLen(64)] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One rule; of those that match, the first one decides.

    A decision lasts `for_days` after its account was last seen in the campaign, and begins within
    `delay_hours`, (least, most), after it was first made. It outlasts a judgement that doesn't find
    the account any more by `keep_hours`.
    """

    name: Name
    action: Action
    for_days: Annotated[float, Gt(0), Le(366)]
    reason: Annotated[str, MinLen(1), MaxLen(500)]
    when: When = When()
    delay_hours: tuple[Hours, Hours] = (0.0, 0.0)
    keep_hours: Hours = 24.0
    approval: Approval = Approval.NONE
    scope: Scope = Scope()


@dataclass(frozen=True, kw_only=True, slots=True)
class Budget:
    """How much may be done by rules; what exceeds it is held, the least certain first.

    `honest_exchanges_a_day` is expected harm: honest traffic a day of all accounts acted on.
    `share_of_org` bounds organisations of `org_accounts` active accounts and more.
    """

    accounts_a_day: Annotated[int, Ge(0), Le(10**9)] = 200
    honest_exchanges_a_day: Annotated[float, Ge(0), Le(10**12)] = 200.0
    share_of_accounts: Share = 0.01
    share_of_org: Share = 0.2
    org_accounts: Annotated[int, Ge(1), Le(10**9)] = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """When something must be wrong: then nothing new is in force, and people are told.

    On planning: rules would act on `share_of_org` of an organisation of `org_accounts` or more, on
    `share_of_accounts` of all, or on `jump` times as many accounts as are acted on already and on
    more than `jump_accounts`. At the gate: `refused_share` of all requests in `window_s` seconds
    were refused, of at least `least_requests`.
    """

    share_of_org: Share = 0.5
    org_accounts: Annotated[int, Ge(1), Le(10**9)] = 20
    share_of_accounts: Share = 0.05
    jump: Annotated[float, Ge(1), Le(10**6)] = 5.0
    jump_accounts: Annotated[int, Ge(0), Le(10**9)] = 1000
    refused_share: Share = 0.05
    window_s: Annotated[int, Ge(1), Le(86_400)] = 300
    least_requests: Annotated[int, Ge(1), Le(10**12)] = 1000


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowList:
    """Who is never acted on, whatever was found or decided."""

    accounts: tuple[Id, ...] = ()
    orgs: tuple[Id, ...] = ()
    programs: tuple[Id, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Throttle:
    """What `throttle` leaves: a request every `every_s` seconds, after `burst` at once."""

    every_s: Annotated[float, Gt(0), Le(86_400)] = 60.0
    burst: Annotated[int, Ge(1), Le(10**6)] = 5


USUAL_FALSE_RATES = (1e-5, 1e-4)
"""Share of honest new accounts that may be taken for known work, at least and at most, unless a
policy says: the more honest ones are known, the rarer a mistake can be made."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Recognition:
    """What is done at the gate to a new account that carries a known campaign's work.

    Nothing where `action` is left out. It needs `least_requests`, and chance alone would do it to
    `false_rate` of honest new accounts; where that is left out, to half an account of as many as
    were learnt from, within `USUAL_FALSE_RATES`.
    """

    action: Action | None = None
    for_hours: Annotated[float, Gt(0), Le(24 * 90)] = 24.0
    least_requests: Annotated[int, Ge(1), Le(10**6)] = 5
    false_rate: Annotated[float, Gt(0), Le(0.1)] | None = None

    def rate_after(self, honest: int) -> float:
        """The share of honest new accounts that may be hit, after so many `honest` ones were seen.

        >>> Recognition().rate_after(1_000), Recognition().rate_after(50_000)
        (0.0001, 1e-05)
        """
        if self.false_rate is not None:
            return self.false_rate
        least, most = USUAL_FALSE_RATES
        return min(most, max(least, 0.5 / max(1, honest)))


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """A policy; while it isn't `live`, everything is decided and nothing is done."""

    version: Annotated[int, Ge(1), Le(2**31 - 1)]
    name: Name
    live: bool = False
    rules: Annotated[tuple[Rule, ...], MaxLen(200)] = ()
    budget: Budget = Budget()
    breaker: Breaker = Breaker()
    allow: AllowList = AllowList()
    throttle: Throttle = Throttle()
    recognition: Recognition = Recognition()

    @property
    def digest(self) -> str:
        """Sixteen hex digits that change with anything that the policy says."""
        told = json.dumps(asdict(self), sort_keys=True).encode()
        return hashlib.blake2b(told, digest_size=8).hexdigest()
