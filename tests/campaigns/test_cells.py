"""Content cells: near content falls in one cell."""

from __future__ import annotations

import numpy as np

from stillwatch.campaigns.cells import CELLS, assign, codebook
from tests.campaigns.made import Log


def test_cells_tell_topics_apart_and_hold_one_together():
    """With a cell to spare for each topic, no cell is of two topics."""
    log = Log()
    topic = np.arange(600) % 6
    content = np.stack([log.say(int(t)) for t in topic])
    centroids = codebook(content, 12)
    np.testing.assert_allclose(np.linalg.norm(centroids, axis=1), 1, atol=1e-5)
    cell = assign(content, centroids)
    for c in np.unique(cell):
        assert len(np.unique(topic[cell == c])) == 1


def test_the_nearest_centroid_is_the_one_of_largest_cosine():
    """Against brute force, over more rows than one batch holds."""
    rng = np.random.default_rng(0)
    content = rng.integers(-40, 41, (9000, 16)).astype(np.int8)
    centroids = rng.normal(size=(7, 16)).astype(np.float32)
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    assert (assign(content, centroids) == (content @ centroids.T).argmax(1)).all()


def test_few_rows_and_rows_without_text_make_a_codebook():
    """Fewer rows than cells, some of them blank: no division by nothing."""
    content = np.zeros((3, 256), np.int8)
    content[1, 0] = 100
    centroids = codebook(content)
    assert centroids.shape == (3, 256) != (CELLS, 256)
    assert np.isfinite(centroids).all()
    assert assign(content, centroids)[1] == np.argmax(centroids[:, 0])
