"""Tiny randomly initialised Llamas: a vocabulary of 61 tokens, two layers."""

from __future__ import annotations

from typing import Any

import torch

VOCABULARY = 61


def llama(seed: int, vocabulary: int = VOCABULARY) -> Any:
    """A model that knows nothing, always the same for a seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=None,
        attn_implementation="eager",  # which forward-mode derivatives go through
    )
    return LlamaForCausalLM(config).eval()


def loss_of(model: Any, ids: Any) -> torch.Tensor:
    """The mean loss on a batch of token ids (rows, length)."""
    return model(ids, labels=ids).loss


def after(model: Any, tokens: list[int]) -> torch.Tensor:
    """Logits (vocabulary) after a text, with no batch, padding or cache."""
    with torch.inference_mode():
        return model(torch.tensor([tokens])).logits[0, -1]
