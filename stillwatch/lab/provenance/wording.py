"""What a trial says in words: what each null is, the verdict, and what else would explain it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.lab.provenance.schemes.null import Trials

if TYPE_CHECKING:
    from stillwatch.lab.provenance.plan import Test
    from stillwatch.lab.provenance.schemes.scheme import Scheme

SHOWN, NOT_SHOWN, REFUSED = "shown", "not shown", "refused"

_MATERIAL = {
    "marked": "the text that was found",
    "closed": "the suspect's own output",
    "open_unsupervised": "the suspect's predictions on texts that the key didn't mark",
    "open_supervised": "the suspect's predictions on answers that were served",
}
_EXACT = {
    "fresh": "Each score is a fresh draw given all before it: the null is exact by optional "
    "skipping.",
    "context": "Within a text each score is a fresh draw given all before it; across texts the "
    "null is exact where the texts were not drawn by the key, and nearly so where they were.",
    "pair": "The null is exact where the texts were not drawn by the key; where they were, what is "
    "left errs against a finding.",
}


def null_of(test: Test, scheme: Scheme | None) -> str:
    """What a test's p-value is a probability under, and when that is exact."""
    if test.mode == "membership":
        return (
            "Which answers were served is shuffled: exact if served and held-out answers were "
            "parted at random before any was served."
        )
    if test.mode == "canaries":
        return (
            "A canary's rank among references drawn as it was: exact for each canary; their "
            "combination (Fisher) errs on the safe side."
        )
    assert scheme is not None
    material = _MATERIAL[test.mode]
    said = f"Scores of {material} under a key drawn at random, independent of it."
    if test.statistic in ("mass", "contrast"):
        said += " The tail of the weighted sum is a saddlepoint's, checked by wrong keys."
    else:
        law = "binomial" if isinstance(scheme.null, Trials) else "gamma"
        said += f" The tail is {law}, computed in full."
    if test.mode != "open_supervised":
        return f"{said} It is exact where prompts and texts were not drawn by the key."
    return f"{said} {_EXACT[test.exclusion]}"


def verdict_words(code: str, alpha: str, names: list[str], refusals: list[str]) -> str:
    """The verdict in a sentence or two."""
    if code == REFUSED:
        return "No verdict: " + "; ".join(refusals) + "."
    if code == SHOWN:
        tests = ", ".join(names)
        return (
            f"At the registered level of {alpha}, corrected for all tests and runs, the suspect "
            f"shows what it would show by chance with at most that probability had it never "
            f"learned from this material ({tests})."
        )
    return (
        f"Nothing was shown at the registered level of {alpha}, corrected for all tests and runs. "
        "That is no proof of the contrary: paraphrased, filtered or diluted text leaves no such "
        "traces."
    )


def alternatives(modes: set[str]) -> list[str]:
    """What a finding is consistent with, and what it isn't about; read before it is used."""
    found = []
    if modes & {"closed", "open_unsupervised", "open_supervised"}:
        found.append(
            "The suspect was trained on text generated with the key, by any route: directly, "
            "through a public dump, through customers who published answers, or through the "
            "outputs of another model that was."
        )
        found.append(
            "The suspect, or what it was made of, was itself served or trained with the key (a "
            "model of the same house, a leaked checkpoint)."
        )
        found.append(
            "Whoever had the key and wished to make this finding could have produced it; the "
            "commitment shows that the key was fixed before, not who held it."
        )
    if "marked" in modes:
        found.append(
            "The text, or much of it, was generated with the key; who generated it, and what was "
            "done with it, the test can't tell. Quotations count as what they quote."
        )
    if "canaries" in modes:
        found.append("The planted texts reached the suspect's training data by any route.")
    if "membership" in modes:
        found.append(
            "The served answers, or others that say the same, were in the training data; or the "
            "served and the held-out answers differ in another way than by having been served."
        )
    found.append(
        "The p-value is the probability of such data if nothing was learned; it is not the "
        "probability that nothing was learned, and says nothing of intent, terms or law."
    )
    return found
