"""Inverts what is served: a model that writes the reasoning back, kept honest by a verifier.

An inverter learns, from one's own whole examples and from public ones, to go from a prompt with its
answer (and summary) to the reasoning. What it draws is kept where it follows from the prompt, ends
in the served answer, and isn't outvoted by what else was kept; then it learns from that, and so on.
After "How to Steal Reasoning Without Reasoning Traces" (arXiv 2603.07267) and STaR (2203.14465).
"""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.lab.operators.operator import OWN_WEIGHT, Holdings, Lesson
from stillwatch.lab.operators.votes import Votes, supported
from stillwatch.lab.tasks.reading import Parts
from stillwatch.lab.tasks.task import Example, Tokens

_PUBLIC = 2_000
"""Public texts that an inverter learns the form from."""
_OWN_TIMES = 10
"""How often one's own examples come among them."""


def inverted(holdings: Holdings) -> Lesson:
    """Whole traces reconstructed from shortened ones, in several rounds."""
    effort, told = holdings.effort, holdings.parts()
    given = told[: effort.prompts]
    base = [*holdings.public[:_PUBLIC], *(list(holdings.own) * _OWN_TIMES)]
    traces: list[Example] = []
    for round_ in range(effort.rounds):
        # what was reconstructed matters more than public texts, which tell of other tables
        public = base if not traces else list(holdings.own) * _OWN_TIMES
        inverter = holdings.school.student(
            [_turned(holdings, example) for example in [*public, *traces]]
        )
        asked = [_asked(holdings, prompt, parts) for prompt, parts in given] * effort.traces
        drawn = holdings.school.drawn(inverter, asked, 1.0, holdings.seed + round_)
        pairs = zip(given * effort.traces, drawn, strict=True)
        traces = _verified(holdings, ((prompt, parts, said) for (prompt, parts), said in pairs))
    share = len({trace.prompt for trace in traces}) / len(given) if given else 0.0
    figures = {"traces": float(len(traces)), "reconstructed": round(share, 4)}
    return Lesson("inverted", [*holdings.own, *traces], figures=figures)


def _verified(holdings: Holdings, drawn: Iterable[tuple[Tokens, Parts, Tokens]]) -> list[Example]:
    """Coherent, ending as served, and with no claim that is outvoted by the rest of those."""
    reader, votes = holdings.reader, Votes()
    for example in holdings.own:
        votes.count(reader.claims(example.prompt, reader.parts(example.completion)), OWN_WEIGHT)
    found: dict[tuple[Tokens, Tokens], Parts] = {}
    for prompt, parts, said in drawn:
        whole = Parts(reader.parts(said).steps, parts.answer)
        if reader.coherent(prompt, whole) and _as_told(holdings, whole, parts):
            found[prompt, reader.written(whole)] = whole
    for (prompt, _), whole in found.items():
        votes.count(reader.claims(prompt, whole))
    known = votes.winners()
    good = [key for key, whole in found.items() if supported(reader.claims(key[0], whole), known)]
    return [Example(*key) for key in good]


def _as_told(holdings: Holdings, whole: Parts, parts: Parts) -> bool:
    told = holdings.served.told
    return told is None or parts in (told(whole), whole)


def _turned(holdings: Holdings, example: Example) -> Example:
    """From what would be served of a whole example to its reasoning."""
    reader, told = holdings.reader, holdings.served.told
    whole = reader.parts(example.completion)
    short = whole if told is None else told(whole)
    return Example(_asked(holdings, example.prompt, short), reader.written(Parts(whole.steps)))


def _asked(holdings: Holdings, prompt: Tokens, parts: Parts) -> Tokens:
    return prompt + holdings.reader.written(parts, first=True)[:-1]
