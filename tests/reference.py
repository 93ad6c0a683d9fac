"""docs/commands.md, from the command line itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from stillwatch.cli import app
from stillwatch.cli.exits import MEANINGS

_HEAD = """# Commands

Made from `stillwatch --help` by `make docs`; a test fails where the two differ.

Every command takes `--json` for machines, prints results on standard output, and progress and
errors on standard error. An error is one line: where, what, and what to do. Text that comes from
logs is shown with control characters and hidden characters escaped.

| exit code | meaning |
|---|---|
"""


def reference() -> str:
    """The whole document."""
    parts = [_HEAD + "".join(f"| {code} | {words} |\n" for code, words in MEANINGS.items())]
    for name, command in all_commands().items():
        parts.append(f"## stillwatch {name}\n")
        arguments = [_argument(param) for param in command.params if param.opts[0][0] != "-"]
        parts.append(f"    {' '.join(['stillwatch', name, *arguments, '[OPTIONS]'])}\n")
        parts.append(command.help.strip() + "\n")
        rows = [_row(param) for param in command.params]
        parts.append("| argument or option | default | |\n|---|---|---|\n" + "".join(rows))
        if command.epilog:
            parts.append(command.epilog.replace("\n\n-", "\n-").replace("\n-", "\n\n-", 1) + "\n")
    return "\n".join(parts)


def all_commands() -> dict[str, Any]:
    """Every command by its name; those of a group are named after it, as in `cases open`."""
    return dict(_named(get_command(app), ""))


def _named(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _named(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _argument(param: Any) -> str:
    name = param.metavar or param.name.upper()
    return name if param.required else f"[{name}]"


def _row(param: Any) -> str:
    flags = [*param.opts, *param.secondary_opts]
    if flags[0][0] != "-":
        flags = [_argument(param)]
    if param.required:
        default = "required"
    elif param.default is None or param.default is False:
        default = ""
    elif param.default is True:
        default = f"`{flags[0]}`"
    else:
        default = f"`{param.default}`"
    words = "`, `".join(flags).replace("|", "\\|")
    return f"| `{words}` | {default} | {param.help} |\n"
