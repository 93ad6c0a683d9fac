"""What vLLM's Model Runner V2 shows a custom logits processor, and how it drives one.

Names, signatures and the order of calls, as facts, of vllm-project/vllm (Apache-2.0, November
2026): `vllm/v1/worker/gpu/sample/logits_processor/interface.py` and `loader.py`, `sampler.py`
(`add_request`, `apply_staged_writes`, `apply_sampling_params`) and `states.py` (slots are recycled
through a free list). Nothing of its text is copied.
"""

from __future__ import annotations

import importlib
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import torch

MODULE = "vllm.v1.worker.gpu.sample.logits_processor"
PARENTS = ("vllm", "vllm.v1", "vllm.v1.worker", "vllm.v1.worker.gpu", "vllm.v1.worker.gpu.sample")


@dataclass(frozen=True)
class LogitsProcRequestState:
    """The buffers that a processor may read."""

    device: torch.device
    max_num_reqs: int
    vocab_size: int
    all_token_ids: Any
    prompt_len: Any
    prefill_len: Any
    total_len: Any


@dataclass(frozen=True)
class LogitsContext:
    """A step's layout: `(rows,)` of what is expanded, `(requests,)` of the rest."""

    expanded_idx_mapping: torch.Tensor
    idx_mapping: torch.Tensor
    idx_mapping_np: np.ndarray
    expanded_local_pos: torch.Tensor
    input_ids: torch.Tensor
    pos: torch.Tensor
    seq_lens_upper_bound_np: np.ndarray


class LogitsProcessor(ABC):
    """The interface: every method as V2 calls it."""

    def __init__(  # noqa: B027
        self, vllm_config: Any, req_states: LogitsProcRequestState
    ) -> None: ...

    @classmethod  # noqa: B027
    def validate_params(cls, sampling_params: Any) -> None:
        """At admission, in the front end."""

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """On entering the batch."""
        return True

    def apply_staged_writes(self) -> None:  # noqa: B027
        """Once a step, before the forward pass."""

    @abstractmethod
    def apply(self, logits: torch.Tensor, ctx: LogitsContext) -> torch.Tensor:
        """For the whole batch."""


@contextmanager
def installed() -> Iterator[None]:
    """Modules of these names, for as long as it lasts."""
    made = {name: ModuleType(name) for name in (*PARENTS, MODULE)}
    for name in ("LogitsProcessor", "LogitsContext", "LogitsProcRequestState"):
        setattr(made[MODULE], name, globals()[name])
    before = {name: sys.modules.get(name) for name in made}
    sys.modules.update(made)
    try:
        yield
    finally:
        for name, held in before.items():
            if held is None:
                del sys.modules[name]
            else:
                sys.modules[name] = held


def load(fqcn: str) -> type[LogitsProcessor]:
    """A class by `module:Class`, refused as the loader refuses it."""
    module, _, name = fqcn.partition(":")
    held = getattr(importlib.import_module(module), name)
    if not (isinstance(held, type) and issubclass(held, LogitsProcessor)):
        raise ValueError(f"{name} is not a subclass of {MODULE}.LogitsProcessor")
    return held


def params(**extra: Any) -> Any:
    """Sampling parameters with extra arguments."""
    return SimpleNamespace(extra_args=extra or None)


@dataclass
class Runner:
    """Drives one processor as the model runner does. `teacher` gives logits of a text's next token.

    Slots come from a free list, rows are in any order, and a request may own several rows, one for
    each drafted token.
    """

    kind: type[LogitsProcessor]
    config: Any
    teacher: Any
    vocabulary: int
    slots: int = 4
    longest: int = 64
    texts: dict[int, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        tokens = torch.full((self.slots, self.longest), 7, dtype=torch.int32)  # what was there
        self.tokens = SimpleNamespace(gpu=tokens)
        self.lengths = SimpleNamespace(gpu=torch.zeros(self.slots, dtype=torch.int32))
        host = SimpleNamespace(np=np.zeros(self.slots, dtype=np.int32))
        self.states = LogitsProcRequestState(
            torch.device("cpu"), self.slots, self.vocabulary, self.tokens, host, host, self.lengths
        )
        self.processor = self.kind(self.config, self.states)
        self.free = list(range(self.slots))
        self.needs = np.zeros(self.slots, dtype=bool)

    def add(self, prompt: list[int], sampling: Any) -> int:
        """A request enters: it is checked, gets a slot, and its prompt is written there."""
        self.kind.validate_params(sampling)
        slot = self.free.pop()
        self.texts[slot] = list(prompt)
        self.needs[slot] = self.processor.add_request(slot, sampling)
        return slot

    def remove(self, slot: int) -> None:
        """A request leaves; the processor isn't told, and the slot is the next one to be taken."""
        del self.texts[slot]
        self.free.append(slot)

    def step(self, order: list[int], drafts: dict[int, list[int]] | None = None) -> torch.Tensor:
        """One step for the requests in `order`: logits (rows, vocabulary) after the processor."""
        for slot, text in self.texts.items():  # the runner flushes its own states first
            self.tokens.gpu[slot, : len(text)] = torch.tensor(text, dtype=torch.int32)
            self.lengths.gpu[slot] = len(text)
        self.processor.apply_staged_writes()
        rows: list[tuple[int, int, int, int]] = []
        logits: list[torch.Tensor] = []
        for slot in order:
            text = self.texts[slot]
            drafted = (drafts or {}).get(slot, [])
            for local in range(len(drafted) + 1):
                seen = text + drafted[:local]
                rows.append((slot, local, seen[-1], len(seen) - 1))
                logits.append(self.teacher(seen))
        mapping = np.array(order)
        told = torch.stack(logits).float()
        if not self.needs[mapping].any():
            return told
        columns = [torch.tensor(each, dtype=torch.int32) for each in zip(*rows, strict=True)]
        context = LogitsContext(
            expanded_idx_mapping=columns[0],
            idx_mapping=torch.from_numpy(mapping),
            idx_mapping_np=mapping,
            expanded_local_pos=columns[1],
            input_ids=columns[2],
            pos=columns[3],
            seq_lens_upper_bound_np=np.array([len(self.texts[slot]) for slot in order]),
        )
        return self.processor.apply(told, context)
