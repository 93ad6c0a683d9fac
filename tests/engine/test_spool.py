"""The spool: what was added is there, after a kill too, and only what is new is made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.columns import Stored, spans
from stillwatch.engine import spool as spools
from stillwatch.engine.spool import Spool, spool_folder

SCHEMA = pa.schema([("a", pa.uint64()), ("b", pa.list_(pa.int8(), 80)), ("c", pa.int32())])


def batch(rows: int, seed: int, keys: tuple[int, ...] = ()) -> pa.RecordBatch:
    """Random values of `SCHEMA`, but `keys` come first."""
    rng = np.random.default_rng(seed)
    a = rng.integers(100, 2**63, rows).astype(np.uint64)
    a[: len(keys)] = keys
    b = pa.array(rng.integers(-100, 100, rows * 80).astype(np.int8))
    return pa.record_batch(
        [
            pa.array(a),
            pa.FixedSizeListArray.from_arrays(b, 80),
            pa.array(rng.integers(-5, 5, rows).astype(np.int32)),
        ],
        SCHEMA,
    )


PARTS = {
    "p": batch(5, 0, (1, 2)),
    "q": batch(0, 1),
    "r": batch(9, 2, (2, 3, 7)),
    "s": batch(4, 3, (3,)),
}
NAMES = {
    "p": {"account": {1: "one", 2: "two"}},
    "q": {},
    "r": {"account": {2: "two", 3: "three"}, "model": {7: "m"}},
    "s": {"account": {3: "three"}},
}
KEYS = {"account": "a", "model": "a"}


def told(part: str) -> dict[str, tuple[np.ndarray, pa.Array]]:
    """The names of a part as keys and texts."""
    return {
        column: (np.array([*found], np.uint64), pa.array(found.values(), pa.string()))
        for column, found in NAMES[part].items()
    }


def filled(folder: Path, parts: list[str], version: str = "v") -> tuple[Spool, list[str]]:
    """A spool of `parts`, and which of them were made."""
    spool = Spool(folder, SCHEMA, version, KEYS)
    made = [parts[place] for place in spool.resume(parts)]
    for part in made:
        spool.add(part, PARTS[part], told(part))
    spool.commit()
    return spool, made


def holds(spool: Spool, parts: list[str]) -> bool:
    """Whether its columns are the rows of `parts`, and its names theirs."""
    names: dict[str, dict[int, str]] = {}
    for part in parts:
        for column, found in NAMES[part].items():
            names.setdefault(column, {}).update(found)
    known = {column: found for column, found in spool.names.items() if found}
    table = pa.Table.from_batches([PARTS[part] for part in parts], SCHEMA).combine_chunks()
    columns = spool.columns()
    b = (
        table["b"].chunk(0).flatten().to_numpy().reshape(-1, 80)
        if len(table)
        else np.empty((0, 80))
    )
    return (
        spool.parts == parts
        and known == names
        and spool.ends == np.cumsum([PARTS[part].num_rows for part in parts]).tolist()
        and len(spool) == len(table)
        and np.array_equal(columns["a"][:], table["a"].to_numpy())
        and np.array_equal(columns["b"][:], b)
        and np.array_equal(columns["c"][:], table["c"].to_numpy())
    )


def test_columns_are_the_rows_of_the_parts_in_order(tmp_path: Path):
    """Empty parts too, and each part's end is known."""
    spool, made = filled(tmp_path, ["p", "q", "r"])
    assert made == ["p", "q", "r"]
    assert holds(spool, ["p", "q", "r"])
    assert spool.ends == [5, 5, 14]
    assert spool.names == {"account": {1: "one", 2: "two", 3: "three"}, "model": {7: "m"}}


THEN = {
    "more at the end": (["p", "q", "r", "s"], ["p", "q", "r", "s"], ["s"]),
    "first gone": (["q", "r"], ["q", "r"], []),
    "first replaced": (["s", "q", "r"], ["q", "r", "s"], ["s"]),
    "middle gone, and one before": (["s", "p", "r"], ["p", "r", "s"], ["s"]),
    "another order": (["r", "q", "p"], ["p", "q", "r"], []),
    "last gone": (["p"], ["p"], []),
    "all gone": (["s"], ["s"], ["s"]),
}


