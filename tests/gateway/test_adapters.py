"""Gateways' own ways of asking, and of being told."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.gateway.settings import HeaderNames
from stillwatch.sources.litellm import payload_to_row
from tests.gateway.asking import Got, ask, service
from tests.gateway.fakes import ByName

GUARDRAIL = "/beta/litellm_basic_guardrail_api"
CAPTURED = (
    Path(__file__).parents[3] / "shared/samples/litellm_1.106.2_generic_guardrail_requests.json"
)

QUESTION: dict[str, Any] = {
    "input_type": "request",
    "litellm_call_id": "call-1",
    "structured_messages": [
        {"role": "system", "content": "S"},
        {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {}}}],
    "texts": ["S", "a", "b"],
    "request_data": {
        "user_api_key_hash": "hash-1",
        "user_api_key_user_id": "deny-1",
        "user_api_key_team_id": "team-1",
        "user_api_key_end_user_id": "u1",
    },
    "request_headers": {
        "User-Agent": "OpenAI/Python 3.5",
        "x-forwarded-for": "6.6.6.6, 203.0.113.9",
        "authorization": "Bearer sk-1",
        "x-other": "[present]",
    },
    "model": "m1",
}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=6,
)


def guard(gate: ByName | None = None, question: Any = None, **settings: Any) -> Got:
    """The guardrail's reply."""
    body = json.dumps(QUESTION if question is None else question).encode()
    return ask(service(gate, **settings), GUARDRAIL, body)


def test_a_guardrail_s_question_is_read_as_its_log_is() -> None:
    """The same account, prompt, system prompt and tools as the log of the same call gives."""
    gate = ByName()
    assert guard(gate).json["action"] == "BLOCKED"
    (asked,) = gate.asked
    row = payload_to_row(
        {
            "messages": QUESTION["structured_messages"],
            "model_parameters": {"tools": QUESTION["tools"]},
            "metadata": QUESTION["request_data"],
            "requester_ip_address": "6.6.6.6, 203.0.113.9",
        }
    )
    same = ("account_id", "key_id", "org_id", "end_user", "system", "prompt", "turns", "ip")
    assert {name: getattr(asked, name) for name in same} == {name: row[name] for name in same}
    assert (list(asked.tools or ()), asked.tools_digest) == (row["tools"], row["tools_digest"])
    assert (asked.call_id, asked.model) == ("call-1", "m1")
    assert asked.headers == {
        "user-agent": "OpenAI/Python 3.5",
        "x-forwarded-for": "6.6.6.6, 203.0.113.9",
    }


@pytest.mark.parametrize(
    ("account", "action", "words"),
    [
        ("honest", "NONE", None),
        ("withhold-1", "NONE", None),
        ("deny-1", "BLOCKED", "may not use this service"),
        ("throttle-1", "BLOCKED", "try again later in 30 s"),
        ("broken", "NONE", None),
    ],
)
def test_a_guardrail_is_told(account: str, action: str, words: str | None) -> None:
    """NONE, or BLOCKED with words; never why in terms of a campaign."""
    told = guard(question={**QUESTION, "request_data": {"user_api_key_user_id": account}}).json
    assert told["action"] == action
    assert (words or "") in told.get("blocked_reason", "")
    assert "c-1" not in json.dumps(told)


def test_the_account_s_field_can_be_chosen() -> None:
    """And by default is the log's choice."""
    gate = ByName()
    guard(gate, account_field="user_api_key_hash")
    guard(gate)
    assert [request.account_id for request in gate.asked] == ["hash-1", "deny-1"]


def test_responses_are_let_through_unasked() -> None:
    """They were decided on as requests, and would count twice."""
    gate = ByName()
    assert guard(gate, {**QUESTION, "input_type": "response"}).json == {"action": "NONE"}
    assert gate.asked == []


@pytest.mark.parametrize("data", [None, {}, [], {"user_api_key_hash": 5}])
def test_a_guardrail_that_names_nobody(data: Any) -> None:
    """Goes on."""
    assert guard(question={**QUESTION, "request_data": data}).json == {"action": "NONE"}


def test_a_guardrail_s_question_with_strange_tools() -> None:
    """Nested without end, the account is found all the same."""
    body = b'{"request_data": {"user_api_key_user_id": "deny-1"}, "tools": ' + b"[" * 20_000
    assert ask(service(), GUARDRAIL, body).json["action"] == "BLOCKED"


