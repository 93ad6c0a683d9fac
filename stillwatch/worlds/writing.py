"""Writing a scene out as a log folder, a day at a time, in time order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.progress import Progress
from stillwatch.worlds.chance import Chance
from stillwatch.worlds.identity import identifiers
from stillwatch.worlds.parameters import World
from stillwatch.worlds.places import COUNTRIES
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import MODELS, Scene
from stillwatch.worlds.texts.paraphrase import paraphrase

CHUNK = 60_000
"""Exchanges rendered at once; strings of a chunk are the peak of the memory used."""

STOPS = ("end_turn", "max_tokens", "tool_use")


TEXTS = ("system", "prompt", "response")
PLAIN = ("exchange_id", "ts", "account_id", "model", *TEXTS)
"""What is left of an exchange where metadata are hidden."""


def write_log(scene: Scene, out: Path, world: World, progress: Progress) -> tuple[int, int]:
    """Write exchanges, accounts and labels under `out`; returns exchanges in all and harvested."""
    campaigns = tuple(c.name for c in world.campaigns)
    networks = tuple(n.name for n in world.networks)
    (out / "exchanges").mkdir(parents=True)
    (out / "labels").mkdir()
    books = Books(scene)
    progress.start("writing", scene.spool.exchanges, "exchanges")
    harvested, serial = 0, 0
    with pq.ParquetWriter(
        out / "labels" / "exchanges.parquet", tables.LABEL_EXCHANGES, compression="zstd"
    ) as labels:
        for day in range(scene.spool.days):
            rows = scene.spool.day(day)
            if not len(rows):
                continue
            date = np.datetime64(scene.window.start + day * DAY, "us").astype("datetime64[D]")
            name = f"day-{date}.parquet"
            with pq.ParquetWriter(
                out / "exchanges" / name,
                tables.EXCHANGES,
                compression="zstd",
                compression_level=1,
                use_dictionary=_REPEATED,  # pyright: ignore[reportArgumentType]
            ) as writer:
                for low in range(0, len(rows), CHUNK):
                    part = rows[low : low + CHUNK]
                    ids = np.arange(serial, serial + len(part))
                    serial += len(part)
                    table = render(scene, part, ids, books)
                    writer.write_table(_hide(table, world.hides))
                    marked = np.flatnonzero(part["campaign"] >= 0)
                    harvested += len(marked)
                    if len(marked):
                        names = _labels(table, part["campaign"], marked, campaigns)
                        labels.write_table(names)
                    progress.advance(len(part))
    progress.finish()
    if world.hides != "metadata":
        table = scene.accounts.table(scene.seed, books.places, COUNTRIES)
        pq.write_table(table, out / "accounts.parquet", compression="zstd")
    roles = scene.accounts.labels(scene.seed, campaigns, networks)
    roles = roles.cast(tables.LABEL_ACCOUNTS).sort_by("account_id")
    pq.write_table(roles, out / "labels" / "accounts.parquet", compression="zstd")
    return scene.spool.exchanges, harvested


class Books:
    """The scene's books as Arrow columns by number."""

    def __init__(self, scene: Scene) -> None:
        self.places, self.clients = scene.places.columns(), scene.clients.columns()
        self.calls = scene.calls.arrays(scene.book)
        self.accounts = scene.accounts.identifiers(scene.seed)
        self.orgs = scene.accounts.org_identifiers(scene.seed)


_REPEATED = [
    f.name
    for f in tables.EXCHANGES
    if f.name not in ("exchange_id", "ts", "prompt", "conversation_id", "response", "headers")
]


def _labels(
    table: pa.Table, campaign: np.ndarray, rows: np.ndarray, names: tuple[str, ...]
) -> pa.Table:
    return pa.table(
        {
            "exchange_id": table["exchange_id"].take(pa.array(rows)),
            "campaign": pa.array(names, pa.string()).take(pa.array(campaign[rows])),
        }
    ).cast(tables.LABEL_EXCHANGES)


def _hide(table: pa.Table, what: str | None) -> pa.Table:
    """`table` without texts (an empty prompt, for it is required), or with little but texts."""
    if what is None:
        return table
    n = len(table)
    hidden = TEXTS if what == "text" else [c for c in table.column_names if c not in PLAIN]
    for name in hidden:
        field = table.schema.field(name)
        at = table.schema.get_field_index(name)
        empty = pa.array([""], pa.string()).take(pa.array(np.zeros(n, dtype=np.int32)))
        column = empty if name == "prompt" else pa.nulls(n, field.type)
        table = table.set_column(at, field, column)
    return table


