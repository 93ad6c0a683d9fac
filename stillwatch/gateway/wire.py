"""Requests and answers as JSON: the schema of `POST /v1/decide`, which stays as it is.

Unknown fields are passed over. A client writes most of what a gateway passes on, so what makes no
sense costs the field and never the decision: or else a strange temperature would be a way around.
"""

from __future__ import annotations

import re
import time
from typing import Annotated, Any

import msgspec

from stillwatch.gateway.answer import Answer
from stillwatch.gateway.request import Request
from stillwatch.sources import reasons
from stillwatch.sources.lenient import decode_object
from stillwatch.sources.messages import last_user_text, system_text, tool_names, tools_digest
from stillwatch.sources.reasons import Refused

MOST_TEXT = 65_536
"""Characters of a prompt, and of a system prompt, that are looked at: the first ones."""

MOST_ID = 1024
MOST_NAMES = 256
MOST_SCANNED = 1 << 20
"""Bytes that are read the slow way, where a body can't be decoded at once."""

Id = Annotated[str, msgspec.Meta(max_length=MOST_ID)]
Int32 = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]


class Unreadable(Exception):
    """A body that says on whom to decide nowhere: `where` in it, and `what` is wrong."""

    def __init__(self, where: str, what: str) -> None:
        self.where, self.what = where, what
        super().__init__(f"{where}: {what}")


class Asked(msgspec.Struct, gc=False):
    """A request as a gateway sends it: the contract's columns, and only the account is required."""

    account_id: Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_ID)]
    call_id: Id | None = None
    key_id: Id | None = None
    org_id: Id | None = None
    end_user: Id | None = None
    surface: Id | None = None
    model: Id | None = None
    system: str | None = None
    prompt: str | None = None
    turns: Int32 | None = None
    tools: list[str] | None = None
    tools_digest: Id | None = None
    max_tokens: Int32 | None = None
    temperature: float | None = None
    thinking: bool | None = None
    ip: Id | None = None
    user_agent: Id | None = None
    ja4: Id | None = None
    device_id: Id | None = None
    headers: dict[str, str] | None = None
    messages: str | list[Any] | None = None
    """Chat messages, where a gateway doesn't take `system` and `prompt` out of them itself."""
    tool_definitions: list[Any] | None = None
    """In place of `tools` and `tools_digest`."""


class Told(msgspec.Struct, gc=False):
    """An answer as a gateway reads it; as `Answer`, and `status` is the HTTP status to answer with.

    `left_out` names the fields of the request that made no sense.
    """

    decision_id: str
    verdict: str
    action: str | None
    would: str | None
    score: float
    reasons: tuple[str, ...]
    policy_version: int
    table_version: int
    campaign_id: str | None
    case_id: int | None
    withhold: tuple[str, ...]
    ttl_s: int
    retry_after_s: int | None
    status: int
    left_out: tuple[str, ...] = ()


_decoder = msgspec.json.Decoder(Asked)
_encoder = msgspec.json.Encoder()
_FIELDS = {field.name: field.type for field in msgspec.structs.fields(Asked)}


def bytes_to_request(raw: bytes) -> tuple[Request, tuple[str, ...]]:
    """The request in `raw`, and the names of fields that had to be left out.

    Raises `Unreadable` where it isn't a JSON object that names an account.
    """
    try:
        return _request(_decoder.decode(raw)), ()
    except (msgspec.MsgspecError, ValueError, RecursionError):
        asked, left_out = _pieced_together(raw)
        return _request(asked), left_out


def _pieced_together(raw: bytes) -> tuple[Asked, tuple[str, ...]]:
    given = opened(raw, "account_id")
    kept, left_out = {}, []
    for name, kind in _FIELDS.items():
        value = given.get(name)
        if value is None:
            continue
        try:
            kept[name] = msgspec.convert(value, kind, strict=False)
        except (msgspec.MsgspecError, ValueError):
            left_out.append(name)
    account = given.get("account_id")
    if isinstance(account, int) and not isinstance(account, bool) and "account_id" not in kept:
        kept["account_id"] = str(account)
    if "account_id" not in kept:
        what = "is missing" if account is None else f"is no text of 1 to {MOST_ID} characters"
        raise Unreadable("$.account_id", what)
    return Asked(**kept), tuple(name for name in left_out if name not in kept)


