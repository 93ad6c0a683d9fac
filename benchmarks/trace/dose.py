"""Every statistic on one model: its p-value, effect and pairs, with and without exclusion."""

from __future__ import annotations

from typing import Any

from benchmarks.trace.students import predicted
from stillwatch.lab.provenance.controls import Scored, score
from stillwatch.lab.provenance.predictions import STATISTICS, Predictions, guesses
from stillwatch.lab.provenance.schemes.scheme import Scheme
from stillwatch.lab.provenance.scoring import collected, own_tokens
from stillwatch.lab.provenance.texts import Texts

EXCLUSION = "context"


def open_scores(
    model: Any,
    reference: Predictions,
    texts: Texts,
    scheme: Scheme,
    mode: str,
    naive: bool = False,
) -> dict[str, Scored]:
    """Scores by `MODE:STATISTIC`; with `naive` two also without exclusion, as `/none`."""
    told = predicted(model, texts)
    found = {}
    for statistic in STATISTICS:
        made = guesses(texts, told, statistic, reference)
        name = f"{mode}:{statistic}"
        found[name] = score(scheme, collected(texts, made, scheme, EXCLUSION))
        if naive and statistic in ("tokens", "mass"):
            found[f"{name}/none"] = score(scheme, collected(texts, made, scheme, "none"))
    return found


def closed_score(text: Texts, scheme: Scheme) -> dict[str, Scored]:
    """The score of a suspect's own output."""
    return {"closed:tokens": score(scheme, collected(text, own_tokens(text), scheme, EXCLUSION))}


def line(scored: Scored) -> dict[str, Any]:
    """A score as the record keeps it."""
    return {
        "p": float(f"{scored.p:.4g}"),
        "deviations": round(scored.deviations, 3),
        "pairs": scored.pairs,
        "evidence": scored.evidence,
        "effect": round(scored.effect, 5),
    }
