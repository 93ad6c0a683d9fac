"""The desk: every request in order of time, through the defence, into the log."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field, replace

import numpy as np

from stillwatch.arena.crowd import Crowd
from stillwatch.arena.defence import ALLOWED, Defence
from stillwatch.arena.growing import Entry
from stillwatch.arena.operator import Operator, Seen
from stillwatch.arena.rendering import Sheet
from stillwatch.gateway.answer import STATUS, Answer, Verdict
from stillwatch.ladder import Action
from stillwatch.worlds.rhythm import SECOND

BANNED = replace(ALLOWED, verdict=Verdict.DENY, action=Action.DENY)
"""The provider's own ban of an account, which happens to one in a hundred of any kind."""


@dataclass(order=True, slots=True)
class _Attempt:
    """A request that is to be sent; of equal times the one that was handed in first."""

    ts: int
    order: int
    sheet: Sheet = field(compare=False)
    row: int = field(compare=False)
    number: int = field(compare=False)
    tries: int = field(compare=False, default=0)


_HONEST = -1


class Desk:
    """Where honest customers and the operator (or none) hand in requests.

    `banned` [accounts] says from when on an account is banned by the provider itself.
    """

    def __init__(self, defence: Defence, crowd: Crowd, operator: Operator) -> None:
        self._defence, self._crowd, self._operator = defence, crowd, operator
        self._queue: list[_Attempt] = []
        self._handed = 0
        self.entries: list[Entry] = []

    def hand_in(self, sheet: Sheet, numbers: np.ndarray | None = None) -> None:
        """Requests to come; `numbers` are the operator's, and nobody's for honest ones."""
        for row, request in enumerate(sheet.requests):
            number = _HONEST if numbers is None else int(numbers[row])
            self._push(_Attempt(request.ts, 0, sheet, row, number))

    def work(self, until: int, banned: np.ndarray) -> None:
        """Decide on everything before `until`; `banned` [accounts] is when each is banned."""
        while self._queue and self._queue[0].ts < until:
            attempt = heapq.heappop(self._queue)
            account = attempt.sheet.account[attempt.row]
            honest = attempt.number == _HONEST
            if not honest and not self._operator.sends(attempt.number):
                continue
            request = attempt.sheet.requests[attempt.row]
            if attempt.tries:
                request = replace(request, ts=attempt.ts)
            refused_anyway = attempt.ts >= banned[account]
            answer = BANNED if refused_anyway else self._defence.decide(request)
            status = answer.status if answer.status != 200 else self._status(attempt)
            self._log(attempt, status, answer)
            wait = (
                self._crowd.saw(
                    account, int(attempt.sheet.serial[attempt.row]), attempt.tries, answer
                )
                if honest
                else self._operator.saw(_seen(attempt, status, answer))
            )
            if wait is not None:
                later = attempt.ts + max(1, wait) * SECOND
                self._push(replace(attempt, ts=later, tries=attempt.tries + 1))

    def hand_over(self) -> list[Entry]:
        """What was logged since the last call."""
        entries, self.entries = self.entries, []
        return entries

    def _push(self, attempt: _Attempt) -> None:
        attempt.order = self._handed
        self._handed += 1
        heapq.heappush(self._queue, attempt)

    def _status(self, attempt: _Attempt) -> int:
        """What the model's side answers; what failed once is sent again and goes well."""
        return 200 if attempt.tries else attempt.sheet.status[attempt.row]

    def _log(self, attempt: _Attempt, status: int, answer: Answer) -> None:
        refused = answer.action in STATUS
        entry = Entry(attempt.sheet, attempt.row, attempt.ts, attempt.tries, status, refused)
        self.entries.append(entry)


def _seen(attempt: _Attempt, status: int, answer: Answer) -> Seen:
    return Seen(attempt.number, attempt.ts, status, answer.retry_after_s, whole=not answer.withhold)
