"""`stillwatch people` and `stillwatch tokens`: who may come in, and what their programs may do."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.cases import acting
from stillwatch.cli.options import Actor, Json, StoreAddress, examples
from stillwatch.errors import AccessRefused

if TYPE_CHECKING:
    from stillwatch.cases import Store

app = typer.Typer(no_args_is_help=True, help="Who may come in to the console, and with which role.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens for programs that use the API.")

Name = Annotated[str, typer.Argument(help="Their name, as the ledger will have it.")]
Role = Annotated[str, typer.Option(help="viewer, analyst, lead or administrator.")]
FromInput = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, not a prompt."),
]


@contextmanager
def _opened(where: str, create: bool = False) -> Iterator[Store]:
    from stillwatch.cases import Store

    store = Store.open(where, create=create)
    try:
        yield store
    finally:
        store.close()


def _role(name: str):
    from stillwatch.cases.access import Role as Roles

    if name not in set(Roles):
        raise typer.BadParameter(f"{name!r} is none of {', '.join(Roles)}")
    return Roles(name)


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline().rstrip("\n")
    if not sys.stdin.isatty():
        raise AccessRefused("the password", "can't be asked for here", "Use --password-stdin")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)


def _said(words: str, json: bool, **told: object) -> None:
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit(told)
    else:
        people().print(safe(words, limit=2000), soft_wrap=True)


@app.command(
    epilog=examples(
        ("an analyst", "stillwatch people add ana --role analyst"),
        ("who signs in at your provider only", "stillwatch people add ben@x.example --no-password"),
    )
)
def add(
    name: Name,
    store: StoreAddress = "cases.db",
    role: Role = "viewer",
    actor: Actor = None,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Only the organisation's sign-in counts.")
    ] = False,
    password_stdin: FromInput = False,
    json: Json = False,
) -> None:
    """Let somebody in."""
    from stillwatch.cases.access import add_person

    given, password = _role(role), None if no_password else _password(password_stdin)
    with _opened(str(store), create=True) as opened:
        person = add_person(opened, name, given, acting(actor), password)
    _said(f"{person.name} may come in as {person.role}", json, name=person.name, role=person.role)


@app.command("list", epilog=examples(("everybody", "stillwatch people list")))
def list_all(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """Everybody, with their role."""
    from stillwatch.cases.access import list_people
    from stillwatch.cli.printing import emit, people, safe

    with _opened(str(store)) as opened:
        found = list_people(opened)
    if json:
        emit([{"name": p.name, "role": p.role, "enabled": p.enabled} for p in found])
        return
    for person in found:
        state = "" if person.enabled else ", kept out"
        people().print(safe(f"{person.name}: {person.role}{state}", limit=300))


@app.command(epilog=examples(("make her a lead", "stillwatch people role ana lead")))
def role(
    name: Name,
    role: Annotated[str, typer.Argument(help="viewer, analyst, lead or administrator.")],
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Give somebody another role; their sessions end."""
    from stillwatch.cases.access import set_role

    given = _role(role)
    with _opened(str(store)) as opened:
        set_role(opened, name, given, acting(actor))
    _said(f"{name} is {given}", json, name=name, role=given)


@app.command(epilog=examples(("asked for twice", "stillwatch people password ana")))
def password(
    name: Name,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    password_stdin: FromInput = False,
    json: Json = False,
) -> None:
    """Give somebody another password; their sessions end."""
    from stillwatch.cases.access import set_password

    given = _password(password_stdin)
    with _opened(str(store)) as opened:
        set_password(opened, name, given, acting(actor))
    _said(f"{name} has another password", json, name=name)


@app.command(epilog=examples(("from now on", "stillwatch people disable ana")))
def disable(
    name: Name, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """Keep somebody out from now on: sessions end, tokens are revoked."""
    from stillwatch.cases.access import disable

    with _opened(str(store)) as opened:
        disable(opened, name, acting(actor))
    _said(f"{name} is kept out", json, name=name, enabled=False)


@app.command(epilog=examples(("back from leave", "stillwatch people enable ana")))
def enable(
    name: Name, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """Let somebody in again."""
    from stillwatch.cases.access import enable

    with _opened(str(store)) as opened:
        enable(opened, name, acting(actor))
    _said(f"{name} may come in again", json, name=name, enabled=True)


@tokens.command(
    epilog=examples(("for a job", "stillwatch tokens make ana --label nightly --role viewer"))
)
def make(
    owner: Annotated[str, typer.Argument(help="Whose token it is.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    store: StoreAddress = "cases.db",
    role: Role = "viewer",
    days: Annotated[int, typer.Option(min=1, max=365, help="When it ends.")] = 90,
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Make a token, and print its secret this once."""
    from stillwatch.cases.access import make_token

    given = _role(role)
    with _opened(str(store)) as opened:
        secret = make_token(opened, owner, label, given, days, acting(actor))
    _said(secret, json, token=secret)


@tokens.command("list", epilog=examples(("all of them", "stillwatch tokens list")))
def list_made(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """All tokens, without their secrets."""
    from dataclasses import asdict

    from stillwatch.cases.access import list_tokens
    from stillwatch.cli.printing import emit, people, safe

    with _opened(str(store)) as opened:
        found = list_tokens(opened)
    if json:
        emit([asdict(token) for token in found])
        return
    for token in found:
        state = "revoked" if token.revoked_at else f"until {token.expires_at[:10]}"
        line = f"{token.token_id}: {token.owner}, {token.label}, {token.role}, {state}"
        people().print(safe(line, limit=400))


@tokens.command(epilog=examples(("the third", "stillwatch tokens revoke 3")))
def revoke(
    token: Annotated[int, typer.Argument(help="Its number.")],
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """End a token now."""
    from stillwatch.cases.access import revoke_token

    with _opened(str(store)) as opened:
        revoke_token(opened, token, acting(actor))
    _said(f"Token {token} is revoked", json, token=token)
