"""Stillwatch finds the campaigns that distil a model through its API.

    import stillwatch as sw

    findings = sw.detect("LOG")
    findings.campaigns            # Arrow
    findings.to_pandas("members")

Names load on first use, so that importing the package (and `stillwatch --help`) stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stillwatch.comparing import baseline, observe
    from stillwatch.findings import Findings, read_findings
    from stillwatch.pipeline import detect, ingest, leakage
    from stillwatch.scoring import score
    from stillwatch.worlds import make_world

    __version__: str

__all__ = [
    "Findings",
    "__version__",
    "baseline",
    "detect",
    "ingest",
    "leakage",
    "make_world",
    "observe",
    "read_findings",
    "score",
]

_HOMES = {
    "Findings": "stillwatch.findings",
    "baseline": "stillwatch.comparing",
    "detect": "stillwatch.pipeline",
    "ingest": "stillwatch.pipeline",
    "leakage": "stillwatch.pipeline",
    "make_world": "stillwatch.worlds",
    "observe": "stillwatch.comparing",
    "read_findings": "stillwatch.findings",
    "score": "stillwatch.scoring",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("stillwatch")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
