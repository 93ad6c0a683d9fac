"""Envoy AI Gateway's access logs, JSON lines under names that the operator chose.

Read under the names of the documentation, of both generations: `genai_*` and `gen_ai.*`
(https://aigateway.envoyproxy.io/docs/capabilities/observability/accesslogs, as of v1.1), and
Envoy's usual ones. What they turn out to mean:

- There is no text and no account. The prompt is empty: such a log is judged by everything else.
  The account is a header that the operator logs, set by his own authentication: `account` names
  its key, or else one of `ACCOUNT` is taken. A header that a client may write proves nothing.
- A client may choose `x-request-id` where Envoy is told to keep it, so the start time is appended:
  no client can fold its exchanges into one by repeating an id.
- `downstream_remote_address` is whom Envoy takes for the client. Where that is a private address,
  hence a proxy, the last of `x-forwarded-for` is taken, and the row says so (`addresses.MARK`).
- Envoy writes `-` for what is not known. Calls of tools (MCP) are no exchanges.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address, ip_network
from typing import Any

from stillwatch.sources import reasons
from stillwatch.sources.addresses import FORWARDED, MARK, nearest_address
from stillwatch.sources.coerce import time_us
from stillwatch.sources.messages import first
from stillwatch.sources.reasons import Refused

KEYS = frozenset(
    {
        b"genai_model_name",
        b"genai_tokens_input",
        b"gen_ai.request.model",
        b"gen_ai.usage.input_tokens",
        b"x-envoy-origin-path",
        b"downstream_remote_address",
        b"response_flags",
        b"upstream_cluster",
    }
)

COLUMNS = frozenset(
    {
        "exchange_id",
        "ts",
        "account_id",
        "conversation_id",
        "surface",
        "model",
        "input_tokens",
        "output_tokens",
        "reasoning_tokens",
        "cached_tokens",
        "status",
        "latency_ms",
        "ip",
        "user_agent",
        "ja4",
        "headers",
    }
)

ACCOUNT = (
    "x-account-id",
    "account_id",
    "account",
    "x-user-id",
    "user_id",
    "x-tenant-id",
    "tenant_id",
    "x-client-id",
    "client_id",
    "caller",
)

MODELS = ("gen_ai.request.model", "genai_model_name", "model")
TOOL_CALLS = ("mcp_method", "mcp.method.name")
SESSIONS = ("session.id", "session_id", "x-session-id")
JA4 = ("ja4", "x-ja4", "tls_ja4")
OWN = {MARK, "x-request-id", *SESSIONS, *JA4}
AGENTS = ("user-agent", "user_agent")
_PRIVATE = [
    ip_network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16")
] + [ip_network(net) for net in ("::1/128", "fc00::/7", "fe80::/10")]


def payload_to_row(payload: dict[str, Any], account: str | None = None) -> dict[str, Any]:
    """One line as values by contract column, not yet checked against the columns' types.

    `account` names the key that says who called, in place of `ACCOUNT`. Raises `Refused` for what
    is no exchange.
    """
    known = {name: value for name, value in payload.items() if value != "-"}
    model = first(known, *MODELS)
    if first(known, *TOOL_CALLS) is not None or (model is None and known.get("method") == "GET"):
        raise Refused(reasons.NOT_AN_EXCHANGE)
    accounts = (account,) if account else ACCOUNT
    start = first(known, "start_time", "timestamp", "time")
    return {
        "exchange_id": exchange_id(first(known, "x-request-id", "request_id"), start),
        "ts": start,
        "account_id": first(known, *accounts),
        "conversation_id": first(known, *SESSIONS),
        "surface": "api",
        "model": model,
        "prompt": "",
        "input_tokens": first(known, *tokens("input")),
        "output_tokens": first(known, *tokens("output")),
        "reasoning_tokens": first(known, *tokens("reasoning")),
        "cached_tokens": first(known, *tokens("cached_input"), *tokens("cache_read.input")),
        "status": first(known, "response_code"),
        "latency_ms": first(known, "duration", "duration_ms"),
        "user_agent": first(known, *AGENTS),
        "ja4": first(known, *JA4),
        **_client(known, {*OWN, *accounts}),
    }


def tokens(kind: str) -> tuple[str, str, str]:
    """Under which names tokens of a kind stand."""
    return f"gen_ai.usage.{kind}_tokens", f"genai_tokens_{kind}", f"{kind}_tokens"


def exchange_id(found: Any, start: Any) -> Any:
    """The id `found`, with the start, for a client may have chosen it."""
    try:
        return f"{found}@{time_us(start)}" if isinstance(found, str) else found
    except Exception:
        return found


def _client(known: dict[str, Any], own: Collection[str]) -> dict[str, Any]:
    """The address and the client's headers, without those that the gateway sets (`own`)."""
    headers = {
        name: value
        for name, value in known.items()
        if is_header(name, own) and isinstance(value, str)
    }
    seen = first(known, "downstream_remote_address", "client_ip")
    seen = without_port(seen) if isinstance(seen, str) else None
    listed = known.get(FORWARDED)
    if isinstance(listed, str) and (seen is None or is_private(seen)):
        return {"ip": nearest_address(listed), "headers": headers | {MARK: FORWARDED}}
    return {"ip": seen, "headers": headers or None}


def is_header(name: str, own: Collection[str]) -> bool:
    """Whether a key is a header that the client sent."""
    return name.startswith("x-") and name not in own and not name.startswith("x-envoy-")


def without_port(address: str) -> str:
    """The address alone.

    >>> without_port("[2001:db8::1]:443"), without_port("203.0.113.9:5"), without_port("::1")
    ('2001:db8::1', '203.0.113.9', '::1')
    """
    if address.startswith("["):
        return address[1:].partition("]")[0]
    return address.partition(":")[0] if address.count(":") == 1 else address


def is_private(address: str) -> bool:
    """Whether an address is nobody's on the internet."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in net for net in _PRIVATE)
