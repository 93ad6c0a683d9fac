"""LiteLLM asks Stillwatch's gate before each call: copy this file beside LiteLLM's config.yaml.

    litellm_settings:
      callbacks: ["litellm_hook.stillwatch", "generic_api"]

It needs LiteLLM alone, for decisions. A throttled request is answered with 429 and `retry-after`, a
denied one with 403, one that needs a stronger sign-in with 401, and where parts of the answer are
withheld, they are neither asked for nor passed on. Whatever fails or takes too long lets the
request go on.

Set by the environment: `STILLWATCH_GATE_URL` (http://127.0.0.1:8990), `STILLWATCH_GATE_TOKEN`,
`STILLWATCH_GATE_TIMEOUT_S` (0.1), `STILLWATCH_GATE_ACCOUNT` (a `user_api_key_...` field that is the
account; by default as in LiteLLM's log), `STILLWATCH_GATE_TEXT` (0 sends no text) and
`STILLWATCH_GATE_WATERMARK` (0 lets clients opt out of an engine's watermark).

With `pip install --no-deps stillwatch msgspec` beside LiteLLM it does all that `Withholding` does,
by the same measures: traces by tenant and tier, summaries, sealed blobs, in streams and those of
`/v1/messages` too. They are set as `stillwatch.gateway.measures` says (`STILLWATCH_TRACES` and
others); where they are set and can't be had, LiteLLM doesn't start.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
from fastapi import HTTPException
from litellm.integrations.custom_logger import CustomLogger  # pyright: ignore

log = logging.getLogger("stillwatch.hook")

MOST_TEXT = 65_536
"""Characters of a text that the gate looks at."""

QUIET_S = 1.0
"""After a failure the gate isn't asked for this long, so that no request waits for a dead one."""

ASKS_FOR = {
    "logprobs": ("logprobs", "top_logprobs", "logit_bias"),
    "reasoning": ("reasoning_effort", "reasoning", "thinking", "include_reasoning"),
}
"""Parameters that ask for what may be withheld."""

SHOWS = ("reasoning_content", "thinking_blocks", "reasoning", "reasoning_details")
"""Where LiteLLM's messages hold reasoning."""

WITHIN = ("extra_body", "vllm_xargs", "sampling_params", "custom_params")
"""Containers in which clients opt out of an engine's watermark."""

_THOUGHTS = ("thinking", "redacted_thinking")
_NO_USER = ("default_user_id", "litellm-proxy-budget")
_ERRORS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_WORDS = {
    401: "This account has to be verified before it may go on",
    403: "This account may not use this service",
    429: "Too many requests from this account; try again later",
}
_SYSTEM_KEY = "stillwatch_system"
_WITHHELD_KEY = "stillwatch_withhold"
_WHO_KEY = "stillwatch_who"
_ALL = ("reasoning", "logprobs")

_MEASURES = ("STILLWATCH_TRACES", "STILLWATCH_SEAL_KEYS", "STILLWATCH_SUMMARISER_URL")
"""As `stillwatch.gateway.measures.NAMES`, which this file may do without."""

_OWN = ("metadata", "litellm_metadata", "proxy_server_request", "secret_fields")
"""What LiteLLM keeps beside a request's own parameters; its objects aren't looked into either."""


