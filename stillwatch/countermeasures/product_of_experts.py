"""Product of experts: serve what the teacher says as a student would say it. Experimental.

"The Distillation Game", 2026 (arXiv 2605.22737). The next token is drawn from the normalised
product p_teacher^(1 - share) * p_proxy^share: a linear mix of the logits. What is left of the
teacher is what the proxy knows already, so that little is learnt from it; one forward pass of the
proxy a token. Like antidistillation sampling, it costs honest customers the trace. Imports torch,
and nothing of Hugging Face or vLLM.
"""

from __future__ import annotations

import torch
from torch import Tensor


def product_of_experts(teacher: Tensor, proxy: Tensor, *, share: float) -> Tensor:
    """The logits to sample from, before any temperature; float32, shaped as the teacher's.

    `teacher` and `proxy` are logits of the next token, (..., vocabulary); `share` is the proxy's,
    from 0, the teacher as it is, to 1, the proxy alone. What the teacher rules out (-inf) stays
    ruled out. Raises `ValueError` for another share, or logits of two shapes.

    >>> product_of_experts(torch.tensor([4.0, 0.0]), torch.tensor([0.0, 2.0]), share=0.5).tolist()
    [2.0, 1.0]
    """
    if not 0.0 <= share <= 1.0:
        raise ValueError(f"the proxy's share has to be from 0 to 1, not {share}")
    if teacher.shape != proxy.shape:
        raise ValueError(f"logits of one shape are needed, not {teacher.shape} and {proxy.shape}")
    if share == 0.0:
        return teacher.float()
    mixed = (1.0 - share) * teacher.float() + share * proxy.float()
    return torch.where(torch.isneginf(teacher), -torch.inf, mixed)
