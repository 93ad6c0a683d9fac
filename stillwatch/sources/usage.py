"""Token counts out of what providers call usage, under each of their names."""

from __future__ import annotations

from typing import Any

SPOTS: dict[str, tuple[tuple[str, str], ...]] = {
    "input_tokens": (("prompt_tokens", ""), ("input_tokens", ""), ("promptTokenCount", "")),
    "output_tokens": (
        ("completion_tokens", ""),
        ("output_tokens", ""),
        ("candidatesTokenCount", ""),
    ),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "thinking_tokens"),
        ("thoughtsTokenCount", ""),
    ),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("cache_read_input_tokens", ""),
        ("cachedContentTokenCount", ""),
    ),
}
"""By column: where a usage may say it, as a name and, of details, a name inside."""


def usage_tokens(*usages: Any) -> dict[str, Any]:
    """The four token columns, each from the first of `usages` that says it.

    >>> usage_tokens(None, {"input_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}})
    {'input_tokens': 3, 'output_tokens': None, 'reasoning_tokens': 0, 'cached_tokens': None}
    """
    found: dict[str, Any] = dict.fromkeys(SPOTS)
    for usage in usages:
        if isinstance(usage, dict):
            for column, spots in SPOTS.items():
                if found[column] is None:
                    found[column] = _at(usage, spots)
    return found


def _at(usage: dict[str, Any], spots: tuple[tuple[str, str], ...]) -> Any:
    for outer, inner in spots:
        value = usage.get(outer)
        if inner:
            value = value.get(inner) if isinstance(value, dict) else None
        if value is not None:
            return value
    return None
