"""The adapter for vLLM keeps to Model Runner V2's interface, driven as the runner drives it."""

from __future__ import annotations

import inspect
import sys
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from stillwatch.countermeasures.antidistillation import (  # noqa: E402
    antidistilled,
    loss_gradient,
    proxies,
    step_for,
)
from stillwatch.countermeasures.product_of_experts import product_of_experts  # noqa: E402
from stillwatch.errors import MeasureRefused  # noqa: E402
from tests.countermeasures import tiny, vllm_standin  # noqa: E402
from tests.countermeasures.vllm_standin import Runner, params  # noqa: E402

ADAPTER = "stillwatch.countermeasures.adapters.vllm"
ASKS = params(stillwatch="product-of-experts")
SHARE = 0.4
METHODS = ("__init__", "validate_params", "add_request", "apply_staged_writes", "apply")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A proxy as a folder of Hugging Face's, with a direction beside it; and the step."""
    place = tmp_path_factory.mktemp("proxy")
    proxy = tiny.llama(2)
    proxy.save_pretrained(place)
    torch.manual_seed(3)
    texts = [torch.randint(2, tiny.VOCABULARY, (4, 12))]
    direction = loss_gradient(proxy, texts, tiny.loss_of)
    torch.save(direction, place / "direction.pt")
    return place, proxy, direction, step_for(proxy, direction)


@pytest.fixture(autouse=True)
def vllm():
    """The stand-in's modules, and the adapter imported against them."""
    sys.modules.pop(ADAPTER, None)
    with vllm_standin.installed():
        yield
    sys.modules.pop(ADAPTER, None)


def config(**settings):
    """A `VllmConfig` as far as the adapter looks into it."""
    return SimpleNamespace(additional_config={"stillwatch": settings} if settings else {})


def runner(folder, name="ProductOfExperts", **settings):
    """A runner with one of the two measures, on a tiny teacher."""
    teacher = tiny.llama(1)
    held = {"proxy": str(folder[0]), "serve_false_reasoning": True, "share": SHARE, **settings}
    return Runner(
        vllm_standin.load(f"{ADAPTER}:{name}"),
        config(**held),
        lambda text: tiny.after(teacher, text),
        tiny.VOCABULARY,
    )


def treated(run, folder, text):
    """What the product of experts makes of a text's logits, by itself."""
    return product_of_experts(run.teacher(text), tiny.after(folder[1], text), share=SHARE)


def close(told, wanted):
    """Whether logits agree to what batching and padding round."""
    return torch.allclose(told, wanted, atol=1e-4)


def test_signatures_are_the_interfaces():
    """Every method that V2 calls is there, with the same parameters in the same order."""
    for name in ("Antidistillation", "ProductOfExperts"):
        kind = vllm_standin.load(f"{ADAPTER}:{name}")
        for method in (
            "__init__",
            "validate_params",
            "add_request",
            "apply_staged_writes",
            "apply",
        ):
            ours = inspect.signature(getattr(kind, method)).parameters
            theirs = inspect.signature(getattr(vllm_standin.LogitsProcessor, method)).parameters
            assert list(ours) == list(theirs), method
        assert not inspect.isabstract(kind)


def test_only_requests_that_ask_are_treated(folder):
    """Rows of others come back as they were, bit for bit."""
    run = runner(folder)
    asks, doesnt = run.add([5, 9, 33], ASKS), run.add([8, 4], params())
    told = run.step([doesnt, asks])
    assert torch.equal(told[0], run.teacher([8, 4]))
    assert close(told[1], treated(run, folder, [5, 9, 33]))
    assert run.needs.tolist().count(True) == 1


