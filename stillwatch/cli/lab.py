"""`stillwatch lab`: the commands of the lab, put together."""

from __future__ import annotations

import typer

from stillwatch.cli import (
    lab_canaries,
    lab_distil,
    lab_measures,
    lab_trace,
    lab_uplift,
    lab_watermark,
)

app = typer.Typer(no_args_is_help=True, help="Distil, try countermeasures, and trace (torch).")

app.command("distil", epilog=lab_distil.EXAMPLES)(lab_distil.distil)
app.command("uplift", epilog=lab_uplift.EXAMPLES)(lab_uplift.uplift)
app.command("measures", epilog=lab_measures.EXAMPLES)(lab_measures.measures)
app.command("watermark", epilog=lab_watermark.EXAMPLES)(lab_watermark.watermark)
app.add_typer(lab_canaries.app, name="canaries")
app.add_typer(lab_trace.app, name="trace")
