"""Parameters that give more than text, or less of a watermark: taken out, and told.

Log-probabilities are what logit distillation learns from; `logit_bias` reads them out one token at
a time where they aren't given (Carlini et al., "Stealing Part of a Production Language Model",
2024, arXiv 2403.06634); and where an engine watermarks, a client may opt out of it unless somebody
strips that: `watermarking: false` for vLLM
(https://docs.vllm.ai/en/latest/features/watermarking/), `watermark: {"enabled": false}` for SGLang
(https://docs.sglang.io/docs/advanced_features/text_watermarking).

Clients and gateways nest such parameters; they are looked for in all the containers of `WITHIN`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from stillwatch.countermeasures.forms import Body, Form, form_of
from stillwatch.countermeasures.measure import About, Pieces, Untouched, Who
from stillwatch.countermeasures.table import MEASURES


class Part(StrEnum):
    """A kind of parameter."""

    LOGPROBS = "logprobs"
    LOGIT_BIAS = "logit_bias"
    WATERMARK = "watermark"


ALL = frozenset(Part)

WITHIN = frozenset(
    {
        "extrabody",
        "extraargs",
        "vllmxargs",
        "samplingparams",
        "customparams",
        "parameters",
        "generationconfig",
        "nvext",
    }
)
"""Containers that are looked into, as `_plain` spells them."""

_NAMES = {
    Part.LOGPROBS: frozenset(
        {
            "logprobs",
            "toplogprobs",
            "promptlogprobs",
            "logprobtokenids",
            "returnlogprob",
            "toplogprobsnum",
            "tokenidslogprob",
            "logprobstartlen",
            "responselogprobs",
            "nprobs",
            "topntokens",
        }
    ),
    Part.LOGIT_BIAS: frozenset(
        {"logitbias", "logitsprocessors", "logitprocessors", "customlogitprocessor"}
    ),
}
_INCLUDED = "message.output_text.logprobs"
_OFF = (False, 0, "false", "off", "no", "0", "disabled", "none")
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Stripped:
    """A body, and the places of what was taken out of it, as `extra_body.watermarking`."""

    body: Body
    taken: tuple[str, ...]


def strip_request(request: Body, parts: Iterable[Part] = ALL) -> Stripped:
    """A request without `parts`, wherever a client put them.

    >>> strip_request({"model": "m", "extra_body": {"watermarking": False}})
    Stripped(body={'model': 'm', 'extra_body': {}}, taken=('extra_body.watermarking',))
    """
    taken: list[str] = []
    body = _without(request, frozenset(parts), (), taken)
    return Stripped(body, tuple(taken))


def strip_answer(answer: Body) -> Stripped:
    """An answer, or a piece of a streamed one, without log-probabilities."""
    taken: list[str] = []
    form = form_of(answer)
    if form is Form.CHAT:
        body = _emptied(answer, ("prompt_logprobs",), taken)
        body = _in_each(
            body, "choices", lambda c: _emptied(c, ("logprobs", "prompt_logprobs"), taken)
        )
    elif form is Form.GEMINI:
        gone = ("logprobsResult", "avgLogprobs", "logprobs_result", "avg_logprobs")
        body = _in_each(answer, "candidates", lambda told: _dropped(told, gone, taken))
    elif form is Form.RESPONSES:
        body = _response(answer, taken)
    elif isinstance(answer.get("meta_info"), dict):  # SGLang's own API
        gone = [name for name in answer["meta_info"] if "logprob" in name]
        body = {**answer, "meta_info": _dropped(answer["meta_info"], gone, taken)}
    else:
        body = answer
    return Stripped(body, tuple(dict.fromkeys(taken)))


class Stripping:
    """The measure. `parts` are always taken out; log-probabilities where the gate says so, too."""

    def __init__(self, parts: Iterable[Part] = (Part.WATERMARK,)) -> None:
        self._parts = frozenset(parts)

    @property
    def about(self) -> About:
        """What it says of itself."""
        return MEASURES["stripping"]

    def parts_for(self, who: Who) -> frozenset[Part]:
        """What is taken out for somebody."""
        gate = {Part.LOGPROBS, Part.LOGIT_BIAS} if "logprobs" in who.withhold else frozenset()
        return self._parts | gate

    def to_model(self, request: Body, who: Who) -> Body:
        """The request without them."""
        return strip_request(request, self.parts_for(who)).body

    def to_customer(self, answer: Body, who: Who) -> Body:
        """The answer without log-probabilities, for engines that give them unasked."""
        return strip_answer(answer).body if Part.LOGPROBS in self.parts_for(who) else answer

    def stream(self, who: Who) -> Pieces:
        """The same for a streamed answer."""
        return _Pieces() if Part.LOGPROBS in self.parts_for(who) else Untouched()


class _Pieces:
    def piece(self, body: Body) -> list[Body]:
        return [strip_answer(body).body]


def _plain(name: str) -> str:
    """A name as all spellings of it have in common: Gemini's come in two."""
    return name.replace("_", "").replace("-", "").lower()