class Stillwatch(CustomLogger):
    """The hook."""

    def __init__(self) -> None:
        super().__init__()
        self._url = os.environ.get("STILLWATCH_GATE_URL", "http://127.0.0.1:8990").rstrip("/")
        token = os.environ.get("STILLWATCH_GATE_TOKEN")
        self._headers = {"x-stillwatch-token": token} if token else {}
        self._timeout_s = float(os.environ.get("STILLWATCH_GATE_TIMEOUT_S", "0.1"))
        self._account = os.environ.get("STILLWATCH_GATE_ACCOUNT")
        self._texts = os.environ.get("STILLWATCH_GATE_TEXT", "1") != "0"
        self._opt_outs = os.environ.get("STILLWATCH_GATE_WATERMARK", "1") == "0"
        self._client: httpx.AsyncClient | None = None
        self._quiet_until = 0.0
        self._measures: Any = _measures()

    async def async_pre_call_hook(
        self, user_api_key_dict: Any, cache: Any, data: dict[str, Any], call_type: str
    ) -> dict[str, Any]:
        """Ask, and refuse by an `HTTPException`, or change `data`, or leave it as it is."""
        if not self._opt_outs:
            _opt_in(data)
        try:
            answer = await self._ask(data)
        except Exception as fault:
            self._quiet_until = time.monotonic() + QUIET_S
            log.warning("stillwatch can't be asked (%s); requests go on", type(fault).__name__)
            answer = None
        status = (answer or {}).get("status", 200)
        if answer is not None and status in _WORDS:
            raise _refusal(status, answer)
        if self._measures is not None:
            self._to_model(data, answer or {})
            return data
        withheld = [p for p in (answer or {}).get("withhold") or () if p in ASKS_FOR]
        for part in withheld:
            for parameter in ASKS_FOR[part]:
                data.pop(parameter, None)
        if withheld:
            _metadata(data)[_WITHHELD_KEY] = withheld
        return data

    async def async_post_call_success_hook(
        self, data: dict[str, Any], user_api_key_dict: Any, response: Any
    ) -> Any:
        """Take out of the answer what is withheld; models reason without being asked, too."""
        if self._measures is not None:
            return await self._changed(response, data)
        _withhold(response, _metadata(data).get(_WITHHELD_KEY) or ())
        return response

    async def async_post_call_streaming_iterator_hook(
        self, user_api_key_dict: Any, response: Any, request_data: dict[str, Any]
    ) -> AsyncIterator[Any]:
        """The same for each piece of a stream."""
        if self._measures is not None:
            async for piece in self._streamed(response, request_data):
                yield piece
            return
        withheld = _metadata(request_data).get(_WITHHELD_KEY) or ()
        async for piece in response:
            if withheld:
                _withhold(piece, withheld)
            yield piece

    def _to_model(self, data: dict[str, Any], answer: dict[str, Any]) -> None:
        """Change a request by the measures, in place, and remember whose it is.

        What fails lets the request go on; to the answer the measures are put all the same.
        """
        about, known = _metadata(data), self._question(data) or {}
        request = data.get("proxy_server_request")
        headers = (request.get("headers") if isinstance(request, dict) else None) or {}
        model = data.get("model")
        who = {
            "tenant": known.get("org_id") or known.get("account_id") or "",
            "account": known.get("account_id") or "",
            "conversation": headers.get("x-conversation-id") or "",
            "model": model if isinstance(model, str) else "",
            "risk": float(answer.get("score") or 0.0),
            "withhold": [part for part in answer.get("withhold") or () if part in ASKS_FOR],
        }
        about[_WHO_KEY] = who
        body = {name: held for name, held in data.items() if name not in _OWN}
        told = self._measures.to_model(body, _who(who))
        for name in body.keys() - told.keys():
            data.pop(name)
        data.update(told)

    async def _changed(self, response: Any, data: dict[str, Any]) -> Any:
        who = _who(_metadata(data).get(_WHO_KEY))
        try:
            # a summariser is waited for
            return await asyncio.to_thread(
                _rebuilt, response, lambda body: [self._measures.to_customer(body, who)]
            )
        except Exception:
            log.exception("an answer can't be changed; its reasoning is taken out")
            _withhold(response, _ALL)
            return response

    async def _streamed(self, response: Any, data: dict[str, Any]) -> AsyncIterator[Any]:
        """A stream by the measures: pieces that are objects, or the events of `/v1/messages`."""
        from stillwatch.gateway.events import Events

        stream = self._measures.stream(_who(_metadata(data).get(_WHO_KEY)))
        events = Events(stream)
        async for piece in response:
            try:
                if isinstance(piece, (bytes, str)):
                    raw = piece.encode() if isinstance(piece, str) else piece
                    told = await asyncio.to_thread(events.bytes, raw)
                    sent = [told if isinstance(piece, bytes) else told.decode()] if told else []
                else:
                    sent = await asyncio.to_thread(_rebuilt_all, piece, stream.piece)
            except Exception:
                log.exception("a piece of a stream can't be changed; its reasoning is taken out")
                _withhold(piece, _ALL)
                sent = [] if isinstance(piece, (bytes, str)) else [piece]
            for each in sent:
                yield each
        if rest := events.bytes(b"", last=True):
            yield rest

    async def _ask(self, data: dict[str, Any]) -> dict[str, Any] | None:
        if time.monotonic() < self._quiet_until:
            return None
        question = self._question(data)
        if question is None:
            return None
        if self._client is None:
            self._client = httpx.AsyncClient(
                headers=self._headers, trust_env=False, timeout=self._timeout_s
            )
        async with asyncio.timeout(self._timeout_s):
            reply = await self._client.post(f"{self._url}/v1/decide", content=_json(question))
        if reply.status_code != 200:
            log.warning("stillwatch answered %d; the request goes on", reply.status_code)
            return None
        answer = reply.json()
        return answer if isinstance(answer, dict) else None

    def _question(self, data: dict[str, Any]) -> dict[str, Any] | None:
        about = _metadata(data)
        account = about.get(self._account) if self._account else _account_of(about)
        if not isinstance(account, str) or not account:
            return None
        request = data.get("proxy_server_request")
        headers = (request.get("headers") if isinstance(request, dict) else None) or {}
        question = {
            "account_id": account,
            "call_id": data.get("litellm_call_id"),
            "key_id": about.get("user_api_key_hash"),
            "org_id": about.get("user_api_key_org_id") or about.get("user_api_key_team_id"),
            "end_user": about.get("user_api_key_end_user_id") or data.get("user"),
            "surface": "api",
            "model": data.get("model"),
            "max_tokens": data.get("max_tokens") or data.get("max_completion_tokens"),
            "temperature": data.get("temperature"),
            "thinking": _thinking(data),
            "ip": about.get("requester_ip_address"),
            "user_agent": headers.get("user-agent"),
            "tool_definitions": data.get("tools") or data.get("functions"),
        }
        if self._texts:
            question |= _texts(data)
        _keep_system(data, about)
        return {name: value for name, value in question.items() if value is not None}


