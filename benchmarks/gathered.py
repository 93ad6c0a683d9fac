"""What a run gathers on one machine, the embedded engine's or a cluster's driver, by table.

    python -m benchmarks.gathered LAKE [LAKE ...] --exchanges 1e9 --accounts 1e7
    python -m benchmarks.gathered --scales 0.005 0.02 --record benchmarks/results/gathered.json

Detects in each lake (or in the world `plain` at each scale) in a process of its own, and looks at
what `stillwatch.traffic.Traffic` holds when all is judged: bytes on disk and in memory, each
divided by what it grows with (exchanges, accounts, slices, uses of objects). Peak memory is
told by stage, beside what was resident when the stage began. Then the arithmetic: what the
constants of the last lake come to at `--exchanges` and `--accounts`. Slices and uses an account
grow with its exchanges: where lakes have more exchanges an account than is asked for, these come
out too high. Prints one JSON document.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import stillwatch as sw
from stillwatch.columns import Stored
from stillwatch.tables import SIGNALS
from stillwatch.traffic import Traffic

GIB = 2**30
GROWS_WITH = {
    "exchanges": "exchanges",
    "slices": "slices",
    "incidence": "uses",
    "accounts": "accounts",
    "models": "accounts",
}
"""Which count the tables of `Traffic` grow with."""


class Watch:
    """A `Progress` that tells memory by stage, and looks at the traffic when all is judged."""

    def __init__(self) -> None:
        self.stages: dict[str, dict[str, float]] = {}
        self.traffic: dict[str, Any] = {}
        self._stage = ""

    def start(self, stage: str, total: int | None, unit: str) -> None:
        """Forget the peak so far."""
        self._stage = stage
        Path("/proc/self/clear_refs").write_text("5")
        self.stages[stage] = {"began": _resident("VmRSS")}

    def advance(self, n: int) -> None:
        """Nothing to see."""

    def finish(self) -> None:
        """The stage's peak; at the end the traffic's tables too, and what was kept on the way."""
        self.stages[self._stage]["peak"] = _resident("VmHWM")
        if self._stage == "campaigns":
            (traffic,) = (found for found in gc.get_objects() if isinstance(found, Traffic))
            self.traffic = measured(traffic)


def measured(traffic: Traffic) -> dict[str, Any]:
    """Counts of a traffic, and bytes of its tables by name, on disk and in memory."""
    disk: dict[str, int] = {}
    memory: dict[str, int] = {}
    for table in GROWS_WITH:
        _add_up(table, getattr(traffic, table), disk, memory)
    return {
        "counts": {
            "exchanges": len(traffic.exchanges),
            "accounts": len(traffic.accounts),
            "slices": len(traffic.slices.account),
            "objects": len(traffic.incidence.obj_key),
            "uses": len(traffic.incidence.obj),
        },
        "disk": disk,
        "memory": memory,
    }


def _add_up(name: str, value: Any, disk: dict[str, int], memory: dict[str, int]) -> None:
    """The bytes of `value` and of all that it is made of, by dotted names."""
    if isinstance(value, Stored):
        disk[name] = int(np.prod(value.shape)) * value.dtype.itemsize
    elif isinstance(value, np.ndarray):
        memory[name] = value.nbytes
    elif dataclasses.is_dataclass(value):
        # What was found out and kept, such as `Exchanges._by_account`, is among the variables.
        for key, part in vars(value).items():
            _add_up(f"{name}.{key}", part, disk, memory)
    elif isinstance(value, dict) and all(isinstance(part, str) for part in value.values()):
        memory[name] = sys.getsizeof(value) + sum(
            sys.getsizeof(key) + sys.getsizeof(part) for key, part in value.items()
        )
    elif isinstance(value, dict):
        for key, part in value.items():
            _add_up(f"{name}.{key}", part, disk, memory)
    elif isinstance(value, list | tuple):
        if any(isinstance(part, np.ndarray) for part in value):
            for number, part in enumerate(value):
                _add_up(f"{name}.{number}", part, disk, memory)
        else:
            memory[name] = sys.getsizeof(value) + sum(map(sys.getsizeof, value))


def _resident(what: str) -> float:
    status = Path("/proc/self/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def child(lake: str, threads: int, engine: str) -> dict[str, Any]:
    """One lake, in this process."""
    watch = Watch()
    sw.detect(lake, threads=threads, engine=engine, progress=watch)
    signals = sum(_row_bytes(field.type) for field in SIGNALS)
    return {**watch.traffic, "signals_bytes_an_exchange": signals, "stages": watch.stages}


def _row_bytes(kind: Any) -> int:
    width = getattr(kind, "list_size", 1)
    return width * getattr(kind, "value_type", kind).bit_width // 8


def constants(lake: dict[str, Any]) -> dict[str, float]:
    """What one lake tells of any: bytes by what they grow with, and how many of what there are."""
    counts = lake["counts"]
    own = sum(n for name, n in lake["disk"].items() if name.split(".")[-1] not in SIGNALS.names)
    out = {
        "disk bytes an exchange, signals": lake["signals_bytes_an_exchange"],
        "disk bytes an exchange, for the run": own / counts["exchanges"],
    }
    for table, grows in GROWS_WITH.items():
        held = sum(n for name, n in lake["memory"].items() if name.split(".")[0] == table)
        key = f"memory bytes of {table}, for each of its {grows}"
        out[key] = held / counts[grows]
    for grows in ("slices", "uses"):
        out[f"{grows} an account"] = counts[grows] / counts["accounts"]
    out["uses an exchange"] = counts["uses"] / counts["exchanges"]
    out["exchanges an account"] = counts["exchanges"] / counts["accounts"]
    return {name: round(value, 3) for name, value in out.items()}


def slopes(lakes: list[dict[str, Any]]) -> dict[str, float]:
    """Peak bytes an exchange by stage, from the first lake to the last."""
    first, last = lakes[0], lakes[-1]
    more = last["counts"]["exchanges"] - first["counts"]["exchanges"]
    return {
        stage: round((last["stages"][stage]["peak"] - first["stages"][stage]["peak"]) / more, 1)
        for stage in last["stages"]
        if more
    }


def arithmetic(told: dict[str, float], exchanges: float, accounts: float) -> dict[str, float]:
    """GiB of each table at a size, by `constants`; uses by exchange, slices by account."""
    count = {
        "exchanges": exchanges,
        "accounts": accounts,
        "slices": accounts * told["slices an account"],
        "uses": exchanges * told["uses an exchange"],
    }
    disk = sum(value for name, value in told.items() if name.startswith("disk bytes"))
    out = {"disk": exchanges * disk / GIB}
    for table, grows in GROWS_WITH.items():
        each = told[f"memory bytes of {table}, for each of its {grows}"]
        out[f"memory, {table}"] = count[grows] * each / GIB
    return {name: round(value, 1) for name, value in out.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lakes", type=Path, nargs="*")
    parser.add_argument("--scales", type=float, nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--engine", default="duckdb", help="`sc://host:port` for a cluster's driver"
    )
    parser.add_argument("--exchanges", type=float, default=1e9)
    parser.add_argument("--accounts", type=float, default=1e7)
    parser.add_argument("--record", type=Path, help="a file to keep the document in")
    options = parser.parse_args()
    lakes = []
    with tempfile.TemporaryDirectory(prefix="stillwatch-bench-") as scratch:
        for scale in options.scales:
            log, lake = Path(scratch) / f"{scale}.log", Path(scratch) / f"{scale}.lake"
            sw.make_world("plain", log, scale=scale, seed=options.seed)
            sw.ingest([log], lake=lake)
            options.lakes.append(lake)
        for lake in options.lakes:
            command = [sys.executable, __file__, "--child", str(lake), str(options.threads)]
            command.append(options.engine)
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            lakes.append(json.loads(done.stdout))
    told = [constants(lake) for lake in lakes]
    document = {
        "constants": told,
        "peak_bytes_an_exchange_by_stage": slopes(lakes),
        "at": {"exchanges": options.exchanges, "accounts": options.accounts}
        | {"gib": arithmetic(told[-1], options.exchanges, options.accounts)},
        "lakes": lakes,
    }
    text = json.dumps(document, indent=1)
    if options.record:
        options.record.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        print(json.dumps(child(sys.argv[2], int(sys.argv[3]), sys.argv[4])))
    else:
        main()
