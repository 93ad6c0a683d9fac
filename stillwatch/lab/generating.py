"""Completions drawn from a model, many at a time, with a hook on its logits."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessorList, PreTrainedModel

from stillwatch.lab.tasks.task import Tokens

_AT_ONCE = 512


def generate(
    model: PreTrainedModel,
    prompts: Sequence[Tokens],
    longest: int,
    *,
    seed: int = 0,
    temperature: float = 0.0,
    processors: LogitsProcessorList | None = None,
    at_once: int = _AT_ONCE,
) -> list[Tokens]:
    """A completion for each prompt, of at most `longest` tokens, `end` included where it came.

    The likeliest token each time where `temperature` is 0, else drawn. `processors` see the logits
    first; prompts of one length go together, `at_once` at most. Results are in order.
    """
    answers: dict[int, Tokens] = {}
    by_length: dict[int, list[int]] = {}
    for place, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(place)
    ends = _ends(model)
    with torch.random.fork_rng(), torch.inference_mode():
        torch.manual_seed(seed)
        for length, places in by_length.items():
            for start in range(0, len(places), at_once):
                chunk = places[start : start + at_once]
                ids = torch.tensor([prompts[place] for place in chunk], device=model.device)
                out = model.generate(  # pyright: ignore
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    max_new_tokens=longest,
                    do_sample=temperature > 0,
                    temperature=temperature or None,
                    top_k=0 if temperature > 0 else None,
                    top_p=None,
                    logits_processor=processors,
                )
                rows = out[:, length:].tolist()  # pyright: ignore
                answers |= {
                    place: _ended(row, ends) for place, row in zip(chunk, rows, strict=True)
                }
    return [answers[place] for place in range(len(prompts))]


def _ends(model: PreTrainedModel) -> set[int]:
    end = model.generation_config.eos_token_id if model.generation_config else None
    return set(end) if isinstance(end, list) else {end} if end is not None else set()


def _ended(row: list[int], ends: set[int]) -> Tokens:
    for at, token in enumerate(row):
        if token in ends:
            return tuple(row[: at + 1])
    return tuple(row)
