"""`stillwatch lab`: the commands of the lab, put together."""

from __future__ import annotations

import typer

app = typer.Typer(no_args_is_help=True, help="Distil, try countermeasures, and trace (torch).")
