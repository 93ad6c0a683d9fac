"""`/auth/nginx`: nginx's `auth_request`, which understands 2xx, 401 and 403.

What else there is to say stands in headers, which `auth_request_set` takes from the answer: a
throttled request is refused with 403 and `x-stillwatch-status: 429`.
"""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.gateway.adapters.adapter import Adapter, Question, stillwatch_headers
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.header_request import headers_to_request
from stillwatch.gateway.plain_asgi import Reply
from stillwatch.gateway.settings import Settings
from stillwatch.gateway.wire import Unreadable


def read(headers: Mapping[str, str], body: bytes, settings: Settings) -> Question:
    """The request that the headers tell of; raises `Unreadable` where they name nobody."""
    request = headers_to_request(headers, settings.names)
    if request is None:
        raise Unreadable("headers", "name no account")
    return Question(request)


def tell(answer: Answer, question: Question, trouble: Unreadable | None) -> Reply:
    """204 to go on, 401 to sign in again, 403 for any other refusal."""
    status = {200: 204, 401: 401}.get(answer.status, 403)
    return Reply(status, b"", stillwatch_headers(answer))


ADAPTER = Adapter("nginx", False, read, tell)
