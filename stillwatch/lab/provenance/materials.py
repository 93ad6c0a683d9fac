"""What a trial is made on: a suspect, innocents and texts, each read when first asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.errors import ExtraMissing, TraceRefused
from stillwatch.lab.provenance.predictions import Predictions
from stillwatch.lab.provenance.texts import Texts, read_texts

SUSPECT = "suspect"


@dataclass(frozen=True)
class Given:
    """Paths as the command line takes them."""

    suspect_model: Path | None = None
    """A Hugging Face folder, or a file of texts with its predictions."""
    suspect_text: Path | None = None
    """What it wrote, or text that was found."""
    innocent_models: tuple[Path, ...] = ()
    innocent_texts: tuple[Path, ...] = ()
    served: Path | None = None
    """Answers that were served, marked."""
    other: Path | None = None
    """Texts that have nothing to do with what was served."""
    held_out: Path | None = None
    """Answers made as the served ones were, and never served."""
    canaries: Path | None = None
    tokenizer: Path | None = None
    """A folder with the tokenizer, for canaries that are text; the suspect model's without."""

    def needed(self, name: str, test: str) -> Any:
        """A field that a test can't do without; raises `TraceRefused` where it isn't given."""
        value = getattr(self, name)
        if not value:
            option = "--" + name.replace("_", "-").removesuffix("s" if "innocent" in name else "")
            what = f"{test} is registered and {option} is not given"
            raise TraceRefused("trial", what, "All that is registered must be run: give it")
        return value


@dataclass
class Materials:
    """Everything that was read, with its digest."""

    given: Given
    seed: int
    _texts: dict[Path, Texts] = field(default_factory=dict)
    _told: dict[tuple[Path, Path], Predictions] = field(default_factory=dict)
    _models: dict[Path, Any] = field(default_factory=dict)
    used: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By role what was read: name, digest, texts, tokens."""

    def texts(self, path: Path, role: str) -> Texts:
        """The texts of a file."""
        if path not in self._texts:
            self._texts[path] = read_texts(path)
        told = self._texts[path]
        self.used[f"{role}: {path.name}"] = {
            "sha256_of_tokens": told.digest,
            "texts": len(told),
            "tokens": len(told.tokens),
            "answer_tokens": len(told.answers),
        }
        return told

    def predictions(self, model: Path, on: Path, texts: Texts) -> Predictions:
        """What a model holds likely at each answer token of some texts."""
        if (model, on) not in self._told:
            self._told[model, on] = self._predicted(model, texts)
        return self._told[model, on]

    def _predicted(self, path: Path, texts: Texts) -> Predictions:
        if path.is_dir() or not path.exists():
            return self.model(path).predictions(texts, seed=self.seed)
        told = self.texts(path, "predictions")
        if told.predicted is None:
            raise TraceRefused(path, "holds no predicted_ids", "Name a model's folder, or add them")
        same = told.tokens.tobytes() == texts.tokens.tobytes()
        if not same or told.starts.tolist() != texts.starts.tolist():
            what = "holds predictions of other texts than those that are tested"
            raise TraceRefused(path, what, "Predict on the texts of the test, in their order")
        nothing = np.zeros((len(told.predicted), 1))
        first = told.predicted
        return Predictions(first, first, first[:, None], nothing + 1, nothing[:, 0])

    def model(self, path: Path) -> Any:
        """A model of a folder, kept: each is asked for several texts."""
        from stillwatch.lab.provenance.predicting import Model

        if path not in self._models:
            for other in self._models.values():
                other.close()
            self._models.clear()
            self._models[path] = Model.of_folder(path)
            self.used[f"model: {path.name}"] = weights_digest(path)
        return self._models[path]

    def tokenizer(self) -> Any:
        """What encodes and decodes canaries that are text; None where there is none."""
        folder = self.given.tokenizer or self.given.suspect_model
        if folder is None or not (folder / "tokenizer_config.json").is_file():
            return None
        try:
            from transformers import AutoTokenizer
        except ImportError as fault:
            todo = "Run pip install 'stillwatch[lab]'"
            raise ExtraMissing("lab trace", "a tokenizer needs transformers", todo) from fault
        return AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )

    def folder(self, path: Path, test: str) -> Path:
        """The same path, if it is a model that can be run; raises `TraceRefused`."""
        if path.is_file():
            what = f"{test} needs probabilities, and this is a file of predictions"
            raise TraceRefused(path, what, "Name the folder of the model")
        return path


def weights_digest(folder: Path) -> dict[str, Any]:
    """SHA-256 over a model's weights and configuration, so that a report says what was tested."""
    import hashlib

    state, size = hashlib.sha256(), 0
    wanted = sorted(
        path for path in folder.iterdir() if path.suffix in (".safetensors", ".bin", ".json")
    )
    for path in wanted:
        state.update(path.name.encode())
        with path.open("rb") as file:
            while piece := file.read(1 << 20):
                state.update(piece)
                size += len(piece)
    return {"sha256": state.hexdigest(), "bytes": size}
