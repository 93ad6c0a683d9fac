"""Request and response bodies of the model APIs as structs, and the contract's columns of many.

What `bodies.py` and `messages.py` make of one body, whatever it holds, is made here of many that
have their documented types. Fields are all that those look at: what isn't named here isn't built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw

from stillwatch.sources import messages as general
from stillwatch.sources.batch import Values, all_null
from stillwatch.sources.messages import BLANK_LINE, tool_names, tools_digest
from stillwatch.sources.shapes import UNFIT, ByField, Unusual, Used, field
from stillwatch.sources.usage import SPOTS

_SYSTEM = ("system", "developer")
_USER = ("user", "human")
_TEXT_BLOCKS = (None, "text", "input_text", "output_text")
_KNOWN_TOOLS_BYTES = 16 << 20


NOT_SENT = Raw()


class Block(Used):
    """A block of a message's content."""

    type: Any = None
    text: Any = UNSET
    content: Any = UNSET
    result: Any = UNSET
    response: Any = UNSET


Content = str | Sequence[str | Block] | None


class Message(Used):
    """A turn, or what stands among turns."""

    role: Any = UNSET
    content: Content = None
    parts: Sequence[str | Block] | None = None
    type: Any = None
    output: Any = UNSET


Messages = str | Sequence[Message] | None


class Thinking(Used):
    """Whether a request asks for reasoning."""

    type: Any = UNSET


class Extra(Used):
    """What a client of OpenAI's adds to a body."""

    thinking: Thinking | None = None


class Effort(Used):
    """How much reasoning a request asks for."""

    effort: Any = None


class About(Used):
    """A request's metadata."""

    user_id: str | None = None


class Parts(Used):
    """Gemini's content."""

    parts: Content = None


class Generation(Used):
    """Gemini's parameters."""

    maxOutputTokens: int | None = None
    temperature: float | None = None


class Parameters(Used):
    """A request without its messages."""

    model: str | None = None
    user: str | None = None
    safety_identifier: str | None = None
    metadata: About | None = None
    system: Content = None
    instructions: Content = None
    tools: Raw = NOT_SENT
    functions: Raw = NOT_SENT
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    thinking: Thinking | None = None
    extra_body: Extra | None = None
    reasoning_effort: Any = None
    reasoning: Effort | None = None


class Request(Parameters):
    """A request's body."""

    messages: Messages = None
    input: Messages = None
    contents: Messages = None
    prompt: Messages = None
    systemInstruction: Parts | None = None
    max_tokens_to_sample: int | None = None
    generationConfig: Generation | None = None


class Details(Used):
    """Tokens of one side, taken apart."""

    reasoning_tokens: int | None = None
    thinking_tokens: int | None = None
    cached_tokens: int | None = None


class Usage(Used):
    """Tokens, under the names of OpenAI and Anthropic."""

    prompt_tokens: int | None = None
    input_tokens: int | None = None
    promptTokenCount: int | None = None
    completion_tokens: int | None = None
    output_tokens: int | None = None
    candidatesTokenCount: int | None = None
    completion_tokens_details: Details | None = None
    output_tokens_details: Details | None = None
    thoughtsTokenCount: int | None = None
    prompt_tokens_details: Details | None = None
    input_tokens_details: Details | None = None
    cache_read_input_tokens: int | None = None
    cachedContentTokenCount: int | None = None


class Answer(Used):
    """The message of a choice."""

    content: Content = None


class Choice(Used):
    """One of OpenAI's answers."""

    message: Answer | None = None
    text: Content = None
    finish_reason: Any = None


class Candidate(Used):
    """One of Gemini's answers."""

    content: Parts | None = None
    finishReason: Any = None


class Incomplete(Used):
    """Why a response ended early."""

    reason: Any = None


