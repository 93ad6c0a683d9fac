"""The defence that users have: detection every day, a policy, and a gate that acts on both.

Bounds of a policy that are shares of all accounts are for a provider's size. Here the honest part
is a two-hundredth of one and the operator isn't, so that they would bind for no other reason: they
are lifted, and a policy that is a dry run is live. All else is as the policy says.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import partial
from pathlib import Path

from stillwatch.arena.defence import ALLOWED, Defence
from stillwatch.arena.matches import Defend
from stillwatch.arena.reviewing import Reviewers
from stillwatch.arena.watching import Watching
from stillwatch.cases import Store
from stillwatch.enforcing import publish
from stillwatch.findings import Findings
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.gate import Gate
from stillwatch.gateway.request import Request
from stillwatch.policy import Policy, default_policy, read_policy

_KEY = b"a play's key is known to all".ljust(32, b".")
"""A gate's key decides when delayed decisions begin; equal plays need equal ones."""


class Published:
    """Publishes findings to a gate in `folder`/gate by a policy, and decides as the gate does.

    Reviewers keep their cases beside it.
    """

    def __init__(self, folder: str | Path, policy: Policy) -> None:
        self._folder, self._policy = Path(folder) / "gate", policy
        self._folder.mkdir(parents=True)
        (self._folder / "key").write_bytes(_KEY)
        self._store = Store.open(Path(folder) / "cases.db", create=True)
        self._reviewers = Reviewers(self._store)
        self._gate: Gate | None = None

    def decide(self, request: Request) -> Answer:
        """What the gate says; before the first table everything goes on."""
        return ALLOWED if self._gate is None else self._gate.decide(request)

    def take_over(self, findings: Findings, lake: Path, now: dt.datetime) -> None:
        """Review, plan and publish; it holds from the next request on."""
        self._reviewers.review(findings, now)
        publish(self._folder, findings, self._policy, now=now, lake=lake, store=self._store)
        if self._gate is None:
            self._gate = Gate(self._folder)


def defended_by(policy: str | Path | None = None, threads: int | None = None) -> Defend:
    """Makes defences by the policy in a file, or by the one that comes with the package.

    Raises what `read_policy` does.
    """
    said = default_policy() if policy is None else read_policy(policy)
    return partial(_defence, in_an_arena(said), threads)


def in_an_arena(policy: Policy) -> Policy:
    """A policy as it is played: live, and without bounds that are shares of all accounts."""
    return replace(
        policy,
        live=True,
        budget=replace(policy.budget, share_of_accounts=1.0),
        breaker=replace(policy.breaker, share_of_accounts=1.0),
    )


def _defence(policy: Policy, threads: int | None, folder: Path) -> Defence:
    return Watching(Published(folder, policy), folder, threads)
