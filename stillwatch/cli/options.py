"""Arguments and options that several commands take, said once."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stillwatch.cases.access import Role

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document for machines instead of text.")
]
FindingsFolder = Annotated[
    Path,
    typer.Argument(metavar="FINDINGS", help="A folder written by `stillwatch detect`."),
]
Scale = Annotated[
    float,
    typer.Option(
        min=0.0001,
        max=1.0,
        help="Size of the world: 1 is the disclosed scale, 24,000 campaign accounts and 16 "
        "million campaign exchanges.",
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="The same seed makes the same world, byte for byte.")
]
StoreAddress = Annotated[
    str,
    typer.Option(
        "--store",
        envvar="STILLWATCH_STORE",
        show_envvar=False,
        help="Where cases are kept: a file, or postgresql+psycopg://USER@HOST/DATABASE; "
        "STILLWATCH_STORE in the environment says it once.",
    ),
]
PolicyFile = Annotated[
    Path | None,
    typer.Option("--policy", help="The policy's file; the default one, a dry run, without it."),
]
AnyCases = Annotated[
    str | None,
    typer.Option(
        "--store",
        envvar="STILLWATCH_STORE",
        show_envvar=False,
        help="Where cases are kept; without it nothing is known of what people decided.",
    ),
]
Actor = Annotated[
    str | None,
    typer.Option(
        "--actor", help="Who acts, for the ledger; the name you are logged in by where not given."
    ),
]
FORMATS = (
    "auto",
    "contract",
    "litellm",
    "litellm_spend",
    "langfuse",
    "helicone",
    "otel",
    "envoy",
    "native",
    "bedrock",
    "cloudtrail",
    "vertex",
    "azure_apim",
)
"""Names of formats, said here again so that `--help` need not load them; a test compares."""
LogFormat = Annotated[
    str,
    typer.Option(
        metavar="FORMAT",
        help="Insist on a format instead of looking into each file: "
        f"{', '.join(f'`{name}`' for name in FORMATS)}.",
    ),
]
MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--map",
        metavar="MAPPING",
        help="Read all files by this mapping file; see `stillwatch map draft`.",
    ),
]
AccountPlace = Annotated[
    str | None,
    typer.Option(
        "--account",
        metavar="NAME",
        help="Where the account is named, for formats that leave it to the operator: an attribute "
        "(`otel`), a key of the access log (`envoy`), a property.",
    ),
]
Pseudonyms = Annotated[
    Path | None,
    typer.Option(
        "--pseudonyms",
        envvar="STILLWATCH_PSEUDONYMS",
        show_envvar=False,
        metavar="KEYS",
        help="The file of keys (`stillwatch keys new`) of a lake of names; STILLWATCH_PSEUDONYMS "
        "in the environment says it once.",
    ),
]
Doing = Annotated[
    bool, typer.Option("--yes/--dry-run", help="Do it; without this it is only told.")
]
RoleName = Annotated[str, typer.Option("--role", help="viewer, analyst, lead or administrator.")]


def examples(*cases: tuple[str, str]) -> str:
    """The end of a command's help: what for, and the line to type.

    >>> print(examples(("all", "stillwatch show FINDINGS")).splitlines()[-1])
    - all: `stillwatch show FINDINGS`
    """
    return "\n\n".join(["Examples:", *(f"- {what}: `{line}`" for what, line in cases)])


def role_of(text: str) -> Role:
    """A role as the command line takes it."""
    from stillwatch.cases.access import Role

    if text not in set(Role):
        raise typer.BadParameter(f"no role is called {text!r}; there are {', '.join(Role)}")
    return Role(text)


def moment(text: str) -> dt.datetime:
    """A time as the command line takes it: RFC 3339, or a day (its first moment); UTC by default.

    >>> moment("2026-02-01T12:00:00+02:00").isoformat()
    '2026-02-01T10:00:00+00:00'
    """
    try:
        when = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} is not a time; write 2026-02-01 or 2026-02-01T12:00:00Z"
        ) from None
    return when.replace(tzinfo=dt.UTC) if when.tzinfo is None else when.astimezone(dt.UTC)