def _measures() -> Any:
    """The package's measures, where they are asked for; raises what they raise."""
    if not any(os.environ.get(name) for name in _MEASURES):
        return None
    from stillwatch.gateway.measures import measures_of

    return measures_of(os.environ)


def _who(told: Any) -> Any:
    from stillwatch.countermeasures.measure import Who

    held = told if isinstance(told, dict) else {}
    return Who(**{**held, "withhold": tuple(held.get("withhold") or ())})


def _rebuilt_all(response: Any, change: Any) -> list[Any]:
    """What a function of a body makes of a dict, or of one of LiteLLM's objects: more of them."""
    body = response if isinstance(response, dict) else response.model_dump(exclude_none=True)
    if isinstance(response, dict):
        return change(body)
    made = []
    for told in change(body):
        one = response if told == body else type(response)(**told)
        if one is not response and hasattr(response, "_hidden_params"):
            one._hidden_params = response._hidden_params
        made.append(one)
    return made


def _rebuilt(response: Any, change: Any) -> Any:
    return _rebuilt_all(response, change)[0]


def _json(question: dict[str, Any]) -> bytes:
    """In ASCII, whatever a client wrote: httpx's own refuses halves of characters and NaN, and an
    account that sent some would be decided on by nobody."""
    return json.dumps(question, default=str).encode()


def _metadata(data: dict[str, Any]) -> dict[str, Any]:
    """Where LiteLLM keeps what it knows of a request: by route under one of two names."""
    for name in ("litellm_metadata", "metadata"):
        held = data.get(name)
        if isinstance(held, dict) and any(key.startswith("user_api_key") for key in held):
            return held
    return {}


def _account_of(about: dict[str, Any]) -> Any:
    user = about.get("user_api_key_user_id")
    if user and user not in _NO_USER:
        return user
    names = ("hash", "team_id", "org_id", "user_id")
    return next((held for name in names if (held := about.get(f"user_api_key_{name}"))), None)


