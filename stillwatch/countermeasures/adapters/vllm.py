"""vLLM's Model Runner V2, with antidistillation sampling or a product of experts. Experimental.

    vllm serve MODEL --logits-processors \
        stillwatch.countermeasures.adapters.vllm:Antidistillation \
        --additional-config '{"stillwatch": {"serve_false_reasoning": true, "proxy": "FOLDER",
            "direction": "FILE", "strength": 1.0, "step": 0.001}}'

Requests are treated that carry `vllm_xargs: {"stillwatch": "antidistillation"}` (or
`product-of-experts`), which your gateway sets; or all, with `"always": true`. The proxy is run on
the whole text for each token, without a cache: for trials, not for traffic.

Written against `vllm/v1/worker/gpu/sample/logits_processor/interface.py` of November 2026, which
vLLM declares unstable; its pages disagree on whether V2 loads processors for all requests, and
together with `--watermark-config` they are said to be unavailable. Pin the version, and run this
module's conformance test against it. The earlier interface
(`vllm.v1.sample.logits_processor`, with `update_state(BatchUpdate)`) isn't served: it gives no
token history for rows of a speculative step, and V2 rejects it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import torch
from torch import Tensor, nn
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor  # pyright: ignore

from stillwatch.countermeasures.antidistillation import antidistilled, proxies
from stillwatch.countermeasures.product_of_experts import product_of_experts
from stillwatch.countermeasures.table import chosen
from stillwatch.display import plain
from stillwatch.errors import MeasureRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

ASKED = "stillwatch"
"""The request's extra argument, and the key of `--additional-config`."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `--additional-config` says under `stillwatch`."""

    proxy: str
    serve_false_reasoning: bool = False
    direction: str | None = None
    strength: float = 1.0
    step: float = 1e-3
    share: float = 0.5
    always: bool = False


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of logits, and the tokens before the one that it is for."""

    row: int
    tokens: Tensor


class _ByProxy(LogitsProcessor):
    """What both measures have in common: which rows, and the proxies' logits for them."""

    name = ""

    def __init__(self, vllm_config: Any, req_states: Any) -> None:
        self._settings = _settings(vllm_config, self.name)
        self._states = req_states
        self._staged: dict[int, bool] = {}
        self._treated = [False] * req_states.max_num_reqs
        self._models = self.models(self._settings, req_states.device)

    @classmethod
    def models(cls, settings: Settings, device: Any) -> tuple[nn.Module, ...]:
        """The proxies, on the device."""
        raise NotImplementedError

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise `ValueError` for a request that asks for no measure of ours."""
        asked = (sampling_params.extra_args or {}).get(ASKED)
        if asked is not None and asked not in _NAMES:
            raise ValueError(f"{ASKED} has to be one of {', '.join(_NAMES)}, not {plain(asked)}")

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Note for a slot whether its new request is treated; whoever had it before is gone."""
        asked = (sampling_params.extra_args or {}).get(ASKED)
        self._staged[req_idx] = self._settings.always or asked == self.name
        return self._staged[req_idx]

    def apply_staged_writes(self) -> None:
        """Take over what requests were noted since the last step."""
        for slot, treated in self._staged.items():
            self._treated[slot] = treated
        self._staged.clear()

    def apply(self, logits: Tensor, ctx: Any) -> Tensor:
        """Change the rows of treated requests, in place; (rows, vocabulary), float32."""
        rows = list(self._rows(ctx))
        if rows:
            at = torch.tensor([row.row for row in rows], device=logits.device)
            told = self.changed(logits[at], [_next(model, rows) for model in self._models])
            logits[at] = told.to(logits.dtype)
        return logits

    def changed(self, logits: Tensor, proxy: Sequence[Tensor]) -> Tensor:
        """The measure itself."""
        raise NotImplementedError

    def _rows(self, ctx: Any) -> list[_Row]:
        slots: list[int] = ctx.expanded_idx_mapping.tolist()
        if not any(self._treated[slot] for slot in slots):
            return []
        offsets, positions = ctx.expanded_local_pos.tolist(), ctx.pos.tolist()
        held = self._states.all_token_ids.gpu
        rows: list[_Row] = []
        for row, slot in enumerate(slots):
            if self._treated[slot]:
                # tokens of this step, drafts among them, are nowhere but in its input
                first = row - offsets[row]
                before = held[slot, : positions[first]]
                now = ctx.input_ids[first : row + 1]
                rows.append(_Row(row, torch.cat([before.to(now), now])))
        return rows


class Antidistillation(_ByProxy):
    """Antidistillation sampling."""

    name = "antidistillation"

    @classmethod
    def models(cls, settings: Settings, device: Any) -> tuple[nn.Module, ...]:
        """The proxy moved along its loss's gradient, and against it."""
        if settings.direction is None:
            raise MeasureRefused(
                "--additional-config", "names no direction", "Name the gradient's file"
            )
        direction = torch.load(settings.direction, weights_only=True)
        model = _model(settings.proxy)
        return tuple(each.to(device) for each in proxies(model, direction, settings.step))

    def changed(self, logits: Tensor, proxy: Sequence[Tensor]) -> Tensor:
        """The teacher's logits, and the strength times the derivative."""
        plus, minus = proxy
        held = self._settings
        return antidistilled(logits, plus, minus, strength=held.strength, step=held.step)


class ProductOfExperts(_ByProxy):
    """A product of experts."""

    name = "product-of-experts"

    @classmethod
    def models(cls, settings: Settings, device: Any) -> tuple[nn.Module, ...]:
        """The proxy."""
        return (_model(settings.proxy).to(device),)

    def changed(self, logits: Tensor, proxy: Sequence[Tensor]) -> Tensor:
        """The mix of both logits."""
        return product_of_experts(logits, proxy[0], share=self._settings.share)


_NAMES = (Antidistillation.name, ProductOfExperts.name)


def _settings(vllm_config: Any, name: str) -> Settings:
    """What was configured; raises `MeasureRefused`, without the switch too."""
    told = (vllm_config.additional_config or {}).get(ASKED)
    try:
        settings = msgspec.convert(told, Settings)
    except msgspec.ValidationError as fault:
        words = f"has no good {ASKED!r} ({plain(fault)})"
        raise MeasureRefused("--additional-config", words, "See this module's head") from None
    chosen([name], serve_false_reasoning=settings.serve_false_reasoning)
    return settings


def _model(folder: str) -> nn.Module:
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()


@torch.inference_mode()
def _next(model: nn.Module, rows: list[_Row]) -> Tensor:
    """A proxy's logits after each row's tokens: (rows, vocabulary)."""
    lengths = [len(row.tokens) for row in rows]
    ids = torch.nn.utils.rnn.pad_sequence([row.tokens for row in rows], batch_first=True)
    device = next(model.parameters()).device
    mask = torch.arange(ids.shape[1])[None, :] < torch.tensor(lengths)[:, None]
    told = model(ids.long().to(device), attention_mask=mask.long().to(device), use_cache=False)
    return told.logits[torch.arange(len(rows)), torch.tensor(lengths) - 1]
