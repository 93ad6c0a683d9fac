"""What an adapter is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from stillwatch.gateway.answer import Answer
from stillwatch.gateway.plain_asgi import Reply
from stillwatch.gateway.request import Request
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.wire import Unreadable


class Question(NamedTuple):
    """What a gateway asked: nothing where `request` is `None`; names of fields left out of it."""

    request: Request | None
    left_out: tuple[str, ...] = ()


class Adapter(NamedTuple):
    """One kind of gateway.

    `read` gets the body if `reads_body` is true, or else the headers by lower-case name; it raises
    `Unreadable`. `tell` gets the answer, the question and what was unreadable.
    """

    name: str
    reads_body: bool
    read: Callable[[Mapping[str, str], bytes, Settings], Question]
    tell: Callable[[Answer, Question, Unreadable | None], Reply]


def stillwatch_headers(answer: Answer) -> tuple[tuple[bytes, bytes], ...]:
    """The answer as headers, for gateways that read nothing else."""
    pairs = [
        ("x-stillwatch-decision", answer.decision_id),
        ("x-stillwatch-verdict", answer.verdict),
        ("x-stillwatch-action", answer.action or "none"),
        ("x-stillwatch-reason", answer.reasons[0] if answer.reasons else "none"),
        ("x-stillwatch-status", str(answer.status)),
        ("x-stillwatch-withhold", ",".join(answer.withhold) or "none"),
    ]
    if answer.retry_after_s is not None:
        pairs.append(("retry-after", str(answer.retry_after_s)))
    return tuple((name.encode(), value.encode("ascii", "replace")) for name, value in pairs)
