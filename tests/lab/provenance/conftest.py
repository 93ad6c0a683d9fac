"""A trial's files: keys, a signer, served text, suspects and innocents as files of predictions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.trace.language import VOCABULARY, language
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.texts import Texts
from stillwatch.privacy.keys import new_keys
from tests.cli.conftest import run
from tests.lab.provenance.counting import Counting, counted

__all__ = ["run"]

MARK = GreenList(987654321, VOCABULARY, 0.5)


@dataclass(frozen=True)
class Files:
    """Where everything is."""

    folder: Path
    keys: Path
    signer: Path
    served: Path
    trained: Path
    innocent: Path
    copying: Path
    """Predictions of a model that learned nothing of the text, said to be of the trained one."""

    def __truediv__(self, name: str) -> Path:
        return self.folder / name


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Files of a trial with open weights: counting models, three hundred served texts."""
    folder, spoken = tmp_path_factory.mktemp("trial"), language(0)
    served = spoken.served(300, 71, MARK)
    models = {
        "trained": counted(spoken.served(500, 72, MARK)),
        "innocent": counted(spoken.served(500, 73)),
        "copying": counted(spoken.served(500, 74)),
    }
    files = Files(
        folder,
        folder / "keys.json",
        folder / "signer.keys",
        folder / "served.jsonl",
        *(folder / f"{name}.jsonl" for name in models),
    )
    files.keys.write_text(json.dumps(MARK.parameters() | MARK.secret()))
    new_keys(files.signer, folder / "owner.keys")
    write_texts(files.served, served)
    for name, model in models.items():
        write_texts(folder / f"{name}.jsonl", served, model)
    return files


def write_texts(path: Path, texts: Texts, model: Counting | None = None) -> None:
    """Texts as JSON Lines, with a model's predictions where one is given."""
    # drawn, not likeliest: counts have one likeliest follower a token, and that is few pairs
    guessed = None if model is None else model.predictions(texts).sampled
    lines, at = [], 0
    for text, prompt in texts.pieces():
        row = {"prompt_ids": text[:prompt].tolist(), "answer_ids": text[prompt:].tolist()}
        if guessed is not None:
            row["predicted_ids"] = guessed[at : at + len(text) - prompt].tolist()
        at += len(text) - prompt
        lines.append(json.dumps(row))
    path.write_text("\n".join(lines) + "\n")
