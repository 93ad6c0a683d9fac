"""Logs of unknown software, through a mapping file, into a lake."""

from __future__ import annotations

from pathlib import Path

import stillwatch as sw
from stillwatch.sources.draft import draft_mapping
from stillwatch.sources.records_of import records_of
from stillwatch.sources.sample import take_sample
from tests.sources.house_styles import STYLES, exchanges


def test_a_corrected_mapping_reads_a_file_anew(tmp_path: Path) -> None:
    """What a wrong mapping refused, a corrected one reads; the same one again reads nothing."""
    log, lake, file = tmp_path / "log", tmp_path / "lake", tmp_path / "mapping.toml"
    log.mkdir()
    write, _ = STYLES["clinic"]
    path = write(exchanges(30, seed=2), log / "a.jsonl")
    right = draft_mapping(take_sample(records_of(path)))
    file.write_text(right.replace('account_id = "principal.tenantID"', 'account_id = "nobody"'))
    assert sw.ingest([log], lake=lake, mapping=file).quarantined == {"missing:account_id": 30}
    assert sw.ingest([log], lake=lake, mapping=file).skipped == 1
    file.write_text(right)
    assert sw.ingest([log], lake=lake, mapping=file).kept == 30
