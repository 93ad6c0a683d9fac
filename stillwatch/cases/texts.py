"""What people may write into a case: refused clearly, or kept as it is.

Hostile text is kept letter for letter and made safe where it is shown. Refused is only what some
database can't keep (NUL, halves of surrogate pairs), what is empty, and what is too long to read.
"""

from __future__ import annotations

from stillwatch.errors import CaseRefused

NAME = 200
"""Most characters of a person's or a campaign's name."""
TAG = 64
"""Most characters of a tag."""
TAGS = 50
"""Most tags of one case."""
PROSE = 20_000
"""Most characters of a comment or a reason."""


def check(text: str, what: str, limit: int) -> str:
    """`text` without white space at its ends; raises `CaseRefused` where it can't be kept."""
    kept = text.strip()
    if not kept:
        raise CaseRefused(what, "is empty", "Write at least one character")
    if len(kept) > limit:
        raise CaseRefused(what, f"has {len(kept):,} characters", f"Keep it within {limit:,}")
    if "\0" in kept:
        raise CaseRefused(what, "holds a NUL character", "Remove it")
    try:
        kept.encode("utf-8")
    except UnicodeEncodeError as fault:
        raise CaseRefused(
            what, f"holds half of a surrogate pair at character {fault.start}", "Remove it"
        ) from None
    return kept


def check_reason(text: str) -> str:
    """A reason, which every decision, merge and split must have."""
    return check(text, "the reason", PROSE)


def check_actor(text: str) -> str:
    """The name of whoever acts."""
    return check(text, "the actor's name", NAME)
