"""`stillwatch people`: who may come in, and with which role."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, RoleName, StoreAddress, examples, role_of
from stillwatch.errors import AccessRefused

app = typer.Typer(no_args_is_help=True, help="Who may come in to the console, and with which role.")

ADD_EXAMPLES = examples(
    ("an analyst", "stillwatch people add ana --role analyst"),
    ("who signs in at your provider only", "stillwatch people add ben@x.example --no-password"),
    (
        "in a script",
        "pass show ana | stillwatch people add ana --role analyst --password-stdin",
    ),
)
LIST_EXAMPLES = examples(("everybody", "stillwatch people list"))
ROLE_EXAMPLES = examples(("ana approves from now on", "stillwatch people role ana lead"))
PASSWORD_EXAMPLES = examples(
    ("one's own", "stillwatch people password ana --actor ana"),
    ("somebody's who forgot it", "stillwatch people password ben --actor ana"),
)
DISABLE_EXAMPLES = examples(("ben has left", "stillwatch people disable ben"))
ENABLE_EXAMPLES = examples(("ben is back", "stillwatch people enable ben"))
SIGN_OUT_EXAMPLES = examples(("ana's laptop is lost", "stillwatch people sign-out ana"))

Name = Annotated[str, typer.Argument(metavar="NAME", help="Their name, as the ledger has it.")]
FromInput = Annotated[
    bool,
    typer.Option("--password-stdin", help="Read the password from standard input, not a prompt."),
]

_LONGEST = 10_000
"""Characters that are read of a password: enough to say that it is too long."""


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    name: Name,
    role: RoleName = "viewer",
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Only the organisation's sign-in counts.")
    ] = False,
    password_stdin: FromInput = False,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Let somebody in. The first person must be an administrator."""
    from stillwatch.cases.access import Role, add_person

    given = role_of(role)
    with opened(store, create=True) as cases:
        by = acting_as(cases, actor, Role.ADMINISTRATOR)
        password = None if no_password else _password(password_stdin)
        person = add_person(cases, name, given, by.name, password)
    _tell(f"{person.name} may come in as {person.role}", json, name=person.name, role=person.role)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """Everybody, with their role."""
    from stillwatch.cases.access import list_people
    from stillwatch.cli.printing import emit, people, safe

    with opened(store) as cases:
        found = list_people(cases)
    if json:
        rows = [{"name": p.name, "role": p.role, "enabled": p.enabled} for p in found]
        emit({"people": rows})
        return
    for person in found:
        state = "" if person.enabled else ", kept out"
        people().print(safe(f"{person.name}: {person.role}{state}", limit=300))


@app.command("role", epilog=ROLE_EXAMPLES)
def role_(
    name: Name,
    role: Annotated[
        str, typer.Argument(metavar="ROLE", help="viewer, analyst, lead or administrator.")
    ],
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Give somebody another role; their sessions end."""
    from stillwatch.cases.access import Role, set_role

    given = role_of(role)
    with opened(store) as cases:
        set_role(cases, name, given, acting_as(cases, actor, Role.ADMINISTRATOR).name)
    _tell(f"{name} is {given}", json, name=name, role=given)


@app.command("password", epilog=PASSWORD_EXAMPLES)
def password_(
    name: Name,
    password_stdin: FromInput = False,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Give somebody, or oneself, another password; their sessions end."""
    from stillwatch.cases.access import Role, set_password

    with opened(store) as cases:
        by = acting_as(cases, actor, Role.VIEWER)
        if by.name != name:
            by = acting_as(cases, actor, Role.ADMINISTRATOR)
        set_password(cases, name, _password(password_stdin), by.name)
    _tell(f"{name} has another password", json, name=name)


@app.command("disable", epilog=DISABLE_EXAMPLES)
def disable_(
    name: Name, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """Keep somebody out from now on: sessions end, tokens are revoked."""
    from stillwatch.cases.access import Role, disable

    with opened(store) as cases:
        disable(cases, name, acting_as(cases, actor, Role.ADMINISTRATOR).name)
    _tell(f"{name} is kept out", json, name=name, enabled=False)


@app.command("enable", epilog=ENABLE_EXAMPLES)
def enable_(
    name: Name, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """Let somebody in again."""
    from stillwatch.cases.access import Role, enable

    with opened(store) as cases:
        enable(cases, name, acting_as(cases, actor, Role.ADMINISTRATOR).name)
    _tell(f"{name} may come in again", json, name=name, enabled=True)


@app.command("sign-out", epilog=SIGN_OUT_EXAMPLES)
def sign_out(
    name: Name, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """End all sessions of somebody; they may sign in again."""
    from stillwatch.cases.access import Role, end_sessions_of

    with opened(store) as cases:
        count = end_sessions_of(cases, name, acting_as(cases, actor, Role.ADMINISTRATOR).name)
    _tell(f"{name} had {count} sessions, which have ended", json, name=name, ended=count)


def _password(from_input: bool) -> str:
    if from_input:
        return sys.stdin.readline(_LONGEST).rstrip("\r\n")
    if not sys.stdin.isatty():
        raise AccessRefused("the password", "can't be asked for here", "Use --password-stdin")
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)


def _tell(words: str, json: bool, **told: object) -> None:
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit(told)
    else:
        people().print(safe(words, limit=2000), soft_wrap=True)
