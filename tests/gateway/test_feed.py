"""The log feed: what was answered for is on disk, whole, whatever happens to the process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from stillwatch.gateway import feed_files
from stillwatch.gateway.feed import Feed
from stillwatch.gateway.feed_files import FeedFiles
from stillwatch.lake import Lake
from stillwatch.sources import find_log, read_exchanges
from stillwatch.sources.feed import FeedLines, litellm_to_lines
from tests.gateway.asking import Got, send, service
from tests.gateway.serving import Running, gate_service


def payload(call: str, **changes: Any) -> dict[str, Any]:
    """A payload as LiteLLM logs it."""
    about = {
        "litellm_call_id": call,
        "startTime": 1795422043.78,
        "endTime": 1795422044.28,
        "status": "success",
        "model_group": "m1",
        "model": "openai/x",
        "call_type": "acompletion",
        "metadata": {"user_api_key_user_id": "user-1", "user_api_key_hash": "h"},
        "messages": [{"role": "user", "content": f"prompt of {call}"}],
        "response": {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]},
        "model_parameters": {},
    }
    return {**about, **changes}


def ids(log: Path) -> list[str]:
    """The exchanges in the log, as ingest sees them."""
    if not any((log / "exchanges").glob("*.jsonl")):
        return []
    chunks = [c for path in find_log([log]).exchanges for c in read_exchanges(path)]
    assert all(chunk.quarantined.num_rows == 0 for chunk in chunks)
    return [name for chunk in chunks for name in chunk.kept["exchange_id"].to_pylist()]


def aside(log: Path) -> list[dict[str, Any]]:
    """What was set aside."""
    files = sorted((log / "quarantine").glob("*.rejected"))
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def fed(log: Path, *bodies: bytes) -> list[Got]:
    """What a service answers to these bodies, one after another, until it is stopped."""

    async def play() -> list[Got]:
        feed = Feed(log, 0, 60.0)
        try:
            app = service(feed=feed)
            return [await send(app, "/v1/feed/litellm", body) for body in bodies]
        finally:
            feed.close()

    return asyncio.run(play())


ONE, TWO = (json.dumps(payload(call)).encode() for call in ("c1", "c2"))


def test_every_layout(tmp_path: Path) -> None:
    """A JSON array, one payload a line, and a single one, laid out or not."""
    pretty = json.dumps(payload("c5"), indent=2).encode()
    three, four = (json.dumps(payload(call)).encode() for call in ("c3", "c4"))
    got = fed(tmp_path, b"[" + ONE + b", " + TWO + b"]", three + b"\n" + four + b"\n", pretty)
    assert [reply.json for reply in got] == [
        {"written": rows, "quarantined": {}} for rows in (2, 2, 1)
    ]
    assert ids(tmp_path) == ["c1", "c2", "c3", "c4", "c5"]


def test_rows_are_those_of_the_log_as_ingest_would_read_it(tmp_path: Path) -> None:
    """A payload through the feed, and the same one in a file, give the same row."""
    rich = payload(
        "c1",
        metadata={
            "user_api_key_user_id": "user-1",
            "requester_ip_address": "203.0.113.9",
            "requester_metadata": {"headers": {"x-forwarded-for": "203.0.113.9", "cookie": "s"}},
        },
        model_parameters={"max_tokens": 5, "temperature": 0.5, "tools": [{"name": "f"}]},
    )
    fed(tmp_path / "LOG", json.dumps([rich]).encode())
    (tmp_path / "payloads.json").write_text(json.dumps([rich]))
    direct = [c.kept for c in read_exchanges(tmp_path / "payloads.json") if c.kept.num_rows]
    (path,) = find_log([tmp_path / "LOG"]).exchanges
    through = [c.kept for c in read_exchanges(path) if c.kept.num_rows]
    assert through == direct
    assert len(through) == 1


def test_bad_payloads_are_kept_with_a_reason(tmp_path: Path) -> None:
    """Each for itself; nothing of them is lost, and the good ones beside them are rows."""
    nobody = json.dumps(payload("c9", metadata={})).encode()
    odd = b'{"litellm_call_id": "\xff\xfe",'
    (one, two) = fed(tmp_path, b"[" + ONE + b"," + nobody + b"]", odd)
    assert one.json == {"written": 1, "quarantined": {"missing:account_id": 1}}
    assert two.json == {"written": 0, "quarantined": {"not_json": 1}}
    kept = aside(tmp_path)
    assert [row["reason"] for row in kept] == ["missing:account_id", "not_json"]
    assert kept[0]["raw"].encode() == nobody
    assert kept[1]["base64"] == "eyJsaXRlbGxtX2NhbGxfaWQiOiAi//4iLA=="
    assert ids(tmp_path) == ["c1"]


@pytest.mark.parametrize("body", [b"", b"[]", b"[1, null]", b"[" * 5000, b"\x00" * 100])
def test_bodies_that_hold_nothing(tmp_path: Path, body: bytes) -> None:
    """Are answered, and what they hold is set aside."""
    (got,) = fed(tmp_path, body)
    assert got.status == 200
    assert got.json["written"] == 0
    assert sum(got.json["quarantined"].values()) == len(aside(tmp_path))


def test_a_reader_sees_whole_files_only(tmp_path: Path) -> None:
    """What is open is out of sight; what is in sight never changes."""
    files = FeedFiles(tmp_path, 0, 60.0)
    files.append(litellm_to_lines(ONE))
    assert ids(tmp_path) == []
    files.seal()
    (first,) = (tmp_path / "exchanges").glob("*.jsonl")
    before = first.read_bytes()
    files.append(litellm_to_lines(TWO))
    files.seal()
    assert first.read_bytes() == before
    assert ids(tmp_path) == ["c1", "c2"]


@pytest.mark.parametrize("why", ["size", "age", "day"])
def test_files_are_sealed(tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """When they are large, old, or of another day."""
    files = FeedFiles(tmp_path, 0, 0.0 if why == "age" else 60.0)
    if why == "size":
        monkeypatch.setattr(feed_files, "MOST_BYTES", 10)
    files.append(litellm_to_lines(ONE))
    if why == "day":
        monkeypatch.setattr(feed_files, "_today", lambda: "20990101")
    files.tick()
    assert ids(tmp_path) == ["c1"]


def test_what_a_killed_worker_left_is_sealed_by_the_next(tmp_path: Path) -> None:
    """A last row that is torn is set aside; another worker's open file is left alone."""
    alive = FeedFiles(tmp_path, 1, 60.0)
    alive.append(litellm_to_lines(TWO))
    left = tmp_path / "exchanges" / ".feed-20260101T000000-w0.jsonl.part"
    left.write_bytes(litellm_to_lines(ONE).lines + b'{"exchange_id": "to')
    FeedFiles(tmp_path, 0, 60.0)
    assert ids(tmp_path) == ["c1"]
    assert [(row["reason"], row["raw"]) for row in aside(tmp_path)] == [
        ("torn", '{"exchange_id": "to')
    ]
    alive.seal()
    assert sorted(ids(tmp_path)) == ["c1", "c2"]