def opened(raw: bytes, *account: str) -> dict[str, Any]:
    """The object in `raw`; of one that can't be had whole, what stands at the keys `account`.

    That is one that is nested too deep, or so long that mending it would hold others up. Raises
    `Unreadable`.
    """
    reason = reasons.TOO_LONG
    if len(raw) <= MOST_SCANNED:
        try:
            return decode_object(raw)[0]
        except Refused as fault:
            reason = fault.reason
    found = None if reason == reasons.NOT_AN_OBJECT else text_at(raw, *account)
    if found is None:
        raise Unreadable("$", f"is {reason.replace('_', ' ')}")
    for name in reversed(account):
        found = {name: found}
    assert isinstance(found, dict)
    return found


# A string may break off at the end: were it no match, each quote in it would be tried anew.
_TOKEN = re.compile(rb'"((?:[^"\\]|\\.)*+)(?:"(\s*:)?|\\?\Z)|[{}\[\]]', re.DOTALL)


def text_at(raw: bytes, *path: str) -> str | None:
    r"""The text at the keys `path` of a JSON object that is cut off or nested without end.

    >>> text_at(b'{"a": "\\"b\\": 1", "c": {"b": "x"}, "d": [[[', "c", "b")
    'x'
    """
    wanted = [part.encode() for part in path]
    keys: list[bytes] = []
    key = b""
    for token in _TOKEN.finditer(raw, 0, MOST_SCANNED):
        mark = token[0][:1]
        if mark in b"{[":
            keys.append(key if mark == b"{" else b"[")
            key = b""
        elif mark in b"}]":
            if not keys:
                return None
            keys.pop()
            key = b""
        elif token[2]:
            key = token[1]
        elif key and [*keys[1:], key] == wanted:
            try:
                return msgspec.json.decode(b'"' + token[1] + b'"', type=str) or None
            except (msgspec.MsgspecError, ValueError):
                return None
    return None


def _request(asked: Asked) -> Request:
    tools, digest = asked.tools, asked.tools_digest
    if tools is None and asked.tool_definitions is not None:
        tools, digest = tool_names(asked.tool_definitions), tools_digest(asked.tool_definitions)
    system, prompt = asked.system, asked.prompt
    if prompt is None and asked.messages is not None:
        system = system_text(asked.messages, {"system": system})
        prompt = last_user_text(asked.messages)
    return Request(
        account_id=asked.account_id,
        ts=time.time_ns() // 1000,
        call_id=asked.call_id,
        key_id=asked.key_id,
        org_id=asked.org_id,
        end_user=asked.end_user,
        surface=asked.surface,
        model=asked.model,
        system=cut(system),
        prompt=cut(prompt),
        turns=asked.turns,
        tools=None if tools is None else tuple(tools[:MOST_NAMES]),
        tools_digest=digest,
        max_tokens=asked.max_tokens,
        temperature=asked.temperature,
        thinking=asked.thinking,
        ip=asked.ip,
        user_agent=asked.user_agent,
        ja4=asked.ja4,
        device_id=asked.device_id,
        headers=asked.headers or {},
    )


def cut(text: str | None) -> str | None:
    """The part of a text that is looked at."""
    return text if text is None or len(text) <= MOST_TEXT else text[:MOST_TEXT]


def answer_to_bytes(answer: Answer, left_out: tuple[str, ...] = ()) -> bytes:
    """`answer` as JSON."""
    return _encoder.encode(told(answer, left_out))


def told(answer: Answer, left_out: tuple[str, ...] = ()) -> Told:
    """`answer` as the schema has it."""
    return Told(
        answer.decision_id,
        answer.verdict,
        answer.action,
        answer.would,
        answer.score,
        answer.reasons,
        answer.policy_version,
        answer.table_version,
        answer.campaign_id,
        answer.case_id,
        answer.withhold,
        answer.ttl_s,
        answer.retry_after_s,
        answer.status,
        left_out,
    )
