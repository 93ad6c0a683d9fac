"""How fast the console's pages come: time to the first byte and size, page by page.

    python -m benchmarks.console --findings FINDINGS [--rounds 15]

Starts the console on a free port of the loopback address as a process of its own, over the findings
given (those of the world `seed` for the disclosed scale: 24,000 members, 16 million attributed
exchanges) and a store with a case for each campaign, signs in, and asks for each page `--rounds`
times in turn. Prints one JSON document: medians and the worst of each, in milliseconds and bytes,
and as a ratio to the console's emptiest answer (`/healthz`) in the same run.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote, urlencode

import numpy as np

from stillwatch.cases import Store, open_cases
from stillwatch.cases.access import Role, add_person
from stillwatch.findings import read_findings

PASSWORD = "for-this-benchmark-only"


class Client:
    """A browser without caches: one connection, one cookie."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._cookie = ""

    def sign_in(self) -> None:
        """Come in."""
        form = urlencode({"name": "bench", "password": PASSWORD})
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        self._connection.request("POST", "/sign-in", form, kind)
        answer = self._connection.getresponse()
        answer.read()
        assert answer.status == 303, answer.status
        self._cookie = answer.headers["Set-Cookie"].split(";")[0]

    def get(self, path: str) -> tuple[float, float, int]:
        """Seconds to the first byte, seconds to the last, and bytes."""
        began = time.perf_counter()
        self._connection.request("GET", path, headers={"Cookie": self._cookie})
        answer = self._connection.getresponse()
        first = time.perf_counter() - began
        body = answer.read()
        assert answer.status == 200, (path, answer.status)
        return first, time.perf_counter() - began, len(body)


def pages_of(folder: Path) -> dict[str, str]:
    """Every kind of page, by name, over the largest campaign and its busiest member."""
    found = read_findings(folder, leave=("exchanges",))
    campaign = found.campaigns.sort_by([("exchanges", "descending")])["campaign_id"][0].as_py()
    links = found.links.to_pylist()
    link = next(row for row in links if row["campaign_id"] == campaign)
    member, at = quote(link["account_a"], safe=""), f"/campaigns/{quote(campaign, safe='')}"
    pair = f"one={member}&other={quote(link['account_b'], safe='')}"
    return {
        "nothing": "/healthz",
        "overview": "/",
        "campaign": at,
        "members": f"{at}/members",
        "members, sorted": f"{at}/members?sort=exchanges&order=up&page=40",
        "members, filtered": f"{at}/members?like=a7",
        "graph": f"{at}/graph",
        "graph, around one": f"{at}/graph?around={member}",
        "link": f"{at}/link?{pair}",
        "frames": f"{at}/frames",
        "access": f"{at}/access",
        "account": f"/account?id={member}",
        "search, account": f"/search?q={member[:8]}",
        "search, prompt": "/search?q=" + quote("Solve this step by step and show all reasoning"),
        "cases": "/cases",
        "case": "/cases/1",
        "decisions": "/decisions",
        "ledger": "/ledger",
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        address = f"{scratch}/cases.db"
        store = Store.open(address, create=True)
        add_person(store, "bench", Role.ADMINISTRATOR, "bench", PASSWORD)
        open_cases(store, read_findings(options.findings, leave=("exchanges",)), "bench")
        store.close()
        command = [sys.executable, "-m", "stillwatch", "serve", str(options.findings)]
        began = time.perf_counter()
        with subprocess.Popen(
            [*command, "--store", address, "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1"},
        ) as process:
            try:
                assert process.stdout is not None
                port = next(
                    int(told[1])
                    for line in process.stdout
                    if (told := re.match(r"http://127\.0\.0\.1:(\d+)/", line))
                )
                ready = time.perf_counter() - began
                print(json.dumps(measure(port, options, ready), indent=1))
            finally:
                process.terminate()


def measure(port: int, options: argparse.Namespace, ready: float) -> dict:
    """All pages, in turn, so that none has the machine's good moments to itself."""
    client, pages = Client(port), pages_of(options.findings)
    client.sign_in()
    first = {name: client.get(path) for name, path in pages.items()}
    taken: dict[str, list[tuple[float, float, int]]] = {name: [] for name in pages}
    for _ in range(options.rounds):
        for name, path in pages.items():
            taken[name].append(client.get(path))
    nothing = float(np.median([t[0] for t in taken["nothing"]]))
    return {
        "ready_s": round(ready, 1),
        "rounds": options.rounds,
        "pages": {
            name: {
                "first_byte_ms": round(1000 * float(np.median([t[0] for t in times])), 1),
                "worst_ms": round(1000 * max(t[0] for t in times), 1),
                "first_time_ms": round(1000 * first[name][0], 1),
                "bytes": times[0][2],
                "times_nothing": round(float(np.median([t[0] for t in times])) / nothing, 1),
            }
            for name, times in taken.items()
        },
    }


if __name__ == "__main__":
    main()
