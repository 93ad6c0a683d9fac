"""The formats that logs come in: one entry a file of this folder, by which all are told and read.

To add one: write `NAME.py` beside this file, and its entry at the end of this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from stillwatch.errors import FormatUnknown
from stillwatch.sources import (
    azure_apim,
    azure_apim_shape,
    bedrock,
    bedrock_shape,
    cloudtrail,
    envoy,
    envoy_shape,
    helicone,
    helicone_shape,
    langfuse,
    langfuse_shape,
    litellm,
    litellm_shape,
    litellm_spend,
    litellm_spend_shape,
    native,
    native_shape,
    otel,
    otel_shape,
    vertex,
    vertex_shape,
)
from stillwatch.sources.contract_json import contract_shape
from stillwatch.sources.reasons import Mended, Refused
from stillwatch.sources.shapes import Columns, Shape
from stillwatch.tables import EXCHANGES

AUTO = "auto"
"""Asks for each file to be looked into."""

Row = dict[str, Any]
"""Values by contract column, not yet checked against the columns' types."""


@dataclass(frozen=True)
class Around:
    """What a format may need to know beside a record."""

    path: Path = Path()
    """The file that the record is in."""
    account: str | None = None
    """Where the account is named, for formats that leave it to whoever runs the gateway."""


class Reader(Protocol):
    """Records of one file, in order -> rows. Whatever was added comes out once, as a row or a
    `Refused`, unless it was joined to another; memory is bounded."""

    @property
    def shape(self) -> Shape | None:
        """How usual records are read, many at once and not by `add`; `None` where all are added.

        A reader doesn't hold a shape that holds it: nothing searches for cycles while logs are
        read, so what the two have gathered would never be let go.
        """
        ...

    def add(self, payload: dict[str, Any]) -> Sequence[Row | Refused | Mended]:
        """Rows that are complete now that `payload` is here; raises `Refused` of it as a whole."""
        ...

    def finish(self) -> Iterable[Row | Refused | Columns]:
        """Rows that waited for records that never came."""
        ...


@dataclass(frozen=True)
class Format:
    """One format: how it is told, what it can fill, and how its records become rows."""

    name: str
    says: str
    """Which software writes it, in a few words."""
    keys: frozenset[bytes]
    """Names of a record's own keys (or columns) by which it is told; `needed` of them tell."""
    columns: frozenset[str]
    """The contract columns that it can fill."""
    reader: Callable[[Around], Reader]
    needed: int = 2
    joins: bool = False
    """Whether a row may be made of several records of a file, or of what lies beside it."""


class Each:
    """Each record is an exchange."""

    def __init__(self, row: Callable[[dict[str, Any]], Row], shape: Shape | None = None) -> None:
        self._row, self.shape = row, shape

    def add(self, payload: dict[str, Any]) -> Sequence[Row | Refused]:
        """The record's row."""
        return (self._row(payload),)

    def finish(self) -> Sequence[Row | Refused]:
        """Nothing: no record waits for another."""
        return ()


def _or(account: str | None, usual: Iterable[str]) -> Iterable[str]:
    return usual if account is None else (account,)


def _as_it_is(payload: dict[str, Any]) -> Row:
    return payload


def contract_rows(schema: pa.Schema) -> Callable[[Around], Reader]:
    """What reads rows that are of `schema` already."""
    return lambda around: Each(_as_it_is, contract_shape(schema))


CONTRACT = Format(
    "contract",
    "the data contract's own rows",
    frozenset({b"exchange_id", b"account_id", b"created_at"}),
    frozenset(EXCHANGES.names),
    contract_rows(EXCHANGES),
    needed=1,
)

REGISTRY = (
    CONTRACT,
    Format(
        "litellm",
        "LiteLLM's standard logging payload (1.106 to 1.109)",
        litellm.KEYS,
        litellm.COLUMNS,
        lambda around: Each(litellm.payload_to_row, litellm_shape.SHAPE),
    ),
    Format(
        "litellm_spend",
        "LiteLLM's table `LiteLLM_SpendLogs`, exported",
        litellm_spend.KEYS,
        litellm_spend.COLUMNS,
        lambda around: Each(litellm_spend.payload_to_row, litellm_spend_shape.SHAPE),
    ),
    Format(
        "langfuse",
        "Langfuse's blob export, `observations_v2` and the older layout",
        langfuse.KEYS,
        langfuse.COLUMNS,
        lambda around: langfuse_shape.Joiner(around.path, around.account),
        joins=True,
    ),
    Format(
        "helicone",
        "Helicone's requests",
        helicone.KEYS,
        helicone.COLUMNS,
        lambda around: Each(
            partial(helicone.payload_to_row, account=around.account),
            helicone_shape.helicone_shape(around.account),
        ),
    ),
    Format(
        "otel",
        "OpenTelemetry GenAI spans and events, from OTLP JSON",
        otel.KEYS,
        otel.COLUMNS,
        lambda around: otel_shape.Joiner(around.path, _or(around.account, otel.ACCOUNT)),
        needed=1,
        joins=True,
    ),
    Format(
        "envoy",
        "Envoy AI Gateway's access log (1.1)",
        envoy.KEYS,
        envoy.COLUMNS,
        lambda around: Each(
            partial(envoy.payload_to_row, account=around.account),
            envoy_shape.LinesOfOneKind(around.account),
        ),
    ),
    Format(
        "native",
        "pairs of Anthropic's or OpenAI's request and response bodies",
        native.KEYS,
        native.COLUMNS,
        lambda around: Each(
            partial(native.payload_to_row, account=around.account),
            native_shape.native_shape(around.account),
        ),
    ),
    Format(
        "bedrock",
        "Amazon Bedrock's model invocation logs, from S3 or CloudWatch",
        bedrock.KEYS,
        bedrock.COLUMNS,
        lambda around: bedrock_shape.Reader(around.path, around.account),
        joins=True,
    ),
    Format(
        "cloudtrail",
        "AWS CloudTrail beside Bedrock's logs: no exchanges, but who called",
        cloudtrail.KEYS,
        cloudtrail.COLUMNS,
        lambda around: cloudtrail.Reader(),
    ),
    Format(
        "vertex",
        "Vertex AI's request-response log, exported from BigQuery",
        vertex.KEYS,
        vertex.COLUMNS,
        lambda around: Each(
            partial(vertex.payload_to_row, account=around.account),
            vertex_shape.vertex_shape(around.account),
        ),
    ),
    Format(
        "azure_apim",
        "Azure API Management's logs of language models, with the gateway's",
        azure_apim.KEYS,
        azure_apim.COLUMNS,
        lambda around: azure_apim_shape.Reader(around.path, around.account),
        joins=True,
    ),
)
"""All formats. Where a record could be of two, the one with more of its keys there is taken, of
equals the earlier."""

FORMATS = (AUTO, *(format.name for format in REGISTRY))


def format_named(name: str) -> Format:
    """The format called `name`; raises `FormatUnknown` with the names that there are."""
    for format in REGISTRY:
        if format.name == name:
            return format
    raise FormatUnknown(name, "is no format", f"Choose one of {', '.join(FORMATS)}")
