"""A real LiteLLM proxy on the loopback address, started and stopped."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.gateway.serving import ROOT, free_port, stop, until_answers

PROXY = ROOT / ".venv-litellm" / "bin" / "litellm"
HERE = Path(__file__).parent / "proxy"
RECIPES = ROOT / "docs" / "recipes"
HOOK = ROOT / "stillwatch" / "gateway" / "litellm_hook.py"
NOBODY = "http://127.0.0.1:9"
"""Where the proxy is sent for anything that isn't on this machine: it must need nothing there."""


@contextlib.contextmanager
def litellm_proxy(folder: Path, asking: Mapping[str, str]) -> Iterator[str]:
    """The address of a proxy by `folder`/config.yaml; `asking` are variables for its hook."""
    for path in (HERE / "accounts.py", HOOK):
        shutil.copy(path, folder)
    port, said = free_port(), folder / "litellm.log"
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    environment = {
        **kept,
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MASTER_KEY": "sk-master",
        "STILLWATCH_GATE_TOKEN": "no-token-is-asked-for",
        "STILLWATCH_GATE_TIMEOUT_S": "2",
        "HTTP_PROXY": NOBODY,
        "HTTPS_PROXY": NOBODY,
        "NO_PROXY": "127.0.0.1",
        **asking,
    }
    command = [str(PROXY), "--config", "config.yaml", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--telemetry", "False"]
    with said.open("w") as out:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=out, stderr=out, text=True
        )
    try:
        url = f"http://127.0.0.1:{port}"
        until_answers(f"{url}/health/liveliness", process, said)
        yield url
    finally:
        stop(process)