def test_rows_move_and_slots_are_recycled(folder):
    """Over many steps: rows change places, requests leave, and others take their slots."""
    run = runner(folder)
    texts = {}
    for number in range(4):
        asks = number % 2 == 0
        slot = run.add([5 + number, 9, 33], ASKS if asks else params())
        texts[slot] = asks
    order = list(texts)
    for turn in range(6):
        order = [*order[1:], order[0]]
        told = run.step(order)
        for row, slot in enumerate(order):
            text = run.texts[slot]
            wanted = treated(run, folder, text) if texts[slot] else run.teacher(text)
            assert close(told[row], wanted)
            run.texts[slot].append(int(told[row].argmax()))
        if turn in (1, 3):  # one leaves, and one of the other kind comes to its slot
            gone = order.pop()
            run.remove(gone)
            new = run.add([40 + turn], params() if texts[gone] else ASKS)
            assert new == gone
            texts[new] = not texts[gone]
            order.append(new)


def test_writes_are_staged(folder):
    """A request that comes during a step isn't treated before the writes of the next."""
    run = runner(folder)
    run.add([5, 9], ASKS)
    assert run.processor._treated == [False] * 4
    run.processor.apply_staged_writes()
    assert run.processor._treated.count(True) == 1


def test_drafted_rows_see_the_drafts_before_them(folder):
    """Under speculation a request owns a row a draft; each row's text has the drafts before it."""
    run = runner(folder)
    first, second = run.add([5, 9, 33], ASKS), run.add([8], ASKS)
    drafts = {first: [12, 13], second: [14]}
    told = run.step([second, first], drafts)
    wanted = [[8], [8, 14], [5, 9, 33], [5, 9, 33, 12], [5, 9, 33, 12, 13]]
    assert len(told) == 5
    for row, text in zip(told, wanted, strict=True):
        assert close(row, treated(run, folder, text))


def test_what_a_grammar_masked_stays_masked(folder):
    """V2 applies grammars before: no masked token may come back."""
    run = runner(folder)
    plain = run.teacher
    mask = torch.zeros(tiny.VOCABULARY)
    mask[10:40] = -torch.inf
    run.teacher = lambda text: plain(text) + mask
    slot = run.add([5, 9, 33], ASKS)
    told = run.step([slot])
    assert torch.isneginf(told[0, 10:40]).all()
    assert told[0, :10].isfinite().all()


def test_antidistillation_moves_the_proxy_both_ways(folder):
    """The folder's proxy, moved along the file's direction, gives what the formula says."""
    place, proxy, direction, step = folder
    run = runner(
        folder,
        "Antidistillation",
        direction=str(place / "direction.pt"),
        strength=0.5,
        step=step,
        always=True,
    )
    slot = run.add([5, 9, 33], params())
    plus, minus = proxies(proxy, direction, step)
    wanted = antidistilled(
        run.teacher([5, 9, 33]),
        tiny.after(plus, [5, 9, 33]),
        tiny.after(minus, [5, 9, 33]),
        strength=0.5,
        step=step,
    )
    assert torch.allclose(run.step([slot])[0], wanted, atol=5e-2)


def test_false_reasoning_needs_the_switch(folder):
    """Without it, without settings, or with settings of no sense, the engine doesn't start."""
    kind = vllm_standin.load(f"{ADAPTER}:ProductOfExperts")
    for settings, words in (
        ({"proxy": str(folder[0])}, "false reasoning"),
        ({}, "no good"),
        ({"proxy": str(folder[0]), "sharre": 1}, "sharre"),
    ):
        with pytest.raises(MeasureRefused, match=words):
            kind(config(**settings), SimpleNamespace(max_num_reqs=1, device="cpu"))


def test_a_request_that_asks_for_something_else_is_refused(folder):
    """At admission, as a `ValueError`, which V2 answers the request with."""
    kind = vllm_standin.load(f"{ADAPTER}:ProductOfExperts")
    kind.validate_params(params())
    kind.validate_params(ASKS)
    with pytest.raises(ValueError, match="has to be one of"):
        kind.validate_params(params(stillwatch="\x1b[2J"))