class Response(Used):
    """A response's body."""

    choices: list[Choice] | None = None
    content: Content = None
    candidates: list[Candidate] | None = None
    output: list[Answer] | None = None
    stop_reason: Any = None
    incomplete_details: Incomplete | None = None
    status: Any = None
    usage: Usage | None = None


NO_PARAMETERS, NO_REQUEST, NO_RESPONSE, NO_USAGE = Parameters(), Request(), Response(), Usage()


def said(*columns: Sequence[Any]) -> list[Any]:
    """Row by row, the first of `columns` that says something: not null, nor empty text.

    >>> said(["", None, 0], ["b", None, 1])
    ['b', None, 0]
    """
    held = [column for column in columns if not all_null(column)]
    if not held:
        return [None] * len(columns[0])
    if all(held[0]):
        return list(held[0])
    found = [None if value == "" else value for value in held[0]]
    for more in held[1:]:
        found = [
            (None if other == "" else other) if value is None else value
            for value, other in zip(found, more, strict=True)
        ]
    return found


def either(first: Sequence[Any], other: Sequence[Any]) -> Sequence[Any]:
    """Row by row, the first of two that is true."""
    return [mine or more for mine, more in zip(first, other, strict=True)] if any(other) else first


def text_of(content: Content) -> str:
    """The text of a message's content."""
    if isinstance(content, str):
        return content
    if content is None:
        return ""
    if len(content) == 1:
        return _block_text(content[0]) or ""
    texts = map(_block_text, content)
    return BLANK_LINE.join([text for text in texts if text is not None])


def _block_text(block: str | Block) -> str | None:
    if isinstance(block, str):
        return block
    if block.type not in _TEXT_BLOCKS:
        return None
    text = block.content if block.text is UNSET else block.text
    return text if isinstance(text, str) else None


def content_of(message: Message) -> Content:
    """What a message holds."""
    return message.parts if message.content is None else message.content


def last_user_texts(messages: Sequence[Messages]) -> list[str]:
    """Text of the last user turn that says something, of many: mostly it is the last turn's."""
    last = [held[-1] if held and isinstance(held, list) else _NO_MESSAGE for held in messages]
    return [
        turn.content
        if turn.role == "user" and turn.content and isinstance(turn.content, str)
        else last_user_text(held)
        for turn, held in zip(last, messages, strict=True)
    ]


_NO_MESSAGE = Message()


def last_user_text(messages: Messages) -> str:
    """Text of the last user turn that says something, as of `messages.last_user_text`."""
    if isinstance(messages, str):
        return messages
    if not messages:
        return ""
    for message in reversed(messages):
        if (message.role is UNSET or message.role in _USER) and (
            text := text_of(content_of(message))
        ):
            return text
    return general.last_user_text(msgspec.to_builtins(messages))


def system_texts(messages: Sequence[Messages], *systems: Sequence[Content]) -> list[str | None]:
    """System prompts given as parameters, and system and developer messages."""
    found = [
        [
            (content if isinstance(content, str) else text_of(content)) or None
            for content in contents
        ]
        for contents in systems
        if not all_null(contents)
    ]
    of_turns = _system_turns([held if isinstance(held, list) else [] for held in messages])
    if not found or not all_null(of_turns):
        found.append(of_turns)
    if len(found) == 1:
        return found[0]
    return [BLANK_LINE.join(filter(None, texts)) or None for texts in zip(*found, strict=True)]


def _system_turns(messages: Sequence[list[Message]]) -> list[str | None]:
    """Of each, what its system and developer messages say: mostly the first is the only one."""
    found = _of_system([message.role for held in messages for message in held])
    if not found:
        return [None] * len(messages)
    first = [held[0] if held else None for held in messages]
    if _of_system([message and message.role for message in first]) == found:
        theirs = [m if m and m.role in _SYSTEM else _NO_MESSAGE for m in first]
        return [
            (m.content if isinstance(m.content, str) else text_of(content_of(m))) or None
            for m in theirs
        ]
    texts = ([text_of(content_of(m)) for m in held if m.role in _SYSTEM] for held in messages)
    return [BLANK_LINE.join(filter(None, some)) or None for some in texts]


