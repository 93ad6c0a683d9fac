"""Keys of countermeasures, derived from a deployment's file of keys (`stillwatch keys new`).

One secret an epoch, and one derived key a purpose (HKDF-SHA256, RFC 5869), so that what one leaks
opens nothing else, and nobody keeps another file safe.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


def derived(secret: bytes, purpose: str, *about: str) -> bytes:
    """32 bytes for a purpose, and for whom or what it is `about`, from an epoch's secret.

    >>> derived(bytes(32), "seal").hex()[:16]
    '8c1acebf9086e897'
    """
    info = b"stillwatch/" + joined(purpose, *about)
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(secret)


def joined(*texts: str) -> bytes:
    """Texts as bytes that no other texts give: each with its length before it."""
    held = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"".join(len(each).to_bytes(4, "big") + each for each in held)


def fingerprint(key: bytes) -> str:
    """What may be told of a key before it is used, to prove later that it wasn't chosen after.

    It is the SHA-256 of the key: of 32 random bytes that gives nothing away.
    """
    return hashlib.sha256(b"stillwatch/commitment" + key).hexdigest()
