"""Poor logs: what is missing may cost accuracy, never a crash."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from stillwatch.errors import InputNotFound, NothingToRead, OutputExists
from stillwatch.findings import Findings, read_findings
from stillwatch.pipeline import detect
from stillwatch.tables import EXCHANGES
from tests.pipeline.small import Small, flagged, write
from tests.sources.logs import TEXTS, make_exchanges

REQUIRED = [field.name for field in EXCHANGES if not field.nullable]
CLIENT = ["ip", "asn", "country", "user_agent", "ja4", "device_id", "headers"]


def with_column(table: pa.Table, name: str, values: list) -> pa.Table:
    """The table with other values in one column."""
    place = table.schema.get_field_index(name)
    field = EXCHANGES.field(name)
    return table.set_column(place, field, pa.array(values, field.type))


def of_accounts(table: pa.Table, accounts: set[str]) -> pa.Table:
    """The exchanges of some accounts."""
    return table.filter(pc.is_in(table["account_id"], pa.array(sorted(accounts))))


def test_required_columns_are_enough(small: Small, tmp_path: Path):
    """Text alone, without accounts: most members are still found, and nobody honest flagged."""
    out = detect(write(tmp_path / "log", small.exchanges.select(REQUIRED)), threads=1)
    assert flagged(out) <= small.guilty
    assert len(flagged(out)) >= 0.5 * len(small.guilty)
    told = " ".join(out.run["notes"])
    assert "network, device or client" in told
    assert "registered" in told


def test_without_client_traits(small: Small, tmp_path: Path):
    """No address, no fingerprint, no device: infrastructure is corroboration, not the finding."""
    bare = small.exchanges.drop_columns(CLIENT)
    out = detect(write(tmp_path / "log", bare, small.accounts), threads=1)
    assert flagged(out) <= small.guilty
    assert len(flagged(out)) >= 0.7 * len(small.guilty)


def test_without_accounts(small: Small, tmp_path: Path):
    """No accounts table, and an empty one, are alike and no obstacle."""
    none = detect(write(tmp_path / "a", small.exchanges), threads=1)
    assert len(flagged(none)) >= 0.7 * len(small.guilty)
    assert ["registered" in note for note in none.run["notes"]] == [True]


def test_with_everything_nothing_is_said_to_lack(small: Small):
    """A whole log, and one of a single surface, get no notes on what they lack."""
    assert "notes" not in detect(small.folder, threads=1).run


def test_of_one_surface(small: Small, tmp_path: Path):
    """A log of one cloud platform alone: fewer exchanges, the same method."""
    rows = small.exchanges.filter(pc.equal(small.exchanges["surface"], "api"))
    out = detect(write(tmp_path / "log", rows, small.accounts), threads=1)
    assert flagged(out) <= small.guilty
    assert len(flagged(out)) >= 0.5 * len(small.guilty)


def test_nothing_but_who_when_and_which_model(small: Small, tmp_path: Path):
    """No text, no metadata, no accounts: nobody is flagged, and all that is missing is said."""
    rows = with_column(small.exchanges.select(REQUIRED), "prompt", [""] * small.exchanges.num_rows)
    out = detect(write(tmp_path / "log", rows), threads=1)
    assert not flagged(out)
    told = " ".join(out.run["notes"])
    for word in (
        "has text",
        "max_tokens",
        "output_tokens",
        "no network can be found",
        "registered",
    ):
        assert word in told


def test_without_text(small: Small, tmp_path: Path):
    """Empty prompts, no system prompts, no responses: nobody honest flagged, every table whole."""
    silent = with_column(small.exchanges, "prompt", [""] * small.exchanges.num_rows)
    log = write(tmp_path / "log", silent.drop_columns(["system", "response"]), small.accounts)
    out = detect(log, out=tmp_path / "findings", threads=1)
    assert flagged(out) <= small.guilty
    assert any("No exchange has text" in note for note in out.run["notes"])
    assert out.accounts.num_rows == len(set(small.exchanges["account_id"].to_pylist()))
    assert read_findings(tmp_path / "findings").evidence.equals(out.evidence)


@pytest.mark.parametrize("honest", [0, 3])
def test_hardly_anybody_to_compare_with(small: Small, tmp_path: Path, honest: int):
    """A log of the campaigns alone, or nearly: without outsiders there is no null, and no crash."""
    others = sorted(set(small.exchanges["account_id"].to_pylist()) - small.guilty)[:honest]
    rows = of_accounts(small.exchanges, {*small.guilty, *others})
    out = detect(write(tmp_path / "log", rows, small.accounts), threads=1)
    assert flagged(out) <= small.guilty
    assert out.accounts.num_rows == len(small.guilty) + honest


def test_nulls_in_every_optional_column(tmp_path: Path):
    """All columns there, nothing in them."""
    rows = make_exchanges(300)
    for field in EXCHANGES:
        if field.nullable:
            rows = with_column(rows, field.name, [None] * 300)
    out = detect(write(tmp_path / "log", rows), threads=1)
    assert out.accounts.num_rows == 50


@pytest.mark.parametrize("n", [1, 2, 3, 60])
def test_the_smallest_logs(small: Small, tmp_path: Path, n: int):
    """From a single exchange on: no campaign, every account told where it stands."""
    rows = small.exchanges.slice(100, n)
    out = detect(write(tmp_path / "log", rows), out=tmp_path / "findings", threads=1)
    assert out.campaigns.num_rows == out.members.num_rows == out.exchanges.num_rows == 0
    assert out.accounts.num_rows == len(set(rows["account_id"].to_pylist()))
    assert read_findings(tmp_path / "findings").run["exchanges_detected"] == n


def test_everything_from_one_account(small: Small, tmp_path: Path):
    """One account is no campaign, whatever it asks."""
    rows = small.exchanges.slice(0, 20_000)
    rows = with_column(rows, "account_id", ["only"] * 20_000)
    out = detect(write(tmp_path / "log", rows), threads=1)
    assert out.campaigns.num_rows == 0
    assert out.accounts["exchanges"].to_pylist() == [20_000]


def test_hostile_texts(tmp_path: Path):
    """Long, empty, broken and binary-looking prompts in every column that holds text."""
    nasty = [
        *TEXTS,
        "a" + "思" * 9000,
        "\ud7ff\ufffd" * 50,
        "\x00" * 2000,
        "\u202e\u200b",
        "7" * 40_000,
    ]
    rows = make_exchanges(3000, seed=9)
    for name in ("prompt", "system", "model", "account_id", "org_id", "user_agent", "ip"):
        rows = with_column(rows, name, [nasty[(i * 7) % len(nasty)] or "?" for i in range(3000)])
    out = detect(write(tmp_path / "log", rows), out=tmp_path / "findings", threads=1)
    assert sum(out.accounts["exchanges"].to_pylist()) == out.run["exchanges_detected"] > 2000
    assert read_findings(tmp_path / "findings").accounts.equals(out.accounts)


def test_nothing_to_read_is_said_so(small: Small, tmp_path: Path):
    """An empty log, a folder that isn't there, and a moment before the first exchange."""
    with pytest.raises(NothingToRead):
        detect(write(tmp_path / "empty", small.exchanges.slice(0, 0)), threads=1)
    with pytest.raises(InputNotFound):
        detect(tmp_path / "nowhere")
    few = write(tmp_path / "few", small.exchanges.slice(0, 10))
    with pytest.raises(NothingToRead, match="2001"):
        detect(few, until=dt.datetime(2001, 1, 1, tzinfo=dt.UTC), threads=1)


def test_what_is_not_ours_is_not_replaced(small: Small, tmp_path: Path):
    """Findings replace findings, and nothing else."""
    log = write(tmp_path / "log", small.exchanges.slice(0, 20))
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(OutputExists):
        detect(log, out=out, threads=1)
    assert (out / "thesis.txt").read_text() == "mine"
    first = detect(log, out=tmp_path / "findings", threads=1)
    again = detect(log, out=tmp_path / "findings", threads=1)
    assert isinstance(again, Findings)
    assert again.accounts.equals(first.accounts)


def test_honest_traffic_alone_has_no_campaign(small: Small, tmp_path: Path):
    """The same world without its campaigns: nobody is flagged."""
    honest = set(small.exchanges["account_id"].to_pylist()) - small.guilty
    rows = of_accounts(small.exchanges, honest)
    out = detect(write(tmp_path / "log", rows, small.accounts), threads=1)
    assert flagged(out) == set()
    assert out.exchanges.num_rows == 0