def _of_system(roles: list[Any]) -> int:
    return sum(map(roles.count, _SYSTEM))


def thinking_asked(parameters: Parameters) -> bool | None:
    """Whether reasoning output was asked for; `None` where the request doesn't say."""
    for holder in (parameters, parameters.extra_body):
        if holder and holder.thinking and isinstance(kind := holder.thinking.type, str):
            return kind != "disabled"
    reasoning = parameters.reasoning
    for effort in (parameters.reasoning_effort, reasoning and reasoning.effort):
        if isinstance(effort, str):
            return effort not in ("none", "disable")
    return None


class ToolSets:
    """Names and digests of definitions, known by their bytes: clients send the same ones again.

    `plain` brings the decoded definitions into the shape of which names and digests are taken.
    """

    def __init__(self, plain: Callable[[Any], Any] | None = None) -> None:
        self._plain = plain
        self._forget()

    def _forget(self) -> None:
        self._known: dict[bytes, tuple[list[str] | None, str | None] | None] = {b"": None}
        self._bytes = 0

    def of(self, raw: bytes) -> tuple[list[str] | None, str | None] | None:
        """Names and digest of definitions in JSON; `None` where they are none.

        Raises `Unusual` where it is broken.
        """
        if raw not in self._known:
            if self._bytes + len(raw) > _KNOWN_TOOLS_BYTES:
                self._forget()
            try:
                tools = msgspec.json.decode(raw)
            except UNFIT:
                raise Unusual("tools that are no JSON") from None
            tools = tools if self._plain is None else self._plain(tools)
            self._known[raw] = (tool_names(tools), tools_digest(tools)) if tools else None
            self._bytes += len(raw)
        return self._known[raw]

    def many(self, given: Sequence[Raw]) -> list[tuple[list[str] | None, str | None] | None]:
        """As `of`, of many."""
        return [None if raw is NOT_SENT else self.of(bytes(raw)) for raw in given]


_tool_sets = ToolSets()
NO_TOOLS = None, None


def _tools_columns(tools: Sequence[Raw], functions: Sequence[Raw]) -> dict[str, Values]:
    if tools.count(NOT_SENT) == len(tools) and functions.count(NOT_SENT) == len(tools):
        return {}
    given = _tool_sets.many(tools)
    if functions.count(NOT_SENT) < len(functions):
        others = _tool_sets.many(functions)
        given = [mine or other for mine, other in zip(given, others, strict=True)]
    names, digests = zip(*(found or NO_TOOLS for found in given), strict=True)
    return {"tools": names, "tools_digest": digests}


def parameters_columns(parameters: Sequence[Parameters]) -> dict[str, Values]:
    """Of a request's columns, those that its messages have no part in."""
    held = ByField(parameters)
    asked = any(any(held[name]) for name in _THINKING)
    return {
        **_tools_columns(held["tools"], held["functions"]),
        "model": said(held["model"]),
        "max_tokens": said(*(held[name] for name in _MAX_TOKENS if name in held)),
        "temperature": held["temperature"],
        "thinking": list(map(thinking_asked, parameters)) if asked else [None] * len(parameters),
        "end_user": said(held["user"], held["safety_identifier"], users_told(parameters)),
    }


_THINKING = ("thinking", "extra_body", "reasoning_effort", "reasoning")
_MAX_TOKENS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample")


def users_told(parameters: Sequence[Parameters]) -> list[str | None]:
    """Whom the metadata of a request names."""
    held = field("metadata", parameters)
    return [about and about.user_id for about in held] if any(held) else held


