"""The Arrow schemas that stages hand to each other: the data contract in code.

Stages never import each other; they meet here. `EXCHANGES`, `ACCOUNTS`, `CAMPAIGNS`, `MEMBERS`,
`ATTRIBUTED` and `EVIDENCE` are the public contract, column for column. The others are Stillwatch's
own and may change with a minor version.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

TIME = pa.timestamp("us", tz="UTC")

EXCHANGES = pa.schema(
    [
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("ts", TIME, nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("org_id", pa.string()),
        pa.field("key_id", pa.string()),
        pa.field("conversation_id", pa.string()),
        pa.field("end_user", pa.string()),
        pa.field("surface", pa.string()),
        pa.field("model", pa.string(), nullable=False),
        pa.field("system", pa.string()),
        pa.field("prompt", pa.string(), nullable=False),
        pa.field("turns", pa.int32()),
        pa.field("tools", pa.list_(pa.string())),
        pa.field("tools_digest", pa.string()),
        pa.field("max_tokens", pa.int32()),
        pa.field("temperature", pa.float32()),
        pa.field("thinking", pa.bool_()),
        pa.field("response", pa.string()),
        pa.field("stop_reason", pa.string()),
        pa.field("input_tokens", pa.int32()),
        pa.field("output_tokens", pa.int32()),
        pa.field("reasoning_tokens", pa.int32()),
        pa.field("cached_tokens", pa.int32()),
        pa.field("status", pa.int16()),
        pa.field("latency_ms", pa.int32()),
        pa.field("ip", pa.string()),
        pa.field("asn", pa.int64()),
        pa.field("country", pa.string()),
        pa.field("user_agent", pa.string()),
        pa.field("ja4", pa.string()),
        pa.field("device_id", pa.string()),
        pa.field("headers", pa.map_(pa.string(), pa.string())),
    ]
)
"""In: one row an exchange. Fields that are not nullable are required."""

ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("created_at", TIME, nullable=False),
        pa.field("org_id", pa.string()),
        pa.field("plan", pa.string()),
        pa.field("program", pa.string()),
        pa.field("verification", pa.string()),
        pa.field("email_domain", pa.string()),
        pa.field("payment_id", pa.string()),
        pa.field("phone_country", pa.string()),
        pa.field("signup_ip", pa.string()),
        pa.field("signup_asn", pa.int64()),
        pa.field("banned_at", TIME),
    ]
)
"""In: one row an account; the table as a whole is optional."""

QUARANTINE = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("line", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rows", pa.int64(), nullable=False),
        pa.field("excerpt", pa.string()),
    ]
)
"""Between sources and lake: what was read and not kept. `line` counts from 1 (in Parquet, rows);
`rows` is how many rows the entry stands for: 1, or all that a damaged part of a file lost."""


PIECE_BYTES = 3_000_000
"""Of a log that are read at a time, and so how many rows a chunk has. The more, the fewer batches,
each of which costs most of a millisecond whatever it holds; from four megabytes on, what is made of
a piece leaves the processor's caches before it is used. Lakes name it for where chunks end: a
file that is partly in is read on only where they still end there, so whoever changes how pieces are
cut changes it, too."""


class Section(NamedTuple):
    """Whole lines of a file, read as if they were one: its bytes from `begin` to before `end`, or
    to the file's own end where that is `None`."""

    path: Path
    begin: int = 0
    end: int | None = None
    format: str = ""
    """What the file's beginning tells of all of it; a section is another one in another format."""
    head: str | None = None
    """Digest of how the file began that was cut: by it a lake tells that it is still the same."""

    @property
    def whole(self) -> bool:
        """Whether it is all of the file."""
        return not self.begin and self.end is None


class Chunk(NamedTuple):
    """What a source hands to the lake: some rows of one file, each kept or quarantined."""

    kept: pa.RecordBatch
    """Of `EXCHANGES` (or `ACCOUNTS`), no required column null."""
    quarantined: pa.RecordBatch
    """Of `QUARANTINE`."""
    repaired: dict[str, int]
    """By `column` (or `utf8`): values made null or mended in rows that were kept."""
    size: int
    """Bytes of the file that went into this chunk."""

    @property
    def read(self) -> int:
        """Rows read: kept and quarantined."""
        return self.kept.num_rows + sum(self.quarantined["rows"].to_pylist())


LABEL_ACCOUNTS = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("campaign", pa.string()),
        pa.field("network", pa.string()),
    ]
)
"""Truth of a labelled world, for scoring only; detection never reads it."""

