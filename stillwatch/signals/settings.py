"""Settings: how a program calls, as one key. Nobody chooses them anew for every request."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from stillwatch.signals.keys import mix_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNKNOWN = -1


def temperatures(column: pa.Array) -> NDArray[np.int32]:
    """Temperatures in hundredths, (n,); `UNKNOWN` where null or no number."""
    values = column.cast(pa.float64()).fill_null(float("nan")).to_numpy(zero_copy_only=False)
    fine = np.isfinite(values) & (values >= 0) & (values < 1e6)
    return np.where(fine, np.rint(np.where(fine, values, 0.0) * 100), UNKNOWN).astype(np.int32)


def settings(
    max_tokens: NDArray[np.int32], warmth: NDArray[np.int32], thinking: NDArray[np.int8]
) -> NDArray[np.uint64]:
    """Keys of token limit, temperature (hundredths) and thinking, (n,); 0 where none is known.

    >>> int(settings(np.array([-1], "i4"), np.array([-1], "i4"), np.array([-1], "i1"))[0])
    0
    """
    most, warm, think = (
        (c.astype(np.int64) + 1).astype(np.uint64) for c in (max_tokens, warmth, thinking)
    )
    return mix_keys(mix_keys(most, warm), think)
