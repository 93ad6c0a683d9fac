"""The demo from end to end, as a process: nothing replaced, at a scale that takes seconds."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlencode

import pytest

from stillwatch.findings import Findings, read_findings

COMMAND = [sys.executable, "-m", "stillwatch"]


def signed_in(said: str, address: str) -> str:
    """The first page that somebody sees who signs in as the demo says."""
    told = re.search(r"Sign in as (\S+), password (\S+), at", said)
    assert told, said
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    form = urlencode({"name": told[1], "password": told[2]}).encode()
    with browser.open(f"{address}sign-in", form, timeout=20) as answer:
        return answer.read().decode()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str, int]:
    """Its folder, what it printed, its console's first page, and its exit code after Ctrl-C."""
    folder = tmp_path_factory.mktemp("whole") / "demo"
    with subprocess.Popen(
        [*COMMAND, "demo", "--out", str(folder), "--scale", "0.002"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        # A runner started in the background ignores SIGINT, and its children would too.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("http://127.0.0.1:"):
                break
        if not lines or not lines[-1].startswith("http"):
            _, complaint = process.communicate()
            pytest.fail("".join(lines) + complaint)
        page = signed_in("".join(lines), lines[-1].strip())
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()
    return folder, "".join(lines), page, process.returncode


def test_it_ends_in_an_address_and_stops_when_told(demo: tuple[Path, str, str, int]) -> None:
    """Whoever signs in as it says sees the overview; Ctrl-C ends it as it should."""
    _, _, page, code = demo
    assert "Campaigns, the heaviest first" in page
    assert code == 0


def test_table_page_and_findings_agree(demo: tuple[Path, str, str, int]) -> None:
    """The same campaigns in the terminal's table, on the page, and in the folder."""
    folder, said, overview, _ = demo
    page = (folder / "index.html").read_text(encoding="utf-8")
    found: Findings = read_findings(folder / "findings")
    kinds = found.campaigns["kind"].to_pylist()
    assert "Simulated traffic." in page
    for campaign_id in found.campaigns["campaign_id"].to_pylist():
        assert campaign_id in said
        assert campaign_id in page
        assert f"/campaigns/{campaign_id}" in overview
    n = kinds.count("distillation")
    assert n, "the demo's world has three campaigns; none was found"
    assert re.search(rf"{n} campaigns? found among {found.accounts.num_rows:,} accounts", page)
    assert "Against the truth of this world" in said


def test_every_account_is_explained(demo: tuple[Path, str, str, int]) -> None:
    """A member, and somebody who is none."""
    folder = demo[0] / "findings"
    rows = read_findings(folder).accounts.to_pylist()
    for verdict, words in (("member", "flagged, a member"), ("alone", "not flagged")):
        account = next(row["account_id"] for row in rows if row["verdict"] == verdict)
        done = subprocess.run(
            [*COMMAND, "explain", str(folder), account], capture_output=True, text=True, check=True
        )
        assert words in done.stdout
