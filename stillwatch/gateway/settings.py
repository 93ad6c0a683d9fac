"""What the service is started with."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class HeaderNames:
    """Where adapters that see only headers find what to decide on; the first that is there counts.

    Whoever may set these headers chooses whose decision is made: a gateway must set or drop them
    itself. Where no header names the account, it is the SHA-256 in hex of the first credential, as
    LiteLLM names keys. Of a list of addresses the last is taken, `hops` before it are the
    gateway's own proxies.
    """

    account: tuple[str, ...] = ("x-account-id",)
    credential: tuple[str, ...] = ("authorization", "x-api-key")
    ip: tuple[str, ...] = ("x-real-ip", "x-envoy-external-address", "x-forwarded-for")
    model: tuple[str, ...] = ("x-model", "x-ai-eg-model")
    org: tuple[str, ...] = ("x-org-id",)
    call: tuple[str, ...] = ("x-request-id",)
    device: tuple[str, ...] = ("x-device-id",)
    ja4: tuple[str, ...] = ("x-ja4",)
    hops: int = 0


@dataclass(frozen=True)
class Settings:
    """A service over the published table in `table`.

    `gate` names the class that opens it, `module:Class`, called with the folder and
    `worker=<number>`. A gRPC port of `None` serves no gRPC. Without `feed` no log is taken in; what
    is taken in may be read after `seal_after_s`.
    """

    table: Path
    host: str = "127.0.0.1"
    port: int = 8990
    workers: int = 1
    feed: Path | None = None
    seal_after_s: float = 60.0
    token: str | None = None
    deadline_ms: float = 20.0
    grpc_port: int | None = None
    account_field: str | None = None
    names: HeaderNames = field(default_factory=HeaderNames)
    gate: str = "stillwatch.gateway.gate:Gate"
