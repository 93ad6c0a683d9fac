"""`stillwatch serve`: the console."""

from __future__ import annotations

import getpass
import secrets
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import FindingsFolder, Json, StoreAddress, examples
from stillwatch.errors import UnknownName

if TYPE_CHECKING:
    from stillwatch.web.settings import Settings

EXAMPLES = examples(
    ("on this machine", "stillwatch serve FINDINGS --log LAKE"),
    (
        "for a team, behind a proxy that does TLS",
        "stillwatch serve FINDINGS --store postgresql+psycopg://desk@db/cases --behind-tls "
        "--allow-host watch.example.com --openid openid.toml",
    ),
)

PORT = 8420


def serve(
    findings: FindingsFolder,
    store: StoreAddress = "cases.db",
    log: Annotated[
        Path | None,
        typer.Option(help="The lake, to show redacted samples of what was sent; none without it."),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = PORT,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="A name that the console is reached by; may be given several times."),
    ] = None,
    behind_tls: Annotated[
        bool,
        typer.Option(
            "--behind-tls",
            help="A proxy on this machine does TLS: cookies are never sent without it, and the "
            "proxy's word on where a request came from is taken.",
        ),
    ] = False,
    openid: Annotated[
        Path | None, typer.Option(help="A TOML file that names your OpenID Connect provider.")
    ] = None,
    gate: Annotated[
        Path | None,
        typer.Option(
            help="The folder of a gateway, to show what it was told, and what stopped it."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Serve the console until Ctrl-C: campaigns, cases, decisions and search, and a JSON API.

    Everybody signs in. Where the store knows nobody yet, an administrator is made by the name that
    you are logged in by, with a password that is printed this once.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.web.settings import Settings

    if log is not None:
        _check_lake(log)
    names = ("127.0.0.1", "localhost", *(allow_host or ()))
    settings = Settings(findings, str(store), log, names, behind_tls, openid, gate)

    def ready(address: str) -> None:
        made = first_administrator(str(store))  # not before somebody can come in
        if json:
            first = {"name": made[0], "password": made[1]} if made else {}
            emit({"address": address, **first})
            return
        if made:
            line = f"Sign in as {made[0]} with the password {made[1]}"
            people().print(safe(line), soft_wrap=True)
        people().print(address, soft_wrap=True)

    run(settings, host, port, ready)


def _check_lake(log: Path) -> None:
    from stillwatch.lake import is_lake

    if not is_lake(log):
        raise UnknownName(log, "is no lake", "Name the folder that `stillwatch ingest --lake` made")


def first_administrator(store: str) -> tuple[str, str] | None:
    """Make an administrator where there is nobody: the name and the password."""
    from stillwatch.cases import Store
    from stillwatch.cases.access import Role, add_person, list_people

    opened = Store.open(store, create=True)
    try:
        if list_people(opened):
            return None
        name, password = getpass.getuser(), secrets.token_urlsafe(15)
        add_person(opened, name, Role.ADMINISTRATOR, name, password)
        return name, password
    finally:
        opened.close()


def run(settings: Settings, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; `ready` is told the address once the console answers."""
    import uvicorn

    from stillwatch.web.app import create_app

    class Server(uvicorn.Server):
        async def startup(self, sockets: list | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                at = listening.getsockname()
                ready(f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{at[1]}/")

    try:
        listening = socket.create_server((host, port))
    except OSError as fault:
        raise typer.BadParameter(
            f"{host}:{port} can't be listened on ({fault.strerror}); choose another --port"
        ) from None
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        log_level="warning",
        server_header=False,
        proxy_headers=settings.secure,
        timeout_graceful_shutdown=5,
    )
    try:
        Server(config).run([listening])
    except KeyboardInterrupt:
        return  # which is how it is ended
    finally:
        app.state.desk.close()