def messages_columns(
    messages: Sequence[Messages], *systems: Sequence[Content]
) -> dict[str, Values]:
    """Of a request's columns, those that its messages make; `systems` are given beside them."""
    return {
        "system": system_texts(messages, *systems),
        "prompt": last_user_texts(messages),
        "turns": [len(held) if isinstance(held, list) else None for held in messages],
    }


def request_columns(requests: Sequence[Request]) -> dict[str, Values]:
    """`REQUEST_COLUMNS` of requests' bodies."""
    messages = [r.messages or _other_messages(r) for r in requests]
    systems = field("system", requests), field("instructions", requests)
    made: dict[str, Any] = messages_columns(messages, *systems) | parameters_columns(requests)
    if any(r.systemInstruction or r.generationConfig for r in requests):
        for row, request in enumerate(requests):
            _as_gemini(made, row, request)
    made["max_tokens"] = [most or None for most in made["max_tokens"]]
    return made


def _other_messages(request: Request) -> Messages:
    for held in (request.messages, request.input, request.contents, request.prompt):
        if held is not None and held != "":
            return held
    return None


def _as_gemini(made: dict[str, Any], row: int, request: Request) -> None:
    """What Gemini names otherwise."""
    if request.systemInstruction and made["system"][row] is None:
        made["system"][row] = text_of(request.systemInstruction.parts) or None
    if generation := request.generationConfig:
        made["max_tokens"][row] = made["max_tokens"][row] or generation.maxOutputTokens
        made["temperature"][row] = generation.temperature


def response_text(response: Response) -> str | None:
    """Text of the first choice, of the content blocks, or of the output."""
    if response.choices:
        choice = response.choices[0]
        if choice.message is not None and (content := choice.message.content) is not None:
            return content if isinstance(content, str) else text_of(content)
        if choice.text is not None:
            return text_of(choice.text)
    if response.content is not None:
        return text_of(response.content)
    held = response.candidates[0].content if response.candidates else None
    if held is not None and held.parts is not None:
        return text_of(held.parts)
    if response.output is not None:
        return BLANK_LINE.join(filter(None, (text_of(item.content) for item in response.output)))
    return None


def stop_reason(response: Response) -> str | None:
    """Why a response ended, as of `messages.stop_reason`."""
    if response.choices:
        found = response.choices[0].finish_reason
        if isinstance(found, str) and found:
            return found
    if isinstance(found := response.stop_reason, str) and found:
        return found
    if response.candidates:
        found = response.candidates[0].finishReason
        if isinstance(found, str) and found:
            return found
    if response.incomplete_details:
        found = response.incomplete_details.reason
        if isinstance(found, str) and found:
            return found
    return found if isinstance(found := response.status, str) and found else None


def usage_columns(
    *usages: Sequence[Usage | None], columns: Iterable[str] = SPOTS
) -> dict[str, Values]:
    """The token columns, each from the first of `usages` that says it."""
    held = [
        ByField([usage or NO_USAGE for usage in of_one])
        for of_one in usages
        if not all_null(of_one)
    ]
    if not held:
        return {column: [None] * len(usages[0]) for column in columns}
    return {
        column: said(*(_count(one, spot) for one in held for spot in _COUNTS[column]))
        for column in columns
    }


_COUNTS: dict[str, tuple[tuple[str, str], ...]] = {
    column: tuple((outer, inner) for outer, inner in spots if outer in Usage.__struct_fields__)
    for column, spots in SPOTS.items()
}


def _count(held: ByField, spot: tuple[str, str]) -> Sequence[int | None]:
    outer, inner = spot
    counts = held[outer]
    if not inner or all_null(counts):
        return counts
    return [None if details is None else getattr(details, inner) for details in counts]


def response_columns(responses: Sequence[Response]) -> dict[str, Values]:
    """`RESPONSE_COLUMNS` of responses' bodies."""
    return {
        "response": list(map(response_text, responses)),
        "stop_reason": list(map(stop_reason, responses)),
        **usage_columns(field("usage", responses)),
    }
