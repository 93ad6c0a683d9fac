"""`stillwatch lab trace`: was a suspect model trained on text that we served?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Json, examples

if TYPE_CHECKING:
    from stillwatch.lab.provenance.commitment import Registration

app = typer.Typer(
    no_args_is_help=True,
    help="Test whether a suspect model was trained on text that was served: register, run, verify.",
)

REGISTER_EXAMPLES = examples(
    (
        "weights at hand, answers logged",
        "stillwatch lab trace register TRIAL --keys keys.json --sign pseudonyms.keys "
        "--test open_supervised:contrast",
    ),
    (
        "only its output, and canaries",
        "stillwatch lab trace register TRIAL --keys keys.json --sign pseudonyms.keys "
        "--test closed --test canaries:occurrence --alpha 0.001",
    ),
)
RUN_EXAMPLES = examples(
    (
        "a model's folder, two innocent ones beside it",
        "stillwatch lab trace run TRIAL --keys keys.json --sign pseudonyms.keys --out REPORT "
        "--suspect-model SUSPECT --innocent-model BASE --innocent-model OTHER "
        "--served served.jsonl",
    ),
    (
        "only output",
        "stillwatch lab trace run TRIAL --keys keys.json --sign pseudonyms.keys --out REPORT "
        "--suspect-text suspect.jsonl --innocent-text base.jsonl",
    ),
)
VERIFY_EXAMPLES = examples(
    ("is it as it was signed", "stillwatch lab trace verify REPORT"),
    (
        "by our key, under the registration that was deposited",
        "stillwatch lab trace verify REPORT --key 8f1c... --registration TRIAL",
    ),
)

Keys = Annotated[
    Path, typer.Option("--keys", help="The file of watermark keys (docs/provenance.md).")
]
Signer = Annotated[
    Path,
    typer.Option("--sign", help="The keys to sign with (`stillwatch keys new`)."),
]
Trial = Annotated[Path, typer.Argument(metavar="TRIAL", help="The registration's file.")]
Receipt = Annotated[
    str,
    typer.Option(help="An outsider's words on when it was told the hash: a stamp, a docket."),
]


@app.command("register", epilog=REGISTER_EXAMPLES)
def register(
    trial: Trial,
    *,
    keys: Keys,
    sign: Signer,
    test: Annotated[
        list[str],
        typer.Option(
            help="MODE:STATISTIC, repeatable. marked, closed: tokens. open_supervised, "
            "open_unsupervised: tokens, sampled, mass, contrast. canaries: likelihood, occurrence. "
            "membership."
        ),
    ],
    alpha: Annotated[float, typer.Option(help="Level of all tests together.")] = 0.01,
    power: Annotated[float, typer.Option(help="Chance to find what is there.")] = 0.8,
    share: Annotated[
        float, typer.Option(help="Least share of marked text in its training to be found.")
    ] = 0.25,
    control_alpha: Annotated[
        float, typer.Option(help="An innocent with a smaller p-value ends the trial.")
    ] = 0.01,
    wrong_keys: Annotated[int, typer.Option(help="Keys that marked nothing, to compare.")] = 1000,
    exclusion: Annotated[
        str,
        typer.Option(help="What may be copied: context, pair (counts more) or fresh (least)."),
    ] = "context",
    limit: Annotated[
        int | None, typer.Option(min=1, help="Count so many pairs, the first ones.")
    ] = None,
    why: Annotated[str, typer.Option(help="What is suspected of whom; kept in the report.")] = "",
    receipt: Receipt = "",
    json: Json = False,
) -> None:
    """Say what will be tested and with which key, before anybody looks.

    Prints a hash to leave with an outsider. The key stays secret: its commitment is opened only by
    the file that is written beside it.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.lab.provenance.commitment import opening_of
    from stillwatch.lab.provenance.commitment import register as registered
    from stillwatch.lab.provenance.plan import Levels, planned
    from stillwatch.lab.provenance.schemes.reading import read_schemes
    from stillwatch.privacy.keys import read_keys

    schemes, levels = read_schemes(keys), Levels(alpha, power, share, control_alpha, wrong_keys)
    tests = planned(test, len(schemes), levels, exclusion, limit)
    told = registered(trial, schemes, tests, levels, read_keys(sign).signer, why, receipt)
    if json:
        emit(_summary(told) | {"opening": str(opening_of(trial))})
        return
    console = people()
    console.print(f"Registered {len(tests)} tests; hash {told.hash}", soft_wrap=True)
    for one in told.tests:
        needs = f", from {one.least:,} pieces of evidence on" if one.least else ""
        console.print(safe(f"  {one.name}{needs}"))
    console.print(
        safe(f"Leave the hash with an outsider. Keep {opening_of(trial)} secret, and keep it."),
        soft_wrap=True,
    )


