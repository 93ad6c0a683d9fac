"""The countermeasures there are, by name, and what each says of itself.

Figures are of the literature or of this project's own lab, and `docs/countermeasures.md` has the
sources. Nothing is registered by being imported: what isn't here is no measure.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from stillwatch.countermeasures.measure import About, Needs
from stillwatch.display import plain
from stillwatch.errors import MeasureRefused

_ALL = (
    About(
        "trace-policy",
        "shows reasoning in full, as a summary, or not at all, by tenant and risk tier",
        Needs.NO_LOGITS,
        "customers in a tier that isn't full can't read, check or debug the model's reasoning",
        "trace inversion: a model trained to guess traces from answers gives part of them back; "
        "tasks without reasoning lose nothing",
        default="full; a summary at elevated risk, withheld at high risk",
    ),
    About(
        "stripping",
        "takes out log-probabilities, logit bias and opt-outs from watermarks",
        Needs.NO_LOGITS,
        "no calibration or constrained choice by log-probabilities, where they are stripped",
        "distillation from text alone, which is what most operators do",
        default="watermark opt-outs always; log-probabilities and logit bias where the gate says",
    ),
    About(
        "sealing",
        "seals reasoning that clients carry to tenant, conversation, model and an expiry",
        Needs.NO_LOGITS,
        "a conversation can't be carried over to another account or model with its reasoning",
        "whoever replays within the same conversation, before the expiry",
    ),
    About(
        "summarising",
        "puts a summary in the place of a trace; withholds where there is none in time",
        Needs.NO_LOGITS,
        "steps are left out, one more model call, and waiting for it",
        "summaries are what published inversion attacks start from",
    ),
    About(
        "canaries",
        "plants a random code in some answers to accounts above a risk threshold",
        Needs.NO_LOGITS,
        "a meaningless line at the end of an answer now and then",
        "whoever drops unusual lines, or paraphrases; below 8 repeats there is little to find",
    ),
    About(
        "marks",
        "asks the model to prefer one of several equal phrases, by account and epoch",
        Needs.NO_LOGITS,
        "a few tokens of system prompt, and a slight habit of style",
        "paraphrase in part; whoever normalises style",
    ),
    About(
        "watermark",
        "configures the engine's own watermark with a key per epoch and tenant group",
        Needs.LOGITS,
        "none that was measured for Gumbel and SynthID; a bias on tokens with SBW",
        "paraphrase and neutralisation at inference remove what a student inherits",
    ),
    About(
        "antidistillation",
        "samples tokens that would teach a proxy student least",
        Needs.LOGITS,
        "served reasoning is wrong in the measure in which it works, and two more forward passes",
        "students that drop inconsistent traces, or verify answers themselves",
        truthful=False,
        experimental=True,
    ),
    About(
        "product-of-experts",
        "samples from the product of the model and a proxy student",
        Needs.LOGITS,
        "served reasoning is wrong in the measure in which it works, and one more forward pass",
        "students that drop inconsistent traces, or verify answers themselves",
        truthful=False,
        experimental=True,
    ),
)

MEASURES = {about.name: about for about in _ALL}
"""Every countermeasure, by its name."""


def chosen(names: Iterable[str], *, serve_false_reasoning: bool = False) -> list[About]:
    """The measures of these names; one that serves false reasoning needs the switch as well.

    Raises `MeasureRefused` for a name that isn't known, and for a missing switch.

    >>> [about.name for about in chosen(["stripping"])]
    ['stripping']
    """
    found: list[About] = []
    for name in names:
        about = MEASURES.get(name)
        if about is None:
            near = difflib.get_close_matches(name[:100], MEASURES, 1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(MEASURES)}"
            raise MeasureRefused(plain(name, 60), "is no countermeasure", hint)
        if not (about.truthful or serve_false_reasoning):
            raise MeasureRefused(
                name,
                "serves false reasoning to customers who may be innocent",
                "Say so with the switch for it (serve_false_reasoning), or leave it out",
            )
        found.append(about)
    return found
