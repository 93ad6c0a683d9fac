"""The engines' own watermarks: their settings, checked, with keys of the deployment.

Engines mark text as they sample it, better than anything beside them could; what none of them does
is to keep keys, rotate them, and prove later that a key wasn't chosen after the fact. So a key is
derived here for each epoch and group of tenants, and its commitment (a hash, with the time) is
written down before it is used: the receipt of a provenance trial names it.

Settings as documented and as in the sources: vLLM
(https://docs.vllm.ai/en/latest/features/watermarking/, `vllm/config/watermarking.py`), SGLang
(https://docs.sglang.io/docs/advanced_features/text_watermarking and …/synthid_text_watermarking,
`sglang/srt/sampling/watermarking/config.py`).
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import shlex
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from stillwatch.countermeasures.deriving import derived, fingerprint
from stillwatch.display import plain
from stillwatch.errors import MeasureRefused, OutputExists
from stillwatch.privacy.keys import Keys

WIDTHS = {
    1: "easiest to inherit and to test for, and survives edits best; easiest to learn and forge",
    2: "still well inherited; somewhat harder to learn",
    4: "harder to learn and forge; an edit spoils the tokens after it, and less is inherited",
}
"""What a context width trades: narrow favours provenance tests, wide resists stealing."""
DEFAULT_WIDTH = 2
SYNTHID_KEYS = 30
"""Layers of a tournament, as in the published SynthID-Text."""


class Engine(StrEnum):
    """An engine with a watermark of its own."""

    VLLM = "vllm"
    SGLANG = "sglang"


ALGORITHMS = {
    Engine.VLLM: ("gumbel", "dual_key_gumbel", "sbw"),
    Engine.SGLANG: ("gumbel", "dual_key_gumbel", "synthid"),
}
"""What each engine can do; `dual_key_gumbel` is what SGLang does with a second key."""

_WIDEST = {Engine.VLLM: 16, Engine.SGLANG: 64}
_NGRAMS = (2, 17)


@dataclass(frozen=True, slots=True)
class Watermark:
    """A watermark to set up. Shares are from 0 to 1; `delta` is a bias on logits, for `sbw`.

    `context_width` is in tokens before the one that is chosen. `alpha` is the second key's share.
    """

    engine: Engine
    algorithm: str = "gumbel"
    context_width: int = DEFAULT_WIDTH
    alpha: float = 0.1
    gamma: float = 0.5
    delta: float = 2.0


@dataclass(frozen=True, slots=True)
class Configured:
    """Settings of one engine for one epoch and group of tenants; the text of it is secret.

    `commitment` may be told, and should be, before the key is used.
    """

    watermark: Watermark
    group: str
    epoch: int
    settings: dict[str, Any] = field(repr=False)
    commitment: str

    @property
    def file(self) -> str:
        """The file for the engine, as JSON: which vLLM reads as YAML, too."""
        held = self.settings
        if self.watermark.engine is Engine.VLLM:
            held = {"watermark-config": self.settings}
        return json.dumps(held, indent=2) + "\n"

    def flags(self, path: str | Path) -> list[str]:
        """What to add to the engine's command: keys stay in the file, for `ps` shows commands."""
        if self.watermark.engine is Engine.VLLM:
            return ["--config", str(path)]
        flags = ["--enable-watermark", "--watermark-config", str(path)]
        if self.watermark.algorithm == "synthid":
            flags[1:1] = ["--watermark-algorithm", "synthid"]
        return flags

    def command(self, path: str | Path) -> str:
        """The same as a line to paste."""
        return shlex.join(self.flags(path))


def configured(watermark: Watermark, keys: Keys, group: str, when: dt.datetime) -> Configured:
    """The settings for a group of tenants, with the key of the epoch of `when`.

    The same keys, group and epoch always give the same settings. Raises `MeasureRefused` with all
    that is wrong with the watermark.
    """
    faults = list(faults_of(watermark))
    if faults:
        raise MeasureRefused("the watermark", "; ".join(faults), "See `--help`", faults)
    epoch = keys.at(when)
    secret = derived(epoch.secret, "watermark", watermark.engine, watermark.algorithm, group)
    made = _vllm if watermark.engine is Engine.VLLM else _sglang
    settings = made(watermark, secret)
    told = json.dumps(settings, sort_keys=True).encode()
    return Configured(watermark, group, epoch.number, settings, fingerprint(secret + told))


