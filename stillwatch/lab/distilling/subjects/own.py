"""One's own prompts, from a file of JSON Lines: `{"prompt": "…", "answer": "…"}`, answers optional.

A line that can't be used is put aside with its reason. Which prompts are held out is drawn by seed,
and no prompt stands on both sides. Own examples are lines with an answer that aren't held out;
held-out lines with an answer are judged by it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from stillwatch.errors import InputNotFound, LabRefused
from stillwatch.lab.distilling.material import Counts, Material, Pair, folded

LONGEST_LINE = 1 << 16
"""Bytes of a line that is read."""


class _Line(msgspec.Struct):
    prompt: str
    answer: str | None = None


@dataclass(frozen=True)
class Known:
    """Checks answers against those that the file gives, spaces and letter case apart."""

    answers: Mapping[str, str]

    def right(self, prompt: str, answer: str) -> bool | None:
        """None where the file gives none."""
        known = self.answers.get(prompt)
        return None if known is None else folded(known) == folded(answer)

    def said(self, answer: str) -> str:
        """The whole of it."""
        return folded(answer)


def own_material(
    path: Path, counts: Counts, seed: int, longest: int, public: Path | None = None
) -> Material:
    """The material in a file.

    Raises `InputNotFound` where there is none, `LabRefused` where it has too few usable prompts.
    """
    lines, aside = _read(path)
    texts: dict[str, str] = {}
    if public is not None:
        texts_read, more = _read(public)
        texts = {prompt: answer for prompt, answer in texts_read.items() if answer is not None}
        aside += more
    prompts = list(lines)
    order = np.random.default_rng([seed, 6]).permutation(len(prompts)).tolist()
    held = min(counts.held_out, len(prompts) // 4)
    if held == 0:
        what = f"has {len(prompts)} prompts that can be used, and a quarter is held out"
        raise LabRefused(path, what, 'Give at least four lines like {"prompt": "…"}')
    held_out = [prompts[place] for place in order[:held]]
    rest = [prompts[place] for place in order[held:]]
    answered = [(prompt, answer) for prompt in rest if (answer := lines[prompt]) is not None]
    apart = set(held_out)
    return Material(
        name=path.name,
        asked=tuple(rest[: counts.asked]),
        held_out=tuple(held_out),
        own=tuple(Pair(*pair) for pair in answered[: counts.own]),
        public=tuple(Pair(*pair) for pair in texts.items() if pair[0] not in apart)[
            : counts.public
        ],
        longest=longest,
        checker=Known({prompt: answer for prompt, answer in lines.items() if answer is not None}),
        put_aside=tuple(aside),
    )


def _read(path: Path) -> tuple[dict[str, str | None], list[str]]:
    if not path.is_file():
        raise InputNotFound(path, "there is no such file", "Name a file of JSON Lines")
    lines: dict[str, str | None] = {}
    aside: list[str] = []
    decoder = msgspec.json.Decoder(_Line)
    for number, raw in enumerate(_lines(path), 1):
        if raw is None:
            aside.append(f"{path.name}:{number}: longer than {LONGEST_LINE:,} bytes")
            continue
        if not raw.strip():
            continue
        try:
            line = decoder.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as fault:
            aside.append(f"{path.name}:{number}: {str(fault)[:200]}")
            continue
        if not line.prompt.strip() or line.answer == "":
            aside.append(f"{path.name}:{number}: its prompt or its answer is empty")
        elif line.prompt in lines:
            aside.append(f"{path.name}:{number}: its prompt came before")
        else:
            lines[line.prompt] = line.answer
    return lines, aside


def _lines(path: Path) -> Iterator[bytes | None]:
    """Lines of a file, None for one that is too long."""
    with path.open("rb") as file:
        while raw := file.readline(LONGEST_LINE + 1):
            if len(raw) <= LONGEST_LINE:
                yield raw
                continue
            while raw and not raw.endswith(b"\n"):
                raw = file.readline(LONGEST_LINE)
            yield None
