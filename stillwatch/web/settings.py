"""What a console is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where things are, and how people get in.

    `log` is a lake to read the texts of samples from; without one, pages show none. `hosts` are
    the names by which the console may be asked for: others are refused, so that a web site can't
    reach it by rebinding a name of its own. `secure` is for a console behind TLS: cookies are then
    never sent without it. `gate` is the folder of a gateway, whose last plan is shown.
    """

    findings: Path
    store: str
    log: Path | None = None
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost")
    secure: bool = False
    open_id: Path | None = None
    gate: Path | None = None
