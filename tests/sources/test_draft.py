"""Mappings drafted for logs of unknown software: corrected in under five lines, they ingest."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.errors import FormatUnknown, InputNotFound, MappingInvalid
from stillwatch.sources import read_exchanges
from stillwatch.sources.draft import draft_mapping
from stillwatch.sources.mapping_file import parse_mapping
from stillwatch.sources.records_of import records_of
from stillwatch.sources.sample import take_sample
from stillwatch.sources.trial import try_mapping
from tests.sources.house_styles import STYLES, exchanges
from tests.sources.reading import gather

CORRECTIONS: dict[str, dict[str, str]] = {
    "clinic": {},
    "forum": {},
    "search_index": {
        "user_agent": "user_agent = \"['user_agent.original']\"",
        "latency_ms": 'latency_ms = {path = "[\'event.duration\']", unit = "ns"}',
    },
}
"""By style: the lines of its draft that a person has to change or add."""


def corrected(text: str, lines: dict[str, str]) -> str:
    """`text` with the lines of some columns replaced, or added at the end of the columns."""
    out = []
    for line in text.splitlines():
        name = line.removeprefix("# ").partition(" =")[0]
        if name not in lines:
            out.append(line)
    at = out.index("[columns]") + 1
    return "\n".join([*out[:at], *lines.values(), *out[at:]])


@pytest.mark.parametrize("name", STYLES)
def test_a_draft_reads_an_unseen_log(name: str, tmp_path: Path) -> None:
    """Drafted from half of a log, corrected by the lines above, it reads the rest."""
    assert len(CORRECTIONS[name]) < 5
    write, lacks = STYLES[name]
    rows = exchanges(400, seed=3)
    sample = write(rows[:200], tmp_path / "sample.json")
    text = draft_mapping(take_sample(records_of(sample)))
    mapping = parse_mapping(corrected(text, CORRECTIONS[name]))
    log = write(rows[200:], tmp_path / "log.json")
    got = gather(read_exchanges(log, format=mapping.format()))
    assert got.kept.num_rows == 200
    assert not got.repaired
    held = [column for column in rows[0] if column not in lacks]
    for column in held:
        wanted = [row[column] for row in rows[200:]]
        if column == "ts" and name == "forum":
            wanted = [when.replace(microsecond=0) for when in wanted]
        assert got.kept[column].to_pylist() == wanted, column
    assert len(set(got.kept["exchange_id"].to_pylist())) == 200


def test_a_draft_says_what_it_did_not_find(tmp_path: Path) -> None:
    """Nothing is invented: what is required and missing is said, and the check refuses it."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"level": "info", "host": "a"}\n{"level": "warn", "host": "b"}\n')
    text = draft_mapping(take_sample(records_of(path)))
    assert '# account_id = ""  # REQUIRED' in text
    with pytest.raises(MappingInvalid, match="account_id: is required"):
        parse_mapping(text)
    with pytest.raises(InputNotFound):
        list(records_of(tmp_path / "nowhere"))
    (tmp_path / "b.jsonl").write_text("nonsense\n")
    with pytest.raises(FormatUnknown, match="no record"):
        list(records_of(tmp_path / "b.jsonl"))


def test_no_value_of_the_log_is_written_down(tmp_path: Path) -> None:
    """A mapping may be shown around: no id, text or address of the sample is in it."""
    rows = exchanges(50, seed=5)
    for name, (write, _) in STYLES.items():
        path = write(rows, tmp_path / f"{name}.json")
        text = draft_mapping(take_sample(records_of(path)))
        for row in rows:
            for column in ("exchange_id", "prompt", "response", "ip", "user_agent"):
                assert row[column] not in text


def test_what_a_mapping_makes_is_shown_redacted(tmp_path: Path) -> None:
    """Counts, what is never filled, and rows without their texts."""
    write, _ = STYLES["clinic"]
    rows = exchanges(50, seed=5)
    path = write(rows, tmp_path / "a.jsonl")
    mapping = parse_mapping(draft_mapping(take_sample(records_of(path))))
    told = try_mapping(mapping, path, rows=2)
    assert (told["read"], told["kept"], len(told["rows"])) == (50, 50, 2)
    assert told["rows"][0]["model"] == rows[0]["model"]
    shown = json.dumps(told)
    assert rows[0]["prompt"] not in shown
    assert rows[0]["ip"] not in shown
    assert rows[0]["exchange_id"] not in shown


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.text(), json_values, min_size=1, max_size=6), min_size=1))
def test_a_draft_of_anything_is_toml(documents: list[dict[str, Any]]) -> None:
    """Whatever names and values a log holds, its draft is TOML, and reads or says what is wrong."""
    text = draft_mapping(take_sample(documents))
    tomllib.loads(text)
    faults: tuple[str, ...] = ()
    try:
        mapping = parse_mapping(text)
    except MappingInvalid as told:
        faults = told.faults
    else:
        assert sum(len(mapping.rows(document)) for document in documents) >= len(documents)
    assert all("is required" in fault for fault in faults)


def test_a_folder_is_no_sample_to_check(tmp_path: Path) -> None:
    """To be told that nothing of nothing is wrong helps nobody."""
    write, _ = STYLES["clinic"]
    path = write(exchanges(5, seed=5), tmp_path / "a.jsonl")
    mapping = parse_mapping(draft_mapping(take_sample(records_of(path))))
    with pytest.raises(InputNotFound, match="is no file"):
        try_mapping(mapping, tmp_path, rows=2)
