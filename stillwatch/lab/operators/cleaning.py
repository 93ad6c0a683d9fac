"""Cleans what is served with nothing but what is served: sorts, drops, votes."""

from __future__ import annotations

from stillwatch.lab.operators.operator import OWN_WEIGHT, Holdings, Lesson
from stillwatch.lab.operators.votes import Votes
from stillwatch.lab.tasks.task import Example


class Cleaning:
    """Sorts steps and drops traces that contradict themselves; or outvotes what is false."""

    name = "cleaning"
    says = "sorts steps, drops what contradicts itself, rewrites by votes"

    def lessons(self, holdings: Holdings) -> list[Lesson]:
        """Filtered, and rewritten by votes."""
        return [filtered(holdings), voted(holdings)]


def filtered(holdings: Holdings) -> Lesson:
    """Steps in their order; of traces that are whole, those that end in the served answer.

    Where none is coherent, reasoning isn't served whole, and all of it is kept.
    """
    reader, parts = holdings.reader, holdings.parts()
    good = [(prompt, told) for prompt, told in parts if reader.coherent(prompt, told)]
    kept = good or parts
    examples = [Example(prompt, reader.written(told)) for prompt, told in kept]
    share = len(kept) / len(parts) if parts else 0.0
    told = holdings.served.log_probabilities if examples == holdings.lessons else None
    return Lesson("filtered", [*holdings.own, *examples], told, {"kept": round(share, 4)})


def voted(holdings: Holdings) -> Lesson:
    """Every trace written anew by what most steps say; as it was where votes don't reach."""
    reader, known = holdings.reader, votes_of(holdings).winners()
    examples, solved = [], 0
    for prompt, told in holdings.parts():
        completion = reader.solved(prompt, known)
        solved += completion is not None
        examples.append(Example(prompt, completion or reader.written(told)))
    share = solved / len(examples) if examples else 0.0
    told = holdings.served.log_probabilities if examples == holdings.lessons else None
    return Lesson("voted", [*holdings.own, *examples], told, {"rewritten": round(share, 4)})


def votes_of(holdings: Holdings) -> Votes:
    """The claims of all that is held; one's own count for most."""
    reader, votes = holdings.reader, Votes()
    for example in holdings.own:
        votes.count(reader.claims(example.prompt, reader.parts(example.completion)), OWN_WEIGHT)
    for prompt, told in holdings.parts():
        votes.count(reader.claims(prompt, told))
    return votes
