"""`stillwatch gate`: decisions at the request, as a service."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, examples

EXAMPLES = examples(
    ("beside a gateway on this machine", "stillwatch gate --table GATE"),
    (
        "and take its log in, which `stillwatch ingest` reads",
        "stillwatch gate --table GATE --feed LOG",
    ),
    (
        "for gateways on a network",
        "stillwatch gate --table GATE --host 0.0.0.0 --workers 4 --token-file token",
    ),
    ("for Envoy", "stillwatch gate --table GATE --grpc-port 8991"),
)


def gate(
    table: Annotated[
        Path, typer.Option(metavar="GATE", help="The folder that decisions were published to.")
    ],
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8990,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer.")] = 1,
    feed: Annotated[
        Path | None,
        typer.Option(metavar="LOG", help="Take LiteLLM's log in, and keep it as a log here."),
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token that gateways must send.")
    ] = None,
    open: Annotated[
        bool, typer.Option("--open", help="Listen to a network without a token.")
    ] = False,
    deadline_ms: Annotated[
        float, typer.Option(min=1, max=1000, help="A later decision lets the request go on.")
    ] = 20.0,
    grpc_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Answer Envoy's gRPC here, too.")
    ] = None,
    account_field: Annotated[
        str | None,
        typer.Option(
            help="The field of LiteLLM's request_data that is the account; by default as in its "
            "log: the key's user, else the key, else the team, else the organisation."
        ),
    ] = None,
    account_header: Annotated[
        list[str] | None,
        typer.Option(help="A header that names the account, x-account-id by default; several."),
    ] = None,
    ip_header: Annotated[
        list[str] | None, typer.Option(help="A header that tells the client's address; several.")
    ] = None,
    model_header: Annotated[
        list[str] | None, typer.Option(help="A header that names the model; several.")
    ] = None,
    hops: Annotated[
        int, typer.Option(min=0, max=16, help="Your own proxies in a list of addresses.")
    ] = 0,
    json: Json = False,
) -> None:
    """Answer gateways until Ctrl-C: whether a request goes on, by the table that was published.

    Whatever fails or is late in here lets requests go on. See docs/gateway.md for how to set up
    LiteLLM, Envoy, nginx, APISIX and others.
    """
    from stillwatch.cli.printing import emit, people
    from stillwatch.errors import InputNotFound
    from stillwatch.gateway.settings import HeaderNames, Settings
    from stillwatch.gateway.tokens import check_bind, read_token
    from stillwatch.gateway.workers import serve

    if not table.is_dir():
        raise InputNotFound(table, "is no folder", "Name the folder that was published to")
    token = read_token(token_file) if token_file else None
    check_bind(host, token, open)
    usual = HeaderNames()
    names = HeaderNames(
        account=_lower(account_header) or usual.account,
        ip=_lower(ip_header) or usual.ip,
        model=_lower(model_header) or usual.model,
        hops=hops,
    )
    settings = Settings(
        table=table,
        host=host,
        port=port,
        workers=workers,
        feed=feed,
        token=token,
        deadline_ms=deadline_ms,
        grpc_port=grpc_port,
        account_field=account_field,
        names=names,
    )

    def ready(host: str, port: int, grpc: int | None) -> None:
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        if json:
            emit({"address": address, "grpc_port": grpc, "workers": workers})
            return
        people().print(address, soft_wrap=True)
        if grpc is not None:
            people().print(f"gRPC on port {grpc}", soft_wrap=True)

    serve(settings, ready)


def _lower(names: list[str] | None) -> tuple[str, ...]:
    return tuple(name.lower() for name in names or ())
