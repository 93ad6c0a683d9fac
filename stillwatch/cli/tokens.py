"""`stillwatch tokens`: what programs that use the API are known by."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, RoleName, StoreAddress, examples, role_of

if TYPE_CHECKING:
    from stillwatch.cases import Store

app = typer.Typer(no_args_is_help=True, help="Tokens for programs that use the API.")

MAKE_EXAMPLES = examples(
    (
        "for a gateway that asks for decisions",
        "stillwatch tokens make ana --label gateway --role viewer",
    ),
)
LIST_EXAMPLES = examples(
    ("all of them, without their secrets", "stillwatch tokens list"),
    ("one person's", "stillwatch tokens list --owner ana"),
)
REVOKE_EXAMPLES = examples(("it was found in a repository", "stillwatch tokens revoke 3"))


@app.command("make", epilog=MAKE_EXAMPLES)
def make(
    owner: Annotated[str, typer.Argument(metavar="OWNER", help="Whose token it is.")],
    label: Annotated[str, typer.Option(help="What it is for.")],
    role: RoleName = "viewer",
    days: Annotated[int, typer.Option(min=1, max=365, help="When it ends.")] = 90,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Make a token, and print its secret this once."""
    from stillwatch.cases.access import make_token
    from stillwatch.cli.printing import emit, people

    given = role_of(role)
    with opened(store) as cases:
        by = _for(cases, owner, actor)
        secret = make_token(cases, owner, label, given, days, by)
    if json:
        emit({"token": secret})
    else:
        people().print(secret, soft_wrap=True)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(
    store: StoreAddress = "cases.db",
    owner: Annotated[str | None, typer.Option(help="Only this person's.")] = None,
    json: Json = False,
) -> None:
    """All tokens, without their secrets."""
    from stillwatch.cases.access import find_person, list_tokens
    from stillwatch.cases.times import now
    from stillwatch.cli.printing import emit, people, safe

    with opened(store) as cases:
        found = list_tokens(cases, None if owner is None else find_person(cases, owner).name)
    if json:
        emit({"tokens": [asdict(token) for token in found]})
        return
    for token in found:
        state = "until" if token.expires_at > now() else "ended"
        state = "revoked" if token.revoked_at else f"{state} {token.expires_at[:10]}"
        line = f"{token.token_id}: {token.owner}, {token.label}, {token.role}, {state}"
        people().print(safe(line, limit=400), soft_wrap=True)


@app.command("revoke", epilog=REVOKE_EXAMPLES)
def revoke(
    token: Annotated[int, typer.Argument(metavar="TOKEN", help="Its number.")],
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """End a token now."""
    from stillwatch.cases.access import list_tokens, revoke_token
    from stillwatch.cli.printing import emit, people

    with opened(store) as cases:
        owners = {made.token_id: made.owner for made in list_tokens(cases)}
        revoke_token(cases, token, _for(cases, owners.get(token, ""), actor))
    if json:
        emit({"token": token, "revoked": True})
    else:
        people().print(f"token {token} is revoked")


def _for(cases: Store, owner: str, actor: str | None) -> str:
    """By whom: anybody for themselves, an administrator for others."""
    from stillwatch.cases.access import Role

    by = acting_as(cases, actor, Role.VIEWER)
    return by.name if by.name == owner else acting_as(cases, actor, Role.ADMINISTRATOR).name
