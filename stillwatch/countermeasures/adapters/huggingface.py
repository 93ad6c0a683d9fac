"""Hugging Face's `generate`, with antidistillation sampling or a product of experts. Experimental.

    plus, minus = proxies(proxy, direction, step)
    measure = Antidistillation(
        plus, minus, strength=1.0, step=step, serve_false_reasoning=True
    )
    model.generate(ids, logits_processor=LogitsProcessorList([measure]), do_sample=True)

`generate` calls such a processor with logits before temperature and truncation
(https://huggingface.co/docs/transformers/internal/generation_utils#logitsprocessor). Both make
reasoning false in the measure in which they work, and are refused without the switch that says so,
as by vLLM's adapter. Proxies need the model's tokenizer. Each is a forward pass a token, from its
own cache. A processor is made for one call of `generate`, with its attention mask where prompts are
padded.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import LogitsProcessor

from stillwatch.countermeasures.antidistillation import antidistilled
from stillwatch.countermeasures.product_of_experts import product_of_experts
from stillwatch.countermeasures.table import chosen
from stillwatch.errors import MeasureRefused


class Antidistillation(LogitsProcessor):
    """Antidistillation sampling: `plus` and `minus` are the proxy moved by `step`, each way.

    Raises `MeasureRefused` without `serve_false_reasoning`.
    """

    def __init__(
        self,
        plus: nn.Module,
        minus: nn.Module,
        *,
        strength: float,
        step: float,
        attention_mask: Tensor | None = None,
        serve_false_reasoning: bool = False,
    ) -> None:
        chosen(["antidistillation"], serve_false_reasoning=serve_false_reasoning)
        self._plus = NextLogits(plus, attention_mask)
        self._minus = NextLogits(minus, attention_mask)
        self._strength, self._step = strength, step

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The logits to sample from: (rows, vocabulary) for `input_ids` (rows, length)."""
        plus, minus = self._plus(input_ids), self._minus(input_ids)
        check_width(scores, plus)
        return antidistilled(scores, plus, minus, strength=self._strength, step=self._step)


class ProductOfExperts(LogitsProcessor):
    """A product of the model and a proxy that has `share` of it.

    Raises `MeasureRefused` without `serve_false_reasoning`.
    """

    def __init__(
        self,
        proxy: nn.Module,
        *,
        share: float,
        attention_mask: Tensor | None = None,
        serve_false_reasoning: bool = False,
    ) -> None:
        chosen(["product-of-experts"], serve_false_reasoning=serve_false_reasoning)
        self._proxy, self._share = NextLogits(proxy, attention_mask), share

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """The logits to sample from: (rows, vocabulary) for `input_ids` (rows, length)."""
        proxy = self._proxy(input_ids)
        check_width(scores, proxy)
        return product_of_experts(scores, proxy, share=self._share)


class NextLogits:
    """A causal model's logits of the next token, with its cache for as long as texts only grow."""

    def __init__(self, model: nn.Module, attention_mask: Tensor | None = None) -> None:
        self._model, self._mask = model.eval(), attention_mask
        self._seen: Tensor | None = None
        self._cache: Any = None

    @torch.inference_mode()
    def __call__(self, input_ids: Tensor) -> Tensor:
        """Logits (rows, vocabulary) after `input_ids` (rows, length)."""
        seen = self._seen
        grew = seen is not None and torch.equal(input_ids[:, :-1], seen)
        mask = self._mask
        if mask is not None:
            mask = pad(mask, (0, input_ids.shape[1] - mask.shape[1]), value=1)
        told = self._model(
            input_ids[:, -1:] if grew else input_ids,
            attention_mask=mask,
            cache=self._cache if grew else None,
            use_cache=True,
        )
        self._seen, self._cache = input_ids.clone(), told.cache
        return told.logits[:, -1]


def check_width(scores: Tensor, proxy: Tensor) -> None:
    """Raise `MeasureRefused` where a proxy speaks another vocabulary than the model."""
    if scores.shape[-1] != proxy.shape[-1]:
        raise MeasureRefused(
            "the proxy",
            f"has {proxy.shape[-1]:,} tokens and the model {scores.shape[-1]:,}",
            "Take a proxy with the model's own tokenizer and vocabulary",
        )
