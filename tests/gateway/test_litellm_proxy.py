"""A real LiteLLM proxy on the loopback address, with models that answer by themselves.

Needs `make litellm`, which gives the proxy an environment of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pyarrow as pa
import pytest
import yaml

from stillwatch.sources import find_log, read_exchanges
from tests.gateway.serving import ROOT, Running, free_port, gate_service, stop, until_answers

PROXY = ROOT / ".venv-litellm" / "bin" / "litellm"
HERE = Path(__file__).parent / "proxy"
RECIPES = ROOT / "docs" / "recipes"
HOOK = ROOT / "stillwatch" / "gateway" / "litellm_hook.py"
WITHIN_S = 30.0
NOBODY = "http://127.0.0.1:9"
"""Where the proxy is sent for anything that isn't on this machine: it must need nothing there."""

pytestmark = pytest.mark.skipif(not PROXY.exists(), reason="no .venv-litellm: run `make litellm`")


class Stage(NamedTuple):
    """A proxy, the service that its hook asks and feeds, and the one that its guardrail asks."""

    url: str
    gate: Running
    log: Path
    said: Path


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """All three, started; the guardrail's service denies and throttles other accounts."""
    folder = tmp_path_factory.mktemp("litellm")
    (folder / "other").mkdir()
    (folder / "other" / "actions").write_text("guarded deny\nslowed throttle\n")
    (folder / "record").touch()
    log = folder / "LOG"
    for path in (*HERE.iterdir(), HOOK):
        if path.is_file():
            shutil.copy(path, folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(configuration()))
    with (
        gate_service(folder, feed=str(log), seal_after_s=1.0) as gate,
        gate_service(folder / "other") as other,
    ):
        port, said = free_port(), folder / "litellm.log"
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        environment = {
            **kept,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": "sk-master",
            "STILLWATCH_GATE_URL": gate.url,
            "STILLWATCH_GATE_TOKEN": "no-token-is-asked-for",
            "STILLWATCH_GATE_TIMEOUT_S": "2",
            "STILLWATCH_FEED_URL": f"{gate.url}/v1/feed/litellm",
            "OTHER_GATE_URL": other.url,
            "HTTP_PROXY": NOBODY,
            "HTTPS_PROXY": NOBODY,
            "NO_PROXY": "127.0.0.1",
        }
        command = [str(PROXY), "--config", "config.yaml", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--telemetry", "False"]
        with said.open("w") as out:
            process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=out, text=True
            )
        try:
            url = f"http://127.0.0.1:{port}"
            until_answers(f"{url}/health/liveliness", process, said)
            yield Stage(url, gate, log, said)
        finally:
            stop(process)


def configuration() -> dict[str, object]:
    """The tests' models and keys, and both recipes of the documents."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    config |= yaml.safe_load((RECIPES / "litellm.yaml").read_text())
    guard = yaml.safe_load((RECIPES / "litellm_guardrail.yaml").read_text())["guardrails"]
    guard[0]["litellm_params"] |= {"default_on": False, "api_base": "os.environ/OTHER_GATE_URL"}
    guard[0]["litellm_params"]["timeout"] = 2
    return {**config, "guardrails": guard}


def chat(stage: Stage, key: str, text: str = "hi", **changes: object) -> httpx.Response:
    """A chat completion by `key`."""
    messages = [{"role": "system", "content": "S"}, {"role": "user", "content": text}]
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
    body = {"model": "m1", "messages": messages, "tools": [tool], **changes}
    headers = {"authorization": f"Bearer sk-{key}", "x-forwarded-for": "203.0.113.9"}
    url = f"{stage.url}/v1/chat/completions"
    return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30)


def rows_of(log: Path, prompt: str) -> list[dict[str, object]]:
    """The rows of a prompt, once they are in the log."""
    end = time.monotonic() + WITHIN_S
    while time.monotonic() < end:
        if any((log / "exchanges").glob("*.jsonl")):
            chunks = [c for path in find_log([log]).exchanges for c in read_exchanges(path)]
            table = pa.Table.from_batches([chunk.kept for chunk in chunks])
            if found := [row for row in table.to_pylist() if row["prompt"] == prompt]:
                return found
        time.sleep(0.2)
    raise AssertionError(f"no row of {prompt!r} within {WITHIN_S} s")


def test_an_honest_account_notices_nothing(stage: Stage) -> None:
    """Its answer comes, and its exchange is in the log, as ingest reads it."""
    got = chat(stage, "honest", "the honest one")
    assert got.status_code == 200
    assert got.json()["choices"][0]["message"]["content"] == "hello there"
    (row,) = rows_of(stage.log, "the honest one")
    expected = {
        "account_id": "honest",
        "model": "m1",
        "system": "S",
        "turns": 2,
        "tools": ["f"],
        "response": "hello there",
        "status": 200,
        "ip": "203.0.113.9",
    }
    assert {name: row[name] for name in expected} == expected
    assert ("x-stillwatch-ip-from", "x-forwarded-for") in row["headers"]


@pytest.mark.parametrize(
    ("account", "status", "retry"),
    [("throttle-1", 429, "30"), ("deny-1", 403, None), ("step_up-1", 401, None)],
)
def test_the_hook_refuses(stage: Stage, account: str, status: int, retry: str | None) -> None:
    """With the status that is meant, when to try again, and the decision; and the log has it."""
    got = chat(stage, account, f"by {account}")
    assert (got.status_code, got.headers.get("retry-after")) == (status, retry)
    assert got.headers["x-stillwatch-decision"] == "d" * 32
    (row,) = rows_of(stage.log, f"by {account}")
    assert (row["account_id"], row["status"], row["response"]) == (account, status, None)


def test_parts_of_an_answer_are_withheld(stage: Stage) -> None:
    """They are not asked for: the parameters are gone from what LiteLLM logs."""
    asked = {"logprobs": True, "top_logprobs": 2, "reasoning_effort": "high"}
    assert chat(stage, "withhold-1", "withheld", **asked).status_code == 200
    assert rows_of(stage.log, "withheld")[0]["thinking"] is None
    assert chat(stage, "open", "not withheld", **asked).status_code == 200
    assert rows_of(stage.log, "not withheld")[0]["thinking"] is True


def test_a_system_prompt_that_litellm_loses_is_kept(stage: Stage) -> None:
    """Of Anthropic's /v1/messages, by the hook."""
    body = {"model": "claude", "max_tokens": 20, "system": "SYS"}
    body |= {"messages": [{"role": "user", "content": "by messages"}]}
    headers = {"x-api-key": "sk-honest", "content-type": "application/json"}
    url = f"{stage.url}/v1/messages"
    got = httpx.post(url, json=body, headers=headers, trust_env=False, timeout=30)
    assert got.status_code == 200
    (row,) = rows_of(stage.log, "by messages")
    assert (row["system"], row["account_id"], row["turns"]) == ("SYS", "honest", 1)


