"""A log that grows is read once, whatever happens to its files and to whoever reads them."""

from __future__ import annotations

import gzip
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest
from typer.testing import CliRunner

from stillwatch.cli import app
from stillwatch.errors import InputNotFound, LakeBroken
from stillwatch.lake import Lake
from stillwatch.privacy import new_keys
from stillwatch.sources import follow
from stillwatch.watching import Watch
from tests.sources.logs import by_id, make_accounts, make_exchanges, to_lines, write_log

SAMPLES = Path(__file__).parents[1] / "sources" / "samples"


def catch_up(watch: Watch) -> int:
    """Rounds until nothing is new; returns how many there were."""
    rounds = 0
    while watch.round() is not None:
        rounds += 1
    return rounds


def held(lake: Path) -> pa.Table:
    """The rows of a lake, sorted by id."""
    return by_id(pa.Table.from_batches(Lake.open(lake).scan()))


def counts(lake: Path) -> tuple[int, int, dict[str, int]]:
    """Rows kept, rows that came twice, and rows quarantined by reason."""
    told = Lake.open(lake).counts()
    twice = told["quarantined"].pop("duplicate", 0)
    return told["kept"], twice, told["quarantined"]


def add(path: Path, data: bytes) -> None:
    """Append to a file, as a logger does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as out:
        out.write(data)


def test_what_is_added_is_read_once(tmp_path: Path) -> None:
    """Lines in any portions, new files, a new watch each time: all rows, none twice."""
    rng = random.Random(1)
    log, lake = tmp_path / "log", tmp_path / "lake"
    table = make_exchanges(600)
    data = to_lines(table)
    add(log / "a.jsonl", b"")
    at = 0
    while at < len(data):
        step = rng.choice([1, 7, 300, 5000, 40_000])
        add(log / rng.choice(["a.jsonl"]), data[at : at + step])
        at += step
        catch_up(Watch(log, lake, settled_s=1000))
    write_log(make_exchanges(10, first=600), log / "sub" / "b.jsonl")
    catch_up(Watch(log, lake, settled_s=1000))
    assert counts(lake) == (610, 0, {})
    assert held(lake).slice(0, 600).equals(table)


def test_quarantine_names_the_file_and_its_line(tmp_path: Path) -> None:
    """Lines are counted from the file's start, whatever piece they were read in."""
    log, lake = tmp_path / "log", tmp_path / "lake"
    lines = to_lines(make_exchanges(9)).splitlines(keepends=True)
    add(log / "a.jsonl", b"".join(lines[:3]) + b"nonsense\n")
    watch = Watch(log, lake, settled_s=1000)
    catch_up(watch)
    add(log / "a.jsonl", b"".join(lines[3:]) + b"\n{}\n")
    catch_up(watch)
    told = Lake.open(lake).quarantine().to_pylist()
    assert [(q["file"], q["line"], q["reason"]) for q in told] == [
        (str(log / "a.jsonl"), 4, "not_json"),
        (str(log / "a.jsonl"), 12, "missing:exchange_id"),
    ]


def test_rotated_truncated_and_packed(tmp_path: Path) -> None:
    """Renamed files go on where they stood, new ones start; a packed copy is not read again."""
    log, lake = tmp_path / "log", tmp_path / "lake"
    lines = to_lines(make_exchanges(100)).splitlines(keepends=True)
    log.mkdir()
    watch = Watch(log, lake, settled_s=0)
    add(log / "a.jsonl", b"nonsense\n" + b"".join(lines[:30]))
    catch_up(watch)
    add(log / "a.jsonl", b"".join(lines[30:40]))
    (log / "a.jsonl").rename(log / "a.jsonl.1")
    add(log / "a.jsonl", b"".join(lines[40:60]))
    catch_up(watch)
    assert counts(lake) == (60, 0, {"not_json": 1})
    (log / "a.jsonl.1.gz").write_bytes(gzip.compress((log / "a.jsonl.1").read_bytes()))
    (log / "a.jsonl.1").unlink()
    catch_up(watch)
    assert counts(lake) == (60, 0, {"not_json": 1})
    (log / "a.jsonl").write_bytes(b"".join(lines[60:65]))  # truncated in place, and shorter
    catch_up(watch)
    (log / "a.jsonl").write_bytes(b"".join(lines[65:100]))  # written anew, and longer
    catch_up(watch)
    assert counts(lake) == (100, 0, {"not_json": 1})


def test_whole_files_wait_until_they_are_settled(tmp_path: Path) -> None:
    """Parquet, compressed and CSV files are read when they no longer change; accounts too."""
    log, lake = tmp_path / "log", tmp_path / "lake"
    write_log(make_exchanges(5), log / "a.parquet")
    watch = Watch(log, lake, settled_s=1000)
    assert catch_up(watch) == 0
    write_log(make_exchanges(5, first=5), log / "b.jsonl.zst")
    write_log(make_accounts(3), log / "accounts.parquet")
    for _ in range(3):
        catch_up(watch)
    assert counts(lake) == (10, 0, {})
    assert Lake.open(lake).accounts().num_rows == 3


