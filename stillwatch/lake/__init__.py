"""The store of what was read: immutable segments, idempotent by exchange, resumable, atomic."""

from stillwatch.lake.fragments import let_go
from stillwatch.lake.ids import ExchangeIds
from stillwatch.lake.ingest import IngestReport, Read
from stillwatch.lake.judged import Judged, Kept
from stillwatch.lake.store import Lake, is_lake

__all__ = ["ExchangeIds", "IngestReport", "Judged", "Kept", "Lake", "Read", "is_lake", "let_go"]
