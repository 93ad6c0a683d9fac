"""Writing a scene out as a log folder, a day at a time, in time order."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch import tables
from stillwatch.progress import Progress
from stillwatch.worlds.identity import identifiers
from stillwatch.worlds.places import COUNTRIES
from stillwatch.worlds.rhythm import DAY
from stillwatch.worlds.scene import BLOCK, MODELS, Scene

CHUNK = 60_000
"""Exchanges rendered at once; strings of a chunk are the peak of the memory used."""

STOPS = ("end_turn", "max_tokens", "tool_use")


def write_log(
    scene: Scene,
    out: Path,
    campaigns: tuple[str, ...],
    networks: tuple[str, ...],
    progress: Progress,
) -> tuple[int, int]:
    """Write exchanges, accounts and labels under `out`; returns exchanges in all and harvested."""
    (out / "exchanges").mkdir(parents=True)
    (out / "labels").mkdir()
    places, clients = scene.places.columns(), scene.clients.columns()
    calls = scene.calls.arrays(scene.book)
    account_ids = scene.accounts.identifiers(scene.seed)
    orgs = scene.accounts.org_identifiers(scene.seed)
    total = sum(len(b["ts"]) for b in scene.blocks)
    progress.start("writing", total, "exchanges")
    harvested, serial = 0, 0
    with pq.ParquetWriter(
        out / "labels" / "exchanges.parquet", tables.LABEL_EXCHANGES, compression="zstd"
    ) as labels:
        for day in range(scene.window.start, scene.window.end, DAY):
            rows = _day(scene, day)
            if not len(rows["ts"]):
                continue
            name = f"day-{np.datetime64(day, 'us').astype('datetime64[D]')}.parquet"
            rng = scene.rng(name)
            with pq.ParquetWriter(
                out / "exchanges" / name,
                tables.EXCHANGES,
                compression="zstd",
                compression_level=1,
                use_dictionary=_REPEATED,  # pyright: ignore[reportArgumentType]
            ) as writer:
                for low in range(0, len(rows["ts"]), CHUNK):
                    part = {k: v[low : low + CHUNK] for k, v in rows.items()}
                    n = len(part["ts"])
                    ids = identifiers("ex_", np.arange(serial, serial + n), scene.seed, 20)
                    serial += n
                    batch = _render(
                        scene, rng, part, ids, account_ids, orgs, places, clients, calls
                    )
                    writer.write_table(batch)
                    marked = np.flatnonzero(part["campaign"] >= 0)
                    harvested += len(marked)
                    if len(marked):
                        labels.write_table(_labels(ids, part["campaign"], marked, campaigns))
                    progress.advance(n)
    progress.finish()
    table = scene.accounts.table(scene.seed, places, COUNTRIES)
    pq.write_table(table, out / "accounts.parquet", compression="zstd")
    roles = scene.accounts.labels(scene.seed, campaigns, networks)
    roles = roles.cast(tables.LABEL_ACCOUNTS).sort_by("account_id")
    pq.write_table(roles, out / "labels" / "accounts.parquet", compression="zstd")
    return total, harvested


_REPEATED = [
    f.name
    for f in tables.EXCHANGES
    if f.name not in ("exchange_id", "ts", "prompt", "conversation_id", "response", "headers")
]


def _day(scene: Scene, day: int) -> dict[str, np.ndarray]:
    """All exchanges of one day, by time."""
    slices = []
    for block in scene.blocks:
        low, high = np.searchsorted(block["ts"], (day, day + DAY))
        slices.append({k: v[low:high] for k, v in block.items()})
    merged = {k: np.concatenate([s[k] for s in slices]) for k in BLOCK}
    order = np.argsort(merged["ts"], kind="stable")
    return {k: v[order] for k, v in merged.items()}


def _labels(
    ids: pa.Array, campaign: np.ndarray, rows: np.ndarray, names: tuple[str, ...]
) -> pa.Table:
    return pa.table(
        {
            "exchange_id": ids.take(pa.array(rows)),
            "campaign": pa.array(names, pa.string()).take(pa.array(campaign[rows])),
        }
    ).cast(tables.LABEL_EXCHANGES)


def _render(
    scene: Scene,
    rng: np.random.Generator,
    part: dict[str, np.ndarray],
    ids: pa.Array,
    account_ids: pa.Array,
    orgs: pa.Array,
    places: tuple[pa.Array, pa.Array, pa.Array],
    clients: dict[str, pa.Array],
    calls: dict,
) -> pa.Table:
    seed = scene.seed
    account = pa.array(part["account"])
    place, client, call = pa.array(part["place"]), pa.array(part["client"]), pa.array(part["call"])
    prompt = scene.book.join(part["parts"], part["separator"]).cast(pa.string())
    columns = {
        "exchange_id": ids,
        "ts": pa.array(part["ts"], tables.TIME),
        "account_id": account_ids.take(account),
        "org_id": orgs.take(account),
        "key_id": identifiers("key_", part["key"].astype(np.int64), seed, 16),
        "conversation_id": identifiers("conv_", part["conversation"].astype(np.int64), seed, 20),
        "end_user": identifiers("", part["end_user"].astype(np.int64), seed, 14),
        "model": pa.array(MODELS).take(pa.array(part["model"])),
        "prompt": prompt,
        "turns": pa.array(part["turn"].astype(np.int32)),
        "ip": places[0].take(place),
        "asn": places[1].take(place),
        "country": places[2].take(place),
        **{k: v.take(client) for k, v in clients.items()},
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
        "response": pa.nulls(len(ids), pa.string()),
        **_usage(rng, part, prompt, calls),
    }
    return pa.table([columns[f.name] for f in tables.EXCHANGES], schema=tables.EXCHANGES)


def _usage(
    rng: np.random.Generator, part: dict[str, np.ndarray], prompt: pa.Array, calls: dict
) -> dict[str, pa.Array]:
    """Tokens, outcome and latency, drawn from the call's expected reply."""
    n = len(part["ts"])
    size = np.diff(np.frombuffer(prompt.buffers()[1], np.int32, n + 1, prompt.offset * 4))
    call, turn = part["call"], part["turn"]
    reply = calls["reply"][call] * rng.lognormal(0, 0.7, n)
    limit = calls["limit"][call]
    out = np.minimum(reply, limit).astype(np.int32) + 1
    think = calls["think"][call]
    reasoning = np.where(think, reply * rng.lognormal(0.3, 0.6, n), 0).astype(np.int32)
    earlier = (turn - 1) // 2
    context = earlier * (rng.lognormal(np.log(450), 0.5, n))
    read = (size / 3.9 + 12 + context).astype(np.int32)
    cached = np.where((earlier > 0) & (rng.random(n) < 0.6), context * 0.9, 0).astype(np.int32)
    fate = rng.random(n)
    status = np.select(
        [fate < 0.975, fate < 0.988, fate < 0.994, fate < 0.998], [200, 429, 529, 400], 500
    ).astype(np.int16)
    fine = status == 200
    cut = reply > limit
    tool = (np.asarray(calls["tools"].is_valid())[call]) & (rng.random(n) < 0.55)
    stop = pa.array(STOPS).take(pa.array(np.where(cut, 1, np.where(tool, 2, 0)), mask=~fine))
    latency = (350 + (out + reasoning) * rng.lognormal(np.log(14), 0.3, n)).astype(np.int32)
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
