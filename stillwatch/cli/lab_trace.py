"""`stillwatch lab trace`: was a suspect model trained on text that we served?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from stillwatch.cli.options import Json, examples

if TYPE_CHECKING:
    from stillwatch.lab.provenance.registration import Registration

app = typer.Typer(
    no_args_is_help=True,
    help="Test whether a suspect model was trained on text that was served: register, run, verify.",
)

REGISTER_EXAMPLES = examples(
    (
        "weights and answers at hand",
        "stillwatch lab trace register TRIAL --keys keys.json --sign pseudonyms.keys "
        "--test open_supervised:contrast --suspect-model SUSPECT --innocent-model BASE "
        "--innocent-model OTHER --served served.jsonl",
    ),
    (
        "output that is yet to be had, and canaries",
        "stillwatch lab trace register TRIAL --keys keys.json --sign pseudonyms.keys "
        "--test closed --test canaries:occurrence --alpha 0.001 --canaries canaries.jsonl "
        "--rule 'suspect-text=5000 first answers to prompts.jsonl, in their order' "
        "--rule 'innocent-text=5000 first the same of BASE'",
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
        "--suspect-text suspect.jsonl --innocent-text base.jsonl --canaries canaries.jsonl",
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

SuspectModel = Annotated[
    Path | None, typer.Option(help="Its folder, or a file of its predictions.")
]
SuspectText = Annotated[
    Path | None, typer.Option(help="What it wrote, as token ids (JSON Lines or Parquet).")
]
InnocentModel = Annotated[
    list[Path] | None, typer.Option(help="A model that never saw the text; repeatable.")
]
InnocentText = Annotated[
    list[Path] | None, typer.Option(help="What an innocent model wrote; repeatable.")
]
Served = Annotated[Path | None, typer.Option(help="Answers that were served, marked.")]
Other = Annotated[Path | None, typer.Option(help="Texts of another origin.")]
HeldOut = Annotated[
    Path | None, typer.Option(help="Answers made as the served ones, never served.")
]
Canaries = Annotated[Path | None, typer.Option(help="The registry of canaries.")]
Tokenizer = Annotated[
    Path | None, typer.Option(help="The folder of a tokenizer, for canaries that are text.")
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
    suspect_model: SuspectModel = None,
    suspect_text: SuspectText = None,
    innocent_model: InnocentModel = None,
    innocent_text: InnocentText = None,
    served: Served = None,
    other: Other = None,
    held_out: HeldOut = None,
    canaries: Canaries = None,
    tokenizer: Tokenizer = None,
    rule: Annotated[
        list[str] | None,
        typer.Option(
            help="What isn't there yet: ROLE=COUNT first|drawn WORDS for texts, ROLE=WORDS else; "
            "ROLE is an option's name, as suspect-text. Repeatable."
        ),
    ] = None,
    runs: Annotated[
        int,
        typer.Option(help="Runs on different materials that there may be; p-values pay for all."),
    ] = 1,
    seed: Annotated[
        str, typer.Option(help="Of all that is drawn, as a public beacon's value; else drawn.")
    ] = "",
    alpha: Annotated[float, typer.Option(help="Level of all tests together.")] = 0.01,
    power: Annotated[float, typer.Option(help="Chance to find what is there.")] = 0.8,
    share: Annotated[
        float, typer.Option(help="Least share of marked text in its training to be found.")
    ] = 0.25,
    control_alpha: Annotated[
        float | None,
        typer.Option(
            help="An innocent with a smaller p-value ends the trial; at least --alpha and 0.01, "
            "which it is without."
        ),
    ] = None,
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
    """Say what will be tested, on what and with which key, before anybody looks.

    What is given is bound by its digest, what isn't there yet by a rule. Prints a hash to leave
    with an outsider. The key stays secret: its commitment is opened only by the file that is
    written beside it.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.lab.provenance.binding import Bound, check_enough, rule_of
    from stillwatch.lab.provenance.commitment import opening_of
    from stillwatch.lab.provenance.commitment import register as registered
    from stillwatch.lab.provenance.materials import Given, Materials
    from stillwatch.lab.provenance.plan import Levels, control_level, planned
    from stillwatch.lab.provenance.schemes.reading import read_schemes
    from stillwatch.privacy.keys import read_keys

    schemes, signer = read_schemes(keys), read_keys(sign).signer
    level = control_level(alpha) if control_alpha is None else control_alpha
    levels = Levels(alpha, power, share, level, wrong_keys)
    tests = planned(test, len(schemes), levels, exclusion, limit, runs)
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
    rules = [rule_of(told) for told in rule or ()]
    # before any file is read: what is missing, and what is too much
    check_enough(tests, [Bound(role) for role in given.roles] + rules)
    known = Materials(given, "", 0).identified()
    bound = [Bound(one["role"], sha256=one["sha256"]) for one in known] + rules
    told = registered(trial, schemes, tests, levels, bound, signer, why, receipt, seed, runs)
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
    suspect_model: SuspectModel = None,
    suspect_text: SuspectText = None,
    innocent_model: InnocentModel = None,
    innocent_text: InnocentText = None,
    served: Served = None,
    other: Other = None,
    held_out: HeldOut = None,
    canaries: Canaries = None,
    tokenizer: Tokenizer = None,
    opening: Annotated[
        Path | None, typer.Option(help="The opening; beside the registration without.")
    ] = None,
    receipt: Receipt = "",
    json: Json = False,
) -> None:
    """Run all that was registered, on the suspect, on innocents and under wrong keys.

    The run is entered in TRIAL.runs before anything is computed. Writes a signed report in any
    case; leaves with code 29 where there is no verdict, because an innocent was accused, the null
    doesn't hold, or there is too little text.
    """
    from stillwatch.cli.bars import watching
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.errors import TraceRefused
    from stillwatch.lab.provenance.binding import check_same
    from stillwatch.lab.provenance.commitment import check_keys, opening_of, read_registration
    from stillwatch.lab.provenance.materials import Given, Materials
    from stillwatch.lab.provenance.report import check_free, report_of, write_report
    from stillwatch.lab.provenance.runs import ended, enter, runs_of
    from stillwatch.lab.provenance.schemes.reading import read_schemes
    from stillwatch.lab.provenance.trial import tried
    from stillwatch.lab.provenance.wording import REFUSED
    from stillwatch.privacy.keys import read_keys

    check_free(out)
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
    seed, number = registration.seed, registration.number
    materials = Materials(given, seed, number, registration.bound)
    identified = materials.identified()
    check_same(trial, registration.bound, identified)
    materials.check_runnable()
    entered = enter(runs_of(trial), registration, identified, signer.signer)
    if not json:
        people().print(
            safe(f"Run {entered.number} of {registration.runs}, entered as {entered.hash}"),
            soft_wrap=True,
        )
    with watching(json) as progress:
        outcomes = tried(registration, schemes, materials, progress)
    document = report_of(registration, outcomes, entered, signer.signer, receipt)
    write_report(out, document)
    ended(runs_of(trial), registration, entered.number, document["hash"], signer.signer)
    body = document["body"]
    if json:
        emit(body)
    else:
        console = people()
        for told, adjusted in zip(body["tests"], body["adjusted"], strict=True):
            p = f"p = {float(told['p']):.3g}, after correction {float(adjusted):.3g}"
            console.print(safe(f"{told['name']}: {p}"))
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
    """Check a report: signatures, registration, evidence, run, correction, verdict; no secret.

    With --registration and the ledger beside it, says what other runs there were.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.lab.provenance.report import runs_beside, verified

    body = verified(report, registration, key)
    made = None if registration is None else runs_beside(registration)
    if json:
        emit({"holds": True, "runs_entered": made} | body)
        return
    console = people()
    console.print(
        safe(
            f"The report holds: run {body['ran']}, registered {body['registered']}; verdict: "
            f"{body['verdict']['code']}. It is run {body['run']} of "
            f"{body['registration']['body']['runs']} that were registered."
        ),
        soft_wrap=True,
    )
    if registration is not None and made is None:
        console.print("No ledger lies beside the registration: other runs aren't known.")
    if made is not None:
        told = ", ".join(f"{n} ({'reported' if done else 'no report'})" for n, done in made.items())
        console.print(safe(f"Runs in the ledger: {told or 'none'}."), soft_wrap=True)


def _summary(told: Registration) -> dict[str, Any]:
    return {
        "hash": told.hash,
        "created": told.created,
        "tests": [{"name": one.name, "least_evidence": one.least} for one in told.tests],
        "materials": told.document["body"]["materials"],
        "runs": told.runs,
    }
