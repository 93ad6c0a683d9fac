"""Small transformers, from scratch: Llama's architecture at a size for minutes on a CPU.

They are Hugging Face models like any other, so that teachers and students of all sizes are trained,
sampled, saved and read by the same code.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel


@dataclass(frozen=True)
class Size:
    """Layers, width of the residual stream, heads. The default has about 0.1 million weights."""

    layers: int = 3
    width: int = 64
    heads: int = 4


def small(vocabulary: int, length: int, size: Size | None = None, seed: int = 0) -> PreTrainedModel:
    """A new model of texts up to `length` tokens; token 0 is padding and 1 the end."""
    size = size or Size()
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=size.width,
        intermediate_size=2 * size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=length,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
