"""LiteLLM's hook by itself, with the one class of LiteLLM that it needs stood in for."""

from __future__ import annotations

import ast
import asyncio
import copy
import importlib.util
import math
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from stillwatch.countermeasures.stripping import Part, strip_request
from stillwatch.errors import MeasureRefused
from tests.gateway.serving import ROOT, free_port, gate_service

PATH = ROOT / "stillwatch" / "gateway" / "litellm_hook.py"
ABOUT = {"user_api_key_user_id": "someone", "user_api_key_hash": "h"}


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, loaded as LiteLLM does."""
    stand_in = ModuleType("litellm.integrations.custom_logger")
    stand_in.CustomLogger = object  # type: ignore[attr-defined]
    for name in ("litellm", "litellm.integrations"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, stand_in.__name__, stand_in)
    monkeypatch.setenv("STILLWATCH_GATE_URL", f"http://127.0.0.1:{free_port()}")
    spec = importlib.util.spec_from_file_location("litellm_hook", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_needs_nothing_of_ours() -> None:
    """LiteLLM's own environment can import it; ours is imported where measures are asked for."""
    top = [*ast.iter_child_nodes(ast.parse(PATH.read_text()))]
    named = {node.module or "" for node in top if isinstance(node, ast.ImportFrom)}
    named |= {a.name for node in top if isinstance(node, ast.Import) for a in node.names}
    assert "httpx" in named
    assert not [name for name in named if name.startswith("stillwatch")]


def question(hook: Any, **data: Any) -> dict[str, Any]:
    """What it asks about a request."""
    return hook.Stillwatch()._question({"metadata": ABOUT, **data})


@pytest.mark.parametrize(
    ("about", "account"),
    [
        ({"user_api_key_user_id": "u", "user_api_key_hash": "h"}, "u"),
        ({"user_api_key_user_id": "default_user_id", "user_api_key_hash": "h"}, "h"),
        ({"user_api_key_user_id": None, "user_api_key_team_id": "t"}, "t"),
    ],
)
def test_the_account_is_the_log_s(hook: Any, about: dict[str, Any], account: str) -> None:
    """By either name under which LiteLLM keeps it; a client's own metadata names nobody."""
    from stillwatch.sources.litellm import account_of

    assert account_of(about) == account
    spoofed = {"metadata": {"user_id": "x"}, "litellm_metadata": about}
    assert hook.Stillwatch()._question(spoofed)["account_id"] == account
    assert hook.Stillwatch()._question({"metadata": {"user_id": "x"}}) is None


def test_texts_are_few_and_short(hook: Any) -> None:
    """System prompts and the last turn that has a text; no images, no history."""
    image = {"type": "image_url", "image_url": {"url": "data:" + "x" * 10**6}}
    messages = [
        {"role": "system", "content": "S"},
        *({"role": "user", "content": f"old {n}"} for n in range(500)),
        {"role": "user", "content": [{"type": "text", "text": "y" * 10**6}, image]},
        {"role": "user", "content": [image]},
    ]
    asked = question(hook, messages=messages, model="m1")
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]
    assert len(str(asked)) < 2 * hook.MOST_TEXT
    assert asked["turns"] == 503


@pytest.mark.parametrize(
    "data",
    [
        {"system": "S", "messages": [{"role": "user", "content": "P"}]},
        {"instructions": "S", "input": "P"},
        {
            "instructions": "S",
            "input": [{"role": "user", "content": [{"type": "input_text", "text": "P"}]}],
        },
        {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "P"}]},
    ],
    ids=["anthropic", "responses", "responses-items", "chat"],
)
def test_every_dialect_gives_the_same_texts(hook: Any, data: dict[str, Any]) -> None:
    """As the service reads them."""
    from stillwatch.sources.messages import last_user_text, system_text

    messages = question(hook, **data)["messages"]
    assert (system_text(messages, None), last_user_text(messages)) == ("S", "P")


def test_what_is_no_json_is_asked_about_all_the_same(hook: Any) -> None:
    """Halves of characters, not-a-number and objects: the service gets account and text."""
    from stillwatch.gateway.wire import bytes_to_request

    messages = [{"role": "user", "content": "P\ud83d"}]
    asked = question(hook, messages=messages, temperature=math.nan, max_tokens=object())
    request, _ = bytes_to_request(hook._json(asked))
    assert request.account_id == asked["account_id"]
    assert request.prompt == "P\ufffd"
    assert (request.temperature, request.max_tokens) == (None, None)


