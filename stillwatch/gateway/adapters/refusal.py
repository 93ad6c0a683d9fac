"""What a client is told that is refused: as OpenAI's and Anthropic's errors are shaped.

It names the decision, which an appeal can name; never the campaign, the evidence or the score.
"""

from __future__ import annotations

import msgspec

from stillwatch.gateway.answer import Answer

WORDS = {
    429: ("rate_limit_error", "Too many requests from this account; try again later"),
    401: ("authentication_error", "This account has to be verified before it may go on"),
    403: ("permission_error", "This account may not use this service"),
}


def words_of(answer: Answer) -> str:
    """Why a request is refused, in one sentence for the client."""
    words = WORDS.get(answer.status, WORDS[403])[1]
    if answer.retry_after_s is not None:
        words = f"{words} in {answer.retry_after_s} s"
    return f"{words} (decision {answer.decision_id})."


def refusal(answer: Answer) -> bytes:
    """The body of a refusal."""
    kind = WORDS.get(answer.status, WORDS[403])[0]
    message = {"type": kind, "message": words_of(answer), "code": answer.decision_id}
    return msgspec.json.encode({"type": "error", "error": message})