def faults_of(watermark: Watermark) -> Iterator[str]:
    """What an engine would refuse, or only warn of and then do badly."""
    engine, known = watermark.engine, ALGORITHMS[watermark.engine]
    if watermark.algorithm not in known:
        yield f"{engine} has no {watermark.algorithm!r} (it has {', '.join(known)})"
    least, most = 1, _WIDEST[engine]
    if watermark.algorithm == "synthid":
        least, most = _NGRAMS[0] - 1, _NGRAMS[1] - 1
    if not least <= watermark.context_width <= most:
        yield f"the context width has to be from {least} to {most}, not {watermark.context_width}"
    if not 0 < watermark.alpha < 1:
        yield f"the second key's share has to be above 0 and below 1, not {watermark.alpha}"
    if not 0 < watermark.gamma < 1:
        yield f"the green share has to be above 0 and below 1, not {watermark.gamma}"
    if not 0 < watermark.delta <= 10:
        yield f"the bias has to be above 0 and at most 10, not {watermark.delta}"


@dataclass(frozen=True, slots=True)
class Commitment:
    """A line of the file of commitments: that somebody had this key, set up so, by then."""

    at: str
    commitment: str
    engine: str
    algorithm: str
    context_width: int
    group: str
    epoch: int


def commit(made: Configured, path: str | Path, when: dt.datetime) -> Commitment:
    """Write the commitment at the end of a file of them, once; gives the first one's line back.

    The file holds no secret. Publish it, or have it signed by a time-stamping service, before
    the engine starts: a date in one's own file proves nothing to others.
    """
    new = Commitment(
        when.astimezone(dt.UTC).isoformat(timespec="seconds"),
        made.commitment,
        made.watermark.engine.value,
        made.watermark.algorithm,
        made.watermark.context_width,
        made.group,
        made.epoch,
    )
    with Path(path).open("a+b") as out:
        fcntl.flock(out, fcntl.LOCK_EX)  # until it is closed
        out.seek(0)
        for told in read_commitments(out.read(), path):
            if told.commitment == made.commitment:
                return told
        out.write(json.dumps(asdict(new)).encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())
    return new


def read_commitments(raw: bytes, where: object) -> list[Commitment]:
    """The lines of a file of commitments; raises `MeasureRefused` where one is none."""
    told: list[Commitment] = []
    for number, line in enumerate(raw.splitlines(), 1):
        try:
            told.append(msgspec.json.decode(line, type=Commitment))
        except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
            words = f"line {number} is no commitment ({plain(fault)})"
            raise MeasureRefused(where, words, "Name the file that commitments are in") from None
    return told


def write_secret(text: str, path: str | Path) -> None:
    """A file that its owner alone may read; raises `OutputExists` where another text stands."""
    path = Path(path)
    if path.exists():
        if path.read_text("utf-8") == text:
            return
        raise OutputExists(path, "holds other settings", "Name another file, one for each epoch")
    handle, scratch = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.link(scratch, path)
    except FileExistsError:
        raise OutputExists(path, "was written just now", "Look at it") from None
    finally:
        Path(scratch).unlink()


def _vllm(watermark: Watermark, secret: bytes) -> dict[str, Any]:
    held: dict[str, Any] = {
        "algorithm": watermark.algorithm,
        "key": int.from_bytes(secret[:8], "big"),
        "context_width": watermark.context_width,
    }
    if watermark.algorithm == "dual_key_gumbel":
        held["alpha"] = watermark.alpha
    if watermark.algorithm == "sbw":
        scheme = "lefthash" if watermark.context_width == 1 else "selfhash"
        # its seeds are products in signed 64 bits: vLLM can't serve a longer key
        return held | {
            "key": held["key"] >> 1,
            "sbw_scheme": scheme,
            "sbw_gamma": watermark.gamma,
            "sbw_delta": watermark.delta,
        }
    return held


def _sglang(watermark: Watermark, secret: bytes) -> dict[str, Any]:
    always = {"default_enabled": True, "enforce_all": True}
    if watermark.algorithm == "synthid":
        layers = [
            int.from_bytes(derived(secret, "layer", str(layer))[:8], "big", signed=True)
            for layer in range(SYNTHID_KEYS)
        ]
        return {"keys": layers, "ngram_len": watermark.context_width + 1, **always}
    held: dict[str, Any] = {"key": secret[:8].hex(), "context_window": watermark.context_width}
    if watermark.algorithm == "dual_key_gumbel":
        held |= {"key_b": secret[8:16].hex(), "mixing_probability": watermark.alpha}
    return held | always
