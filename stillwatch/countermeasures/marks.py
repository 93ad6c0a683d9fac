"""Behavioural marks: a habit of style, asked for by system prompt, that a student picks up.

Of pairs of phrases that mean the same, the model is asked to prefer one of each, chosen by a key
for account and epoch. Marks of this kind have been seen to pass to students at 45 to 89 % fidelity
and to survive paraphrase in part (arXiv 2605.16462); a student's preferences are then tested
against the key's. Only for accounts above a threshold of risk: a mark is a claim against somebody.
"""

from __future__ import annotations

import datetime as dt
import hmac
import re
from dataclasses import dataclass

from stillwatch.countermeasures.deriving import derived, joined
from stillwatch.countermeasures.forms import Body, Form
from stillwatch.countermeasures.measure import About, Pieces, Untouched, Who
from stillwatch.countermeasures.table import MEASURES
from stillwatch.errors import MeasureRefused
from stillwatch.privacy.keys import Epoch, Keys
from stillwatch.privacy.names import name_of

PAIRS = (
    ("for example", "for instance"),
    ("because", "since"),
    ("however", "though"),
    ("therefore", "so"),
    ("in addition", "besides"),
    ("in short", "to sum up"),
    ("as well as", "along with"),
    ("usually", "mostly"),
    ("instead of", "rather than"),
    ("many", "a lot of"),
    ("begin", "start"),
    ("need to", "have to"),
    ("about", "roughly"),
    ("make sure", "ensure"),
    ("at first", "initially"),
    ("often", "frequently"),
)
"""Phrases of one meaning; their order never changes, for the bits of a key count on it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One preference."""

    preferred: str
    other: str


def marks_of(epoch: Epoch, account: str) -> tuple[Mark, ...]:
    """The marks of an account, by its name under the epoch's secret: one bit a pair."""
    key = derived(epoch.secret, "marks")
    told = hmac.digest(key, joined(account, str(epoch.number)), "sha256")
    bits = int.from_bytes(told, "big")
    return tuple(
        Mark(pair[1], pair[0]) if bits >> at & 1 else Mark(*pair) for at, pair in enumerate(PAIRS)
    )


def instruction(marks: tuple[Mark, ...]) -> str:
    """What the model is asked.

    >>> instruction((Mark("since", "because"),))
    'Where both mean the same, prefer these wordings without mentioning it: "since" to "because".'
    """
    told = ", ".join(f'"{mark.preferred}" to "{mark.other}"' for mark in marks)
    return f"Where both mean the same, prefer these wordings without mentioning it: {told}."


def counted(texts: list[str], marks: tuple[Mark, ...]) -> list[tuple[int, int]]:
    """How often each mark's preferred and other phrase are in the texts, as whole words.

    >>> counted(["Since it rains, and because it rains."], (Mark("since", "because"),))
    [(1, 1)]
    """
    return [
        (
            sum(len(_phrase(mark.preferred).findall(text)) for text in texts),
            sum(len(_phrase(mark.other).findall(text)) for text in texts),
        )
        for mark in marks
    ]


class Marks:
    """The measure. `form` is the API's, where a request alone doesn't show it.

    A request in which no place for a system prompt is known is left alone.
    """

    def __init__(self, keys: Keys, *, threshold: float = 0.9, form: Form | None = None) -> None:
        if not 0 < threshold <= 1:
            words = "need a threshold of risk above 0 and at most 1"
            raise MeasureRefused("marks", words, "A mark is a claim against somebody")
        self._keys, self._threshold, self._form = keys, threshold, form

    @property
    def about(self) -> About:
        """What it says of itself."""
        return MEASURES["marks"]

    def to_model(self, request: Body, who: Who) -> Body:
        """The request, whose system prompt asks for the marks of the account."""
        if not who.account or who.risk < self._threshold:
            return request
        epoch = self._keys.at(dt.datetime.now(dt.UTC))
        account = name_of(who.account, "account_id", epoch.secret)
        return with_system(request, instruction(marks_of(epoch, account)), self._form)

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer as it is."""
        return answer

    def stream(self, who: Who) -> Pieces:
        """The same for a streamed answer."""
        return Untouched()


def with_system(request: Body, words: str, form: Form | None = None) -> Body:
    """A request with `words` at the end of its system prompt, where its form is known."""
    form = form or _form_of(request)
    if form is Form.ANTHROPIC:
        return {**request, "system": _longer(request.get("system"), words)}
    if form is Form.RESPONSES:
        return {**request, "instructions": _longer(request.get("instructions"), words)}
    if form is Form.GEMINI:
        name = "system_instruction" if "system_instruction" in request else "systemInstruction"
        held = request.get(name)
        parts = held.get("parts") if isinstance(held, dict) else None
        parts = [*(parts if isinstance(parts, list) else []), {"text": words}]
        return {**request, name: {**(held if isinstance(held, dict) else {}), "parts": parts}}
    if form is Form.CHAT:
        return {**request, "messages": _messages(request.get("messages"), words)}
    return request


def _form_of(request: Body) -> Form | None:
    """The form that a request shows; a chat without a system message could be Anthropic's."""
    if "contents" in request:
        return Form.GEMINI
    if "input" in request and "messages" not in request:
        return Form.RESPONSES
    messages = request.get("messages")
    if not isinstance(messages, list):
        return None
    if "system" in request or "anthropic_version" in request:
        return Form.ANTHROPIC
    return Form.CHAT if any(_is_system(message) for message in messages) else None


def _is_system(message: object) -> bool:
    return isinstance(message, dict) and message.get("role") in ("system", "developer")


def _messages(messages: object, words: str) -> list[object]:
    held = list(messages) if isinstance(messages, list) else []
    for at, message in enumerate(held):
        if _is_system(message):
            held[at] = {**message, "content": _longer(message.get("content"), words)}
            return held
    return [{"role": "system", "content": words}, *held]


def _longer(held: object, words: str) -> object:
    if isinstance(held, list):
        return [*held, {"type": "text", "text": words}]
    return f"{held}\n\n{words}" if isinstance(held, str) and held else words


def _phrase(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b{re.escape(words)}\b", re.IGNORECASE)
