"""`POST /v1/decide`: JSON in and out, for gateways that are told how to ask."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from stillwatch.gateway.adapters.adapter import Adapter, Question
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.plain_asgi import Reply
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.wire import Unreadable, answer_to_bytes, bytes_to_request, told


def read(headers: Mapping[str, str], body: bytes, settings: Settings) -> Question:
    """The request in `body`."""
    return Question(*bytes_to_request(body))


def tell(answer: Answer, question: Question, trouble: Unreadable | None) -> Reply:
    """The answer; with 400 and where the trouble is, if the body names no account."""
    if trouble is None:
        return Reply(200, answer_to_bytes(answer, question.left_out))
    fault = {"where": trouble.where, "what": trouble.what}
    return Reply(400, msgspec.json.encode({**msgspec.to_builtins(told(answer)), "error": fault}))


ADAPTER = Adapter("decide", True, read, tell)
