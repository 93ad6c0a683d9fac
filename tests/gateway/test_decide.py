"""`POST /v1/decide`: the schema, and what becomes of bodies that don't keep to it."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.answer import Answer
from stillwatch.gateway.plain_asgi import MOST_READ
from stillwatch.gateway.request import Request
from stillwatch.gateway.service import ANY_METHOD, POSTED
from stillwatch.gateway.wire import MOST_TEXT, Asked, Told, bytes_to_request, text_at
from tests.gateway.asking import ask, decide, service
from tests.gateway.fakes import ByName

WHOLE: dict[str, Any] = {
    "account_id": "a-1",
    "call_id": "call",
    "key_id": "key",
    "org_id": "org",
    "end_user": "user",
    "surface": "api",
    "model": "m1",
    "system": "S",
    "prompt": "P",
    "turns": 3,
    "tools": ["f", "g"],
    "tools_digest": "0a",
    "max_tokens": 512,
    "temperature": 0.25,
    "thinking": True,
    "ip": "203.0.113.9",
    "user_agent": "curl",
    "ja4": "t13d",
    "device_id": "device",
    "headers": {"x-stainless-lang": "python"},
}


def read(**changes: Any) -> tuple[Request, tuple[str, ...]]:
    """What a body of the whole schema, changed, is read as."""
    return bytes_to_request(json.dumps({**WHOLE, **changes}).encode())


def test_the_schema_is_that_of_requests_and_answers() -> None:
    """Every field of `Request` can be sent, but for the time; every field of `Answer` is told."""
    sent = {field.name for field in msgspec.structs.fields(Asked)}
    assert sent - {"messages", "tool_definitions"} == {f.name for f in fields(Request)} - {"ts"}
    told = [field.name for field in msgspec.structs.fields(Told)]
    assert told == [*(f.name for f in fields(Answer)), "status", "left_out"]


def test_every_field_arrives() -> None:
    """And unknown ones are passed over, a time among them: the clock is the service's."""
    request, left_out = read(unknown={"deep": [1]}, ts=5)
    assert left_out == ()
    assert request.ts > 1_700_000_000_000_000
    expected = {**WHOLE, "tools": ("f", "g")}
    assert {name: getattr(request, name) for name in expected} == expected


def test_the_account_is_enough() -> None:
    """Everything else may be missing."""
    request, left_out = bytes_to_request(b'{"account_id": "a"}')
    assert (request.account_id, request.prompt, request.headers, left_out) == ("a", None, {}, ())


def test_what_makes_no_sense_is_left_out_and_named() -> None:
    """A client chooses its parameters: they cost the field, never the decision."""
    got = decide(service(), account_id="deny-1", temperature="hot", turns=2**40, tools="f", ip=5)
    assert got.status == 200
    assert got.json["action"] == "deny"
    assert got.json["left_out"] == ["turns", "tools", "temperature", "ip"]


@pytest.mark.parametrize(
    ("body", "where", "what"),
    [
        (b"", "$", "is not json"),
        (b"nonsense", "$", "is not json"),
        (b"[1]", "$", "is not an object"),
        (b"{}", "$.account_id", "is missing"),
        (b'{"account_id": null}', "$.account_id", "is missing"),
        (b'{"account_id": ""}', "$.account_id", "is no text of 1 to 1024 characters"),
        (b'{"account_id": ["a"]}', "$.account_id", "is no text of 1 to 1024 characters"),
    ],
)
def test_a_body_on_nobody_is_answered_with_where_it_is_wrong(
    body: bytes, where: str, what: str
) -> None:
    """400, and with it the decision that the request goes on."""
    got = ask(service(), "/v1/decide", body)
    assert got.status == 400
    assert got.json["error"] == {"where": where, "what": what}
    assert (got.json["verdict"], got.json["status"]) == ("allow", 200)


def test_an_account_that_is_a_number_is_its_digits() -> None:
    """As logs are read."""
    assert bytes_to_request(b'{"account_id": 17}')[0].account_id == "17"