def _thinking(data: dict[str, Any]) -> bool | None:
    thinking, effort = data.get("thinking"), data.get("reasoning_effort")
    if isinstance(thinking, dict):
        return thinking.get("type") != "disabled"
    return None if effort is None else effort not in ("none", "disable")


def _texts(data: dict[str, Any]) -> dict[str, Any]:
    """The system prompt and the last user turn that has a text, of a request in any dialect."""
    given = data.get("messages")
    if given is None:
        given = data.get("input") or data.get("prompt")
    system = data.get("system") or data.get("instructions")
    head = [{"role": "system", "content": system}] if system else []
    if isinstance(given, str):
        return {"messages": _cut([*head, {"role": "user", "content": given}]), "turns": 1}
    if not isinstance(given, list):
        return {}
    messages = [message for message in given if isinstance(message, dict)]
    head += [message for message in messages if message.get("role") in ("system", "developer")]
    users = [message for message in messages if message.get("role", "user") == "user"]
    told = next((message for message in reversed(users) if _has_text(message)), None)
    last = [told] if told else users[-1:]
    return {"messages": _cut([*head, *last]), "turns": len(given)}


def _has_text(message: dict[str, Any]) -> bool:
    content = message.get("content")
    if isinstance(content, list):
        return any(isinstance(block, dict) and block.get("text") for block in content)
    return bool(content)


def _cut(value: Any) -> Any:
    """`value` without images, its texts as long as they are looked at."""
    if isinstance(value, str):
        return value[:MOST_TEXT]
    if isinstance(value, list):
        return [_cut(item) for item in value]
    if isinstance(value, dict):
        kept = ("role", "type", "text", "content")
        return {name: _cut(held) for name, held in value.items() if name in kept}
    return value


def _keep_system(data: dict[str, Any], about: dict[str, Any]) -> None:
    """Put a system prompt that LiteLLM's log would lose where its log keeps it."""
    system = data.get("system")
    if not system:
        return
    held = about.get("spend_logs_metadata")
    about["spend_logs_metadata"] = {**(held if isinstance(held, dict) else {}), _SYSTEM_KEY: system}


def _opt_in(held: dict[str, Any], depth: int = 0) -> None:
    """Take out what opts out of a watermark, or asks for another one than the engine's, in place.

    As `stillwatch.countermeasures.stripping` does, which this file doesn't need.
    """
    for name, value in list(held.items()):
        if name.lower().startswith("watermark"):
            wanted = value.get("enabled", True) if isinstance(value, dict) else value
            if wanted is not True and wanted is not None:
                held.pop(name)
            elif isinstance(value, dict):
                held[name] = {key: value[key] for key in ("enabled",) if key in value}
        elif name in WITHIN and isinstance(value, dict) and depth < 4:
            _opt_in(value, depth + 1)


def _refusal(status: int, answer: dict[str, Any]) -> HTTPException:
    wait = answer.get("retry_after_s")
    headers = {"x-stillwatch-decision": str(answer.get("decision_id"))}
    if wait is not None:
        headers["retry-after"] = str(int(wait))
    words = f"{_WORDS[status]} (decision {answer.get('decision_id')})."
    detail = {"error": {"type": _ERRORS[status], "message": words}}
    return HTTPException(status, detail=detail, headers=headers)


def _withhold(response: Any, parts: Any) -> None:
    """Empty the parts of an answer, or of a piece of one, in place."""
    if isinstance(response, dict) and "reasoning" in parts:  # of Anthropic's /v1/messages
        blocks = response.get("content")
        if isinstance(blocks, list):
            response["content"] = [
                b for b in blocks if not (isinstance(b, dict) and b.get("type") in _THOUGHTS)
            ]
    for choice in getattr(response, "choices", None) or ():
        if "logprobs" in parts and getattr(choice, "logprobs", None) is not None:
            choice.logprobs = None
        message = getattr(choice, "message", None) or getattr(choice, "delta", None)
        if "reasoning" in parts and message is not None:
            beside = getattr(message, "provider_specific_fields", None)
            for name in SHOWS:
                if getattr(message, name, None) is not None:
                    setattr(message, name, None)
                if isinstance(beside, dict):
                    beside.pop(name, None)


stillwatch = Stillwatch()
