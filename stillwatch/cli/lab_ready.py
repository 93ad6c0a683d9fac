"""Before a command of the lab: torch is there, quiet, offline, and on as many threads as asked."""

from __future__ import annotations

import os


def ready(threads: int = 1) -> None:
    """Raises `ExtraMissing` where the packages of `stillwatch[lab]` aren't installed."""
    from stillwatch.errors import ExtraMissing

    # read when transformers is imported: nothing is ever looked up on a hub
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import torch
        from transformers.utils import logging
    except ModuleNotFoundError as fault:
        what = f"the lab needs torch and transformers ({fault.name} is missing)"
        raise ExtraMissing("lab", what, "Run pip install 'stillwatch[lab]'") from None
    torch.set_num_threads(threads)
    logging.disable_progress_bar()
    logging.set_verbosity_error()
