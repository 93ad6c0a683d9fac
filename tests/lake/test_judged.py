"""What is kept of a judgement: read back as it was, or not there at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.lake import Judged

ROWS = pa.table({"a": [1, 2, 3], "b": ["x", None, "z"]})
MORE = pa.concat_tables([ROWS, ROWS])
ARRAYS = {"0.ratio": np.arange(6.0).reshape(2, 3), "fates": np.array([0, 1], np.uint8)}
FACTS = {"judged": 7, "reasons": {"c": "Why."}}


def keep(lake: Path, parts: list[str] | None = None) -> Judged:
    """A judgement of two parts, kept."""
    judged = Judged(lake, "v")
    judged.save(parts or ["p", "q"], {"rows": ROWS, "few": ROWS.slice(1, 1)}, ARRAYS, FACTS)
    return judged


def test_what_is_kept_is_read_back(tmp_path: Path):
    """Tables, arrays and facts, of a lake that has grown since too."""
    kept = keep(tmp_path).load()
    assert kept is not None
    assert kept.parts == ["p", "q"]
    assert kept.covers_first(["p", "q", "r"])
    assert kept.tables["rows"].equals(ROWS)
    assert kept.tables["few"].equals(ROWS.slice(1, 1))
    assert kept.facts == FACTS
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(kept.arrays[name], array)


def test_only_what_was_added_is_written(tmp_path: Path):
    """A table in pieces is one table, and a file that is still needed is not touched."""
    judged = keep(tmp_path)
    (first,) = (tmp_path / "judged").glob("rows.*")
    before = first.stat()
    judged.save(["p", "q", "r"], {"rows": MORE, "few": ROWS}, ARRAYS, FACTS, {"rows": 3})
    kept = judged.load()
    assert kept is not None
    assert kept.tables["rows"].equals(MORE)
    assert kept.tables["few"].equals(ROWS)
    assert first.stat().st_mtime_ns == before.st_mtime_ns
    assert len(list((tmp_path / "judged").glob("rows.*"))) == 2
    keep(tmp_path)
    assert len(list((tmp_path / "judged").glob("rows.*"))) == 1, "what isn't named is removed"


@pytest.mark.parametrize("parts", [["p"], ["q", "p"], ["p", "x", "q"], []])
def test_other_parts_are_not_covered(tmp_path: Path, parts: list[str]):
    """One is gone, changed, or elsewhere."""
    kept = keep(tmp_path).load()
    assert kept is not None
    assert not kept.covers_first(parts)


@pytest.mark.parametrize("harm", ["none", "version", "index", "short", "gone", "arrays"])
def test_what_cannot_be_read_is_not_there(tmp_path: Path, harm: str):
    """Nothing kept yet, other code's, a damaged or missing file."""
    folder = tmp_path / "judged"
    if harm == "none":
        assert Judged(tmp_path, "v").load() is None
        return
    keep(tmp_path)
    (rows,) = folder.glob("rows.*")
    (arrays,) = folder.glob("arrays.*")
    if harm == "index":
        (folder / "index.json").write_text("{")
    elif harm == "short":
        rows.write_bytes(rows.read_bytes()[:-40])
    elif harm == "gone":
        rows.unlink()
    elif harm == "arrays":
        arrays.write_bytes(b"PK\x03\x04")
    version = "w" if harm == "version" else "v"
    assert Judged(tmp_path, version).load() is None
    keep(tmp_path)
    assert Judged(tmp_path, "v").load() is not None


def test_a_kill_before_the_index_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """New files that no index names are nothing, and the next save removes them."""
    judged = keep(tmp_path)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            judged.save(["p", "q", "r"], {"rows": MORE}, {}, {}, {"rows": 3})
    kept = judged.load()
    assert kept is not None
    assert kept.parts == ["p", "q"]
    assert kept.tables["rows"].equals(ROWS)
    keep(tmp_path)
    assert len(list((tmp_path / "judged").iterdir())) == 4
