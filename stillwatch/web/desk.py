"""What every request of the console meets: the findings, the store, the texts, the templates."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi.responses import HTMLResponse
from jinja2 import Environment
from markupsafe import Markup

from stillwatch.cases import Store
from stillwatch.cases.access import Role, may
from stillwatch.console.page import environment
from stillwatch.console.wording import evidence_title
from stillwatch.errors import InputNotFound, TableBroken
from stillwatch.gateway.breaker import read_breaker
from stillwatch.planning import kept_record
from stillwatch.policy.words import STANDINGS
from stillwatch.reports.redaction import redacted
from stillwatch.web.held import Held, Watched
from stillwatch.web.matching import bands_of, keys_of
from stillwatch.web.settings import Settings
from stillwatch.web.texts import Texts
from stillwatch.web.titles import (
    ACT_TITLES,
    BUDGET_TITLES,
    KIND_TITLES,
    STATE_TITLES,
    verdict_title,
)

if TYPE_CHECKING:
    from stillwatch.web.oidc import OpenId

LONGEST_TEXT = 4_000
"""Characters of a sample's text on a page."""


class Desk:
    """One console: opened once, asked by many requests at the same time."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.watched = Watched(settings.findings)
        self.store = Store.open(settings.store, create=True)
        self.texts = Texts(settings.log)
        self.open_id = _open_id(settings)
        self._templates = _templates()
        self.texts.want(self.watched.now().shown_exchanges())
        for load_kernels in (keys_of, bands_of):
            load_kernels("so that no search waits for them")

    @property
    def held(self) -> Held:
        """The findings as they are now."""
        return self.watched.now()

    @property
    def cookie(self) -> str:
        """The name of the session's cookie; the prefix binds it to this host, behind TLS."""
        return "__Host-stillwatch" if self.settings.secure else "stillwatch"

    def render(self, name: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
        """A page of one of our templates."""
        told, gate_fault = self.told_gateway()
        shared = {
            "gate": told,
            "gate_fault": gate_fault,
            "has_gate": self.settings.gate is not None,
            "held": self.held,
            "fault": self.watched.fault,
            "reading": self.texts.reading,
            "has_log": self.settings.log is not None,
            "open_id": self.open_id,
        }
        html = self._templates.get_template(name).render({**shared, **context})
        return HTMLResponse(html, status)

    def told_gateway(self) -> tuple[dict[str, Any] | None, str]:
        """What was told of the gateway's last plan, None before the first; and why it can't be."""
        if self.settings.gate is None:
            return None, ""
        try:
            told = kept_record(self.settings.gate)
            return told | {"breaker": _breaker(self.settings.gate)}, ""
        except InputNotFound:
            return None, ""
        except TableBroken as fault:
            return None, str(fault)

    def close(self) -> None:
        """Let go of the store."""
        self.texts.close()
        self.store.close()


def _breaker(gate: Path) -> dict[str, Any] | None:
    """Since when the gate's breaker is open, and by how many refused requests of all."""
    found = read_breaker(gate)
    if not found.open:
        return None
    since = dt.datetime.fromtimestamp(found.opened_us / 1_000_000, dt.UTC)
    return {"since": since.isoformat(), "refused": found.refused, "requests": found.requests}


def _open_id(settings: Settings) -> OpenId | None:
    """The organisation's provider, whose packages are an extra."""
    if settings.open_id is None:
        return None
    from stillwatch.web.oidc import open_id_of

    return open_id_of(settings.open_id)


def _templates() -> Environment:
    made = environment("stillwatch.web")
    made.filters.update(
        q=lambda text: quote(str(text), safe=""),
        title=evidence_title,
        act=lambda name: ACT_TITLES.get(name, name.replace("_", " ")),
        state=lambda name: STATE_TITLES.get(name, name),
        kind=lambda name: KIND_TITLES.get(name, name.replace("_", " ")),
        verdict=verdict_title,
        stands=lambda name: STANDINGS.get(name, name.replace("_", " ")),
        budget=lambda name: BUDGET_TITLES.get(name, name.replace("_", " ")),
        lines=lambda text: redacted(text, LONGEST_TEXT).splitlines(),
        moment=lambda when: when[:16].replace("T", " ") if when else "–",
    )
    made.globals.update(may=may, Role=Role, newline=Markup("\n"))
    return made
