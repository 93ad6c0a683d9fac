"""A request as the gateway sees it: what is known before the model answers."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Request:
    """One request. Columns are those of the contract's exchanges, as far as a gateway knows them.

    `ts` is microseconds since the epoch. Anything but `account_id` may be absent: what is decided
    by it then isn't, and nothing fails. `call_id` is the gateway's own name for the request, by
    which its log is joined with what was decided.
    """

    account_id: str
    ts: int
    call_id: str | None = None
    key_id: str | None = None
    org_id: str | None = None
    end_user: str | None = None
    surface: str | None = None
    model: str | None = None
    system: str | None = None
    prompt: str | None = None
    turns: int | None = None
    tools: tuple[str, ...] | None = None
    tools_digest: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    thinking: bool | None = None
    ip: str | None = None
    user_agent: str | None = None
    ja4: str | None = None
    device_id: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