@pytest.mark.parametrize("then", THEN)
def test_only_what_is_new_is_made(tmp_path: Path, then: str, monkeypatch: pytest.MonkeyPatch):
    """A part that is new, gone, or elsewhere; names of parts that went are gone with them."""
    monkeypatch.setattr(spools, "_PIECE_BYTES", 100)
    wanted, held, made = THEN[then]
    filled(tmp_path, ["p", "q", "r"])[0].close()
    spool, found = filled(tmp_path, wanted)
    assert found == made
    assert holds(spool, held)
    spool.close()
    again, found = filled(tmp_path, wanted)
    assert found == []
    assert holds(again, held)
    assert len(list(tmp_path.glob("names*"))) == 1


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("after", range(11))
def test_a_kill_while_parts_move_costs_parts_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, commits: bool
):
    """At any of eleven writes, seven of them of the part that moves first: what the index names
    afterwards is whole, and the rest is made anew."""
    filled(tmp_path, ["p", "r", "s"])[0].close()
    monkeypatch.setattr(spools, "_PIECE_BYTES", 200)
    if commits:
        monkeypatch.setattr(spools, "COMMIT_SECONDS", -1.0)
    write, written = spools._write_at, []

    def stop(file: int, data: bytes, place: int) -> None:
        if len(written) == after:
            write(file, data[: len(data) // 2], place)
            raise KeyboardInterrupt
        written.append(place)
        write(file, data, place)

    with monkeypatch.context() as killed:
        killed.setattr(spools, "_write_at", stop)
        with pytest.raises(KeyboardInterrupt):
            Spool(tmp_path, SCHEMA, "v", KEYS).resume(["r", "s"])
    spool, made = filled(tmp_path, ["r", "s"])
    assert made == (["s"] if commits and after >= 7 else ["r", "s"])
    assert holds(spool, ["r", "s"])


def test_a_kill_between_commits_loses_only_what_came_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Rows that were written and not committed are cut off."""
    monkeypatch.setattr(spools, "COMMIT_SECONDS", 1e9)
    spool, _ = filled(tmp_path, ["p"])
    spool.add("r", PARTS["r"], told("r"))
    spool.close()
    again, made = filled(tmp_path, ["p", "q", "r"])
    assert made == ["q", "r"]
    assert holds(again, ["p", "q", "r"])


@pytest.mark.parametrize("harm", ["version", "shorter", "gone", "index"])
def test_what_does_not_fit_is_made_anew(tmp_path: Path, harm: str):
    """Signals of other code, a file cut short or lost, an index that can't be read."""
    filled(tmp_path, ["p", "r"])[0].close()
    if harm == "shorter":
        (tmp_path / "a.bin").write_bytes(b"12345678")
    elif harm == "gone":
        (tmp_path / "b.bin").unlink()
    elif harm == "index":
        (tmp_path / "index.json").write_text("{")
    spool, made = filled(tmp_path, ["p", "r"], "w" if harm == "version" else "v")
    assert made == ["p", "r"]
    assert holds(spool, ["p", "r"])


def test_a_run_s_own_columns_go_with_it(tmp_path: Path):
    """They are there until the spool is closed."""
    spool, _ = filled(tmp_path, ["p"])
    kept = spool.keep("more", [np.arange(3), np.arange(2)])
    assert kept[:].tolist() == [0, 1, 2, 0, 1]
    spool.close()
    assert not list(tmp_path.glob("run.*"))


def test_a_folder_in_use_is_left_alone(tmp_path: Path):
    """The second one gets its scratch folder; so does one that can't be made."""
    wanted, scratch = tmp_path / "wanted", tmp_path / "scratch"
    with spool_folder(wanted, scratch) as first:
        assert first == wanted
        with spool_folder(wanted, scratch) as second:
            assert second == scratch
    with spool_folder(wanted, scratch) as third:
        assert third == wanted
    (tmp_path / "file").write_text("")
    with spool_folder(tmp_path / "file" / "in", scratch) as fourth:
        assert fourth == scratch


@pytest.mark.parametrize("width", [0, 80])
def test_a_stored_column_is_indexed_as_an_array_is(
    tmp_path: Path, width: int, monkeypatch: pytest.MonkeyPatch
):
    """By slice, by positions in any order and repeated, by mask; and in stretches."""
    monkeypatch.setattr("stillwatch.columns.SPAN_BYTES", 1000)
    values = np.random.default_rng(1).integers(-100, 100, (500, width) if width else 500)
    values = values.astype(np.int16)
    (tmp_path / "x").write_bytes(values.tobytes())
    column = Stored(tmp_path / "x", np.int16, width, 500)
    rows = np.random.default_rng(2).integers(0, 500, 300)
    mask = np.random.default_rng(3).random(500) < 0.3
    for key in (slice(None), slice(7, 90, 3), rows, mask, rows[:0]):
        np.testing.assert_array_equal(column[key], values[key])
    if width:
        seen = [(held[part].copy(), part) for held, part in spans(column, rows)]
        assert len(seen) > 1
        np.testing.assert_array_equal(np.concatenate([s for s, _ in seen]), values[np.sort(rows)])


@pytest.mark.parametrize("begin", [0, 1, 5, 6, 14])
def test_columns_can_begin_later(tmp_path: Path, begin: int):
    """As if the rows before were not there."""
    spool, _ = filled(tmp_path, ["p", "q", "r"])
    for name, column in spool.columns().items():
        later = spool.columns(begin)[name]
        np.testing.assert_array_equal(later[:], column[begin:])
        assert later.shape == column[begin:].shape


def test_an_empty_column_is_empty(tmp_path: Path):
    """No file is needed."""
    assert Stored(tmp_path / "none", np.int8, 4, 0)[:].shape == (0, 4)
