"""Baselines on the same logs: what they may look at, and the findings of one of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa

from stillwatch.engine.threads import map_ordered, processors
from stillwatch.findings import Findings
from stillwatch.memory import peak_memory
from stillwatch.progress import Progress, Silent
from stillwatch.running import (
    Clock,
    configured,
    nothing_in,
    opened,
    run_record,
    steady,
    world_of,
)
from stillwatch.scoring.baselines import OBSERVES, Observed, method_named, to_findings


def observe(
    log: str | Path,
    until: datetime | None = None,
    *,
    threads: int | None = None,
    progress: Progress | None = None,
) -> Observed:
    """What the baselines may look at: a log or a lake without its labels, in memory.

    Raises what `detect` raises.
    """
    threads = max(1, threads or processors())
    clock = Clock(progress or Silent())
    with opened(log, clock, threads) as lake:
        fragments = lake.fragments(OBSERVES, until)
        if not fragments:
            raise nothing_in(lake, until)
        with clock.stage("observe", sum(f.rows for f in fragments), "exchanges"):
            batches = []
            for batch in map_ordered(fragments, threads):
                batches.append(batch)
                clock.progress.advance(batch.num_rows)
            exchanges = pa.Table.from_batches(batches)
            if not exchanges.num_rows:
                raise nothing_in(lake, until)
            run = run_record(lake, until) | world_of(log)
            observed = Observed.of(exchanges, lake.accounts(), run)
    run["seconds"] = {name: round(clock.seconds[name], 3) for name in clock.seconds}
    run["threads"] = threads
    return observed


def baseline(observed: Observed, name: str, *, progress: Progress | None = None) -> Findings:
    """The findings of one baseline of `scoring.baselines`; raises `UnknownName`, `ExtraMissing`.

    Several on one `Observed` share its text vectors: their time counts with the first to ask.
    """
    method = method_named(name)
    clock = Clock(progress or Silent())
    with clock.stage(name), steady():
        findings = to_findings(observed, name, method.function(observed))
    findings.run.update(
        configured({**observed.run.get("configuration", {}), "method": name}),
        method={"name": name, "source": method.source, "calibrated": False},
        seconds={**observed.run.get("seconds", {}), name: round(clock.seconds[name], 3)},
        exchanges_detected=len(observed),
        peak_memory_bytes=peak_memory(),
    )
    return findings
