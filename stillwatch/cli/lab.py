"""`stillwatch lab`: the commands of the lab, put together."""

from __future__ import annotations

import typer

from stillwatch.cli import lab_distil

app = typer.Typer(no_args_is_help=True, help="Distil, try countermeasures, and trace (torch).")

app.command("distil", epilog=lab_distil.EXAMPLES)(lab_distil.distil)
