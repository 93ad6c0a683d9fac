"""The table of docs/sources.md, from the registry itself."""

from __future__ import annotations

from stillwatch.sources import REGISTRY
from stillwatch.sources.takes import TAKES
from stillwatch.tables import EXCHANGES

BEGIN, END = "<!-- made by make docs: {} -->", "<!-- end -->"


def tables() -> dict[str, str]:
    """What is generated, by the name of its place."""
    return {"formats": _formats(), "columns": _columns(), "takes": _takes()}


def filled(document: str) -> str:
    """`document` with its tables as they are now."""
    for name, table in tables().items():
        head, _, rest = document.partition(BEGIN.format(name))
        _, _, tail = rest.partition(END)
        document = f"{head}{BEGIN.format(name)}\n\n{table}\n{END}{tail}"
    return document


def _formats() -> str:
    rows = ["| `--format` | what it is | told by |", "|---|---|---|"]
    for format in REGISTRY:
        keys = ", ".join(f"`{key.decode()}`" for key in sorted(format.keys))
        needed = "one of" if format.needed == 1 else f"{format.needed} of"
        rows.append(f"| `{format.name}` | {format.says} | {needed} {keys} |")
    return "\n".join(rows) + "\n"


def _columns() -> str:
    rows = [
        f"| column | {' | '.join(format.name for format in REGISTRY)} |",
        f"|---|{'---|' * len(REGISTRY)}",
    ]
    for field in EXCHANGES:
        marks = ["●" if field.name in format.columns else "" for format in REGISTRY]
        star = "" if field.nullable else "*"
        rows.append(f"| `{field.name}`{star} | {' | '.join(marks)} |")
    return "\n".join(rows) + "\n"


def _takes() -> str:
    rows = ["| `take` | what it takes out of a value |", "|---|---|"]
    rows += [f"| `{name}` | {says} |" for name, (says, _) in TAKES.items()]
    return "\n".join(rows) + "\n"