LABEL_EXCHANGES = pa.schema(
    [
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("campaign", pa.string(), nullable=False),
    ]
)
"""Truth of a labelled world: only the exchanges that belong to a campaign."""

ROLES = (
    "person",
    "developer",
    "enterprise",
    "batch",
    "evaluation",
    "agent",
    "classroom",
    "reseller",
    "distiller",
)

CAMPAIGNS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),
        pa.field("exchanges", pa.int64(), nullable=False),
        pa.field("first_ts", TIME),
        pa.field("last_ts", TIME),
        pa.field("capabilities", pa.map_(pa.string(), pa.float64())),
        pa.field("summary", pa.string()),
    ]
)
"""Out: one row a campaign (`distillation`) or network (`reseller`)."""

MEMBERS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("first_ts", TIME),
        pa.field("last_ts", TIME),
        pa.field("exchanges", pa.int64(), nullable=False),
    ]
)

ATTRIBUTED = pa.schema(
    [
        pa.field("exchange_id", pa.string(), nullable=False),
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
    ]
)
"""Out, as FINDINGS/exchanges.parquet: exchanges attributed to a `distillation` campaign."""

EVIDENCE = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string()),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("sample", pa.list_(pa.string())),
    ]
)
"""Out: `account_id` null speaks of the whole campaign; `weight` is log10, negative is against."""

DAILY = pa.schema(
    [
        pa.field("campaign_id", pa.string()),
        pa.field("day", pa.date32(), nullable=False),
        pa.field("model", pa.string(), nullable=False),
        pa.field("capability", pa.string(), nullable=False),
        pa.field("exchanges", pa.int64(), nullable=False),
    ]
)
"""Out, Stillwatch's own: attributed exchanges a day; `campaign_id` null is all other traffic."""

LINKS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("account_a", pa.string(), nullable=False),
        pa.field("account_b", pa.string(), nullable=False),
        pa.field("weight", pa.float64(), nullable=False),
        pa.field("why", pa.string(), nullable=False),
    ]
)
"""Out, Stillwatch's own: the strongest links inside each campaign, `why` in one readable phrase."""

WORKS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("exchanges", pa.int64(), nullable=False),
        pa.field("total", pa.list_(pa.float64()), nullable=False),
        pa.field("squares", pa.float64(), nullable=False),
    ]
)
"""Out, Stillwatch's own: each campaign's common work by its sums, for later runs to know it by.

`total` sums the unit embeddings of the `exchanges` that have text, `squares` their squared norms.
"""

FRAMES = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("frame_id", pa.string(), nullable=False),
        pa.field("capability", pa.string(), nullable=False),
        pa.field("exchanges", pa.int64(), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),
        pa.field("others", pa.int64(), nullable=False),
        pa.field("first_ts", TIME),
        pa.field("last_ts", TIME),
        pa.field("sketch", pa.list_(pa.uint64()), nullable=False),
        pa.field("sample", pa.list_(pa.string())),
    ]
)
"""Out, Stillwatch's own: frame families that members of a campaign share, the most telling first.

`exchanges` and `accounts` are the campaign's own, `others` how many more accounts send it;
`sample` are exchanges of different accounts, to be read side by side, and `sketch` their MinHash
bands: a prompt that shares one with it is of the family, and no text can be read from them.
"""