@pytest.mark.parametrize(
    "prompt", [r'"\ud800"', r'"\u0000"', '"\x01"', '"' + "é" * 10 + '"'], ids=ascii
)
def test_strange_text_is_no_way_around(prompt: str) -> None:
    """Lone surrogates and control characters: the account is denied all the same."""
    body = b'{"account_id": "deny-1", "prompt": ' + prompt.encode() + b"}"
    assert ask(service(), "/v1/decide", body).json["action"] == "deny"
    raw = b'{"account_id": "deny-1", "prompt": "\xff\xfe"}'
    assert ask(service(), "/v1/decide", raw).json["action"] == "deny"


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_without_end_is_no_way_around(opening: bytes) -> None:
    """The account is found without reading what is nested."""
    body = b'{"account_id": "deny-1", "tool_definitions": ' + opening * 20_000
    assert ask(service(), "/v1/decide", body).json["action"] == "deny"


def test_a_body_that_is_too_long_is_decided_by_account() -> None:
    """Whatever came is enough, if the account stands in front."""
    body = b'{"account_id": "deny-1", "prompt": "' + b"x" * MOST_READ + b'"}'
    got = ask(service(), "/v1/decide", body, pieces=40)
    assert (got.status, got.json["action"]) == (200, "deny")


def test_texts_are_cut() -> None:
    """At a stated size; the gate never sees more."""
    request, _ = read(prompt="x" * (MOST_TEXT + 5), system="y" * (MOST_TEXT + 5))
    assert len(request.prompt or "") == len(request.system or "") == MOST_TEXT


def test_messages_stand_for_prompt_and_system() -> None:
    """As logs are read: the last user turn that has a text, and tools with their digest."""
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "task"},
        {"role": "user", "content": [{"type": "tool_result", "content": "42"}]},
    ]
    body = {"account_id": "a", "messages": messages, "tool_definitions": [{"name": "f"}]}
    request, _ = bytes_to_request(json.dumps(body).encode())
    assert (request.system, request.prompt, request.tools) == ("S", "task", ("f",))
    assert len(request.tools_digest or "") == 32


def test_other_methods_and_paths() -> None:
    """Decide is asked by POST; what isn't there isn't."""
    assert ask(service(), "/v1/decide", method="GET").status == 405
    assert ask(service(), "/v1/decides").status == 404


def test_text_at_a_path() -> None:
    """Keys inside texts, and at other depths, are not keys."""
    raw = rb'{"x": "\"account_id\": \"no\"", "y": {"account_id": "no"}, "account_id": "yes"'
    assert text_at(raw, "account_id") == "yes"
    assert text_at(b'{"y": {"account_id": "in"}', "y", "account_id") == "in"
    assert text_at(b'[{"account_id": "no"}', "account_id") is None
    assert text_at(b'{"a": "' + b'\\"' * 200_000, "account_id") is None


PATHS = (*POSTED, *ANY_METHOD, "/envoy/v1/chat")
NAMES = st.sampled_from(
    [b"x-account-id", b"authorization", b"x-forwarded-for", b"user-agent", b"x-request-id", b"\xff"]
)
STARTS = st.sampled_from(
    [b"", b"{", b'{"account_id":', b'{"account_id": "deny-1", ', b'{"request_data": {"a": ', b"["]
)


@settings(max_examples=300)
@given(
    st.sampled_from(PATHS),
    STARTS,
    st.binary(max_size=200),
    st.lists(st.tuples(NAMES, st.binary(max_size=40)), max_size=4),
    st.sampled_from(["GET", "POST", "DELETE"]),
)
def test_any_bytes_to_any_path_are_answered(
    path: str, start: bytes, rest: bytes, headers: list[tuple[bytes, bytes]], method: str
) -> None:
    """Never with a server's error, and always with a decision where one is asked for."""
    got = ask(service(), path, start + rest, headers, method)
    assert got.status < 500
    if path in POSTED and method != "POST":
        assert got.status == 405
    elif path == "/v1/decide":
        assert got.json["verdict"] in {"allow", "deny"}
    elif path in POSTED:
        assert got.json["action"] in {"NONE", "BLOCKED"}
    else:
        assert got.headers["x-stillwatch-verdict"] in {"allow", "deny"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([f.name for f in msgspec.structs.fields(Asked)]), JSON))
def test_any_values_leave_the_decision_as_it_is(changes: dict[str, Any]) -> None:
    """Whatever a client puts into the other fields, its account is denied."""
    gate = ByName()
    got = decide(service(gate), **{**changes, "account_id": "deny-1"})
    assert (got.status, got.json["action"]) == (200, "deny")
    assert gate.asked[0].account_id == "deny-1"
