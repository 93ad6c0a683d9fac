"""Content cells: near content falls in one cell, and a cell is looked for in two steps."""

from __future__ import annotations

import numpy as np
import pytest

from stillwatch.statistics import cells
from stillwatch.statistics.cells import BATCH, CELLS, PARTS, WIDE, Codebook, assign, codebook
from tests.campaigns.made import Log


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows of length one."""
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def some_book(seed: int, width: int = 16) -> Codebook:
    """Centroids at random."""
    rng = np.random.default_rng(seed)
    shapes = (WIDE, width), (WIDE, PARTS, width)
    return Codebook(*(unit(rng.normal(size=shape)) for shape in shapes))


def by_hand(content: np.ndarray, book: Codebook) -> list[int]:
    """Row by row the wide cell of largest cosine, then the part of that of largest cosine."""
    found = []
    for row in content.astype(np.float64):
        wide = int(np.argmax([row @ centroid for centroid in book.wide.astype(float)]))
        part = int(np.argmax([row @ centroid for centroid in book.parts[wide].astype(float)]))
        found.append(wide * PARTS + part)
    return found


def test_cells_tell_topics_apart():
    """With cells to spare for each topic, hardly any cell is of two topics."""
    log = Log()
    topic = np.arange(1200) % 6
    content = np.stack([log.say(int(t)) for t in topic])
    cell = assign(content, codebook(content))
    pure = [np.bincount(topic[cell == c]).max() for c in np.unique(cell)]
    assert sum(pure) > 0.98 * len(topic)
    assert len(pure) > 100


def test_centroids_are_of_length_one_and_those_of_a_wide_cell_lie_in_it():
    """The rows that taught a part of a wide cell are nearer to that than to any other."""
    content = np.random.default_rng(0).integers(-40, 41, (3000, 16)).astype(np.int8)
    book = codebook(content)
    for centroids in (book.wide, book.parts):
        np.testing.assert_allclose(np.linalg.norm(centroids, axis=-1), 1, atol=1e-5)
    assert book.parts.shape == (WIDE, PARTS, 16)
    home = (book.parts @ book.wide.T).argmax(-1)
    assert (home == np.arange(WIDE)[:, None]).mean() > 0.9
    cell = assign(content, book)
    assert cell.dtype == np.uint8
    assert len(np.unique(cell)) > 0.9 * CELLS
    assert ((content @ book.wide.T).argmax(1) == cell // PARTS).all()


@pytest.mark.parametrize("seed", range(3))
def test_the_cell_is_the_nearest_of_its_wide_cell(seed: int):
    """Against looking at one row at a time."""
    content = np.random.default_rng(seed).integers(-40, 41, (400, 16)).astype(np.int8)
    assert assign(content, book := some_book(seed)).tolist() == by_hand(content, book)


def test_batches_do_not_show(monkeypatch: pytest.MonkeyPatch):
    """Rows that are looked at forty at a time have the cells that they have all at once."""
    content = np.random.default_rng(5).integers(-40, 41, (1000, 16)).astype(np.int8)
    book = some_book(5)
    assert len(content) < BATCH
    whole = assign(content, book)
    monkeypatch.setattr(cells, "BATCH", 40)
    assert (assign(content, book) == whole).all()


def test_few_rows_and_rows_without_text_make_a_codebook():
    """Fewer rows than cells, some of them blank: no division by nothing, and a cell for each."""
    content = np.zeros((3, 256), np.int8)
    content[1, 0] = 100
    book = codebook(content)
    assert np.isfinite(book.wide).all()
    assert np.isfinite(book.parts).all()
    cell = assign(content, book)
    assert cell[0] == cell[2] != cell[1]
    assert len(assign(content[:0], book)) == 0


def test_one_blank_row_makes_a_codebook():
    """The least that a log can have to say."""
    content = np.zeros((1, 256), np.int8)
    assert assign(content, codebook(content)).tolist() == [0]
