"""Token counts out of what providers call usage, under each of their names."""

from __future__ import annotations

from typing import Any

from stillwatch.sources.messages import dig

_SPOTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "input_tokens": (("prompt_tokens",), ("input_tokens",), ("promptTokenCount",)),
    "output_tokens": (("completion_tokens",), ("output_tokens",), ("candidatesTokenCount",)),
    "reasoning_tokens": (
        ("completion_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "reasoning_tokens"),
        ("output_tokens_details", "thinking_tokens"),
        ("thoughtsTokenCount",),
    ),
    "cached_tokens": (
        ("prompt_tokens_details", "cached_tokens"),
        ("input_tokens_details", "cached_tokens"),
        ("cache_read_input_tokens",),
        ("cachedContentTokenCount",),
    ),
}


def usage_tokens(*usages: Any) -> dict[str, Any]:
    """The four token columns, each from the first of `usages` that says it.

    >>> usage_tokens(None, {"input_tokens": 3, "output_tokens_details": {"reasoning_tokens": 0}})
    {'input_tokens': 3, 'output_tokens': None, 'reasoning_tokens': 0, 'cached_tokens': None}
    """
    return {
        column: next(
            (
                value
                for usage in usages
                for spot in spots
                if (value := dig(usage, *spot)) is not None
            ),
            None,
        )
        for column, spots in _SPOTS.items()
    }
