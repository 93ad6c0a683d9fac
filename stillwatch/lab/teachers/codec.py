"""Texts and the tokens of a model: what a prompt, a completion and an answer are to it.

Prompts and answers are texts wherever they are kept, so that any teacher can teach any student;
each model has its own tokens for them. Two models fit token for token where their codecs' digests
agree.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from transformers import PreTrainedTokenizerBase

from stillwatch.errors import LabRefused
from stillwatch.lab.tasks.task import Tokens, Vocabulary


class Unspeakable(ValueError):
    """A text that a model has no tokens for."""


class Codec(Protocol):
    """A model's tokens."""

    @property
    def digest(self) -> str:
        """The same for models that read and write the same tokens."""
        ...

    @property
    def size(self) -> int:
        """How many tokens there are."""
        ...

    def prompt(self, text: str) -> Tokens:
        """What a model is given to answer `text`; raises `Unspeakable`."""
        ...

    def completion(self, text: str, *, ended: bool = True) -> Tokens:
        """What it says then, with the end where it `ended`; raises `Unspeakable`."""
        ...

    def text(self, tokens: Tokens) -> str:
        """What it said, without the end and other signs that aren't text."""
        ...


@dataclass(frozen=True)
class Words:
    """Tokens of a task's own vocabulary, with spaces between them.

    >>> words = Words(Vocabulary(("pad", "end", "a", "b")))
    >>> words.completion("b a"), words.text((3, 2, 1))
    ((3, 2, 1), 'b a')
    """

    vocabulary: Vocabulary

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {token: id for id, token in enumerate(self.vocabulary.tokens)}

    @property
    def digest(self) -> str:
        """Of the vocabulary."""
        return hashlib.sha256(" ".join(self.vocabulary.tokens).encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """How many words there are."""
        return len(self.vocabulary.tokens)

    def prompt(self, text: str) -> Tokens:
        """Its words; raises `Unspeakable` for one that the vocabulary hasn't."""
        try:
            return tuple(self._ids[word] for word in text.split())
        except KeyError as fault:
            what = f"the vocabulary has no word {str(fault.args[0])[:40]!r}"
            raise Unspeakable(what) from None

    def completion(self, text: str, *, ended: bool = True) -> Tokens:
        """Its words, and the end."""
        return self.prompt(text) + ((1,) if ended else ())

    def text(self, tokens: Tokens) -> str:
        """Its words."""
        return self.vocabulary.words([token for token in tokens if token > 1])


class Tokenizer:
    """Tokens of a Hugging Face tokenizer; prompts go through its chat template where it has one."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self._tokenizer = tokenizer
        if tokenizer.eos_token_id is None:
            what = "its tokenizer has no token for the end"
            raise LabRefused(tokenizer.name_or_path, what, "Set eos_token in tokenizer_config.json")

    @property
    def digest(self) -> str:
        """Of the vocabulary, the end, and the chat template."""
        return self._digest

    @cached_property
    def _digest(self) -> str:
        known = self._tokenizer.get_vocab()
        told = hashlib.sha256()
        for token, id in sorted(known.items(), key=lambda item: (item[1], item[0])):
            told.update(f"{id}\0{token}\0".encode("utf-8", "surrogatepass"))
        told.update(f"{self._tokenizer.eos_token_id}\0{self._template}".encode())
        return told.hexdigest()[:16]

    @property
    def size(self) -> int:
        """How many tokens there are, added ones included."""
        return len(self._tokenizer)

    def prompt(self, text: str) -> Tokens:
        """As one message of a user, with the sign that the model's turn begins."""
        if not self._template:
            ids = self._ids(text, signs=True)
            return ids[:-1] if ids and ids[-1] == self._tokenizer.eos_token_id else ids
        turn = [{"role": "user", "content": text}]
        told: Any = self._tokenizer.apply_chat_template(
            turn, add_generation_prompt=True, tokenize=False
        )
        return self._ids(told)

    def completion(self, text: str, *, ended: bool = True) -> Tokens:
        """The text's tokens, and the end."""
        end = self._tokenizer.eos_token_id
        return self._ids(text) + ((int(end),) if ended and isinstance(end, int) else ())

    def text(self, tokens: Tokens) -> str:
        """What is read of them."""
        return str(self._tokenizer.decode(list(tokens), skip_special_tokens=True))

    def save(self, folder: Path) -> None:
        """Write it beside a model."""
        self._tokenizer.save_pretrained(folder)

    @property
    def _template(self) -> str:
        return str(getattr(self._tokenizer, "chat_template", None) or "")

    def _ids(self, text: str, *, signs: bool = False) -> Tokens:
        return tuple(self._tokenizer(text, add_special_tokens=signs)["input_ids"])  # pyright: ignore
