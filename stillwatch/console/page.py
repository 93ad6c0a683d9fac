"""One self-contained HTML file of a run's findings: no script, no request, nothing but the file.

Every string passes two gates: `display.plain` (hidden characters) and Jinja2's autoescape (markup).
A content security policy in the file forbids scripts and requests even if both should fail.
"""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from stillwatch.console import wording
from stillwatch.console.graph import panel
from stillwatch.console.models import models
from stillwatch.console.shares import shares
from stillwatch.console.story import tell
from stillwatch.console.timeline import timeline
from stillwatch.display import plain
from stillwatch.findings import Findings

_LONGEST_TEXT = 1200
_MEMBERS_LISTED = 25


def page(findings: Findings) -> str:
    """The page as a string of HTML, the same for the same findings."""
    story = tell(findings)
    chapters = (*story.campaigns, *story.networks)
    panels = [found for chapter in chapters if (found := panel(findings, chapter))]
    return (
        environment()
        .get_template("page.html")
        .render(
            story=story,
            timeline=timeline(findings, story),
            shares=shares(findings, story),
            panels=panels,
            models=models(findings),
            members_listed=_MEMBERS_LISTED,
            full=wording.full_weight(r.weight for c in chapters for r in (*c.support, *c.doubts)),
        )
    )


def write_page(findings: Findings, path: str | Path) -> Path:
    """Write the page to `path`, whole or not at all; its folder is made where it is missing."""
    return publish(page(findings), path)


def publish(html: str, path: str | Path) -> Path:
    """Put `html` at `path`, whole or not at all; its folder is made where it is missing."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(html, encoding="utf-8")
    os.replace(fresh, path)
    return path


def _safe(value: Any) -> Any:
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return plain(value, _LONGEST_TEXT)


def environment(*packages: str) -> Environment:
    """Templates with both gates on, those of `packages` before our own.

    `style` is the sheet that all pages share. Shares are drawn by its classes (`w37` is as wide as
    37%), so that pages need no styles of their own, which a strict content security policy forbids.
    """
    ours = PackageLoader("stillwatch.console", "templates")
    environment = Environment(
        loader=ChoiceLoader([*(PackageLoader(name, "templates") for name in packages), ours]),
        autoescape=True,
        finalize=_safe,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        step=wording.step,
        count=wording.count,
        percent=wording.percent,
        odds=wording.odds,
        upper_first=wording.upper_first,
        capability=wording.capability_title,
    )
    environment.globals.update(day=wording.day, span=wording.span, style=Markup(style_sheet()))
    return environment


def style_sheet() -> str:
    """The sheet that all pages share."""
    own = files("stillwatch.console").joinpath("templates", "page.css").read_text("utf-8")
    return own + "".join(
        f".w{n} {{ width: {n}%; }} .h{n} {{ height: {n}%; }} "
        f".l{n} {{ left: {n}%; }} .f{n} {{ flex: {n} 1 0; }}\n"
        for n in range(101)
    )
