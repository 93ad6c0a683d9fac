"""Exchanges of Azure's log of messages with what the gateway says of them -> contract columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, repeat
from operator import is_
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from stillwatch.sources.azure_apim_logged import Told
from stillwatch.sources.azure_apim_runs import Exchanges
from stillwatch.sources.batch import Values
from stillwatch.sources.body_shapes import (
    Parameters,
    messages_columns,
    parameters_columns,
    said,
    text_of,
)
from stillwatch.sources.shapes import WORTHWHILE, Columns, decoded, field


class Body(Parameters):
    """A request's body, of which the messages are logged apart."""

    max_tokens_to_sample: int | None = None
    generationConfig: None = None
    systemInstruction: None = None


_body = msgspec.json.Decoder(Body)


def together(held: Exchanges, calls: pa.RecordBatch) -> tuple[Columns, np.ndarray]:
    """Exchanges whose texts are usual as columns, and which of them all they are."""
    usual = np.arange(len(held.keys))
    if len(usual) < WORTHWHILE:
        return NOTHING, usual[:0]
    bodies = decoded(_body, _texts(calls["body"]))
    if not all(map(_all_there, (held.asked, held.answered, bodies))):
        fit = list(map(_all_there, zip(held.asked, held.answered, bodies, strict=True)))
        usual = np.flatnonzero(fit)
        held, calls = held.only(usual), calls.take(pa.array(usual))
        bodies = list(compress(bodies, fit))
    return (_columns(held, calls, bodies) if len(usual) else NOTHING), usual


def _all_there(values: Sequence[Any]) -> bool:
    """Whether none is `None`, without asking each whether it equals it."""
    return not any(map(is_, values, repeat(None)))


NOTHING = Columns({}, 0)


def _texts(bodies: pa.Array) -> list[bytes]:
    texts = bodies.to_numpy(zero_copy_only=False).tolist()
    return [text if text and text[0] == _BRACE else b"{}" for text in texts]


_BRACE = ord("{")


def _columns(
    held: Exchanges,
    calls: pa.RecordBatch,
    bodies: Sequence[Parameters],
) -> Columns:
    made: dict[str, Any] = messages_columns(
        held.asked, field("system", bodies), field("instructions", bodies)
    ) | parameters_columns(bodies)
    told = held.said
    return Columns(
        made
        | {
            "max_tokens": [most or None for most in made["max_tokens"]],
            "exchange_id": held.keys,
            "ts": _said(calls["ts"], told["time"]),
            "account_id": _said(calls["subscription"], calls["user"]),
            "key_id": calls["subscription"],
            "surface": ["azure"] * len(held.keys),
            "model": _said(told["deploymentName"], told["modelName"], made["model"]),
            "response": list(map(_answer, held.answered)),
            "stop_reason": [
                messages[-1].finish_reason or messages[-1].stop_reason if messages else None
                for messages in held.answered
            ],
            "input_tokens": told["promptTokens"],
            "output_tokens": told["completionTokens"],
            "status": calls["status"],
            "latency_ms": calls["latency_ms"],
            "ip": calls["ip"],
            "user_agent": calls["user_agent"],
            "headers": calls["headers"],
        },
        len(held.keys),
    )


def _said(first: pa.Array, *others: Values) -> Values:
    """As `body_shapes.said`."""
    sizes = np.diff(np.frombuffer(first.buffers()[1], np.int32, len(first) + 1, first.offset * 4))
    return first if sizes.all() else said(*map(_listed, (first, *others)))


def _listed(values: Values) -> Sequence[Any]:
    return values if isinstance(values, list | tuple) else pa.array(values).to_pylist()


def _answer(messages: Sequence[Told]) -> str:
    if len(messages) == 1 and isinstance(text := messages[0].content, str):
        return text
    texts: list[Any] = []
    for message in messages:
        content = message.content
        if content is None and message.message is not None:
            content = message.message.content
        texts += content if isinstance(content, list) else [content or ""]
    return text_of(texts)
