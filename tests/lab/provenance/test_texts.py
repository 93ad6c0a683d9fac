"""Token files: what is read, and what is refused with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputNotFound, NothingToRead, StillwatchError, TraceRefused
from stillwatch.lab.provenance import texts as module
from stillwatch.lab.provenance.schemes.reading import read_schemes
from stillwatch.lab.provenance.texts import read_texts, texts_of

ROWS = [
    {"prompt_ids": [1, 2], "answer_ids": [3, 4, 5], "predicted_ids": [3, 9, 5]},
    {"prompt_ids": [], "answer_ids": [], "predicted_ids": []},
    {"prompt_ids": [7], "answer_ids": [8], "predicted_ids": [1]},
]


def _lines(path: Path, *lines: str | bytes) -> Path:
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else line.encode() for line in lines)
    )
    return path


def test_both_formats_are_the_same_texts(tmp_path: Path) -> None:
    """JSON Lines, blank lines between them, and Parquet."""
    rows = [json.dumps(row) for row in ROWS]
    told = read_texts(_lines(tmp_path / "a.jsonl", rows[0], "", *rows[1:], "  "))
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    assert told.digest == read_texts(tmp_path / "a.parquet").digest
    assert told.tokens.tolist() == [1, 2, 3, 4, 5, 7, 8]
    assert told.answers.tolist() == [2, 3, 4, 6]
    assert told.predicted is not None
    assert told.predicted.tolist() == [3, 9, 5, 1]
    assert [(text.tolist(), prompt) for text, prompt in told.pieces()][2] == ([7, 8], 1)


def test_a_digest_is_of_everything_that_counts() -> None:
    """The same tokens parted elsewhere are other texts."""
    told = [
        texts_of([([1], [2, 3])]),
        texts_of([([1, 2], [3])]),
        texts_of([([1], [2]), ([], [3])]),
        texts_of([([1], [2, 3])], [[2, 2]]),
    ]
    assert len({texts.digest for texts in told}) == 4


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"answer_ids": [1, "2"]}', "line 2"),
        ('{"answer_ids": [1, 2.5]}', "line 2"),
        ('{"answer_ids": [true]}', "line 2"),
        ('{"prompt_ids": [1]}', "line 2"),
        ('{"answer_ids": [-1]}', "no token id"),
        ('{"answer_ids": [999999999999]}', "no token id"),
        ('{"answer_ids": [1], "predicted_ids": [1, 2]}', "2 predicted_ids for 1"),
        ('{"answer_ids": [1], "predicted_ids": [1]}', "in some lines only"),
        ('{"answer_ids": ' + "[" * 5000 + "]" * 5000 + "}", "line 2"),
        ('{"answer_ids": [1', "line 2"),
        ("\x1b[2J", "line 2"),
        (b"\xff\xfe\x00", "line 2"),
        ("[1, 2]", "line 2"),
    ],
)
def test_a_wrong_line_is_refused_with_its_number(
    tmp_path: Path, line: str | bytes, words: str
) -> None:
    """Nothing is left out: texts that were left out are a choice that nobody registered."""
    path = _lines(tmp_path / "a.jsonl", '{"answer_ids": [1]}', line)
    with pytest.raises(TraceRefused, match=words):
        read_texts(path)


def test_lines_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of any length takes bounded memory."""
    monkeypatch.setattr(module, "MAX_LINE_BYTES", 1000)
    path = _lines(tmp_path / "a.jsonl", '{"answer_ids": [' + "1," * 2000 + "1]}")
    with pytest.raises(TraceRefused, match="line 1 is longer"):
        read_texts(path)


def test_files_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    """Missing, a folder, empty, no Parquet, a column of text."""
    cases: list[tuple[Path, type[StillwatchError]]] = [
        (tmp_path / "no.jsonl", InputNotFound),
        (tmp_path, InputNotFound),
        (_lines(tmp_path / "empty.jsonl", ""), NothingToRead),
        (_lines(tmp_path / "no.parquet", "PAR1"), TraceRefused),
    ]
    pq.write_table(pa.table({"answer_ids": ["a"]}), tmp_path / "text.parquet")
    for path, fault in [*cases, (tmp_path / "text.parquet", TraceRefused)]:
        with pytest.raises(fault):
            read_texts(path)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ("[]", "names no key"),
        ("{", "not JSON"),
        ('{"scheme": "other"}', "no scheme"),
        ('{"scheme": "kgw", "hashing_key": 1}', "lacks vocab_size"),
        ('{"scheme": "kgw", "hashing_key": true, "vocab_size": 10}', "hashing_key"),
        ('{"scheme": "kgw", "hashing_key": 1, "vocab_size": 10, "bias": 2}', "no setting 'bias'"),
        ('{"scheme": "kgw", "hashing_key": 1, "vocab_size": 3, "greenlist_ratio": 0.1}', "green"),
        ('{"scheme": "kgw", "hashing_key": 1, "vocab_size": 9, "greenlist_ratio": 2}', "no share"),
        ('{"scheme": "kgw", "hashing_key": 1, "vocab_size": 9, "seeding_scheme": "x"}', "none of"),
        ('{"scheme": "synthid", "keys": []}', "keys are no list"),
        ('{"scheme": "synthid", "keys": [1, "2"]}', "keys are no list"),
        ('{"scheme": "gumbel", "key": 1, "prf": "other"}', "prf"),
        ('{"scheme": "gumbel", "key": 99999999999999999999}', "key is no whole number"),
        ('{"scheme": "sbw", "key": 9999999999999999999}', "63 bits"),
        ("[" * 3000, "not JSON"),
    ],
)
def test_a_wrong_key_file_is_refused(tmp_path: Path, told: str, words: str) -> None:
    """What is wrong, and which key of the file."""
    with pytest.raises(TraceRefused, match=words):
        read_schemes(_lines(tmp_path / "keys.json", told))


def test_every_scheme_is_read_from_what_it_says_of_itself(tmp_path: Path) -> None:
    """Parameters and secret together are a file of keys."""
    told = [
        {"scheme": "kgw", "hashing_key": 15485863, "vocab_size": 49152},
        {"scheme": "synthid", "keys": [654, 400, 836]},
        {"scheme": "gumbel", "key": 42},
        {"scheme": "dual_key_gumbel", "key": 42, "alpha": 0.2},
        {"scheme": "sbw", "key": 42, "sbw_scheme": "lefthash"},
    ]
    schemes = read_schemes(_lines(tmp_path / "keys.json", json.dumps(told)))
    for scheme in schemes:
        again = scheme.parameters() | scheme.secret()
        again.pop("depth", None)
        assert read_schemes(_lines(tmp_path / "again.json", json.dumps(again))) == [scheme]
    with pytest.raises(InputNotFound):
        read_schemes(tmp_path / "no.json")
