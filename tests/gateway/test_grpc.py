"""Envoy's gRPC, with grpcio as the client, against the running service."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from envoy_data_plane.envoy.config.core.v3 import Address, SocketAddress
from envoy_data_plane.envoy.service.auth.v3 import (
    AttributeContext,
    AttributeContextHttpRequest,
    AttributeContextPeer,
    AttributeContextRequest,
    CheckRequest,
    CheckResponse,
)

from tests.gateway.serving import Running, gate_service

TOKEN = "a-token-of-tests-only"
METHOD = "/envoy.service.auth.v3.Authorization/Check"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the service is told to look, and logs."""
    return tmp_path_factory.mktemp("grpc")


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    """Two workers on one port, with a token."""
    with gate_service(folder, workers=2, grpc_port=0, token=TOKEN) as made:
        yield made


def check(running: Running, raw: bytes, token: str = TOKEN) -> CheckResponse:
    """One call on a connection of its own."""
    with grpc.insecure_channel(f"127.0.0.1:{running.grpc}") as channel:
        call = channel.unary_unary(METHOD)
        return CheckResponse.parse(call(raw, 10, (("x-stillwatch-token", token),)))


def question(**headers: str) -> bytes:
    """What Envoy sends."""
    http = AttributeContextHttpRequest(
        method="POST",
        path="/v1/chat/completions",
        headers={name.replace("_", "-"): held for name, held in headers.items()},
    )
    source = AttributeContextPeer(
        address=Address(socket_address=SocketAddress(address="203.0.113.9", port_value=5))
    )
    context = AttributeContext(source=source, request=AttributeContextRequest(http=http))
    return bytes(CheckRequest(attributes=context))


def test_honest_accounts_pass(running: Running) -> None:
    """With the decision in headers for upstream."""
    got = check(running, question(x_account_id="honest"))
    assert got.status is not None
    assert got.status.code == 0
    assert got.ok_response is not None
    told = {one.header.key: one.header.value for one in got.ok_response.headers if one.header}
    assert told["x-stillwatch-verdict"] == "allow"


@pytest.mark.parametrize(
    ("account", "status"), [("throttle-1", 429), ("step_up-1", 401), ("suspend-1", 403)]
)
def test_refusals(running: Running, account: str, status: int) -> None:
    """With the status that is meant, and a body for the client."""
    got = check(running, question(x_account_id=account))
    assert got.denied_response is not None
    assert got.denied_response.status is not None
    assert got.denied_response.status.code == status
    told = {one.header.key: one.header.value for one in got.denied_response.headers if one.header}
    assert told.get("retry-after") == ("30" if status == 429 else None)
    assert "d" * 32 in got.denied_response.body


@pytest.mark.parametrize(
    "raw",
    [b"", b"\xff\xff", b"\x0a\x05hello", question(), question(x_account_id="broken")],
    ids=["empty", "nonsense", "text", "nobody", "fault"],
)
def test_whatever_is_sent_requests_go_on(running: Running, raw: bytes) -> None:
    """And are answered, never with an error of gRPC's."""
    got = check(running, raw)
    assert got.ok_response is not None
    assert got.status is not None
    assert got.status.code == 0


def test_strangers(running: Running) -> None:
    """Don't come in."""
    with pytest.raises(grpc.RpcError) as caught:
        check(running, question(x_account_id="honest"), "another-token")
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_the_service_s_log_is_quiet(running: Running, folder: Path) -> None:
    """Faults are said once a while; nothing else is said."""
    assert check(running, question(x_account_id="broken")).ok_response is not None
    lines = [line for line in (folder / "service.log").read_text().splitlines() if line.strip()]
    assert lines
    assert all("requests go on" in line for line in lines), lines