def test_a_last_line_without_its_end(tmp_path: Path) -> None:
    """Half a line waits; a whole one is taken once the file is settled."""
    log, lake = tmp_path / "log", tmp_path / "lake"
    lines = to_lines(make_exchanges(3)).splitlines()
    add(log / "a.jsonl", lines[0] + b"\n" + lines[1][:50])
    watch = Watch(log, lake, settled_s=0)
    catch_up(watch)
    assert counts(lake) == (1, 0, {})
    add(log / "a.jsonl", lines[1][50:])
    catch_up(watch)
    assert counts(lake) == (2, 0, {})
    add(log / "a.jsonl", b"\n" + lines[2] + b"\n")
    catch_up(watch)
    assert counts(lake) == (3, 0, {})


def test_a_line_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It costs one quarantined row however long it is, and what follows is read."""
    monkeypatch.setattr(follow, "PIECE_BYTES", 20_000)
    monkeypatch.setattr("stillwatch.sources.records.MAX_RECORD_BYTES", 10_000)
    log, lake = tmp_path / "log", tmp_path / "lake"
    lines = to_lines(make_exchanges(4)).splitlines(keepends=True)
    add(log / "a.jsonl", lines[0] + b'{"a": "' + b"x" * 90_000)
    watch = Watch(log, lake, settled_s=0)
    catch_up(watch)
    add(log / "a.jsonl", b"x" * 50_000 + b'"}\n' + b"".join(lines[1:]))
    catch_up(watch)
    kept, twice, quarantined = counts(lake)
    assert (kept, twice) == (4, 0)
    assert sum(quarantined.values()) == 1


def test_killed_at_any_moment(tmp_path: Path) -> None:
    """Killed hard again and again while the log grows: in the end every row is in, once."""
    rng = random.Random(4)
    log, lake = tmp_path / "log", tmp_path / "lake"
    lines = to_lines(make_exchanges(3000)).splitlines(keepends=True)
    bad = 0
    at = 0
    command = [sys.executable, "-m", "stillwatch", "watch", str(log), "--lake", str(lake)]
    while at < len(lines):
        step = rng.randint(300, 900)
        add(log / "a.jsonl", b"".join(lines[at : at + step]) + b"nonsense\n")
        bad += 1
        at += step
        with subprocess.Popen([*command, "--every", "0.1"], stdout=subprocess.DEVNULL) as run:
            time.sleep(rng.uniform(0.3, 2.5))
            run.send_signal(signal.SIGKILL)
    subprocess.run([*command, "--once"], check=True, capture_output=True)
    assert counts(lake) == (3000, 0, {"not_json": bad})


def test_a_polite_kill_is_no_failure(tmp_path: Path) -> None:
    """SIGTERM ends a watch with exit code 0 after it has said so."""
    log, lake = tmp_path / "log", tmp_path / "lake"
    write_log(make_exchanges(5), log / "a.jsonl")
    command = [sys.executable, "-m", "stillwatch", "watch", str(log), "--lake", str(lake), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert '"kept": 5' in run.stdout.readline()
        run.send_signal(signal.SIGTERM)
        assert "stopped" in run.stdout.read()
        assert run.wait() == 0
    assert counts(lake) == (5, 0, {})


def test_what_lies_beside_a_log_is_found(tmp_path: Path) -> None:
    """Bedrock's long bodies and CloudTrail: a copy of the log's lines would lie beside nothing."""
    shutil.copytree(SAMPLES / "bedrock" / "AWSLogs", tmp_path / "log" / "AWSLogs")
    catch_up(Watch(tmp_path / "log", tmp_path / "lake", settled_s=0))
    rows = {row["exchange_id"]: row for row in held(tmp_path / "lake").to_pylist()}
    assert rows["br-10"]["prompt"] == "A long question"
    assert rows["br-1"]["ip"] == "203.0.113.9"


def test_what_can_be_wrong(tmp_path: Path) -> None:
    """A log that isn't there, and a state that was damaged."""
    with pytest.raises(InputNotFound):
        Watch(tmp_path / "nowhere", tmp_path / "lake")
    log, lake = tmp_path / "log", tmp_path / "lake"
    write_log(make_exchanges(5), log / "a.jsonl")
    watch = Watch(log, lake)
    catch_up(watch)
    (state,) = (lake / "watch").glob("*/state.json")
    state.write_text("{")
    with pytest.raises(LakeBroken, match="Remove it"):
        watch.round()
    state.unlink()
    catch_up(watch)
    assert counts(lake)[0] == 5


def test_a_lake_of_names(tmp_path: Path) -> None:
    """With the lake's keys its names are kept; no copy of what was read stays behind."""
    log, lake, keys = tmp_path / "log", tmp_path / "lake", tmp_path / "keys.json"
    new_keys(keys, tmp_path / "owner.json")
    write_log(make_exchanges(20), log / "a.jsonl")
    catch_up(Watch(log, lake, pseudonyms=keys, settled_s=0))
    assert counts(lake) == (20, 0, {})
    assert not set(held(lake)["account_id"].to_pylist()) & {f"acc-{i}" for i in range(50)}
    assert not list((lake / "watch").rglob("*.jsonl"))


def test_each_round_says_what_was_set_aside(tmp_path: Path) -> None:
    """A format that fits nothing shows at once, as it does when a folder is ingested."""
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "a.jsonl").write_text('{"a":1}\n{"b":2}\nnonsense\n')
    words = ("watch", str(tmp_path / "log"), "--lake", str(tmp_path / "lake"), "--once")
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    assert "read 3, quarantined 3" in done.output