@app.command("run", epilog=RUN_EXAMPLES)
def run(
    trial: Trial,
    *,
    keys: Keys,
    sign: Signer,
    out: Annotated[Path, typer.Option(help="A folder to write report.json and report.md to.")],
    suspect_model: Annotated[
        Path | None, typer.Option(help="Its folder, or a file of its predictions.")
    ] = None,
    suspect_text: Annotated[
        Path | None, typer.Option(help="What it wrote, as token ids (JSON Lines or Parquet).")
    ] = None,
    innocent_model: Annotated[
        list[Path] | None, typer.Option(help="A model that never saw the text; repeatable.")
    ] = None,
    innocent_text: Annotated[
        list[Path] | None, typer.Option(help="What an innocent model wrote; repeatable.")
    ] = None,
    served: Annotated[Path | None, typer.Option(help="Answers that were served, marked.")] = None,
    other: Annotated[Path | None, typer.Option(help="Texts of another origin.")] = None,
    held_out: Annotated[
        Path | None, typer.Option(help="Answers made as the served ones, never served.")
    ] = None,
    canaries: Annotated[Path | None, typer.Option(help="The registry of canaries.")] = None,
    tokenizer: Annotated[
        Path | None,
        typer.Option(help="The folder of a tokenizer, for canaries that are text."),
    ] = None,
    opening: Annotated[
        Path | None, typer.Option(help="The opening; beside the registration without.")
    ] = None,
    receipt: Receipt = "",
    json: Json = False,
) -> None:
    """Run all that was registered, on the suspect, on innocents and under wrong keys.

    Writes a signed report in any case; leaves with code 29 where there is no verdict, because an
    innocent was accused, the null doesn't hold, or there is too little text.
    """
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.errors import TraceRefused
    from stillwatch.lab.provenance.commitment import check_keys, opening_of, read_registration
    from stillwatch.lab.provenance.materials import Given
    from stillwatch.lab.provenance.report import report_of, write_report
    from stillwatch.lab.provenance.schemes.reading import read_schemes
    from stillwatch.lab.provenance.trial import tried
    from stillwatch.lab.provenance.wording import REFUSED
    from stillwatch.privacy.keys import read_keys

    registration, schemes, signer = read_registration(trial), read_schemes(keys), read_keys(sign)
    check_keys(registration, schemes, opening or opening_of(trial))
    given = Given(
        suspect_model,
        suspect_text,
        tuple(innocent_model or ()),
        tuple(innocent_text or ()),
        served,
        other,
        held_out,
        canaries,
        tokenizer,
    )
    with watching(json) as progress:
        outcomes, materials = tried(registration, schemes, given, progress)
    document = report_of(registration, outcomes, materials, signer.signer, receipt)
    write_report(out, document)
    body = document["body"]
    if json:
        emit(body)
    else:
        console = people()
        for told, adjusted in zip(body["tests"], body["adjusted"], strict=True):
            line = f"{told['name']}: p = {float(told['p']):.3g}, after Holm {float(adjusted):.3g}"
            console.print(safe(line))
        console.print(safe(body["verdict"]["words"], limit=4000), soft_wrap=True)
        console.print(safe(f"Report: {out}"), soft_wrap=True)
    if body["verdict"]["code"] == REFUSED:
        raise TraceRefused(out, "; ".join(body["refusals"]), "The report says what was found")


@app.command("verify", epilog=VERIFY_EXAMPLES)
def verify(
    report: Annotated[Path, typer.Argument(metavar="REPORT", help="The report or its folder.")],
    registration: Annotated[
        Path | None, typer.Option(help="The registration that it must have been made under.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(help="The public key that must have signed, in hexadecimal.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a report: signatures, registration, correction and verdict; needs no secret."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.lab.provenance.report import verified

    body = verified(report, registration, key)
    if json:
        emit({"holds": True} | body)
        return
    people().print(
        safe(
            f"The report holds: run {body['ran']}, registered {body['registered']}; verdict: "
            f"{body['verdict']['code']}."
        ),
        soft_wrap=True,
    )


def _summary(told: Registration) -> dict[str, Any]:
    return {
        "hash": told.hash,
        "created": told.created,
        "tests": [{"name": one.name, "least_evidence": one.least} for one in told.tests],
    }