def test_text_can_be_kept_back(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then it is decided by account."""
    monkeypatch.setenv("STILLWATCH_GATE_TEXT", "0")
    assert "messages" not in question(hook, messages=[{"role": "user", "content": "P"}])


def ask(hook: Any, one: Any, **data: Any) -> Any:
    """The pre-call hook."""
    return one.async_pre_call_hook(None, None, {"metadata": dict(ABOUT), **data}, "acompletion")


def test_a_dead_service_is_not_asked_again_at_once(hook: Any) -> None:
    """Requests go on, and the second one doesn't even wait."""

    async def play() -> tuple[Any, bool]:
        one = hook.Stillwatch()
        first = await ask(hook, one, model="m1")
        one._client.post = None  # asking would fail aloud
        await ask(hook, one, model="m1")
        return first, one._quiet_until > 0

    data, quiet = asyncio.run(play())
    assert (data["model"], quiet) == ("m1", True)


def test_a_service_that_hangs_costs_the_timeout_once(
    hook: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it hangs."""

    async def play() -> Any:
        server = await asyncio.start_server(lambda r, w: asyncio.sleep(60), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        monkeypatch.setenv("STILLWATCH_GATE_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("STILLWATCH_GATE_TIMEOUT_S", "0.05")
        try:
            return await asyncio.wait_for(ask(hook, hook.Stillwatch(), model="m1"), 20)
        finally:
            server.close()

    assert asyncio.run(play())["model"] == "m1"


def test_what_is_withheld(hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not asked for, and is taken out of what comes all the same, whole or in pieces."""

    def answer() -> SimpleNamespace:
        message = SimpleNamespace(
            content="c",
            reasoning_content="why",
            thinking_blocks=[1],
            provider_specific_fields={"reasoning": "why", "kept": 1},
        )
        return SimpleNamespace(choices=[SimpleNamespace(message=message, logprobs={"a": 1})])

    async def stream() -> Any:
        yield answer()

    async def play(account: str) -> tuple[Any, Any, Any]:
        one = hook.Stillwatch()
        about = {**ABOUT, "user_api_key_user_id": account}
        asked = {"metadata": about, "logprobs": True, "reasoning_effort": "high", "n": 1}
        data = await one.async_pre_call_hook(None, None, asked, "acompletion")
        whole = await one.async_post_call_success_hook(data, None, answer())
        pieces = one.async_post_call_streaming_iterator_hook(None, stream(), data)
        return data, whole, await anext(pieces)

    with gate_service(tmp_path) as running:
        monkeypatch.setenv("STILLWATCH_GATE_URL", running.url)
        monkeypatch.setenv("STILLWATCH_GATE_TIMEOUT_S", "5")
        data, *withheld = asyncio.run(play("withhold-1"))
        other, *untouched = asyncio.run(play("honest"))
    assert {"logprobs", "reasoning_effort"} & set(data) == set()
    assert data["n"] == 1
    assert {"logprobs", "reasoning_effort"} <= set(other)
    for made in withheld:
        message = made.choices[0].message
        assert (message.content, message.reasoning_content, message.thinking_blocks) == (
            "c",
            None,
            None,
        )
        assert message.provider_specific_fields == {"kept": 1}
        assert made.choices[0].logprobs is None
    for made in untouched:
        assert made.choices[0].message.reasoning_content == "why"
        assert made.choices[0].logprobs == {"a": 1}


def test_thoughts_are_taken_out_of_anthropic_s_answers(hook: Any) -> None:
    """Which are blocks among others."""
    answer = {"content": [{"type": "thinking", "thinking": "t"}, {"type": "text", "text": "x"}]}
    hook._withhold(answer, ["logprobs"])
    assert len(answer["content"]) == 2
    hook._withhold(answer, ["reasoning"])
    assert answer["content"] == [{"type": "text", "text": "x"}]


@pytest.mark.parametrize(
    ("account", "status", "retry"), [("throttle-1", 429, "30"), ("deny-1", 403, None)]
)
def test_refusals(
    hook: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    account: str,
    status: int,
    retry: Any,
) -> None:
    """By an HTTP error that LiteLLM hands to the client."""
    from fastapi import HTTPException

    with gate_service(tmp_path) as running:
        monkeypatch.setenv("STILLWATCH_GATE_URL", running.url)
        monkeypatch.setenv("STILLWATCH_GATE_TIMEOUT_S", "5")
        asked = {"metadata": {**ABOUT, "user_api_key_user_id": account}}
        with pytest.raises(HTTPException) as caught:
            asyncio.run(hook.Stillwatch().async_pre_call_hook(None, None, asked, "acompletion"))
    assert caught.value.status_code == status
    assert (caught.value.headers or {}).get("retry-after") == retry


@pytest.mark.parametrize(
    "request_",
    [
        {"model": "m", "watermarking": False},
        {"watermarking": True, "extra_body": {"watermark": {"enabled": False}, "top_k": 1}},
        {"extra_body": {"vllm_xargs": {"watermark": 0, "stop": 1}}, "watermark": None},
        {"watermark": {"enabled": True, "key": "00", "context_window": 9}},
        {"watermark": {"key": "00"}, "metadata": {"watermark": False}},
    ],
)
def test_opt_outs_go_as_the_package_takes_them(hook: Any, request_: dict[str, Any]) -> None:
    """The one file does to a request what `countermeasures.stripping` does, gate or no gate."""
    wanted = strip_request(request_, {Part.WATERMARK}).body
    data = copy.deepcopy(request_)
    asyncio.run(hook.Stillwatch().async_pre_call_hook(None, None, data, "completion"))
    assert data == wanted


def test_a_deployment_may_let_clients_opt_out(hook: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only some answers are to be marked."""
    monkeypatch.setenv("STILLWATCH_GATE_WATERMARK", "0")
    data = {"watermarking": False}
    asyncio.run(hook.Stillwatch().async_pre_call_hook(None, None, data, "completion"))
    assert data == {"watermarking": False}


def test_measures_that_cant_be_had_stop_it(
    hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rather at the start than by showing what was to be withheld."""
    monkeypatch.setenv("STILLWATCH_TRACES", str(tmp_path / "none.toml"))
    with pytest.raises(MeasureRefused, match="can't be read"):
        hook.Stillwatch()
    monkeypatch.delenv("STILLWATCH_TRACES")
    monkeypatch.setenv("STILLWATCH_SUMMARISER_URL", "http://127.0.0.1:1/v1")
    with pytest.raises(MeasureRefused, match="STILLWATCH_SUMMARISER_MODEL"):
        hook.Stillwatch()


def test_a_measure_that_fails_shows_nothing(
    hook: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer goes on, its reasoning doesn't; and no gate is no reason to show it."""
    (tmp_path / "traces.toml").write_text('[[rules]]\nname = "all"\ntrace = "withheld"\n')
    monkeypatch.setenv("STILLWATCH_TRACES", str(tmp_path / "traces.toml"))
    one = hook.Stillwatch()
    data = {"metadata": dict(ABOUT), "model": "m", "include_reasoning": True}
    thoughts = {"type": "thinking", "thinking": "why"}
    answer = {"type": "message", "content": [thoughts, {"type": "text", "text": "4"}]}

    async def play() -> Any:
        asked = await one.async_pre_call_hook(None, None, data, "acompletion")
        return await one.async_post_call_success_hook(asked, None, copy.deepcopy(answer))

    assert asyncio.run(play())["content"] == answer["content"][1:]
    assert "include_reasoning" not in data

    class Broken:
        def to_customer(self, *_: Any) -> Any:
            raise RuntimeError

        def stream(self, _: Any) -> Any:
            return self

        def piece(self, _: Any) -> Any:
            raise RuntimeError

    one._measures = Broken()
    told = asyncio.run(one.async_post_call_success_hook(data, None, copy.deepcopy(answer)))
    assert told["content"] == answer["content"][1:]

    async def streamed() -> list[Any]:
        async def pieces() -> Any:
            message = SimpleNamespace(content="c", reasoning_content="why")
            yield SimpleNamespace(choices=[SimpleNamespace(delta=message)], model_dump=dict)
            yield b'data: {"type": "content_block_delta", "delta": {"thinking": "why"}}\n\n'

        return [x async for x in one.async_post_call_streaming_iterator_hook(None, pieces(), data)]

    (piece,) = asyncio.run(streamed())
    assert (piece.choices[0].delta.content, piece.choices[0].delta.reasoning_content) == ("c", None)
