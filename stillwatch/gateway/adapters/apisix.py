"""`/auth/apisix`: APISIX's `forward-auth`, which hands any other status than 2xx to the client."""

from __future__ import annotations

from stillwatch.gateway.adapters.adapter import Adapter, Question, stillwatch_headers
from stillwatch.gateway.adapters.nginx import read
from stillwatch.gateway.adapters.refusal import refusal
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.plain_asgi import Reply
from stillwatch.gateway.wire import Unreadable


def tell(answer: Answer, question: Question, trouble: Unreadable | None) -> Reply:
    """200 to go on, else the status that the client gets, with a body for it."""
    if answer.status == 200:
        return Reply(200, b"", stillwatch_headers(answer))
    return Reply(answer.status, refusal(answer), stillwatch_headers(answer))


ADAPTER = Adapter("apisix", False, read, tell)
