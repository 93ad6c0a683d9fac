"""A teacher, or a student, from a Hugging Face folder on this machine; never from a hub.

Code that comes with a folder is never run, and weights are read from safetensors alone, since
pickles run code when they are read.
"""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from stillwatch.display import plain
from stillwatch.errors import InputNotFound, LabRefused
from stillwatch.lab.folders import put_json, read_json
from stillwatch.lab.tasks.task import Vocabulary
from stillwatch.lab.teachers.codec import Codec, Tokenizer, Words
from stillwatch.lab.teachers.local import Local

_WORDS = "words.json"


def folder_teacher(path: Path, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Local:
    """The teacher in a folder."""
    model, codec = opened(path, device, dtype)
    return Local("folder", path.name, model, codec)


def opened(
    path: Path, device: str = "cpu", dtype: torch.dtype = torch.float32
) -> tuple[PreTrainedModel, Codec]:
    """The model and the tokens of a folder.

    Raises `InputNotFound` where there is no such folder, `LabRefused` where it isn't one of a model
    that continues texts, has no safetensors, or needs code of its own.
    """
    if not path.is_dir():
        raise InputNotFound(path, "there is no such folder", "Name a folder with config.json")
    if not (path / "config.json").is_file() or not list(path.glob("*.safetensors")):
        what = "holds no model (config.json and *.safetensors)"
        raise LabRefused(path, what, "Save one there with save_pretrained")
    try:
        model = AutoModelForCausalLM.from_pretrained(
            path,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype=dtype,
        )
        codec = _codec(path)
    except LabRefused:
        raise
    except Exception as fault:
        # a stranger's folder can fail in as many ways as there are readers in transformers
        what = f"can't be read as a model: {plain(str(fault) or type(fault).__name__, 300)}"
        todo = "It must be a causal language model that transformers knows, with its tokenizer"
        raise LabRefused(path, what, todo) from None
    return model.to(device).eval(), codec  # pyright: ignore


def save(folder: Path, model: PreTrainedModel, codec: Codec) -> None:
    """Write a model with its tokens, so that `opened` reads it."""
    model.save_pretrained(folder)
    if isinstance(codec, Words):
        put_json(folder / _WORDS, list(codec.vocabulary.tokens))
    elif isinstance(codec, Tokenizer):
        codec.save(folder)


def _codec(path: Path) -> Codec:
    if (path / _WORDS).is_file():
        return Words(Vocabulary(tuple(map(str, read_json(path / _WORDS)))))
    return Tokenizer(
        AutoTokenizer.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    )
