"""Starts the service, with workers, over a gate of tests; prints where it answers.

python -m tests.gateway.launch FOLDER [name=value ...]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from stillwatch.gateway.settings import Settings
from stillwatch.gateway.workers import serve


def main() -> None:
    """Serve until SIGTERM."""
    changes: dict[str, Any] = {"gate": "tests.gateway.fakes:ByName", "port": 0}
    for pair in sys.argv[2:]:
        name, _, value = pair.partition("=")
        changes[name] = json.loads(value)
    if changes.get("feed"):
        changes["feed"] = Path(changes["feed"])

    def ready(host: str, port: int, grpc: int | None) -> None:
        print(json.dumps({"port": port, "grpc": grpc}), flush=True)

    serve(Settings(Path(sys.argv[1]), **changes), ready)


if __name__ == "__main__":
    main()
