"""The maths of antidistillation sampling and product of experts, against what they stand for."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from torch.func import functional_call, jvp  # noqa: E402

from stillwatch.countermeasures.antidistillation import (  # noqa: E402
    antidistilled,
    directional_derivative,
    loss_gradient,
    nudged,
    proxies,
    step_for,
)
from stillwatch.countermeasures.product_of_experts import product_of_experts  # noqa: E402
from tests.countermeasures import tiny  # noqa: E402


def gradient(model, seed=5):
    """A gradient of a model's loss on random texts, and those texts."""
    torch.manual_seed(seed)
    batches = [torch.randint(2, tiny.VOCABULARY, (4, 12)) for _ in range(3)]
    return loss_gradient(model, batches, tiny.loss_of), batches


@torch.inference_mode()
def total(model, batches):
    """The model's loss on all of them."""
    return sum(float(tiny.loss_of(model, batch)) for batch in batches)


def test_two_passes_give_the_directional_derivative():
    """Central differences agree with the exact derivative along the gradient, by forward mode."""
    model = tiny.llama(1)
    direction, _ = gradient(model)
    step = step_for(model, direction)
    plus, minus = proxies(model, direction, step)
    text = [5, 9, 33, 2]
    held = dict(model.named_parameters())

    def logits(parameters):
        return functional_call(model, parameters, (torch.tensor([text]),)).logits[0, -1]

    _, exact = jvp(logits, (held,), (dict(direction),))
    told = directional_derivative(tiny.after(plus, text), tiny.after(minus, text), step)
    told, exact = told.detach(), exact.detach()
    assert torch.allclose(told, exact, rtol=2e-2, atol=2e-2 * float(exact.abs().max()))


def test_a_step_on_what_is_served_raises_the_students_loss():
    """The sign: training on tokens of a positive derivative makes the student worse at the task."""
    model = tiny.llama(1)
    direction, batches = gradient(model)
    step = step_for(model, direction)
    plus, minus = proxies(model, direction, step)
    text = [5, 9, 33, 2]
    told = directional_derivative(tiny.after(plus, text), tiny.after(minus, text), step)
    before = total(model, batches)
    losses = {}
    for name, token in (("worst", int(told.argmax())), ("best", int(told.argmin()))):
        lesson = loss_gradient(
            model,
            [torch.tensor([text])],
            lambda held, ids, token=token: torch.nn.functional.cross_entropy(
                held(ids).logits[:, -1], torch.tensor([token])
            ),
        )
        taught = nudged(model, lesson, -0.02)
        losses[name] = total(taught, batches)
    assert losses["worst"] > losses["best"]
    assert losses["worst"] > before


def test_logits_do_in_place_of_log_probabilities():
    """The distribution to sample from is the same with either."""
    teacher, plus, minus = torch.randn(3, 2, 50, generator=torch.Generator().manual_seed(1))
    by_logits = antidistilled(teacher, plus, minus, strength=1.5, step=0.1)
    by_logs = antidistilled(
        teacher, plus.log_softmax(-1), minus.log_softmax(-1), strength=1.5, step=0.1
    )
    assert torch.allclose(by_logits.softmax(-1), by_logs.softmax(-1), atol=1e-6)


def test_what_is_ruled_out_stays_ruled_out():
    """Grammars and masks win, whatever the proxies say; no strength makes a number of nothing."""
    teacher = torch.tensor([0.0, -torch.inf, 1.0])
    proxy = torch.tensor([-torch.inf, 5.0, 2.0])
    told = antidistilled(teacher, proxy, -proxy, strength=9.0, step=0.1)
    assert torch.isneginf(told).tolist() == [False, True, False]
    assert not told.isnan().any()
    for share in (0.0, 0.5, 1.0):
        mixed = product_of_experts(teacher, proxy, share=share)
        assert torch.isneginf(mixed[1])
        assert not mixed.isnan().any()


def test_a_product_is_the_normalised_product():
    """The mix of logits is p^(1 - share) q^share, and its ends are the teacher and the proxy."""
    teacher, proxy = torch.randn(2, 4, 50, generator=torch.Generator().manual_seed(2))
    p, q = teacher.softmax(-1), proxy.softmax(-1)
    product = p**0.3 * q**0.7
    told = product_of_experts(teacher, proxy, share=0.7).softmax(-1)
    assert torch.allclose(told, product / product.sum(-1, keepdim=True), atol=1e-6)
    assert torch.equal(product_of_experts(teacher, proxy, share=0.0), teacher)
    assert torch.allclose(product_of_experts(teacher, proxy, share=1.0), proxy)


def test_the_proxy_is_left_as_it_was():
    """Neither a gradient nor a copy changes the model they are made of."""
    model = tiny.llama(1)
    before = {name: value.clone() for name, value in model.named_parameters()}
    direction, _ = gradient(model)
    nudged(model, direction, 1.0)
    assert all(torch.equal(before[name], value) for name, value in model.named_parameters())
    assert all(value.grad is None for value in model.parameters())


def test_wrong_settings_are_refused():
    """A step of nothing, a share of more than all, logits of two shapes, no traces."""
    zeros = torch.zeros(3)
    with pytest.raises(ValueError, match="above 0"):
        antidistilled(zeros, zeros, zeros, strength=1.0, step=0.0)
    with pytest.raises(ValueError, match="one shape"):
        antidistilled(zeros, zeros, torch.zeros(4), strength=1.0, step=0.1)
    with pytest.raises(ValueError, match="from 0 to 1"):
        product_of_experts(zeros, zeros, share=1.1)
    with pytest.raises(ValueError, match="at least one"):
        loss_gradient(tiny.llama(1), [], tiny.loss_of)
    with pytest.raises(ValueError, match="gradient is zero"):
        step_for(tiny.llama(1), {"model.norm.weight": torch.zeros(32)})
