"""The package's countermeasures within a real LiteLLM proxy, in front of models that reason.

Needs `make litellm`, which puts msgspec beside it.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx
import pytest
import yaml

from stillwatch.countermeasures.sealing import PREFIX
from stillwatch.privacy.keys import new_keys
from tests.gateway.proxying import HERE, PROXY, litellm_proxy
from tests.gateway.serving import ROOT, gate_service

BESIDE = PROXY.parent.parent / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
pytestmark = pytest.mark.skipif(
    not (BESIDE / "msgspec").exists(), reason="no msgspec in .venv-litellm: run `make litellm`"
)

TRACE = "first I look it up in the tables, then I add, then I take one away from it, " * 6
SIGNATURE = "c2lnbmF0dXJl" * 4
SUMMARY = "It looks things up and adds."
THINKING = {"type": "thinking", "thinking": TRACE, "signature": SIGNATURE}


class Upstream(BaseHTTPRequestHandler):
    """Models that reason: OpenAI's form as engines have it, Anthropic's, and the summariser."""

    asked: list[dict[str, Any]]

    def do_POST(self) -> None:
        """Answer by path, whole or streamed."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        type(self).asked.append(body)
        if self.path.endswith("/messages"):
            told = _anthropic(bool(body.get("stream")))
        elif body["model"] == "short":
            told = _chat({"content": SUMMARY}, False)
        else:
            told = _chat({"reasoning_content": TRACE, "content": "4"}, bool(body.get("stream")))
        streamed = isinstance(told, list)
        self.send_response(200)
        self.send_header("content-type", "text/event-stream" if streamed else "application/json")
        self.end_headers()
        for event in told if isinstance(told, list) else ():
            name = f"event: {event['type']}\n" if "type" in event else ""
            self.wfile.write(f"{name}data: {json.dumps(event)}\n\n".encode())
        if not streamed:
            self.wfile.write(json.dumps(told).encode())
        elif not self.path.endswith("/messages"):
            self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def _chat(message: dict[str, Any], stream: bool) -> Any:
    about = {"id": "c-1", "created": 1, "model": "m"}
    if not stream:
        choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
        return {**about, "object": "chat.completion", "choices": [choice], "usage": usage}
    held = [{"role": "assistant", "content": ""}]
    held += [{"reasoning_content": part} for part in (TRACE[:90], TRACE[90:])]
    held += [{"content": message["content"]}, {}]
    return [
        {
            **about,
            "object": "chat.completion.chunk",
            "choices": [{"index": 0, "delta": d, "finish_reason": None if d else "stop"}],
        }
        for d in held
    ]


def _anthropic(stream: bool) -> Any:
    usage = {"input_tokens": 1, "output_tokens": 1}
    about = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "usage": usage}
    if not stream:
        content = [THINKING, {"type": "text", "text": "4"}]
        return {**about, "content": content, "stop_reason": "end_turn"}

    def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
        at = {"index": index}
        return [
            {"type": "content_block_start", **at, "content_block": start},
            *({"type": "content_block_delta", **at, "delta": delta} for delta in deltas),
            {"type": "content_block_stop", **at},
        ]

    return [
        {"type": "message_start", "message": {**about, "content": []}},
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": TRACE},
            {"type": "signature_delta", "signature": SIGNATURE},
        ),
        *block(1, {"type": "text", "text": ""}, {"type": "text_delta", "text": "4"}),
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": usage},
        {"type": "message_stop"},
    ]