LONG = [
    {"role": "system", "content": "S"},
    {
        "role": "user",
        "content": [{"type": "text", "text": "look at"}, {"type": "text", "text": "x"}],
    },
    {"role": "assistant", "content": "done"},
    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
]


@pytest.mark.parametrize(
    "messages",
    [[{"role": "user", "content": "joined é 😀"}], LONG],
    ids=["one", "many"],
)
def test_what_is_asked_is_what_is_logged(stage: Stage, messages: list[dict[str, object]]) -> None:
    """The same account, texts and tools, joined by the call's id; else nothing would be found."""
    parameters = {"type": "object", "properties": {"ü": {"minimum": 0.5, "enum": ["a\n", 1]}}}
    tool = {"type": "function", "function": {"name": "f", "parameters": parameters}}
    asked = {"max_tokens": 7, "temperature": 0.5, "user": "u1"}
    got = chat(stage, "joined", messages=messages, tools=[tool], **asked)
    assert got.status_code == 200
    call = got.headers["x-litellm-call-id"]
    record = stage.log.parent / "record"
    requests = [json.loads(line) for line in record.read_text().splitlines()]
    (request,) = [held for held in requests if held["call_id"] == call]
    rows = rows_of(stage.log, request["prompt"])
    (row,) = [held for held in rows if held["exchange_id"] == call]
    same = ("account_id", "key_id", "end_user", "model", "system", "prompt", "turns", "tools")
    same += ("tools_digest", "max_tokens", "temperature", "ip", "user_agent")
    assert {name: request[name] for name in same} == {name: row[name] for name in same}


@pytest.mark.parametrize(
    "prompt",
    [rb'"\ud800"', rb'"\u0000\u001b[2J"', b'"' + b"x" * 3_000_000 + b'"'],
    ids=["half", "nul", "long"],
)
def test_no_text_is_a_way_around_the_hook(stage: Stage, prompt: bytes) -> None:
    """What a denied account sends is refused, by the hook or by LiteLLM before it."""
    body = b'{"model": "m1", "messages": [{"role": "user", "content": ' + prompt + b"}]}"
    headers = {"authorization": "Bearer sk-deny-1", "content-type": "application/json"}
    url = f"{stage.url}/v1/chat/completions"
    got = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30)
    assert got.status_code in {400, 403}


def test_a_stream_goes_through(stage: Stage) -> None:
    """Pieces come as they are, with parts withheld or not."""
    for account in ("honest", "withhold-1"):
        got = chat(stage, account, f"stream of {account}", stream=True)
        assert got.status_code == 200
        assert "data: [DONE]" in got.text


@pytest.mark.parametrize(
    ("account", "status"), [("honest", 200), ("guarded", 400), ("slowed", 400)]
)
def test_the_guardrail_refuses_with_400(stage: Stage, account: str, status: int) -> None:
    """Which is all that it can say; when to try again stands in its words."""
    got = chat(stage, account, "guarded", guardrails=["stillwatch"])
    assert got.status_code == status
    if account == "slowed":
        assert "in 30 s" in got.text


def test_without_the_service_requests_go_on(stage: Stage) -> None:
    """Whoever asks, and by the guardrail, too; this stops the service, so it comes last."""
    stop(stage.gate.process)
    assert [chat(stage, key).status_code for key in ("honest", "deny-1")] == [200, 200]
    assert "can't be asked" in stage.said.read_text()
