"""Inverts what is served: a model that writes the reasoning back, kept honest by a verifier.

An inverter, which knows the form of reasoning from public texts as all students do, learns from
one's own whole examples to go from a prompt with its answer (and summary) to the reasoning. What it
draws is kept where it follows from the prompt, ends in the served answer, and has most support
among all that was drawn; it learns from that, and so on.
After "How to Steal Reasoning Without Reasoning Traces" (arXiv 2603.07267) and STaR (2203.14465).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from stillwatch.lab.operators.operator import Holdings, Lesson
from stillwatch.lab.operators.votes import Votes
from stillwatch.lab.tasks.reading import UNTOLD, Claim, Parts, Reader
from stillwatch.lab.tasks.task import Example, Tokens


def inverted(holdings: Holdings) -> Lesson:
    """Whole traces reconstructed from shortened ones, in several rounds."""
    effort, told = holdings.effort, holdings.parts()
    given = told[: effort.prompts]
    traces: list[Example] = []
    for round_ in range(effort.rounds):
        inverter = holdings.school.student(
            [_turned(holdings, example) for example in [*holdings.own, *traces]]
        )
        asked = [_asked(holdings, prompt, parts) for prompt, parts in given] * effort.traces
        drawn = holdings.school.drawn(inverter, asked, 1.0, holdings.seed + round_)
        pairs = zip(given * effort.traces, drawn, strict=True)
        traces = _verified(holdings, ((prompt, parts, said) for (prompt, parts), said in pairs))
    share = len({trace.prompt for trace in traces}) / len(given) if given else 0.0
    figures = {"traces": float(len(traces)), "reconstructed": round(share, 4)}
    return Lesson("inverted", [*holdings.own, *traces], figures=figures)


def _verified(holdings: Holdings, drawn: Iterable[tuple[Tokens, Parts, Tokens]]) -> list[Example]:
    """The best-supported trace of each prompt, for the better half of prompts.

    A trace counts where it is coherent, ends and goes through as served, and contradicts none of
    one's own examples. Its support is the share of votes that its claims have, over all that count.
    """
    reader, own, votes = holdings.reader, Votes(), Votes()
    for example in holdings.own:
        own.count(reader.claims(example.prompt, reader.parts(example.completion)))
    true = own.winners()
    found: dict[tuple[Tokens, Tokens], list[Claim]] = {}
    for prompt, parts, said in drawn:
        whole = Parts(reader.parts(said).steps, parts.answer)
        if not reader.coherent(prompt, whole) or not _as_told(reader, prompt, whole, parts):
            continue
        claims = reader.claims(prompt, whole)
        if all(true.get(question, result) == result for question, result in claims):
            found[prompt, reader.written(whole)] = claims
    for claims in found.values():
        votes.count(claims)
    best: dict[Tokens, tuple[float, Tokens]] = {}
    for (prompt, completion), claims in found.items():
        best[prompt] = max(best.get(prompt, (-math.inf, ())), (votes.support(claims), completion))
    ranked = sorted(best.items(), key=lambda item: -item[1][0])
    return [Example(prompt, said) for prompt, (_, said) in ranked[: math.ceil(len(ranked) / 2)]]


def _as_told(reader: Reader, prompt: Tokens, whole: Parts, parts: Parts) -> bool:
    mine, told = reader.walk(prompt, whole), reader.walk(prompt, parts)
    if mine is None or told is None:
        return False
    return all(pin in (UNTOLD, own) for own, pin in zip(mine.pins, told.pins, strict=True))


def _turned(holdings: Holdings, example: Example) -> Example:
    """From what would be served of a whole example to its reasoning."""
    reader, told = holdings.reader, holdings.served.told
    whole = reader.parts(example.completion)
    short = whole if told is None else told(whole)
    return Example(_asked(holdings, example.prompt, short), reader.written(Parts(whole.steps)))


def _asked(holdings: Holdings, prompt: Tokens, parts: Parts) -> Tokens:
    # before the prompt, so that the way from there to the reasoning is as in all other texts
    return holdings.reader.written(parts, first=True)[:-1] + prompt
