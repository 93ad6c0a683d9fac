"""Gates of tests: what an account is called says what is decided on it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.gateway.answer import VERDICT, Answer, Reason, Verdict
from stillwatch.gateway.request import Request
from stillwatch.gateway.serves import Standing
from stillwatch.ladder import Action

PUBLISHED_US = 1_795_422_043_000_000


def answer(action: Action | None = None, **changes: Any) -> Answer:
    """An answer with `action`."""
    told: dict[str, Any] = {
        "decision_id": "d" * 32,
        "verdict": VERDICT[action] if action else Verdict.ALLOW,
        "action": action,
        "would": action,
        "score": 0.99 if action else 0.0,
        "reasons": (Reason.MEMBER if action else Reason.NOTHING_KNOWN,),
        "policy_version": 3,
        "table_version": 7,
        "campaign_id": "c-1" if action else None,
        "case_id": 5 if action else None,
        "withhold": ("reasoning", "logprobs") if action is Action.WITHHOLD else (),
        "ttl_s": 60 if action else 0,
        "retry_after_s": 30 if action is Action.THROTTLE else None,
    }
    return Answer(**{**told, **changes})


class ByName:
    """Decides by the account: `deny-1` is denied, `slow` sleeps, `broken` raises, others go on.

    An account that `actions` names is decided on by that; what is asked is written to `record`,
    where that file is there.
    """

    def __init__(self, folder: Path | None = None, *, worker: int = 0) -> None:
        self.folder, self.worker = folder, worker
        self.asked: list[Request] = []
        self.loaded = True
        self.actions = _actions(folder)

    def decide(self, request: Request) -> Answer:
        """By name."""
        self.asked.append(request)
        if self.folder and (self.folder / "record").exists():
            with (self.folder / "record").open("ab") as record:
                record.write(msgspec.json.encode(request) + b"\n")
        account = request.account_id
        if account == "broken":
            raise RuntimeError("a \x1b[31mfault\x1b[0m of the gate")
        if account == "slow":
            time.sleep(0.2)
        if account == "hang":
            time.sleep(60)
        if account == "nonsense":
            return None  # type: ignore[return-value]
        name = self.actions.get(account, account.split("-")[0])
        return answer(Action(name) if name in set(Action) else None)

    def standing(self) -> Standing | None:
        """A table of long ago."""
        return Standing(7, 3, PUBLISHED_US, False) if self.loaded else None

    def look_up(self, decision_id: str) -> dict[str, Any] | None:
        """One decision is known."""
        return {"decision_id": decision_id, "action": "deny"} if decision_id == "d" * 32 else None

    def close(self) -> None:
        """Nothing is open."""


class Empty(ByName):
    """Decides nothing at once: what a service costs without a gate."""

    _answer = answer()

    def decide(self, request: Request) -> Answer:
        """Always the same."""
        return self._answer


def _actions(folder: Path | None) -> dict[str, str]:
    """Lines `account action` of a file in the table's folder."""
    path = folder / "actions" if folder else None
    if path is None or not path.exists():
        return {}
    return dict(line.split() for line in path.read_text().splitlines())