def render(scene: Scene, part: np.ndarray, numbers: np.ndarray, books: Books) -> pa.Table:
    """The exchanges of rows of `spool.BLOCK` as the contract has them; `numbers` name them."""
    seed, calls = scene.seed, books.calls
    account = pa.array(part["account"])
    place, client, call = pa.array(part["place"]), pa.array(part["client"]), pa.array(part["call"])
    prompt = scene.book.join(part["parts"], part["separator"]).cast(pa.string())
    prompt = _in_other_words(prompt, part["voice"] == 1, numbers, seed)
    columns = {
        "exchange_id": identifiers("ex_", numbers, seed, 20),
        "ts": pa.array(part["ts"], tables.TIME),
        "account_id": books.accounts.take(account),
        "org_id": books.orgs.take(account),
        "key_id": identifiers("key_", part["key"].astype(np.int64), seed, 16),
        "conversation_id": identifiers("conv_", part["conversation"].astype(np.int64), seed, 20),
        "end_user": identifiers("", part["end_user"].astype(np.int64), seed, 14),
        "model": pa.array(MODELS).take(pa.array(part["model"])),
        "prompt": prompt,
        "turns": pa.array(part["turn"].astype(np.int32)),
        **dict(zip(("ip", "asn", "country"), (c.take(place) for c in books.places), strict=True)),
        **{k: v.take(client) for k, v in books.clients.items()},
        **{
            k: calls[k].take(call)
            for k in (
                "surface",
                "system",
                "tools",
                "tools_digest",
                "max_tokens",
                "temperature",
                "thinking",
            )
        },
        "response": pa.nulls(len(part), pa.string()),
        **_usage(Chance(part["account"], part["ts"], seed), part, prompt, calls),
    }
    return pa.table([columns[f.name] for f in tables.EXCHANGES], schema=tables.EXCHANGES)


def _in_other_words(
    prompt: pa.Array, which: np.ndarray, numbers: np.ndarray, seed: int
) -> pa.Array:
    rows = np.flatnonzero(which)
    if not len(rows):
        return prompt
    fresh = paraphrase(prompt.take(pa.array(rows)), numbers[rows], seed)
    return pc.call_function("replace_with_mask", [prompt, pa.array(which), fresh])


def _usage(chance: Chance, part: np.ndarray, prompt: pa.Array, calls: dict) -> dict[str, pa.Array]:
    """Tokens, outcome and latency, drawn from the call's expected reply."""
    n = len(part)
    size = np.diff(np.frombuffer(prompt.buffers()[1], np.int32, n + 1, prompt.offset * 4))
    call, turn = part["call"], part["turn"]
    reply = calls["reply"][call] * chance.lognormal("reply", 1.0, 0.7)
    limit = calls["limit"][call]
    out = np.minimum(reply + 1, limit).astype(np.int32)
    think = calls["think"][call]
    reasoning = np.where(think, reply * chance.lognormal("reasoning", 1.35, 0.6), 0).astype(
        np.int32
    )
    earlier = (turn - 1) // 2
    context = earlier * chance.lognormal("context", 450.0, 0.5)
    read = (size / 3.9 + 12 + context).astype(np.int32)
    cached = np.where((earlier > 0) & (chance.uniform("cache") < 0.6), context * 0.9, 0).astype(
        np.int32
    )
    fate = chance.uniform("status")
    status = np.select(
        [fate < 0.975, fate < 0.988, fate < 0.994, fate < 0.998], [200, 429, 529, 400], 500
    ).astype(np.int16)
    fine = status == 200
    cut = reply > limit
    tool = (np.asarray(calls["tools"].is_valid())[call]) & (chance.uniform("tool") < 0.55)
    stop = pa.array(STOPS).take(pa.array(np.where(cut, 1, np.where(tool, 2, 0)), mask=~fine))
    latency = (350 + (out + reasoning) * chance.lognormal("pace", 14.0, 0.3)).astype(np.int32)
    failed = np.int32(0)
    return {
        "stop_reason": stop,
        "input_tokens": pa.array(read),
        "output_tokens": pa.array(np.where(fine, out, failed)),
        "reasoning_tokens": pa.array(np.where(fine, reasoning, failed)),
        "cached_tokens": pa.array(np.where(fine, cached, failed)),
        "status": pa.array(status),
        "latency_ms": pa.array(np.where(fine, latency, latency // 20)),
    }