OBJECTS = pa.schema(
    [
        pa.field("campaign_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("object_id", pa.string(), nullable=False),
        pa.field("accounts", pa.int64(), nullable=False),
        pa.field("others", pa.int64(), nullable=False),
        pa.field("exchanges", pa.int64()),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("sample", pa.list_(pa.string())),
    ]
)
"""Out, Stillwatch's own: what members share, ways of access and set-ups, the most telling first.

`object_id` is a key, since values stay in the log: they are those of the exchanges in `sample`, or
of the registration of `account_id`, a member that has it. `exchanges` is null where it is known
from registrations only; `others` is how many more accounts have it.
"""

STANDING = pa.schema(
    [
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("exchanges", pa.int64(), nullable=False),
        pa.field("first_ts", TIME),
        pa.field("last_ts", TIME),
        pa.field("org_id", pa.string()),
        pa.field("capabilities", pa.map_(pa.string(), pa.float64())),
        pa.field("group_id", pa.string()),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Out, Stillwatch's own, as FINDINGS/accounts.parquet: where every account stands, member or not.

`verdict` is `member`, `network`, `rival:<name>` or `alone`; `detail` is JSON: its figures, nearest
neighbours, shared objects, and the reasons for and against, enough for `explain`.
"""

DECISIONS = pa.schema(
    [
        pa.field("decision_id", pa.string(), nullable=False),
        pa.field("account_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("standing", pa.string(), nullable=False),
        pa.field("since", TIME, nullable=False),
        pa.field("until", TIME, nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("rule", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("campaign_id", pa.string()),
        pa.field("case_id", pa.int64()),
        pa.field("surfaces", pa.list_(pa.string())),
        pa.field("models", pa.list_(pa.string())),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
"""Between policy and gateway: what is decided on accounts, one row each.

`action` is of `ladder.Action`. `standing` is `in_force`, or why it isn't: `dry_run`, `waiting` (for
a person's approval), `held` (by a budget or the breaker), `allowed` (an allow-list outranks it),
`reversed`, or `ended` (nothing is decided any more, which the day's budget remembers). `since` is
when it begins to bite, delay included; `surfaces` and `models` are its scope, null is any. `reason`
is a code of the vocabulary; `detail` is JSON, for whoever asks why.
"""

CAPABILITIES = (
    "agentic_reasoning",
    "tool_use",
    "coding",
    "mathematical_reasoning",
    "reasoning_elicitation",
    "grading",
    "data_analysis",
    "sensitive_rewriting",
    "chat",
    "other",
)
"""What an exchange seeks; the position is the code stored in signals."""

CAPABILITY_TITLES = {
    "agentic_reasoning": "agentic reasoning",
    "tool_use": "tool use",
    "coding": "coding",
    "mathematical_reasoning": "mathematical or step-by-step reasoning",
    "reasoning_elicitation": "reasoning traces",
    "grading": "grading (the model as a reward model)",
    "data_analysis": "data analysis",
    "sensitive_rewriting": "rewriting of sensitive answers",
    "chat": "ordinary chat",
    "other": "other",
}


CONTENT_COMPONENTS = 256
FRAME_BANDS = 8

SIGNALS = pa.schema(
    [
        pa.field("exchange", pa.uint64(), nullable=False),
        pa.field("account", pa.uint64(), nullable=False),
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("org", pa.uint64(), nullable=False),
        pa.field("conversation", pa.uint64(), nullable=False),
        pa.field("surface", pa.uint64(), nullable=False),
        pa.field("model", pa.uint64(), nullable=False),
        pa.field("system", pa.uint64(), nullable=False),
        pa.field("toolset", pa.uint64(), nullable=False),
        pa.field("network", pa.uint64(), nullable=False),
        pa.field("address", pa.uint64(), nullable=False),
        pa.field("client", pa.uint64(), nullable=False),
        pa.field("device", pa.uint64(), nullable=False),
        pa.field("frame", pa.uint64(), nullable=False),
        pa.field("opening", pa.uint64(), nullable=False),
        pa.field("closing", pa.uint64(), nullable=False),
        pa.field("bands", pa.list_(pa.uint64(), FRAME_BANDS), nullable=False),
        pa.field("capability", pa.int8(), nullable=False),
        pa.field("signs", pa.uint16(), nullable=False),
        pa.field("turns", pa.int32(), nullable=False),
        pa.field("max_tokens", pa.int32(), nullable=False),
        pa.field("input_tokens", pa.int32(), nullable=False),
        pa.field("output_tokens", pa.int32(), nullable=False),
        pa.field("thinking", pa.int8(), nullable=False),
        pa.field("settings", pa.uint64(), nullable=False),
        pa.field("content", pa.list_(pa.int8(), CONTENT_COMPONENTS), nullable=False),
    ]
)
"""Between signals and profiles: one row an exchange, nothing but numbers.

Keys are 64-bit hashes, 0 where unknown; `ts` is microseconds since the epoch; `turns`,
`max_tokens`, `input_tokens`, `output_tokens` and `thinking` are -1 where unknown. `settings` is one
key of token limit, temperature and thinking, as a program sends them together.
"""


def require(table: pa.Table, schema: pa.Schema, where: object) -> pa.Table:
    """`table` with exactly the columns and types of `schema`, in its order.

    Raises `ValueError` naming `where` and the columns that are missing or can't be cast.
    """
    missing = [f.name for f in schema if f.name not in table.schema.names]
    if missing:
        raise ValueError(f"{where}: columns {missing} are missing")
    return table.select(schema.names).cast(schema)
