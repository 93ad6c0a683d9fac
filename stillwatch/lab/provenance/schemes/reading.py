"""Files of keys: what a scheme is, under the names that its engine gives to its settings.

One JSON object a key, or a list of them:

    {"scheme": "kgw", "hashing_key": 15485863, "vocab_size": 49152, "greenlist_ratio": 0.25,
     "context_width": 1, "seeding_scheme": "lefthash"}
    {"scheme": "synthid", "keys": [654, 400, 836], "ngram_len": 5}
    {"scheme": "gumbel", "key": 42, "context_width": 4}
    {"scheme": "dual_key_gumbel", "key": 42, "context_width": 4, "alpha": 0.1}
    {"scheme": "sbw", "key": 42, "context_width": 4, "sbw_scheme": "selfhash", "sbw_gamma": 0.5}

or the settings that `stillwatch lab watermark vllm` wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from stillwatch.errors import InputNotFound, TraceRefused
from stillwatch.lab.provenance.schemes.gumbel import Gumbel
from stillwatch.lab.provenance.schemes.kgw import GreenList
from stillwatch.lab.provenance.schemes.sbw import Bernoulli
from stillwatch.lab.provenance.schemes.synthid import SynthID

if TYPE_CHECKING:
    from stillwatch.lab.provenance.schemes.scheme import Scheme

_TODO = "Write it as docs/provenance.md shows"
_MAX_BYTES = 1 << 20
_WIDEST = 64


# its Gumbel hashes with Murmur3 (`sglang/srt/sampling/watermarking/detector.py`), vLLM's with
# Philox: under our function every text marked with its key would look unmarked, and innocent
_SGLANG = (
    "holds SGLang's settings, and SGLang draws by functions of its own: its Gumbel's (Murmur3) is "
    "not vLLM's, and that its SynthID's is Hugging Face's isn't known"
)


def _kgw(told: dict[str, Any]) -> Scheme:
    return GreenList(
        hashing_key=told.pop("hashing_key"),
        vocab_size=told.pop("vocab_size"),
        greenlist_ratio=told.pop("greenlist_ratio", 0.25),
        context_width=told.pop("context_width", 1),
        seeding_scheme=told.pop("seeding_scheme", "lefthash"),
    )


def _synthid(told: dict[str, Any]) -> Scheme:
    return SynthID(
        keys=tuple(told.pop("keys")),
        ngram_len=told.pop("ngram_len", 5),
        sampling_table_size=told.pop("sampling_table_size", 2**16),
        sampling_table_seed=told.pop("sampling_table_seed", 0),
    )


def _gumbel(told: dict[str, Any]) -> Scheme:
    _fixed(told, "prf", "philox")
    return Gumbel(key=told.pop("key"), context_width=told.pop("context_width", 4))


def _dual(told: dict[str, Any]) -> Scheme:
    _fixed(told, "prf", "philox")
    return Gumbel(
        key=told.pop("key"),
        context_width=told.pop("context_width", 4),
        alpha=float(told.pop("alpha", 0.1)),
    )


def _sbw(told: dict[str, Any]) -> Scheme:
    scheme = told.pop("sbw_scheme", "selfhash")
    width = told.pop("context_width", 4 if scheme == "selfhash" else 1)
    return Bernoulli(told.pop("key"), width, scheme, told.pop("sbw_gamma", 0.5))


SCHEMES: dict[str, Callable[[dict[str, Any]], Scheme]] = {
    "kgw": _kgw,
    "synthid": _synthid,
    "gumbel": _gumbel,
    "dual_key_gumbel": _dual,
    "sbw": _sbw,
}
"""Every scheme by the name that a file of keys gives it."""

_BOUNDS: dict[str, tuple[float, float]] = {
    "hashing_key": (1, 2**63 - 1),
    "vocab_size": (2, 2**24),
    "context_width": (1, _WIDEST),
    "ngram_len": (2, _WIDEST),
    "sampling_table_size": (2, 2**26),
    "sampling_table_seed": (0, 2**63 - 1),
    "key": (0, 2**64 - 1),
}
_SHARES = ("greenlist_ratio", "sbw_gamma", "alpha")
_CHOICES = {"seeding_scheme": ("lefthash", "selfhash"), "sbw_scheme": ("selfhash", "lefthash")}


def read_schemes(path: str | Path) -> list[Scheme]:
    """The schemes of a file of keys; raises `InputNotFound` and `TraceRefused`."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as fault:
        todo = "Name the file that holds the watermark's key"
        raise InputNotFound(path, f"can't be read ({fault.strerror})", todo) from fault
    if len(raw) > _MAX_BYTES:
        raise TraceRefused(path, "is too long for a file of keys", _TODO)
    try:
        told = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as fault:
        raise TraceRefused(path, f"is not JSON ({fault})", _TODO) from fault
    many = [_of_vllm(item) for item in (told if isinstance(told, list) else [told])]
    if any(_of_sglang(item) for item in many):
        raise TraceRefused(path, _SGLANG, "Mark with vLLM or Hugging Face what trials are to test")
    if not many:
        raise TraceRefused(path, "names no key", _TODO)
    return [scheme_of(f"{path}, key {number}", item) for number, item in enumerate(many, 1)]


