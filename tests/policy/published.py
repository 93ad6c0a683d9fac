"""A gateway's folder with a plan in it."""

from __future__ import annotations

from pathlib import Path

from stillwatch.gateway.folder import Folder
from stillwatch.gateway.publishing import Listed, publish_plan
from stillwatch.gateway.works.learn import no_works
from stillwatch.policy import Plan


def publish(gate: Path, plan: Plan) -> Path:
    """The folder `gate`, made where it isn't there, in which that plan holds."""
    publish_plan(Folder(gate, create=True), plan, no_works(), Listed((), ()), plan.at)
    return gate
