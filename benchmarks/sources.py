"""How fast each format is read and ingested, against the bare parser on the same bytes.

    python benchmarks/sources.py [--exchanges N] [--format NAME] [--prompt-bytes N] [--out FILE]

Each format's log is made of the same exchanges (prompts of 600, 4,000 and 10,000 bytes, responses
of 300, tools, headers), so that records take 2, 6 and 12 kilobytes, in logs of about as many bytes
(a format that logs no text is read once). `bare` is `msgspec.json.decode` of each line into plain
objects, which are let go, or pyarrow's read of all columns of the contract's Parquet. Measures
alternate in one run, and the least of some turns counts. The bar: at most 3 times as long as
`bare`.

`cpu_seconds` are of one file, on one thread, with memory as an ingest keeps it: `read` from the
file to checked Arrow batches, `ingest` to a lake that is thrown away (neither compressed nor
synchronised). A busy machine disturbs all alike (it still disturbs `read` more, which needs more of
the processor's caches).

`log` is what a user of `stillwatch ingest` waits for: seconds of the clock, for a log of 8 files
that are at hand in memory, into a new lake as it comes (compressed, synchronised, a process a
processor, started anew each time), against `bare` one file after another on one processor. It takes
a machine with nothing else to do. Logs hold as many exchanges with prompts of 4,000 bytes as the
contract's JSON takes 1.2 gigabytes for. CPU is of all processes. `log_of_one_file` is the same for
all of a log's lines in one file, which several processes read where the format joins no records.
`one_exchange_seconds` is that of a log of one exchange: what any ingest takes.

Some formats hold JSON as text inside JSON, which `bare` leaves closed. For those, `bare_opened` is
a second reference: `msgspec.json.decode` of each line and of each such text that the format
defines. The bar stays with `bare`.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).parent.parent))

import stillwatch as sw
from benchmarks.ingest import make_part
from stillwatch.lake import Lake
from stillwatch.memory import memory_kept
from stillwatch.sources import REGISTRY, Format, read_exchanges
from stillwatch.sources.formats import CONTRACT
from tests.sources import cloud_writers, writers

BAR = 3.0
TURNS = 15
LOG_TURNS = 4
ONE_FILE_TURNS = 2
LOG_FILES, LOG_BYTES = 8, 1_200_000_000
PROMPT_BYTES = (600, 4_000, 10_000)
LOG_PROMPT_BYTES = 4_000
BESIDE_BYTES = 850
"""Of a row of the contract as JSON beside its prompt, or some more."""


def write(format: Format, table: pa.Table, path: Path) -> None:
    """The exchanges of `table` as JSON lines of `format`, or as Parquet where `path` says so."""
    if path.suffix == ".parquet":
        pq.write_table(table, path, compression="zstd")
        return
    rows = table.to_pylist()
    encoder = msgspec.json.Encoder()
    if format.name in ("bedrock", "vertex", "azure_apim"):
        with tempfile.TemporaryDirectory() as folder:
            maker: Any = getattr(cloud_writers, f"write_{format.name.removesuffix('_apim')}")
            given = {"spill_chars": 1 << 30} if format.name == "bedrock" else {}
            maker(rows, Path(folder), **given)
            _gather(Path(folder), path)
        return
    if format.name == "contract":
        records = [
            {k: v for k, v in row.items() if v is not None} | {"headers": dict(row["headers"])}
            for row in rows
        ]
    else:
        records = list(writers.WRITERS[format.name](rows))
    with path.open("wb") as out:
        for record in records:
            out.write(encoder.encode(record) + b"\n")


def _gather(folder: Path, path: Path) -> None:
    """All of a cloud's log in one plain file, as lines."""
    import gzip

    with path.open("wb") as out:
        for part in sorted(folder.rglob("*.json*")):
            if "cloudtrail" not in str(part).lower():
                data = part.read_bytes()
                out.write(gzip.decompress(data) if part.suffix == ".gz" else data)


def bare(path: Path, format: Format) -> int:
    """Every line decoded into plain objects, or every column of Parquet read."""
    if path.suffix == ".parquet":
        batches = pq.ParquetFile(path).iter_batches(use_threads=False)
        return sum(batch.num_rows for batch in batches)
    decode, n = msgspec.json.Decoder().decode, 0
    with path.open("rb") as lines:
        for line in lines:
            decode(line)
            n += 1
    return n


def _of(*names: str) -> Callable[[Any], list[Any]]:
    """The values of a record under `names`."""
    return lambda record: [record[name] for name in names if name in record]