def _without(held: Body, parts: frozenset[Part], place: tuple[str, ...], taken: list[str]) -> Body:
    told: Body = {}
    for name, value in held.items():
        key, here = _plain(name), (*place, name)
        if any(key in _NAMES.get(part, ()) for part in parts):
            taken.append(".".join(here))
        elif Part.WATERMARK in parts and key.startswith("watermark"):
            kept = _watermark(value, here, taken)
            if kept is not _GONE:
                told[name] = kept
        elif Part.LOGPROBS in parts and key == "include" and isinstance(value, list):
            told[name] = [each for each in value if each != _INCLUDED]
            if len(told[name]) < len(value):
                taken.append(".".join((*here, _INCLUDED)))
        elif key in WITHIN and isinstance(value, dict) and len(here) <= _DEEPEST:
            told[name] = _without(value, parts, here, taken)
        else:
            told[name] = value
    return told


_GONE = object()


def _watermark(value: Any, place: tuple[str, ...], taken: list[str]) -> Any:
    """A client may ask for a watermark, but not against it, and not for another one than ours."""
    if isinstance(value, dict):
        enabled = value.get("enabled", value.get("enable", True))
        if _is_off(enabled):
            taken.append(".".join(place))
            return _GONE
        taken += [".".join((*place, name)) for name in value if name not in ("enabled", "enable")]
        return {name: held for name, held in value.items() if name in ("enabled", "enable")}
    if _is_off(value) or not isinstance(value, bool | None):
        taken.append(".".join(place))
        return _GONE
    return value


def _is_off(value: Any) -> bool:
    return (value.strip().lower() if isinstance(value, str) else value) in _OFF


def _response(body: Body, taken: list[str]) -> Body:
    """OpenAI's responses: whole, or an event of a stream; a library needs the lists, if empty."""
    told = _emptied(body, ("logprobs",), taken)
    told = _in_each(told, "output", lambda item: _content(item, taken))
    for name in ("item", "response"):
        if isinstance(told.get(name), dict):
            inner = told[name]
            told = {
                **told,
                name: _content(inner, taken) if name == "item" else _response(inner, taken),
            }
    if isinstance(told.get("part"), dict):
        told = {**told, "part": _emptied(told["part"], ("logprobs",), taken)}
    return told


def _content(item: Any, taken: list[str]) -> Any:
    if not isinstance(item, dict):
        return item
    return _in_each(item, "content", lambda part: _emptied(part, ("logprobs",), taken))


def _emptied(held: Any, names: Iterable[str], taken: list[str]) -> Any:
    """`names` as they are where nothing was asked for: an empty list, or null."""
    if not isinstance(held, dict):
        return held
    found = [name for name in names if held.get(name)]
    taken += found
    return {**held, **{name: [] if isinstance(held[name], list) else None for name in found}}


def _dropped(held: Any, names: Iterable[str], taken: list[str]) -> Any:
    if not isinstance(held, dict):
        return held
    found = [name for name in names if name in held]
    taken += found
    return {name: value for name, value in held.items() if name not in found}


def _in_each(body: Body, name: str, change: Any) -> Body:
    given = body.get(name)
    return {**body, name: [change(each) for each in given]} if isinstance(given, list) else body
