"""What a trial is made on: a suspect, innocents and texts; read, and told by their digests."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from stillwatch.cases.canonical import digest
from stillwatch.errors import ExtraMissing, InputNotFound, TraceRefused
from stillwatch.lab.provenance.binding import ROLES, TEXTS, Bound
from stillwatch.lab.provenance.predictions import Predictions
from stillwatch.lab.provenance.texts import Texts, lines_of, read_texts

_READ = (".safetensors", ".bin", ".json", ".model", ".txt", ".jinja")
"""Files of a model's folder that change what it is, or how it reads."""


@dataclass(frozen=True)
class Given:
    """Paths as the command line takes them; each field is a role (`binding.ROLES`)."""

    suspect_model: Path | None = None
    """A Hugging Face folder, or a file of texts with its predictions."""
    suspect_text: Path | None = None
    """What it wrote, or text that was found."""
    innocent_model: tuple[Path, ...] = ()
    innocent_text: tuple[Path, ...] = ()
    served: Path | None = None
    """Answers that were served, marked."""
    other: Path | None = None
    """Texts that have nothing to do with what was served."""
    held_out: Path | None = None
    """Answers made as the served ones were, and never served."""
    canaries: Path | None = None
    tokenizer: Path | None = None
    """A folder with the tokenizer, for canaries that are text; the suspect model's without."""

    def of(self, role: str) -> tuple[Path, ...]:
        """All paths of a role."""
        told = getattr(self, role)
        return () if told is None else told if isinstance(told, tuple) else (told,)

    def one(self, role: str) -> Path:
        """The path of a role that a test needs, so that it was bound."""
        (path,) = self.of(role)
        return path

    @property
    def roles(self) -> list[str]:
        """The role of each path, in order."""
        return [role for role in ROLES for _ in self.of(role)]

    @property
    def paths(self) -> list[Path]:
        """All that were given."""
        return [path for role in ROLES for path in self.of(role)]


@dataclass
class Materials:
    """Everything that a trial is made on, read when first asked for."""

    given: Given
    seed: str
    number: int
    """The seed of what a model draws."""
    bound: tuple[Bound, ...] = ()
    """Without any, whole files are taken."""
    _texts: dict[tuple[Path, str], Texts] = field(default_factory=dict)
    _told: dict[tuple[Path, str], Predictions] = field(default_factory=dict)
    _models: dict[Path, Any] = field(default_factory=dict)

    def identified(self) -> list[dict[str, Any]]:
        """By role and in order, what each is: its name, its SHA-256, its size.

        Of texts that a rule takes, that of the file they are taken from, too.
        """
        return [self._identity(role, path) for role in ROLES for path in self.given.of(role)]

    def _identity(self, role: str, path: Path) -> dict[str, Any]:
        told: dict[str, Any] = {"role": role, "name": self.called(path)}
        if role == "canaries":
            raw = b"".join(line for _, line in lines_of(path))
            return told | {"sha256": hashlib.sha256(raw).hexdigest(), "bytes": str(len(raw))}
        if role not in TEXTS and (path.is_dir() or not path.exists()):
            return told | folder_digest(path)
        texts = self.texts(path, role) if role in TEXTS else read_texts(path)
        told["sha256"] = texts.digest
        if self._rule(path, role).texts:
            told["sha256_of_all"] = read_texts(path).digest
        counts = {"texts": len(texts), "tokens": len(texts.tokens)}
        counts["answer_tokens"] = len(texts.answers)
        return told | {name: str(count) for name, count in counts.items()}

    def _rule(self, path: Path, role: str) -> Bound:
        mine = [one for one in self.bound if one.role == role]
        held = self.given.of(role)
        return mine[held.index(path)] if len(mine) == len(held) else Bound(role)

    def called(self, path: Path) -> str:
        """What a report calls it: its name, with folders before it where another has the same."""
        parts = path.absolute().parts[1:]
        others = {one.absolute().parts[1:] for one in self.given.paths} - {parts}
        for many in range(1, len(parts) + 1):
            if all(other[-many:] != parts[-many:] for other in others):
                return "/".join(parts[-many:])
        return path.name

    def check_runnable(self) -> None:
        """That models can be run, so that no run is entered which can't be made."""
        from stillwatch.lab.provenance.predicting import check_runnable

        for path in (*self.given.of("suspect_model"), *self.given.of("innocent_model")):
            if not path.is_file():
                check_runnable(path)

    def texts(self, path: Path, role: str) -> Texts:
        """The texts of a file, those that its rule takes."""
        if (path, role) not in self._texts:
            self._texts[path, role] = self._rule(path, role).chosen(read_texts(path), self.seed)
        return self._texts[path, role]

    def predictions(self, model: Path, on: str) -> Predictions:
        """What a model holds likely at each answer token of the texts of a role."""
        if (model, on) not in self._told:
            self._told[model, on] = self._predicted(model, on)
        return self._told[model, on]

    def _predicted(self, path: Path, on: str) -> Predictions:
        where = self.given.one(on)
        texts = self.texts(where, on)
        if not path.is_file():
            return self.model(path).predictions(texts, seed=self.number)
        # of all texts of a file that a rule takes some of, or of those alone: the rule takes these
        told = self._rule(where, on).chosen(read_texts(path), self.seed)
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
        try:
            return AutoTokenizer.from_pretrained(
                str(folder), local_files_only=True, trust_remote_code=False
            )
        except Exception as fault:
            what = f"has a tokenizer that can't be read ({type(fault).__name__})"
            raise TraceRefused(folder, what, "Name another with --tokenizer") from fault

    def folder(self, path: Path, test: str) -> Path:
        """The same path, if it is a model that can be run; raises `TraceRefused`."""
        if path.is_file():
            what = f"{test} needs probabilities, and this is a file of predictions"
            raise TraceRefused(path, what, "Name the folder of the model")
        return path


def _check_inside(path: Path) -> None:
    """That settings name no weights outside their folder, which no digest of it covers."""
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return
    if not isinstance(settings, dict):
        return
    weights = settings.get("weight_map")
    named = [*weights.values()] if isinstance(weights, dict) else []
    named.append(settings.get("transformers_weights"))
    places = [Path(name) for name in named if isinstance(name, str)]
    outside = any(place.is_absolute() or ".." in place.parts for place in places)
    if outside or settings.get("base_model_name_or_path"):
        todo = "Name a folder that holds all of the model, adapters merged"
        raise TraceRefused(path, "names weights that lie elsewhere", todo)


def folder_digest(folder: Path) -> dict[str, Any]:
    """SHA-256 of a folder's weights, settings and tokenizer; raises `InputNotFound`."""
    try:
        wanted = sorted(path for path in folder.rglob("*") if path.suffix in _READ)
        told, size = {}, 0
        for path in wanted:
            if path.suffix == ".json":
                _check_inside(path)
            with path.open("rb") as file:
                name = str(path.relative_to(folder))
                told[name] = hashlib.file_digest(file, "sha256").hexdigest()
                size += file.tell()
    except OSError as fault:
        todo = "Name a folder that `save_pretrained` wrote"
        raise InputNotFound(folder, f"can't be read ({fault.strerror})", todo) from fault
    if not told:
        todo = "Name a folder that `save_pretrained` wrote"
        raise InputNotFound(folder, "holds no file of a model", todo)
    return {"sha256": digest(told), "bytes": str(size)}
