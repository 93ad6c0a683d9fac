"""The command line: thin, one file a command, put together here."""

from __future__ import annotations

import signal
import sys

import typer

from stillwatch.cli import (
    appeal,
    arena,
    cases,
    demo,
    detect,
    enforce,
    explain,
    forget,
    gate,
    ingest,
    journal,
    keys,
    lab,
    ledger,
    mapping,
    page,
    peers,
    people,
    policy,
    reidentify,
    report,
    retain,
    score,
    serve,
    share,
    show,
    tokens,
    watch,
    world,
)
from stillwatch.cli.exits import EPILOG, refuse
from stillwatch.errors import StillwatchError

__all__ = ["app", "main"]

app = typer.Typer(
    name="stillwatch",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo", epilog=demo.EXAMPLES)(demo.demo)
app.command("world", epilog=world.EXAMPLES)(world.world)
app.command("ingest", epilog=ingest.EXAMPLES)(ingest.ingest)
app.command("watch", epilog=watch.EXAMPLES)(watch.watch)
app.command("retain", epilog=retain.EXAMPLES)(retain.retain)
app.command("forget", epilog=forget.EXAMPLES)(forget.forget)
app.command("reidentify", epilog=reidentify.EXAMPLES)(reidentify.reidentify)
app.add_typer(keys.app, name="keys")
app.add_typer(journal.app, name="journal")
app.command("detect", epilog=detect.EXAMPLES)(detect.detect)
app.command("show", epilog=show.EXAMPLES)(show.show)
app.command("explain", epilog=explain.EXAMPLES)(explain.explain)
app.command("score", epilog=score.EXAMPLES)(score.score)
app.command("page", epilog=page.EXAMPLES)(page.page)
app.command("serve", epilog=serve.EXAMPLES)(serve.serve)
app.command("gate", epilog=gate.EXAMPLES)(gate.gate)
app.command("report", epilog=report.EXAMPLES)(report.report)
app.command("appeal", epilog=appeal.EXAMPLES)(appeal.appeal)
app.command("arena", epilog=arena.EXAMPLES)(arena.arena)
app.add_typer(lab.app, name="lab")
app.add_typer(cases.app, name="cases")
app.add_typer(mapping.app, name="map")
app.add_typer(ledger.app, name="ledger")
app.add_typer(enforce.app, name="enforce")
app.add_typer(policy.app, name="policy")
app.add_typer(share.app, name="share")
app.add_typer(people.app, name="people")
app.add_typer(tokens.app, name="tokens")
app.add_typer(peers.app, name="peers")
app.add_typer(lab.app, name="lab")


def _version(asked: bool) -> None:
    if asked:
        import stillwatch

        typer.echo(f"stillwatch {stillwatch.__version__}")
        raise typer.Exit()


@app.callback(epilog=EPILOG)
def stillwatch(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version and leave."
    ),
) -> None:
    """Find the campaigns that distil a model through its API, in the provider's own logs.

    Start with **stillwatch demo**. On your own logs: **detect**, then
    **show** what was found and **explain** any account.
    """


def main() -> None:
    """Run the command line; every refusal is one line on standard error and an exit code."""
    # a polite kill stops as Ctrl-C does, and what was half-written is removed
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        app()
    except StillwatchError as fault:
        sys.exit(refuse(fault))
    except BrokenPipeError:
        # Whoever read our output stopped (`| head`): that is their right, not a failure.
        sys.stderr.close()
        sys.exit(0)
    except OSError as fault:
        sys.exit(refuse(fault))
