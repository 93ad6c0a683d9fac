"""One call to a model as OpenTelemetry's attributes and events tell it -> the contract's columns.

Names of three generations are read, the newest first: https://github.com/open-telemetry/
semantic-conventions-genai, the events and attributes that it replaced, and those of OpenLLMetry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from stillwatch.sources.bodies import request_columns, response_columns
from stillwatch.sources.chunks import whole_response
from stillwatch.sources.messages import dig, first
from stillwatch.sources.recorded import recorded_request, recorded_response

OPERATIONS = ("chat", "text_completion", "generate_content", "completion")
MODELS = ("gen_ai.request.model", "gen_ai.response.model")
_DETAILS = "gen_ai.client.inference.operation.details"
INPUTS = ("gen_ai.input.messages", "gen_ai.prompt")
OUTPUTS = ("gen_ai.output.messages", "gen_ai.completion")
_CHOICE = "gen_ai.choice"
HEADER = "http.request.header."
STATUSES = ("http.response.status_code", "http.status_code")
EFFORTS = (
    "gen_ai.request.reasoning.level",
    "gen_ai.request.reasoning_effort",
    "gen_ai.openai.request.reasoning_effort",
)
_USAGE = {
    "input_tokens": ("input_tokens", "prompt_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens"),
    "reasoning_tokens": ("reasoning.output_tokens", "reasoning_tokens"),
    "cached_tokens": ("cache_read.input_tokens", "cache_read_input_tokens"),
}
TOKENS = {column: [f"gen_ai.usage.{name}" for name in names] for column, names in _USAGE.items()}
CLIENT = {
    "ip": ("client.address", "http.client_ip", "net.sock.peer.addr"),
    "country": ("client.geo.country.iso_code", "geo.country.iso_code"),
    "user_agent": ("user_agent.original", "http.user_agent"),
    "device_id": ("device.id", "app.installation.id"),
}
"""By column: the attributes that may say it, the first that does is taken."""


def is_call(about: dict[str, Any]) -> bool:
    """Whether a span of these attributes asked a model for an answer."""
    operation = first(about, "gen_ai.operation.name", "llm.request.type")
    if operation is None:
        return first(about, *MODELS) is not None
    return operation in OPERATIONS


def is_content(name: str) -> bool:
    """Whether an event of this name tells what was asked or answered."""
    return name in (_DETAILS, _CHOICE) or _is_message(name)


def _is_message(name: str) -> bool:
    return name.startswith("gen_ai.") and name.endswith(".message")


@dataclass
class Call:
    """What is known of one call: attributes by name, and messages that came one by one."""

    key: str
    about: dict[str, Any]
    start: Any = None
    end: Any = None
    failed: bool = False
    messages: list[Any] = field(default_factory=list)
    choices: list[Any] = field(default_factory=list)
    has_span: bool = False

    @property
    def told(self) -> bool:
        """Whether question and answer are known, or one record has said all that it will say."""
        asked = any(name in self.about for name in INPUTS) or "gen_ai.prompt.0.role" in self.about
        return asked or bool(self.choices)

    def hear(self, name: str, about: dict[str, Any], body: Any) -> None:
        """Take in an event."""
        if isinstance(body, dict):
            about = about | {k: v for k, v in body.items() if k.startswith("gen_ai.")}
        if name == _CHOICE:
            self.choices.append(body if isinstance(body, dict) else about)
        elif _is_message(name):
            role = name.removeprefix("gen_ai.").removesuffix(".message")
            given = body if isinstance(body, dict) else about
            self.messages.append({"role": role} | given)
        self.about = about | self.about

    @property
    def size(self) -> int:
        """Bytes of text, roughly."""
        return _size(self.about) + _size(self.messages)

    def row(self, account: Iterable[str]) -> dict[str, Any]:
        """Values by contract column, not yet checked; the first of `account` says who called.

        Raises `Refused` where the messages are neither text nor a list.
        """
        about = self.about
        body = _body(about, self.messages)
        answer = response_columns(_answer(about, self.choices))
        stops = about.get("gen_ai.response.finish_reasons")
        row = request_columns(body) | answer
        return row | {
            "exchange_id": self.key or first(about, "gen_ai.response.id"),
            "ts": self.start,
            "account_id": first(about, *account),
            "conversation_id": first(about, "gen_ai.conversation.id", "session.id"),
            "end_user": None,
            "surface": "api",
            "model": first(about, *MODELS),
            "stop_reason": row["stop_reason"] or dig(stops, 0),
            **{column: first(about, *spots) for column, spots in TOKENS.items()},
            "status": status(about, self.failed),
            "latency_ms": latency_ms(self.start, self.end),
            **{column: first(about, *spots) for column, spots in CLIENT.items()},
            "headers": {
                name.removeprefix(HEADER): value
                for name, value in about.items()
                if name.startswith(HEADER)
            }
            or None,
        }


def _body(about: dict[str, Any], messages: list[Any]) -> dict[str, Any]:
    """The request's body, as far as attributes and events tell it."""
    held = first(about, *INPUTS) or _numbered(about, "gen_ai.prompt.") or messages
    body = recorded_request(held) if held else {"messages": None}
    effort = first(about, *EFFORTS)
    tools = whole_response(about.get("gen_ai.tool.definitions"))
    return {
        "messages": body["messages"],
        "system": whole_response(about.get("gen_ai.system_instructions")),
        "tools": tools if isinstance(tools, list) else _numbered(about, "llm.request.functions."),
        "max_tokens": about.get("gen_ai.request.max_tokens"),
        "temperature": about.get("gen_ai.request.temperature"),
        "reasoning_effort": effort,
    }


def _answer(about: dict[str, Any], choices: list[Any]) -> Any:
    held = first(about, *OUTPUTS) or _numbered(about, "gen_ai.completion.")
    if held:
        return recorded_response(held)
    chosen = [choice for choice in choices if dig(choice, "index") in (None, 0)]
    return {"choices": chosen} if chosen else None


def _numbered(about: dict[str, Any], prefix: str) -> list[dict[str, Any]]:
    """What stands under names like `gen_ai.prompt.0.role`, as a list in the numbers' order."""
    items: dict[int, dict[str, Any]] = {}
    for name, value in about.items():
        if name.startswith(prefix):
            number, _, rest = name.removeprefix(prefix).partition(".")
            if number.isascii() and number.isdecimal() and len(number) < 7:
                items.setdefault(int(number), {})[rest] = value
    return [items[number] for number in sorted(items)]


def status(about: dict[str, Any], failed: bool) -> Any:
    """The HTTP status that is told, or that an error stands for."""
    found = first(about, *STATUSES)
    if found is not None:
        return found
    error = about.get("error.type")
    if isinstance(error, str) and len(error) == 3 and error.isascii() and error.isdecimal():
        return int(error)
    return 500 if failed or error else 200


def latency_ms(start: Any, end: Any) -> int | None:
    """Milliseconds between two times in nanoseconds."""
    if not isinstance(start, int) or not isinstance(end, int):
        return None
    return (end - start) // 1_000_000 if end >= start else None


def _size(value: Any) -> int:
    """Bytes of text inside, roughly."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(len(name) + _size(held) for name, held in value.items())
    return sum(map(_size, value)) if isinstance(value, list) else 8