class Stage(NamedTuple):
    """A proxy, and what its models were asked."""

    url: str
    asked: list[dict[str, Any]]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The proxy with a trace policy, seals and a summariser, and its models."""
    folder = tmp_path_factory.mktemp("measured")
    asked: list[dict[str, Any]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Asked", (Upstream,), {"asked": asked}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{server.server_address[1]}"
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    config["litellm_settings"]["callbacks"] = ["litellm_hook.stillwatch"]
    config["model_list"] = [
        {
            "model_name": name,
            "litellm_params": {"model": model, "api_key": "sk-none", "api_base": base},
        }
        for name, model, base in (
            ("m1", "openai/m1", f"{there}/v1"),
            ("claude", "anthropic/claude-sonnet-4-20250514", there),
        )
    ]
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    (folder / "traces.toml").write_text(
        '[[rules]]\nname = "short"\ntenants = ["summed"]\ntrace = "summary"\n'
    )
    new_keys(folder / "keys.json", folder / "owner.json")
    with gate_service(folder) as gate:
        environment = {
            "STILLWATCH_GATE_URL": gate.url,
            "PYTHONPATH": str(ROOT),
            "STILLWATCH_TRACES": str(folder / "traces.toml"),
            "STILLWATCH_SEAL_KEYS": str(folder / "keys.json"),
            "STILLWATCH_SUMMARISER_URL": f"{there}/v1",
            "STILLWATCH_SUMMARISER_MODEL": "short",
        }
        with litellm_proxy(folder, environment) as url:
            yield Stage(url, asked)
    server.shutdown()
    server.server_close()


def asked(
    stage: Stage, key: str, path: str = "/v1/chat/completions", **more: Any
) -> httpx.Response:
    """One request."""
    body = {"model": "m1", "messages": [{"role": "user", "content": "2+2?"}], **more}
    headers = {"authorization": f"Bearer sk-{key}", "x-conversation-id": more.pop("of", "c1")}
    body.pop("of", None)
    url = stage.url + path
    return httpx.post(url, json=body, headers=headers, trust_env=False, timeout=60)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("key", "shown"), [("honest", TRACE), ("summed", SUMMARY), ("withhold-1", None)]
)
def test_traces_are_shown_by_tenant_and_tier(
    stage: Stage, key: str, shown: str | None, stream: bool
) -> None:
    """In full, as a summary of another model's, or not at all; the answer is there always."""
    got = asked(stage, key, stream=stream)
    assert got.status_code == 200
    if stream:
        lines = [line[6:] for line in got.text.splitlines() if line.startswith("data: {")]
        held = [json.loads(line)["choices"][0]["delta"] for line in lines]
        reasoning = "".join(delta.get("reasoning_content") or "" for delta in held)
        content = "".join(delta.get("content") or "" for delta in held)
    else:
        message = got.json()["choices"][0]["message"]
        reasoning, content = message.get("reasoning_content") or "", message["content"]
    assert content == "4"
    assert reasoning == (shown or "")
    assert ("look it up" in got.text) == (shown == TRACE)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("key", ["honest", "withhold-1"])
def test_messages_are_withheld_and_sealed_in_streams_too(
    stage: Stage, key: str, stream: bool
) -> None:
    """Of Anthropic's form, whole and as server-sent events."""
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"model": "claude", "max_tokens": 2000, "thinking": thinking, "stream": stream}
    got = asked(stage, key, "/v1/messages", **more)
    assert got.status_code == 200, got.text
    assert SIGNATURE not in got.text
    assert ("look it up" in got.text) == (key == "honest")
    assert (PREFIX in got.text) == (key == "honest")
    if stream:
        assert '"text_delta"' in got.text
        assert f'"index":{int(key == "honest")},"delta":{{"type":"text_delta"' in got.text.replace(
            ", ", ","
        ).replace(": ", ":")


def test_a_seal_opens_in_its_own_conversation_alone(stage: Stage) -> None:
    """What comes back is what the model made; of another conversation it is left out."""
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"model": "claude", "max_tokens": 2000, "thinking": thinking}
    content = asked(stage, "honest", "/v1/messages", **more).json()["content"]
    history = [
        {"role": "user", "content": "2+2?"},
        {"role": "assistant", "content": content},
        {"role": "user", "content": "and 3?"},
    ]
    for of, kept in (("c1", [SIGNATURE]), ("c2", [])):
        more |= {"messages": history, "of": of}
        assert asked(stage, "honest", "/v1/messages", **more).status_code == 200
        sent = stage.asked[-1]["messages"][1]["content"]
        assert [block["signature"] for block in sent if "signature" in block] == kept