def _of_vllm(told: Any) -> Any:
    """Settings as vLLM reads them, under our names; anything else as it is.

    >>> _of_vllm({"watermark-config": {"algorithm": "sbw", "key": 42, "sbw_delta": 2.0}})
    {'key': 42, 'scheme': 'sbw'}
    """
    held = told.get("watermark-config") if isinstance(told, dict) else None
    if not isinstance(held, dict) or len(told) > 1:
        return told
    # how strong the mark is changes no score
    rest = {name: value for name, value in held.items() if name not in ("algorithm", "sbw_delta")}
    return rest | {"scheme": held.get("algorithm")}


def _of_sglang(told: Any) -> bool:
    """Whether these are settings as SGLang reads them.

    >>> _of_sglang({"key": "0badcafe", "context_window": 2}), _of_sglang({"scheme": "gumbel"})
    (True, False)
    """
    names = {"context_window", "key_b", "default_enabled", "enforce_all"}
    return isinstance(told, dict) and "scheme" not in told and not names.isdisjoint(told)


def scheme_of(where: object, told: Any) -> Scheme:
    """A scheme from its settings; raises `TraceRefused` where they are none."""
    if not isinstance(told, dict) or told.get("scheme") not in tuple(SCHEMES):
        raise TraceRefused(where, f"has no scheme out of {', '.join(SCHEMES)}", _TODO)
    faults = [fault for name, value in told.items() if (fault := _fault(name, value))]
    if faults:
        raise TraceRefused(where, "; ".join(faults), _TODO)
    rest = {name: value for name, value in told.items() if name != "scheme"}
    try:
        scheme = SCHEMES[told["scheme"]](rest)
    except KeyError as fault:
        raise TraceRefused(where, f"lacks {fault.args[0]}", _TODO) from fault
    if rest:
        raise TraceRefused(where, f"has no setting {', '.join(map(repr, sorted(rest)))}", _TODO)
    if isinstance(scheme, Bernoulli) and scheme.key >= 2**63:
        raise TraceRefused(where, "has a key of more than 63 bits, which vLLM can't serve", _TODO)
    if isinstance(scheme, GreenList) and not 0 < scheme.green < scheme.vocab_size:
        raise TraceRefused(where, "has no token that is green, or none that isn't", _TODO)
    if isinstance(scheme, GreenList) and _low(scheme.hashing_key) * scheme.vocab_size > 2**32:
        # of a seed its generator keeps 32 bits, so that tokens would share lists
        what = "has a hashing_key that is a multiple of too large a power of two"
        raise TraceRefused(where, what, "Its lists are no independent evidence: mark by another")
    return scheme


def _fault(name: str, value: Any) -> str | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if name in _BOUNDS:
        least, most = _BOUNDS[name]
        if not whole or not least <= value <= most:
            return f"{name} is no whole number from {least} to {most}"
    if name in _SHARES and (not isinstance(value, int | float) or not 0 < value < 1):
        return f"{name} is no share between 0 and 1"
    if name in _CHOICES and value not in _CHOICES[name]:
        return f"{name} is none of {', '.join(_CHOICES[name])}"
    if name == "keys":
        listed = value if isinstance(value, list) else []
        whole_keys = all(type(key) is int and 0 <= key < 2**63 for key in listed)
        if not 0 < len(listed) <= _WIDEST or not whole_keys:
            return f"keys are no list of 1 to {_WIDEST} whole numbers"
    return None


def _low(key: int) -> int:
    """The largest power of two that divides a key."""
    return key & -key


def _fixed(told: dict[str, Any], name: str, value: str) -> None:
    if told.pop(name, value) != value:
        raise TraceRefused("key", f"{name} is not {value}, the only one known", _TODO)
