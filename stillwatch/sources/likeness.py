"""How well a path of a sample fits a column: by its name, and by what its values look like."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stillwatch.sources import looks
from stillwatch.sources.paths import Path
from stillwatch.sources.sample import Leaf


@dataclass(frozen=True)
class Likeness:
    """What tells a column: names (the best first), and what its values must look like."""

    column: str
    names: tuple[str, ...]
    look: Callable[[Any], bool]
    unnamed: bool = False
    """What its values look like tells it without a name."""
    differ: tuple[float, float] = (0.0, 1.0)
    """Between these shares of a larger sample's values differ."""


LIKENESSES = (
    Likeness(
        "ts",
        (
            "start(ed)?_?(at|time)?|begin|began",
            "timestamp|time_?stamp|ts",
            "time|when|date(time)?|at",
            "(created|requested|received|logged|event)_?(at|time|ts|date)?",
        ),
        lambda value: looks.is_time(value) or looks.time_format([value]) is not None,
        unnamed=True,
    ),
    Likeness(
        "exchange_id",
        (
            "(exchange|request|req|call|completion|interaction|generation)_?(id|uuid|guid)",
            "id|_id|uuid|guid|rid",
            "(trace|event|message|msg|log|record|correlation|transaction)_?(id|uuid)",
        ),
        looks.is_name,
        differ=(0.98, 1.0),
    ),
    Likeness(
        "account_id",
        (
            "account(_?id)?|acct(_?id)?",
            "(customer|client|tenant|user|subscriber|consumer)_?(id|uuid)|uid",
            "user|customer|caller|principal|owner|sub(ject)?|who|actor|member|tenant|username|login",
        ),
        looks.is_name,
        differ=(0.0, 0.9),
    ),
    Likeness(
        "org_id",
        ("org(anization|anisation)?(_?id)?", "(team|company|workspace|project)(_?id)?"),
        looks.is_name,
        differ=(0.0, 0.9),
    ),
    Likeness(
        "key_id",
        ("api_?key(_?(id|hash|name))?", "(key|token|credential)(_?(id|hash|name))?"),
        looks.is_name,
        differ=(0.0, 0.9),
    ),
    Likeness(
        "conversation_id",
        ("conversation(_?id)?|conv(_?id)?", "(session|thread|chat|dialog(ue)?)(_?id)?"),
        looks.is_name,
    ),
    Likeness(
        "end_user", ("end_?user(_?id)?", "safety_identifier|external_?user(_?id)?"), looks.is_name
    ),
    Likeness(
        "model",
        ("model(_?(name|id))?", "(requested_?)?(model|engine|llm|deployment)(_?(name|id))?"),
        looks.is_name,
        differ=(0.0, 0.5),
    ),
    Likeness(
        "system",
        ("system(_?(prompt|message|instructions?|text))?", "instructions?|preamble|persona"),
        looks.is_text,
    ),
    Likeness(
        "prompt",
        (
            "prompt(_?text)?|user_?(prompt|message|input|text)",
            "question|query|input(_?text)?|ask(ed)?|utterance",
            "message|text|request(_?text)?|body|content|said|in",
        ),
        looks.is_text,
    ),
    Likeness(
        "response",
        (
            "response(_?text)?|completion(_?text)?|answer",
            "output(_?text)?|reply|replied|result|generated(_?text)?",
            "assistant(_?(message|text))?|bot(_?(message|text))?|text|content|out",
        ),
        looks.is_text,
    ),
    Likeness(
        "input_tokens",
        (
            "(input|prompt)_?tok(en)?s?(_?count)?",
            "tok(en)?s?_?(in|input|prompt)|(in|request)_?tok(en)?s?",
        ),
        looks.is_count,
    ),
    Likeness(
        "output_tokens",
        (
            "(output|completion)_?tok(en)?s?(_?count)?",
            "tok(en)?s?_?(out|output|completion)|(out|response|generated)_?tok(en)?s?",
        ),
        looks.is_count,
    ),
    Likeness(
        "reasoning_tokens",
        ("(reasoning|thinking)_?tok(en)?s?(_?count)?", "tok(en)?s?_?(reasoning|thinking)"),
        looks.is_count,
    ),
    Likeness(
        "cached_tokens",
        ("cached?(_?read)?(_?input)?_?tok(en)?s?(_?count)?", "tok(en)?s?_?cached?"),
        looks.is_count,
    ),
    Likeness(
        "max_tokens",
        ("max_?(output_?|completion_?|new_?)?tok(en)?s?", "tok(en)?s?_?(limit|max)"),
        looks.is_count,
    ),
    Likeness("temperature", ("temp(erature)?",), looks.is_number),
    Likeness("thinking", ("thinking(_?enabled)?|reasoning(_?enabled)?",), looks.is_truth),
    Likeness(
        "stop_reason",
        ("(stop|finish|end)_?reason", "finish(ed)?|stop(ped)?(_?by)?"),
        looks.is_name,
        differ=(0.0, 0.3),
    ),
    Likeness(
        "status",
        ("(http_?)?status(_?code)?", "(response_?)?code|http"),
        looks.is_status,
        differ=(0.0, 0.3),
    ),
    Likeness(
        "latency_ms",
        (
            "latency(_?(ms|s|us|ns|sec|seconds|millis))?",
            "(duration|elapsed|took|response_?time|time_?taken)(_?(ms|s|us|ns|sec|seconds|millis))?",
        ),
        looks.is_number,
    ),
    Likeness(
        "ip",
        (
            "(client_?|source_?|src_?|remote_?)?ip(_?addr(ess)?)?",
            "remote_?addr(ess)?|addr(ess)?|x_?forwarded_?for|client|peer|from|via",
        ),
        looks.is_address,
        unnamed=True,
    ),
    Likeness("user_agent", ("user_?agent|ua", "agent|client|sdk|app"), looks.is_agent),
    Likeness("country", ("country(_?code)?", "geo|cc|region"), looks.is_country),
    Likeness("asn", ("asn|as_?number",), looks.is_count),
    Likeness("ja4", ("ja4",), looks.is_fingerprint, unnamed=True),
    Likeness("device_id", ("device(_?id)?|installation(_?id)?|machine_?id",), looks.is_name),
    Likeness("surface", ("surface|channel|platform",), looks.is_name, differ=(0.0, 0.3)),
    Likeness("tools", ("tools?(_?names)?|functions",), looks.is_names),
)
"""Every column that one value can fill, the surest to be told first."""

