"""The store of what was read: immutable segments, idempotent by exchange, resumable, atomic."""

from stillwatch.lake.fragments import Fragment, let_go
from stillwatch.lake.ids import ExchangeIds
from stillwatch.lake.ingest import IngestReport, Read
from stillwatch.lake.judged import Judged, Kept
from stillwatch.lake.ledger import Ledger
from stillwatch.lake.manifest import load_manifest
from stillwatch.lake.removal import Removal, Removed, look, remove
from stillwatch.lake.store import Lake, is_lake

__all__ = [
    "ExchangeIds",
    "Fragment",
    "IngestReport",
    "Judged",
    "Kept",
    "Lake",
    "Ledger",
    "Read",
    "Removal",
    "Removed",
    "is_lake",
    "let_go",
    "load_manifest",
    "look",
    "remove",
]
