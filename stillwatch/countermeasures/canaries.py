"""Inert canaries: a random code in some answers, which only whoever trains on them can learn.

A canary is one code for an account and an epoch, a keyed pseudo-random function of both. It says
nothing, stands alone at the end of an answer, and is shown only to accounts above a threshold of
risk, in a share of their answers, and no more often than its limits allow. References are drawn by
the same function and shown to nobody: under the null hypothesis, a suspect model ranks the canary
among them by chance, and that rank is an exact test (Carlini et al., "The Secret Sharer", 2019,
arXiv 1802.08232, whose exposure it is).

In this project's study a student showed canaries at 8 exposures (p = 2e-4) and none at 4. Whoever
drops unusual lines before training is rid of them, so they are second evidence, never the first.
"""

from __future__ import annotations

import datetime as dt
import hmac
import json
import logging
from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from stillwatch.countermeasures.appended import Appending, appended
from stillwatch.countermeasures.deriving import derived, joined
from stillwatch.countermeasures.forms import Body
from stillwatch.countermeasures.measure import About, Pieces, Untouched, Who
from stillwatch.countermeasures.registry import Registry
from stillwatch.countermeasures.table import MEASURES
from stillwatch.errors import MeasureRefused
from stillwatch.privacy.keys import Epoch, Keys
from stillwatch.privacy.names import name_of

log = logging.getLogger("stillwatch.countermeasures")

ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
"""No vowels, so that no code holds a word; nothing that is taken for something else."""
LENGTH = 16
"""Characters of a code: 76 bits, so that no two are alike and nobody guesses one."""
TEMPLATE = "\n\n(ref. {code})"
REFERENCES = 999
"""Codes that a canary is ranked among: the smallest p is one in a thousand."""
LEAST_TEXT = 200
"""An answer shorter than this, in characters, is left alone."""


def draw(key: bytes, *label: str) -> str:
    """A code by a key and a label: the same again for the same ones, and random to all others.

    >>> draw(bytes(32), "canary", "acc-1")
    '3zfh-c6wm-kct5-r8bx'
    """
    letters = (ALPHABET[byte % len(ALPHABET)] for byte in _even(key, joined(*label)))
    code = "".join(letter for letter, _ in zip(letters, range(LENGTH), strict=False))
    return "-".join(code[at : at + 4] for at in range(0, LENGTH, 4))


def _even(key: bytes, label: bytes) -> Iterator[int]:
    """Pseudo-random bytes that each letter has equally many of."""
    most = 256 - 256 % len(ALPHABET)
    block = 0
    while True:
        block += 1
        told = hmac.digest(key, label + block.to_bytes(8, "big"), "sha256")
        yield from (byte for byte in told if byte < most)


def canary_of(epoch: Epoch, account: str) -> str:
    """The code for an account, by the name that it has under the epoch's secret."""
    return draw(derived(epoch.secret, "canary"), "canary", account, str(epoch.number))


def references(epoch: Epoch, code: str, count: int = REFERENCES) -> list[str]:
    """`count` codes that were shown to nobody, to rank a canary among."""
    key = derived(epoch.secret, "canary")
    return [draw(key, "reference", code, str(number)) for number in range(count)]


class Canaries:
    """The measure. `share` is of the answers to an account whose risk is `threshold` or more.

    Raises `MeasureRefused` for a threshold or a share that isn't above 0 and at most 1.
    """

    def __init__(
        self,
        keys: Keys,
        registry: Registry,
        *,
        threshold: float = 0.9,
        share: float = 0.25,
        most_a_day: int = 20,
        most: int = 200,
        clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC),
    ) -> None:
        if not (0 < threshold <= 1 and 0 < share <= 1):
            raise MeasureRefused(
                "canaries",
                "need a threshold of risk and a share above 0 and at most 1",
                "Nothing is planted for accounts that nothing speaks against",
            )
        self._keys, self._registry, self._clock = keys, registry, clock
        self._threshold, self._share = threshold, share
        self._most_a_day, self._most = most_a_day, most

    @property
    def about(self) -> About:
        """What it says of itself."""
        return MEASURES["canaries"]

    def to_model(self, request: Body, who: Who) -> Body:
        """The request as it is."""
        return request

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer, with its canary if it gets one."""
        if not self._suspected(who):
            return answer
        return appended(answer, lambda text, ident: self._ending(text, ident, who))

    def stream(self, who: Who) -> Pieces:
        """The same for a streamed answer."""
        if not self._suspected(who):
            return Untouched()
        return Appending(lambda text, ident: self._ending(text, ident, who))

    def _suspected(self, who: Who) -> bool:
        return bool(who.account) and who.risk >= self._threshold

    def _ending(self, text: str, ident: str, who: Who) -> str | None:
        now = self._clock()
        epoch = self._keys.at(now)
        if not is_prose(text) or not self._drawn(epoch, ident or text):
            return None
        account = name_of(who.account, "account_id", epoch.secret)
        code = canary_of(epoch, account)
        try:
            self._registry.register(code, account, epoch.number, now)
            shown = self._registry.expose(code, now, most_a_day=self._most_a_day, most=self._most)
        except SQLAlchemyError as fault:
            log.error("no canary was planted: the registry failed (%s)", type(fault).__name__)
            return None
        return TEMPLATE.format(code=code) if shown else None

    def _drawn(self, epoch: Epoch, answer: str) -> bool:
        """Whether this answer is of the share, which its id decides."""
        told = hmac.digest(derived(epoch.secret, "canary-share"), joined(answer), "sha256")
        return int.from_bytes(told[:8], "big") < self._share * 2**64


def is_prose(text: str) -> bool:
    """Whether a line at the end of a text does no harm: it is long, no data, and no open code.

    >>> is_prose("{" + "1" * 300), is_prose("A word. " * 40)
    (False, True)
    """
    bare = text.strip()
    if len(bare) < LEAST_TEXT or bare[0] in "{[<" or bare.count("```") % 2:
        return False
    if bare.endswith("```") or bare.count("~~~") % 2:
        return False
    try:
        json.loads(bare)
    except (ValueError, RecursionError):
        return True
    return False
