"""What is drawn for a decision: its id and its delay, which nobody can tell without the key.

Both come of one HMAC-SHA-256 of account, campaign and rule. They are of different bytes of it, so
that an id that is told says nothing of the delay; and the same decision always draws the same.
"""

from __future__ import annotations

import base64
import hmac

import numpy as np

ID_CHARS = 16
_WORD = 2**64


def draw(
    key: bytes, accounts: list[str], campaigns: list[str | None], rules: list[str]
) -> tuple[list[str], np.ndarray]:
    """Ids of sixteen letters and digits, and numbers uniform in [0, 1), one a decision.

    >>> ids, shares = draw(b"k" * 32, ["acc-1"], ["cmp-1"], ["likely"])
    >>> len(ids[0]), bool(0 <= shares[0] < 1)
    (16, True)
    """
    if len(key) < 16:
        raise ValueError("the key of decisions must have 16 bytes or more")
    made = b"".join(
        hmac.digest(key, f"{len(a)}:{a}{len(c or '')}:{c or ''}{r}".encode(), "sha256")
        for a, c, r in zip(accounts, campaigns, rules, strict=True)
    )
    digests = np.frombuffer(made, np.uint8).reshape(-1, 32)
    shares = np.ascontiguousarray(digests[:, :8]).view(">u8")[:, 0].astype(np.float64) / _WORD
    # ten bytes are sixteen characters, without padding
    text = base64.b32encode(digests[:, 8:18].tobytes()).decode("ascii").lower()
    ids = [text[at : at + ID_CHARS] for at in range(0, len(text), ID_CHARS)]
    return ids, np.minimum(shares, np.nextafter(1.0, 0.0))
