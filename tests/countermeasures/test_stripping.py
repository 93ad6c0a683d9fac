"""What is stripped is stripped wherever clients put it, and told; the rest is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.countermeasures.measure import Who
from stillwatch.countermeasures.stripping import Part, Stripping, strip_answer, strip_request

CONTAINERS = [
    "extra_body",
    "extraBody",
    "vllm_xargs",
    "sampling_params",
    "custom_params",
    "parameters",
    "generationConfig",
    "generation_config",
]
ASKS = {
    Part.LOGPROBS: {
        "logprobs": True,
        "top_logprobs": 20,
        "prompt_logprobs": 1,
        "responseLogprobs": True,
        "return_logprob": True,
        "top_logprobs_num": 5,
    },
    Part.LOGIT_BIAS: {"logit_bias": {"50256": -100}, "logits_processors": ["x"]},
    Part.WATERMARK: {
        "watermarking": False,
        "watermark": {"enabled": False},
        "watermark_enabled": "false",
    },
}


@given(
    st.lists(st.sampled_from(CONTAINERS), max_size=3),
    st.sampled_from([(part, name) for part, names in ASKS.items() for name in names]),
)
def test_nested_as_deep_as_clients_nest(path: list[str], asked: tuple[Part, str]) -> None:
    """However it is wrapped, it is found, told with its place, and nothing else goes."""
    part, name = asked
    request: dict[str, Any] = {name: ASKS[part][name], "temperature": 1}
    for container in reversed(path):
        request = {container: request, "temperature": 1}
    stripped = strip_request({"model": "m", **request})
    assert f'"{name}"' not in json.dumps(stripped.body)
    assert stripped.taken == (".".join((*path, name)),)
    assert json.dumps(stripped.body).count("temperature") == len(path) + 1
    kept = strip_request({"model": "m", **request}, set(Part) - {part})
    assert kept.body == {"model": "m", **request}
    assert kept.taken == ()


def test_a_watermark_may_be_asked_for_and_not_chosen() -> None:
    """SGLang's object keeps its switch, and loses a client's own key and width."""
    asked = {"watermark": {"enabled": True, "key": "00", "context_window": 60}}
    stripped = strip_request(asked)
    assert stripped.body == {"watermark": {"enabled": True}}
    assert stripped.taken == ("watermark.key", "watermark.context_window")
    for kept in ({"watermarking": True}, {"watermarking": None}, {"watermark": {}}):
        assert strip_request(kept).body == kept
    for value in (0, "off", "False", "  no ", [], "x"):
        assert strip_request({"watermarking": value}).body == {}


def test_texts_and_tools_are_not_looked_into() -> None:
    """A customer's own data may be called anything."""
    request = {
        "messages": [{"role": "user", "content": "logprobs", "logprobs": 1}],
        "tools": [{"name": "t", "input_schema": {"properties": {"logit_bias": {}}}}],
        "metadata": {"watermark": False},
    }
    assert strip_request(request).body == request


def test_openais_include_is_a_list() -> None:
    """Its other entries stay."""
    stripped = strip_request({"include": ["message.output_text.logprobs", "x"]})
    assert stripped.body == {"include": ["x"]}
    assert stripped.taken == ("include.message.output_text.logprobs",)


NUMBERS = [{"token": "a", "logprob": -0.125}]


@pytest.mark.parametrize(
    "answer",
    [
        {"choices": [{"message": {"content": "logprobs"}, "logprobs": {"content": NUMBERS}}]},
        {"choices": [{"text": "a", "logprobs": NUMBERS}], "prompt_logprobs": NUMBERS},
        {"candidates": [{"content": {}, "logprobsResult": NUMBERS, "avgLogprobs": -0.125}]},
        {"object": "response", "output": [{"content": [{"text": "a", "logprobs": NUMBERS}]}]},
        {"type": "response.output_text.delta", "delta": "a", "logprobs": NUMBERS},
        {"type": "response.content_part.done", "part": {"text": "a", "logprobs": NUMBERS}},
        {"type": "response.output_item.done", "item": {"content": [{"logprobs": NUMBERS}]}},
        {
            "type": "response.completed",
            "response": {"output": [{"content": [{"logprobs": NUMBERS}]}]},
        },
        {"text": "a", "meta_info": {"output_token_logprobs": NUMBERS, "id": "x"}},
    ],
)
def test_answers_hold_no_log_probabilities(answer: dict[str, Any]) -> None:
    """In each form, whole or a piece; the words of the answer stay."""
    stripped = strip_answer(answer)
    assert "0.125" not in json.dumps(stripped.body)
    assert "0.125" in json.dumps(answer)
    assert stripped.taken
    assert strip_answer(stripped.body).taken == ()


def test_the_gate_decides_on_log_probabilities() -> None:
    """Opt-outs always go; log-probabilities where they are withheld from somebody."""
    stripping = Stripping()
    request = {"logprobs": True, "logit_bias": {}, "watermarking": False}
    answer = {"choices": [{"logprobs": NUMBERS}]}
    honest, suspect = Who(), Who(withhold=("reasoning", "logprobs"))
    assert stripping.to_model(request, honest) == {"logprobs": True, "logit_bias": {}}
    assert stripping.to_customer(answer, honest) == answer
    assert stripping.stream(honest).piece(answer) == [answer]
    assert stripping.to_model(request, suspect) == {}
    assert stripping.to_customer(answer, suspect) == {"choices": [{"logprobs": []}]}
    assert stripping.stream(suspect).piece(answer) == [{"choices": [{"logprobs": []}]}]
