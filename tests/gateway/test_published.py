"""The service over a table that was published, with the real gate."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path

import httpx

from stillwatch.gateway.folder import Folder
from stillwatch.gateway.publishing import Listed, last_plan, publish_plan
from stillwatch.gateway.works.learn import no_works
from stillwatch.policy import plan
from tests.gateway.serving import Running, gate_service
from tests.policy.made import known, policy

REAL = "stillwatch.gateway.gate:Gate"
WITHIN_S = 30.0


def published(folder: Path, *denied: str, live: bool = True) -> int:
    """Publish that these are denied, from now on."""
    now = dt.datetime.now(dt.UTC)
    gate = Folder(folder, create=True)
    about = known([{"account": account} for account in denied], until=now)
    planned = plan(about, policy(live=live), now, gate.key, last_plan(gate))
    return publish_plan(gate, planned, no_works(), Listed((), ()), now)


def decide(running: Running, account: str) -> dict[str, object]:
    """One decision."""
    body = {"account_id": account}
    return httpx.post(f"{running.url}/v1/decide", json=body, trust_env=False).json()


def test_a_published_table_is_decided_by_and_changed_under_way(tmp_path: Path) -> None:
    """By several workers, looked up by id, and replaced without a restart."""
    version = published(tmp_path / "GATE", "bad-1")
    with gate_service(tmp_path / "GATE", gate=REAL, workers=2) as running:
        ready = httpx.get(f"{running.url}/readyz", trust_env=False).json()
        assert (ready["table_version"], ready["policy_version"]) == (version, 3)
        for _ in range(8):
            decide(running, "bad-1")  # what a worker decides first may be late: kernels are loaded
        refused = decide(running, "bad-1")
        assert (refused["action"], refused["status"], refused["reasons"]) == (
            "deny",
            403,
            ["member"],
        )
        assert decide(running, "other-1")["verdict"] == "allow"
        found = httpx.get(f"{running.url}/v1/decisions/{refused['decision_id']}", trust_env=False)
        assert found.json()["action"] == "deny"
        published(tmp_path / "GATE", "bad-1", live=False)
        end = time.monotonic() + WITHIN_S
        while decide(running, "bad-1")["action"] and time.monotonic() < end:
            time.sleep(0.05)
        after = [decide(running, "bad-1") for _ in range(8)]
        assert {told["verdict"] for told in after} == {"allow"}
        assert {told["would"] for told in after} == {"deny"}


def test_a_folder_without_a_table_lets_requests_go_on(tmp_path: Path) -> None:
    """The service isn't ready then, and answers all the same."""
    Folder(tmp_path / "GATE", create=True)
    with gate_service(tmp_path / "GATE", gate=REAL) as running:
        assert httpx.get(f"{running.url}/readyz", trust_env=False).status_code == 503
        assert decide(running, "bad-1")["reasons"] == ["nothing_known"]