def _of_observation(record: Any) -> list[Any]:
    return [*_BODIES(record), *record["tool_definitions"].values()]


def _of_spans(payload: Any) -> list[Any]:
    return [
        attribute["value"]["stringValue"]
        for resource in payload["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
        for attribute in span["attributes"]
        if attribute["key"] in _CONTENT
    ]


def _of_properties(record: Any) -> list[Any]:
    return _LOGGED(record["properties"])


_BODIES = _of("input", "output", "model_parameters")
_LOGGED = _of("requestMessages", "responseMessages", "requestBody")
_CONTENT = (
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
)
INNER: dict[str, Callable[[Any], list[Any]]] = {
    "litellm_spend": _of("messages", "response", "proxy_server_request", "metadata"),
    "langfuse": _of_observation,
    "otel": _of_spans,
    "vertex": _of("full_request", "full_response"),
    "azure_apim": _of_properties,
}
"""By format: what may be JSON as text in one of its records."""


def bare_opened(path: Path, format: Format) -> int:
    """Every line decoded into plain objects, and the texts inside."""
    decode, inner, n = msgspec.json.Decoder().decode, INNER[format.name], 0
    with path.open("rb") as lines:
        for line in lines:
            for text in inner(decode(line)):
                if isinstance(text, str):
                    decode(text)
            n += 1
    return n


def read(path: Path, format: Format) -> int:
    """The file as checked batches."""
    return sum(chunk.kept.num_rows for chunk in read_exchanges(path, format=format))


def ingest(path: Path, format: Format) -> int:
    """The file into a lake."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake.create_or_open(Path(folder) / "lake", durable=False, compress=False)
        lake.ingest([path], lambda path, start: read_exchanges(path, start, format=format))
        return lake.rows


MEASURES: dict[str, Callable[[Path, Format], int]] = {
    "bare": bare,
    "bare_opened": bare_opened,
    "read": read,
    "ingest": ingest,
}


def measure(format: Format, path: Path) -> dict[str, Any]:
    """The least CPU seconds of each measure, and their ratios."""
    seconds: dict[str, float] = {}
    counts: dict[str, int] = {}
    wanted = {name: run for name, run in MEASURES.items() if name != "bare_opened"}
    if format.name in INNER:
        wanted = MEASURES
    for _ in range(TURNS):
        for name, run in wanted.items():
            began = time.process_time()
            with memory_kept():
                counts[name] = run(path, format)
            took = time.process_time() - began
            seconds[name] = min(took, seconds.get(name, took))
    size = path.stat().st_size
    return {
        "exchanges": counts["read"],
        "records": counts["bare"],
        "bytes": size,
        "cpu_seconds": {name: round(value, 4) for name, value in seconds.items()},
        "read_ratio": round(seconds["read"] / seconds["bare"], 2),
        **(
            {"read_ratio_opened": round(seconds["read"] / seconds["bare_opened"], 2)}
            if "bare_opened" in seconds
            else {}
        ),
        "ingest_ratio": round(seconds["ingest"] / seconds["bare"], 2),
        "read_megabytes_a_second": round(size / 1e6 / seconds["read"]),
        "within_bar": seconds["read"] <= BAR * seconds["bare"],
    }


def measure_log(format: Format, paths: Sequence[Path], turns: int = LOG_TURNS) -> dict[str, Any]:
    """The least seconds of `bare` and of a whole ingest, by the clock and of CPU."""
    clock: dict[str, float] = {}
    cpu: dict[str, float] = {}
    measures: dict[str, Callable[[Path], object]] = {
        "bare": lambda _: [bare(path, format) for path in paths],
        "ingest": lambda lake: sw.ingest(paths, lake=lake, format=format.name),
    }
    for _ in range(turns):
        for name, run in measures.items():
            with tempfile.TemporaryDirectory() as folder:
                began, busy = time.perf_counter(), _cpu_seconds()
                run(Path(folder) / "lake")
                took, spent = time.perf_counter() - began, _cpu_seconds() - busy
            clock[name] = min(took, clock.get(name, took))
            cpu[name] = min(spent, cpu.get(name, spent))
    size = sum(path.stat().st_size for path in paths)
    return {
        "files": len(paths),
        "bytes": size,
        "seconds": {name: round(value, 3) for name, value in clock.items()},
        "cpu_seconds": {name: round(value, 3) for name, value in cpu.items()},
        "ingest_ratio": round(clock["ingest"] / clock["bare"], 2),
        "ingest_cpu_ratio": round(cpu["ingest"] / cpu["bare"], 2),
        "ingest_megabytes_a_second": round(size / 1e6 / clock["ingest"]),
        "within_bar": clock["ingest"] <= BAR * clock["bare"],
    }


def _cpu_seconds() -> float:
    """Of this process and of those that it has ended."""
    ended = os.times()
    return time.process_time() + ended.children_user + ended.children_system


def measure_one_exchange(format: Format) -> float:
    """Seconds for a log of one exchange."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.jsonl"
        write(format, make_part(1, 1, PROMPT_BYTES[0]), path)
        return measure_log(format, [path])["seconds"]["ingest"]


def main() -> None:
    """Make the logs, take the measures, print them."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--exchanges", type=int, default=20_000, help="of the shortest prompts")
    options.add_argument("--format", action="append", help="only this one; may be repeated")
    options.add_argument("--prompt-bytes", action="append", type=int, help="may be repeated")
    options.add_argument("--out", type=Path, help="write the figures as JSON")
    given = options.parse_args()
    results: dict[str, dict[str, Any]] = {}
    load = round(os.getloadavg()[0], 1)
    for size in given.prompt_bytes or PROMPT_BYTES:
        formats = [
            format
            for format in REGISTRY
            if (not given.format or format.name in given.format)
            and format.columns
            and (size == PROMPT_BYTES[0] or "response" in format.columns)
        ]
        row_bytes = BESIDE_BYTES + size
        table = make_part(given.exchanges * (BESIDE_BYTES + PROMPT_BYTES[0]) // row_bytes, 1, size)
        for name, result in measured(table, size, formats):
            results.setdefault(name, {})[f"{size}_byte_prompts"] = result
            print(f"{name:16} {size:6} byte prompts  {_line(result)}", flush=True)
    if given.out:
        told = {
            "bar": BAR,
            "load_average": load,
            "threads": os.cpu_count(),
            "one_exchange_seconds": measure_one_exchange(CONTRACT),
            "formats": results,
        }
        given.out.write_text(json.dumps(told, indent=2) + "\n")


def _line(result: dict[str, Any]) -> str:
    log, opened = result.get("log"), result.get("read_ratio_opened")
    one = result.get("log_of_one_file")
    return (
        f"read {result['read_ratio']:5.2f}  ingest {result['ingest_ratio']:5.2f} x bare in CPU"
        + ("" if opened is None else f"  read {opened:.2f} x bare with its texts opened")
        + (
            ""
            if log is None
            else f"  log {log['ingest_ratio']:5.2f} x bare by the clock"
            f" ({log['ingest_cpu_ratio']:.2f} in CPU, {log['ingest_megabytes_a_second']} MB/s)"
        )
        + ("" if one is None else f", in one file {one['ingest_ratio']:.2f}")
    )


def measured(
    table: pa.Table, prompt_bytes: int, formats: Iterable[Format]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """What the exchanges of `table` take, format by format; with a log of such at one length."""
    for format in formats:
        has_log = prompt_bytes == LOG_PROMPT_BYTES or "response" not in format.columns
        yield format.name, _measured(table, prompt_bytes, has_log, format, ".jsonl")
        if format is CONTRACT:
            yield (
                "contract_parquet",
                _measured(table, prompt_bytes, has_log, format, ".parquet"),
            )


def _measured(
    table: pa.Table, prompt_bytes: int, has_log: bool, format: Format, suffix: str
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{format.name}{suffix}"
        write(format, table, path)
        result = measure(format, path)
        path.unlink()
        if not has_log:
            return result
        paths = [Path(folder) / f"{number}{suffix}" for number in range(LOG_FILES)]
        rows = LOG_BYTES // LOG_FILES // (BESIDE_BYTES + LOG_PROMPT_BYTES)
        for number, path in enumerate(paths):
            write(format, make_part(rows, number, prompt_bytes), path)
        result["log"] = measure_log(format, paths)
        if suffix == ".jsonl":
            one = _joined(paths, Path(folder) / f"all{suffix}")
            result["log_of_one_file"] = measure_log(format, [one], ONE_FILE_TURNS)
        return result


def _joined(paths: Sequence[Path], one: Path) -> Path:
    """What is in `paths`, in one file and no longer there."""
    with one.open("wb") as out:
        for path in paths:
            with path.open("rb") as part:
                shutil.copyfileobj(part, out, 1 << 20)
            path.unlink()
    return one


if __name__ == "__main__":
    main()
