"""`stillwatch peers publish|serve`: what peers may read, and the service that they come to."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, StoreAddress, examples

if TYPE_CHECKING:
    from starlette.applications import Starlette

PORT = 8430

PUBLISH_EXAMPLES = examples(
    ("what two people let go", 'stillwatch peers publish 1 --producer "Example"'),
    ("that it was taken back", 'stillwatch peers publish 1 --producer "Example"'),
)
SERVE_EXAMPLES = examples(
    ("behind a proxy that does TLS", "stillwatch peers serve"),
    (
        "and answer what was seen here too",
        "stillwatch peers serve --answer seen.json",
    ),
)


def publish_(
    share: Annotated[int, typer.Argument(metavar="SHARE", help="The approved share's number.")],
    producer: Annotated[
        str,
        typer.Option(
            envvar="STILLWATCH_PRODUCER",
            show_envvar=False,
            help="Who tells it, as peers know you; STILLWATCH_PRODUCER says it once.",
        ),
    ],
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Let peers read a share that two people let go; again after it was updated or revoked."""
    from stillwatch.cases.access import Role
    from stillwatch.cli.printing import emit, people
    from stillwatch.peers.published import publish_share

    with opened(store) as cases:
        by = acting_as(cases, actor, Role.ANALYST)
        count = publish_share(cases, share, producer, by)
    if json:
        emit({"share": share, "objects": count})
    else:
        people().print(f"{count:,} objects are new to peers")


def serve(
    store: StoreAddress = "cases.db",
    answer: Annotated[
        Path | None,
        typer.Option(metavar="SEEN", help="Let peers ask about the set in this file."),
    ] = None,
    which: Annotated[
        bool,
        typer.Option("--which", help="Tell them which items are shared, instead of how many."),
    ] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    json: Json = False,
) -> None:
    """Serve what peers may read over TAXII 2.1 until Ctrl-C, and take what they send.

    A service of its own: it knows peers' tokens only, and nothing of accounts is behind it. Put a
    proxy that does TLS in front of it, and listen to this machine only.
    """
    from stillwatch.cases import Store
    from stillwatch.cli.printing import emit, people
    from stillwatch.peers.answering import answering_route
    from stillwatch.peers.seen import Seen
    from stillwatch.peers.service import create_app
    from stillwatch.peers.taxii.routes import ROOT

    more = [] if answer is None else [answering_route(Seen.load(answer), which)]
    app = create_app(Store.open(store), more)

    def ready(address: str) -> None:
        root = f"{address}{ROOT}"
        if json:
            emit({"address": address, "api_root": root})
        else:
            people().print(root, soft_wrap=True)

    _run(app, host, port, ready)


def _run(app: Starlette, host: str, port: int, ready: Callable[[str], None]) -> None:
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                at = listening.getsockname()[1]
                ready(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{at}")

    try:
        listening = socket.create_server((host, port))
    except OSError as fault:
        raise typer.BadParameter(
            f"{host}:{port} can't be listened on ({fault.strerror}); choose another --port"
        ) from None
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=5,
        limit_concurrency=64,
        h11_max_incomplete_event_size=32 << 10,
    )
    try:
        Server(config).run([listening])
    except KeyboardInterrupt:
        return  # which is how it is ended
