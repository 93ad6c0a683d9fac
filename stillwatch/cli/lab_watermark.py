"""`stillwatch lab watermark`: settings of an engine's own watermark, with a key of the house."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli.options import Json, Pseudonyms, examples, moment

EXAMPLES = examples(
    (
        "vLLM, for all tenants",
        "stillwatch lab watermark vllm --out watermark.yaml --pseudonyms keys.json",
    ),
    (
        "SGLang's SynthID for one group, hard to forge",
        "stillwatch lab watermark sglang --algorithm synthid --width 4 --group eu --out eu.json "
        "--pseudonyms keys.json",
    ),
)


def watermark(
    engine: Annotated[str, typer.Argument(help="vllm or sglang.")],
    *,
    out: Annotated[
        Path, typer.Option(help="The file for the engine; it holds the key, for its owner's eyes.")
    ],
    pseudonyms: Pseudonyms = None,
    algorithm: Annotated[
        str,
        typer.Option(
            help="gumbel, dual_key_gumbel (with speculative decoding), sbw (vLLM, marks greedy "
            "answers too) or synthid (SGLang)."
        ),
    ] = "gumbel",
    width: Annotated[
        int,
        typer.Option(
            help="Tokens before each that its mark hangs on: 1 or 2 favour tracing a student, 4 "
            "resists whoever would learn the mark."
        ),
    ] = 2,
    group: Annotated[
        str, typer.Option(help="The group of tenants whose engine it is; each has its own key.")
    ] = "all",
    when: Annotated[
        dt.datetime | None,
        typer.Option(parser=moment, metavar="TIME", help="Whose epoch counts; now by default."),
    ] = None,
    commitments: Annotated[
        Path, typer.Option(help="Where commitments to keys are written, one line each.")
    ] = Path("commitments.jsonl"),
    json: Json = False,
) -> None:
    """Write an engine's watermark settings, and commit to the key before it is used.

    The key is derived from the file of keys, for the epoch, the group and the algorithm: the same
    again at any time. `stillwatch keys rotate` begins an epoch. Publish the commitment, or have it
    dated by others, before the engine starts.
    """
    from dataclasses import asdict

    from stillwatch.cli.printing import emit
    from stillwatch.countermeasures.engines import (
        WIDTHS,
        Engine,
        Watermark,
        commit,
        configured,
        write_secret,
    )
    from stillwatch.errors import MeasureRefused
    from stillwatch.privacy import read_keys

    if engine not in set(Engine):
        raise typer.BadParameter(f"no engine is called {engine!r}; there are {', '.join(Engine)}")
    if engine == Engine.VLLM and out.suffix not in (".yaml", ".yml"):
        raise typer.BadParameter(f"vLLM reads no settings from {out}; call it NAME.yaml")
    if pseudonyms is None:
        raise MeasureRefused(
            "the watermark", "has no key", "Name the file of keys with --pseudonyms"
        )
    now = dt.datetime.now(dt.UTC)
    wanted = Watermark(Engine(engine), algorithm, width)
    made = configured(wanted, read_keys(pseudonyms), group, when or now)
    write_secret(made.file, out)
    line = commit(made, commitments, now)
    if json:
        emit({"file": str(out), "flags": made.flags(out), "commitment": asdict(line)})
        return
    typer.echo(f"{out}: the key of epoch {made.epoch} for {group}; keep it as you keep keys")
    typer.echo(f"Add to the engine's command: {made.command(out)}")
    trades = WIDTHS.get(width, "the wider, the harder to forge and the worse to trace a student by")
    typer.echo(f"Width {width}: {trades}")
    typer.echo(f"Committed in {commitments} at {line.at}: {line.commitment}")
    typer.echo("Clients may opt out at the engine: let the gateway strip that (`stripping`)")
