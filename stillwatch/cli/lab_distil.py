"""`stillwatch lab distil`: train a student on a teacher of one's own, with a card of how."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.options import Json, examples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from stillwatch.lab.distilling.methods.method import Method
    from stillwatch.lab.distilling.recipe import Recipe
    from stillwatch.lab.small import Size

EXAMPLES = examples(
    ("the lab's reasoning teacher, in minutes", "stillwatch lab distil RUN"),
    ("with its logits", "stillwatch lab distil RUN --method logits --divergence js"),
    (
        "SmolLM2 into sixteen of its thirty layers",
        "stillwatch lab distil RUN --teacher smollm2 --keep-layers 16 --train-layers 8",
    ),
    (
        "your own model, behind its API, on your own prompts",
        "stillwatch lab distil RUN --teacher endpoint:https://models.example.com/v1 "
        "--model our-large --prompts prompts.jsonl --student folder:small-model "
        '--i-own-this "our own model, served by us"',
    ),
)


def distil(
    run: Annotated[
        Path, typer.Argument(metavar="RUN", help="The run's folder; the same command goes on.")
    ],
    *,
    teacher: Annotated[
        str, typer.Option(help="chains, smollm2, folder:PATH, or endpoint:URL (up to /v1).")
    ] = "chains",
    model: Annotated[
        str | None,
        typer.Option(help="What the endpoint calls its model; its key: STILLWATCH_TEACHER_KEY."),
    ] = None,
    concurrency: Annotated[
        int, typer.Option(min=1, max=64, help="Questions to the endpoint at a time.")
    ] = 4,
    i_own_this: Annotated[
        str | None,
        typer.Option(
            "--i-own-this",
            metavar="TEXT",
            help="Your right to distil this teacher, in your words, for the card; an endpoint is "
            "not asked without.",
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(
            help="base (knows the form of chains), small (new), partial (of the teacher), or "
            "folder:PATH; base for chains, else partial, or small where weights are elsewhere."
        ),
    ] = None,
    size: Annotated[
        str, typer.Option(help="Layers, width and heads of a small student.")
    ] = "3,64,4",
    keep_layers: Annotated[
        int | None,
        typer.Option(
            min=0, help="Layers of the teacher that a partial student keeps; 0: all; 16 of SmolLM2."
        ),
    ] = None,
    train_layers: Annotated[
        int | None,
        typer.Option(min=0, help="Top layers that learn; 0: everything does; 8 of SmolLM2."),
    ] = None,
    method: Annotated[str, typer.Option(help="sequence, logits, on_policy or best_of.")] = (
        "sequence"
    ),
    divergence: Annotated[
        str, typer.Option(help="forward, reverse or js, for logits and on_policy.")
    ] = "forward",
    soften: Annotated[
        float, typer.Option(help="The temperature that softens both sides' logits.")
    ] = 1.0,
    top: Annotated[
        int, typer.Option(min=0, help="Only this many of the teacher's logits; 0: all.")
    ] = 0,
    hard: Annotated[
        float, typer.Option(min=0, max=1, help="Share of plain cross-entropy, for logits.")
    ] = 0.1,
    own_policy: Annotated[
        float, typer.Option(min=0, max=1, help="Share of on_policy's steps on its own answers.")
    ] = 0.5,
    samples: Annotated[int, typer.Option(min=2, max=64, help="best_of what number.")] = 4,
    temperature: Annotated[
        float | None,
        typer.Option(min=0, max=10, help="Of the teacher's answers; 0, and 0.8 for best_of."),
    ] = None,
    subject: Annotated[
        str | None,
        typer.Option(help="chains, or records (sentences into JSON); --prompts gives your own."),
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(help='JSON Lines of {"prompt": "…"}, with an "answer" where it is known.'),
    ] = None,
    public: Annotated[
        Path | None, typer.Option(help="JSON Lines of public texts to mix in, in the same form.")
    ] = None,
    mix: Annotated[
        str | None,
        typer.Option(help="Shares of sources, as own=1,teacher=4,public=1; else by count."),
    ] = None,
    asked: Annotated[
        int | None, typer.Option("--examples", min=1, help="Prompts that the teacher answers.")
    ] = None,
    fewer: Annotated[
        str | None,
        typer.Option(help="Numbers of examples for further students, for the curve; or none."),
    ] = None,
    own: Annotated[int, typer.Option(min=0, help="Own examples, with right answers.")] = 20,
    public_texts: Annotated[int, typer.Option(min=0, help="Public texts, at most.")] = 0,
    held_out: Annotated[
        int | None, typer.Option(min=1, help="Prompts held out to measure with.")
    ] = None,
    longest: Annotated[
        int, typer.Option(min=1, max=8192, help="Tokens of an answer to your own prompts.")
    ] = 128,
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of training.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Texts a step.")] = None,
    rate: Annotated[float | None, typer.Option(min=0, help="Learning rate, at its peak.")] = None,
    points: Annotated[int, typer.Option(min=1, max=50, help="Measurements while training.")] = 4,
    seed: Annotated[int, typer.Option(min=0, help="Of all that is drawn.")] = 0,
    secret: Annotated[int, typer.Option(min=0, help="Which secret tables, for chains.")] = 0,
    device: Annotated[str, typer.Option(help="cpu, cuda or auto.")] = "cpu",
    bf16: Annotated[
        bool, typer.Option("--bf16", help="The teacher in half precision, on a GPU.")
    ] = (False),
    threads: Annotated[
        int, typer.Option(min=1, help="CPU threads; on a busy machine one is the fastest.")
    ] = 1,
    cache: Annotated[
        Path | None, typer.Option(help="Where made teachers are kept; ~/.cache/stillwatch/lab.")
    ] = None,
    json: Json = False,
) -> None:
    """Distil a model of your own into a smaller one.

    Writes the student (a Hugging Face folder), a card of what was used and by what right, and the
    curve of student against teacher, beside a student that had no teacher. Killed at any moment,
    the same command goes on and ends with the same student.
    """
    from stillwatch.cli.bars import watching
    from stillwatch.cli.lab_ready import ready
    from stillwatch.cli.printing import emit

    ready(threads)
    from stillwatch.lab.distilling.material import Counts
    from stillwatch.lab.distilling.recipe import Recipe
    from stillwatch.lab.distilling.run import distil as distilled
    from stillwatch.lab.distilling.students import StudentSpec
    from stillwatch.lab.distilling.usual import CHAINS, TEXTS
    from stillwatch.lab.teachers.chains import Upbringing
    from stillwatch.lab.teachers.choosing import TeacherSpec
    from stillwatch.lab.training import Schedule

    teacher_kind, place = _kind(teacher)
    if subject is None:
        subject = "own" if prompts else "chains" if teacher_kind == "chains" else "records"
    usual = CHAINS if subject == "chains" else TEXTS
    if student is None:
        student = {"chains": "base", "endpoint": "small"}.get(teacher_kind, "partial")
    student_kind, path = _kind(student)
    part = TEXTS if (teacher_kind, student_kind) == ("smollm2", "partial") else CHAINS
    counts = Counts(asked or usual.examples, held_out or usual.held_out, own, public_texts)
    many = steps or usual.steps
    recipe = Recipe(
        subject=subject,
        prompts=prompts,
        public=public,
        teacher=TeacherSpec(teacher_kind, place, model, concurrency),
        student=StudentSpec(
            student_kind,
            _size(size),
            path,
            part.keep if keep_layers is None else keep_layers,
            part.train if train_layers is None else train_layers,
        ),
        method=_method(method, divergence, soften, top, hard, own_policy, samples, temperature),
        counts=counts,
        fewer=_fewer(fewer, counts.asked),
        mixture=_mixture(mix),
        schedule=Schedule(
            steps=many,
            batch=batch or usual.batch,
            rate=rate or usual.rate,
            warm_up=min(20, many),
            seed=seed,
            save_every=-(-many // points),
        ),
        longest=longest,
        raised=Upbringing(secret=secret),
        right=i_own_this,
        seed=seed,
        device=device,
        bf16=bf16,
    )
    with watching(json) as watch:
        card = distilled(run, recipe, cache, watch)
    if json:
        emit(card)
        return
    _tell(run, recipe, card)


def _kind(text: str) -> tuple[str, str | None]:
    """`folder:PATH` as its kind and its place."""
    kind, _, place = text.partition(":")
    return kind, place or None


def _numbers(text: str, many: int) -> tuple[int, ...]:
    words = text.replace(",", " ").split()
    if len(words) != many or not all(word.isascii() and word.isdigit() for word in words):
        raise typer.BadParameter(f"{text!r} are not {many} numbers; write 3,64,4")
    return tuple(map(int, words))


def _size(text: str) -> Size:
    from stillwatch.lab.small import Size

    layers, width, heads = _numbers(text, 3)
    if min(layers, heads) < 1 or width < 1 or width % (2 * heads):
        raise typer.BadParameter(f"{text!r}: the width is a multiple of twice the heads")
    return Size(layers, width, heads)


def _fewer(text: str | None, most: int) -> tuple[int, ...]:
    """A quarter of the examples where nothing is said."""
    if text is None:
        return (most // 4,) if most >= 4 else ()
    if text == "none":
        return ()
    return tuple(sorted(set(_numbers(text, len(text.replace(",", " ").split())))))


def _mixture(text: str | None) -> Mapping[str, float] | None:
    if text is None:
        return None
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        return {name.strip(): float(weight) for name, _, weight in pairs}
    except ValueError:
        raise typer.BadParameter(f"{text!r} isn't a mixture; write own=1,teacher=4") from None


def _method(
    name: str,
    kind: str,
    soften: float,
    top: int,
    hard: float,
    own: float,
    samples: int,
    temperature: float | None,
) -> Method:
    from stillwatch.lab.distilling.divergences import Divergence
    from stillwatch.lab.distilling.methods.best_of import BestOf
    from stillwatch.lab.distilling.methods.logits import LogitLevel
    from stillwatch.lab.distilling.methods.on_policy import OnPolicy
    from stillwatch.lab.distilling.methods.sequence import SequenceLevel

    divergence = Divergence(kind, temperature=soften, top=top)
    drawn = temperature or 0.0
    if name == "sequence":
        return SequenceLevel(drawn)
    if name == "logits":
        return LogitLevel(divergence, hard, drawn)
    if name == "on_policy":
        return OnPolicy(divergence, own, temperature=drawn)
    if name == "best_of":
        return BestOf(samples, 0.8 if temperature is None else temperature)
    raise typer.BadParameter(f"there is no method {name!r}; sequence, logits, on_policy, best_of")


def _tell(run: Path, recipe: Recipe, card: Mapping[str, Any]) -> None:
    from stillwatch.cli.printing import people, safe

    console, figures = people(), card["figures"]
    console.print(safe(f"{card['teacher']['name']}, {recipe.method.name}: held-out figures"))
    console.print(f"  {'':<26}{'loss':>8}{'right':>9}{'agrees':>9}")
    rows = [("no teacher, at its best", figures["no_teacher_best"])]
    rows += [
        (f"{row['examples']:,} examples", row)
        for row in card["curve"]["by_examples"]
        if row["examples"]
    ]
    for title, row in [*rows, ("teacher", figures["teacher"])]:
        loss = "-" if row["loss"] is None else f"{row['loss']:.3f}"
        shares = [
            "-" if row[name] is None else f"{row[name]['share']:.3f}"
            for name in ("accuracy", "agreement")
        ]
        console.print(f"  {title:<26}{loss:>8}{shares[0]:>9}{shares[1]:>9}")
    aside = card["data"]["put_aside"]
    if aside:
        first = card["data"]["put_aside_first"][0]
        console.print(safe(f"  {aside:,} lines put aside, the first: {first}"), soft_wrap=True)
    console.print(safe(f"Student in {run / 'student'}, card in {run / 'card.md'}"), soft_wrap=True)