def test_a_full_disk_is_said_and_leaves_no_half_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that LiteLLM sends it again."""
    files = FeedFiles(tmp_path, 0, 60.0)
    files.append(litellm_to_lines(ONE))
    write = os.write

    def full(fd: int, data: memoryview) -> int:
        write(fd, bytes(data[:20]))
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(feed_files.os, "write", full)
    with pytest.raises(OSError, match="No space"):
        files.append(litellm_to_lines(TWO))
    monkeypatch.undo()
    files.append(FeedLines(b"", 0, []))
    files.append(litellm_to_lines(TWO))
    files.seal()
    assert ids(tmp_path) == ["c1", "c2"]


def test_a_body_that_is_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is refused, with what to do."""
    monkeypatch.setattr("stillwatch.gateway.feed.MOST_FED", 10)
    (got,) = fed(tmp_path, ONE)
    assert (got.status, got.json["error"]["where"]) == (413, "body")


def post(running: Running, calls: list[str]) -> Any:
    """Feed payloads to a running service."""
    body = json.dumps([payload(call) for call in calls])
    url = f"{running.url}/v1/feed/litellm"
    return httpx.post(url, content=body, trust_env=False, timeout=30).json()


def test_nothing_answered_for_is_lost_to_a_kill(tmp_path: Path) -> None:
    """A worker is killed at once after its answer, and again; ingest reads every row once."""
    log, told = tmp_path / "LOG", []
    with gate_service(tmp_path, feed=str(log)) as running:
        for turn in range(3):
            calls = [f"c{turn}-{n}" for n in range(40)]
            assert post(running, calls)["written"] == 40
            told += calls
            worker = _worker_of(running)
            os.kill(worker, signal.SIGKILL)
            _until_another(running, worker)
    assert sorted(ids(log)) == sorted(told)
    assert aside(log) == []
    import stillwatch

    report = stillwatch.ingest([log], lake=tmp_path / "LAKE")
    assert report.kept == len(told)
    assert Lake.open(tmp_path / "LAKE") is not None


def _worker_of(running: Running) -> int:
    """The one worker's process: the child whose command line says that it is spawned."""
    children = Path(f"/proc/{running.process.pid}/task/{running.process.pid}/children").read_text()
    for child in map(int, children.split()):
        line = Path(f"/proc/{child}/cmdline").read_bytes()
        if b"spawn_main" in line:
            return child
    raise AssertionError(f"no worker among {children}")


def _until_another(running: Running, worker: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            alive = httpx.get(f"{running.url}/healthz", trust_env=False, timeout=1)
            if alive.status_code == 200 and _worker_of(running) != worker:
                return
        except (httpx.HTTPError, AssertionError, FileNotFoundError):
            pass
        time.sleep(0.1)
    raise AssertionError("no other worker started")