_LATER = re.compile(
    r"end|finish|complet|updat|expir|first_?token|response|received|modif|until|done"
)
_THEIRS = re.compile(
    r"response|output|reply|answer|result|completion|assistant|choice|usage|stats|meta"
)


def score(likeness: Likeness, leaf: Leaf, records: int) -> float:
    """How well `leaf` fits: 0 not at all, up to about 4; from 2 on both name and values say it."""
    values = leaf.values
    if len(values) < max(1, 0.02 * records) or looks.share(values, likeness.look) < 0.8:
        return 0.0
    if len(values) >= 20:
        low, high = likeness.differ
        if not low <= looks.variety(values) <= high:
            return 0.0
    named = named_like(likeness, leaf.path)
    if not named:
        return looks.UNNAMED if likeness.unnamed else 0.0
    points = 1.0 + named
    points += 0.3 * min(1.0, len(values) / max(1, records))
    points -= 0.05 * len(leaf.path)
    if likeness.column == "ts" and is_later(leaf.path):
        points -= 1.0
    if likeness.column in ("prompt", "system") and _THEIRS.search(_words(leaf.path)):
        points -= 1.0
    if likeness.column == "model" and looks.share(values, looks.is_model) > 0.5:
        points += 0.5
    return points


def is_later(path: Path) -> bool:
    """Whether a time at `path` is by its name the end of something, or of something after it."""
    return bool(_LATER.search(_words(path)))


def _words(path: Path) -> str:
    return " ".join(str(step) for step in path).lower()


def named_like(likeness: Likeness, path: Path) -> float:
    """2 for the best of the likeness's names, less for the others, 0 for none of them.

    A name counts alone and with the name that it stands under: `user.id` is a `user_id`.
    """
    names = [step for step in path if isinstance(step, str)]
    if not names:
        return 0.0
    last = snake(names[-1])
    both = f"{snake(names[-2])}_{last}" if len(names) > 1 else last
    for place, pattern in enumerate(likeness.names):
        if re.fullmatch(pattern, both):
            return 2.0 - 0.4 * place
        if re.fullmatch(pattern, last):
            return 1.9 - 0.4 * place
        if re.search(rf"(^|_)({pattern})$", last):
            return 1.0 - 0.2 * place
    return 0.0


def snake(name: str) -> str:
    """A name in small letters, its parts joined by underscores.

    >>> snake("requestID"), snake("user.Agent"), snake("X-Forwarded-For")
    ('request_id', 'user_agent', 'x_forwarded_for')
    """
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name)
    return re.sub(r"[^a-z0-9]+", "_", parted.lower()).strip("_")
