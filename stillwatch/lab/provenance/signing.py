"""Documents that can't be changed unseen: canonical JSON, its SHA-256, and an Ed25519 signature.

    {"format": ..., "body": {...}, "hash": ..., "key": ..., "signature": ...}

The hash is over format and body in the one form that counts; the signature is over the hash. There
are no floats in a body (their digits are a matter of the writer): figures are strings.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stillwatch.cases.canonical import digest
from stillwatch.errors import InputNotFound, OutputExists, TraceRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 64 << 20


def figure(value: float) -> str:
    """A figure as documents hold it: six significant digits.

    >>> figure(0.05)
    '0.05'
    """
    return format(value, ".6g")


def bare(value: Any) -> Any:
    """A value with its floats written out in full, as strings."""
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, dict):
        return {name: bare(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [bare(item) for item in value]
    return value


def signed(kind: str, body: Mapping[str, Any], signer: Ed25519PrivateKey) -> dict[str, Any]:
    """A body with its hash and signature."""
    hashed = digest({"format": kind, "body": body})
    return {
        "format": kind,
        "body": dict(body),
        "hash": hashed,
        "key": signer.public_key().public_bytes_raw().hex(),
        "signature": signer.sign(hashed.encode()).hex(),
    }


def checked(where: object, document: Any, kind: str, key: str | None = None) -> dict[str, Any]:
    """The body of a document that is whole; raises `TraceRefused` where it isn't.

    With `key`, the public key in hexadecimal, it must have signed.
    """
    todo = "Use the file as it was written"
    fields = {"format": str, "body": dict, "hash": str, "key": str, "signature": str}
    if not isinstance(document, dict) or set(document) != set(fields):
        raise TraceRefused(where, "is no signed document of a trial", todo)
    if not all(isinstance(document[name], kind_of) for name, kind_of in fields.items()):
        raise TraceRefused(where, "has a field of another kind", todo)
    if document["format"] != kind:
        raise TraceRefused(where, f"is not of the format {kind}", todo)
    try:
        hashed = digest({"format": kind, "body": document["body"]})
    except (TypeError, RecursionError) as fault:
        raise TraceRefused(where, "holds what no document of a trial holds", todo) from fault
    if hashed != document["hash"]:
        raise TraceRefused(where, "was changed: its hash is another", todo)
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(document["key"]))
        public.verify(bytes.fromhex(document["signature"]), document["hash"].encode())
    except (ValueError, InvalidSignature) as fault:
        raise TraceRefused(where, "has a signature that doesn't hold", todo) from fault
    if key is not None and document["key"] != key.strip().lower():
        raise TraceRefused(where, f"is signed by another key ({document['key']})", todo)
    return document["body"]


def read(path: str | Path) -> Any:
    """A JSON file of at most 64 MiB; raises `InputNotFound` and `TraceRefused`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as fault:
        raise InputNotFound(path, f"can't be read ({fault.strerror})", "Check the path") from fault
    if len(raw) > MAX_BYTES:
        raise TraceRefused(path, "is too long", "Use the file as it was written")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise TraceRefused(path, f"is not JSON ({fault})", "Use the file as written") from fault


def write_new(path: Path, document: Any, secret: bool = False) -> None:
    """Write a file that wasn't there; raises `OutputExists`. A secret is its owner's alone."""
    raw = document if isinstance(document, str) else json.dumps(document, indent=2) + "\n"
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(path, flags, 0o600 if secret else 0o644)
    except FileExistsError as fault:
        todo = "Name another file: what a trial wrote is not replaced"
        raise OutputExists(path, "is there already", todo) from fault
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(raw)
