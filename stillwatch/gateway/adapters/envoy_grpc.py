"""Envoy's ext_authz over gRPC: `envoy.service.auth.v3.Authorization/Check`."""

from __future__ import annotations

import hmac
from typing import Any

import grpc
import grpc.aio
from envoy_data_plane.envoy.config.core.v3 import HeaderValue, HeaderValueOption
from envoy_data_plane.envoy.service.auth.v3 import (
    CheckRequest,
    CheckResponse,
    DeniedHttpResponse,
    OkHttpResponse,
)
from envoy_data_plane.envoy.type.v3 import HttpStatus, StatusCode
from envoy_data_plane.google.rpc import Status

from stillwatch.gateway.adapters.adapter import stillwatch_headers
from stillwatch.gateway.adapters.refusal import refusal
from stillwatch.gateway.answer import Answer
from stillwatch.gateway.desk import Desk
from stillwatch.gateway.header_request import headers_to_request
from stillwatch.gateway.settings import HeaderNames, Settings

SERVICE = "envoy.service.auth.v3.Authorization"
MOST_READ = 1 << 20
_OK = 0
_PERMISSION_DENIED = 7
_ALLOW = bytes(CheckResponse(status=Status(code=_OK), ok_response=OkHttpResponse()))


async def start(settings: Settings, desk: Desk, port: int) -> grpc.aio.Server:
    """Start to answer on `port`, which workers share."""
    server = grpc.aio.server(
        options=(("grpc.so_reuseport", 1), ("grpc.max_receive_message_length", MOST_READ))
    )
    handler = grpc.unary_unary_rpc_method_handler(Check(desk, settings).answer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Check": handler}),)
    )
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    server.add_insecure_port(f"{host}:{port}")
    await server.start()
    return server


class Check:
    """The one method; bytes in and out, so that no message fails before it gets here."""

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk, self._names = desk, settings.names
        self._token = settings.token

    async def answer(self, raw: bytes, context: grpc.aio.ServicerContext[Any, Any]) -> bytes:
        """Decide; whatever goes wrong in here lets the request go on."""
        if self._token and not self._may_enter(context):
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "the token is missing or wrong")
        try:
            return await self._check(raw)
        except Exception as fault:
            self._desk.failed("envoy_grpc", fault)
            return _ALLOW

    async def _check(self, raw: bytes) -> bytes:
        headers = _headers(CheckRequest.parse(raw))
        request = headers_to_request(headers, self._names)
        if request is None:
            self._desk.nobody("envoy_grpc")
            return _ALLOW
        answer = await self._desk.decide("envoy_grpc", request, headers)
        return bytes(response(answer))

    def _may_enter(self, context: grpc.aio.ServicerContext[Any, Any]) -> bool:
        told = dict(context.invocation_metadata() or ())
        given = told.get("x-stillwatch-token") or told.get("x-api-key") or ""
        return hmac.compare_digest(str(given).encode(), (self._token or "").encode())


def _headers(asked: CheckRequest) -> dict[str, str]:
    """Headers by lower-case name, and the address of the connection where no header has one."""
    attributes = asked.attributes
    if attributes is None or attributes.request is None or attributes.request.http is None:
        return {}
    http = attributes.request.http
    headers = {name.lower(): held for name, held in http.headers.items()}
    if http.header_map is not None:
        headers |= {
            one.key.lower(): one.value or one.raw_value.decode("utf-8", "replace")
            for one in http.header_map.headers
        }
    source = attributes.source
    socket = source.address.socket_address if source and source.address else None
    if socket is not None and not any(name in headers for name in HeaderNames().ip):
        headers["x-forwarded-for"] = socket.address
    return headers


def response(answer: Answer) -> CheckResponse:
    """`answer` as Envoy reads it; its own headers replace what a client sent under their names."""
    told = [
        HeaderValueOption(header=HeaderValue(key=name.decode(), value=value.decode()))
        for name, value in stillwatch_headers(answer)
    ]
    if answer.status == 200:
        return CheckResponse(
            status=Status(code=_OK),
            ok_response=OkHttpResponse(headers=told),
        )
    return CheckResponse(
        status=Status(code=_PERMISSION_DENIED),
        denied_response=DeniedHttpResponse(
            status=HttpStatus(code=StatusCode(answer.status)),
            headers=told,
            body=refusal(answer).decode(),
        ),
    )