CLIENT_S = ("structured_messages", "texts", "tools", "model", "request_headers", "litellm_call_id")


@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(CLIENT_S), JSON))
def test_any_values_of_a_client_leave_the_decision_as_it_is(changes: dict[str, Any]) -> None:
    """Whatever it sends, its account is denied."""
    assert guard(question={**QUESTION, **changes}).json["action"] == "BLOCKED"


@pytest.mark.skipif(not CAPTURED.exists(), reason="captured questions are not here")
def test_captured_questions() -> None:
    """Real ones of LiteLLM 1.106."""
    gate = ByName()
    replies = [guard(gate, question) for question in json.loads(CAPTURED.read_text())]
    assert [reply.json for reply in replies] == [{"action": "NONE"}] * 5
    assert [asked.prompt for asked in gate.asked] == ["hi", "BLOCKME", "yo"]
    assert {asked.account_id for asked in gate.asked} == {"litellm_proxy_master_key"}


@pytest.mark.parametrize(
    ("path", "account", "status"),
    [
        ("/auth/nginx", "honest", 204),
        ("/auth/nginx", "throttle-1", 403),
        ("/auth/nginx", "step_up-1", 401),
        ("/auth/nginx", "deny-1", 403),
        ("/auth/apisix", "honest", 200),
        ("/auth/apisix", "throttle-1", 429),
        ("/auth/apisix", "suspend-1", 403),
        ("/envoy/v1/chat/completions", "observe-1", 200),
        ("/envoy", "step_up-1", 401),
        ("/envoy/v1/chat/completions", "broken", 200),
    ],
)
def test_statuses_of_gateways_that_see_headers(path: str, account: str, status: int) -> None:
    """By any method; what was decided stands in headers, whatever the status can say."""
    for method in ("GET", "POST", "OPTIONS"):
        got = ask(service(), path, b"", {"x-account-id": account}, method)
        assert got.status == status
        meant = {"throttle-1": "429", "step_up-1": "401", "deny-1": "403", "suspend-1": "403"}
        assert got.headers["x-stillwatch-status"] == meant.get(account, "200")
        assert got.headers.get("retry-after") == ("30" if account == "throttle-1" else None)


def test_a_refusal_tells_a_client_no_more_than_the_decision() -> None:
    """An id to appeal by; no campaign, no case, no score."""
    got = ask(service(), "/auth/apisix", b"", {"x-account-id": "deny-1"})
    assert got.json["error"]["code"] == "d" * 32
    for secret in ("c-1", "0.99", "member"):
        assert secret not in got.body.decode()


def asked_by(headers: dict[str, str], **names: Any) -> Any:
    """The request that headers make."""
    gate = ByName()
    ask(service(gate, names=HeaderNames(**names)), "/auth/nginx", b"", headers)
    return gate.asked[0] if gate.asked else None


def test_who_it_is_by_headers() -> None:
    """The account's own header, else the credential's hash, as LiteLLM names a key."""
    digest = hashlib.sha256(b"sk-1").hexdigest()
    for headers in ({"authorization": "Bearer sk-1"}, {"x-api-key": "sk-1"}):
        assert asked_by(headers).account_id == digest
    both = asked_by({"x-account-id": "a", "authorization": "Bearer sk-1", "cookie": "c"})
    assert (both.account_id, both.key_id) == ("a", digest)
    assert set(both.headers) == {"x-account-id"}
    assert (
        asked_by({"x-customer": "b", "x-account-id": "a"}, account=("x-customer",)).account_id
        == "b"
    )
    assert asked_by({"user-agent": "curl"}) is None


def test_where_it_comes_from_by_headers() -> None:
    """What the gateway set, else the end of the list: the start is a client's claim."""
    listed = {"x-account-id": "a", "x-forwarded-for": "6.6.6.6, 203.0.113.9, 10.0.0.1"}
    assert asked_by(listed).ip == "10.0.0.1"
    assert asked_by(listed, hops=1).ip == "203.0.113.9"
    assert asked_by(listed, hops=9).ip == "6.6.6.6"
    assert asked_by({**listed, "x-real-ip": "198.51.100.1"}).ip == "198.51.100.1"
