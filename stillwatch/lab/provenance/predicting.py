"""Run a suspect for real: a Hugging Face folder over some texts, teacher-forced (torch)."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.errors import ExtraMissing, InputNotFound, TraceRefused
from stillwatch.lab.provenance.predictions import NOTHING, Predictions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stillwatch.lab.provenance.texts import Texts

KEPT = 32
"""Most likely tokens kept of each place: nine tenths of the mass and more, a tenth of the cost."""

_LOGITS = 50_000_000
"""Logits held at once: 200 MB in single precision."""


def check_runnable(folder: Path) -> None:
    """That a folder is one of a model, and that torch is there; raises as `Model.of_folder`."""
    if not (folder / "config.json").is_file():
        todo = "Name a folder that `save_pretrained` wrote"
        raise InputNotFound(folder, "is no folder of a model (it has no config.json)", todo)
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError as fault:
        todo = "Run pip install 'stillwatch[lab]'"
        raise ExtraMissing("lab trace", "running a model needs torch", todo) from fault


class Model:
    """A causal language model of a folder; loads nothing from anywhere else, runs no code of it."""

    def __init__(self, model: Any, where: object = "model") -> None:
        self.model, self.where = model.eval(), where

    @classmethod
    def of_folder(cls, folder: str | Path) -> Model:
        """Raises `ExtraMissing` without torch, `InputNotFound` and `TraceRefused`."""
        folder = Path(folder)
        check_runnable(folder)
        import torch
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()
        try:
            # a suspect's folder is a stranger's: pickles may run code, safetensors can't
            model = AutoModelForCausalLM.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
            )
        except Exception as fault:
            # and it can fail in as many ways as there are readers in transformers
            what = f"can't be loaded ({str(fault).splitlines()[0] if str(fault) else fault!r})"
            todo = "Save it anew with save_pretrained, as safetensors"
            raise TraceRefused(folder, what, todo) from fault
        return cls(model, folder)

    @property
    def start(self) -> int | None:
        """The token that begins a text; None where the model has none."""
        return self.model.config.bos_token_id

    def predictions(self, texts: Texts, kept: int = KEPT, seed: int = 0) -> Predictions:
        """What it holds likely at each answer token; raises `TraceRefused` for texts it can't read.

        `seed` is of the tokens drawn for `sampled`; they don't depend on batches.
        """
        import torch

        self._fits(texts)
        size = int(self.model.config.vocab_size)
        kept = min(kept, size)
        rows = np.zeros(len(texts.tokens) + 1, np.int64)
        rows[texts.answers] = np.arange(len(texts.answers))
        count = len(texts.answers)
        top = np.full((count, kept), NOTHING)
        mass, own = np.zeros((count, kept)), np.zeros(count)
        sampled = np.full(count, NOTHING)
        drawn = np.random.default_rng(seed).random(count)
        with torch.inference_mode():
            for batch in self._batches(texts, size):
                told = self._logits(texts, batch)
                for row, logits in zip(batch, told, strict=True):
                    start, end = int(texts.starts[row]), int(texts.starts[row + 1])
                    begin = max(int(texts.prompts[row]), 1)
                    if begin >= end - start:
                        continue
                    which = rows[start + begin : end]
                    logs = logits[begin - 1 : end - start - 1].float().log_softmax(-1)
                    found = logs.topk(kept)
                    top[which] = found.indices.numpy()
                    mass[which] = found.values.exp().numpy()
                    actual = torch.from_numpy(texts.tokens[start + begin : end])
                    own[which] = logs.gather(-1, actual[:, None])[:, 0].numpy()
                    sums = logs.exp().cumsum(-1)
                    wanted = torch.from_numpy(drawn[which])[:, None] * sums[:, -1:]
                    places = torch.searchsorted(sums, wanted.to(sums.dtype))[:, 0]
                    sampled[which] = places.clamp_max(size - 1).numpy()
        return Predictions(top[:, 0].copy(), sampled, top, mass, own)

    def _fits(self, texts: Texts) -> None:
        size = int(self.model.config.vocab_size)
        if len(texts.tokens) and int(texts.tokens.max()) >= size:
            what = f"has {size:,} tokens, and a text holds token {int(texts.tokens.max()):,}"
            raise TraceRefused(self.where, what, "Encode the texts with this model's tokenizer")
        longest = int(np.diff(texts.starts).max(initial=0))
        bound = getattr(self.model.config, "max_position_embeddings", None)
        if bound is not None and longest > bound:
            what = f"reads {bound:,} tokens at most, and a text has {longest:,}"
            raise TraceRefused(self.where, what, "Cut the texts, and say so in the registration")

    def _batches(self, texts: Texts, size: int) -> Iterator[list[int]]:
        """Rows of like length together, few enough that their logits fit."""
        lengths = np.diff(texts.starts)
        held: list[int] = []
        order = np.argsort(lengths, kind="stable")
        for row in order[lengths[order] > 0]:
            if held and (len(held) + 1) * int(lengths[row]) * size > _LOGITS:
                yield held
                held = []
            held.append(int(row))
        if held:
            yield held

    def _logits(self, texts: Texts, batch: list[int]) -> Any:
        import torch

        lengths = [int(texts.starts[row + 1] - texts.starts[row]) for row in batch]
        ids = torch.zeros((len(batch), max(lengths)), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for line, (row, length) in enumerate(zip(batch, lengths, strict=True)):
            start = int(texts.starts[row])
            ids[line, :length] = torch.from_numpy(texts.tokens[start : start + length])
            mask[line, :length] = 1
        return self.model(input_ids=ids, attention_mask=mask).logits

    def close(self) -> None:
        """Let go of its memory."""
        del self.model
        gc.collect()
