"""Pods as processes: as much of Kubernetes as Sail asks for, so that each worker is a process.

Within one process Sail's workers share an interpreter, which a cluster's don't. In its mode
`kubernetes-cluster` it asks an API server for a pod for each worker and waits until they call back:
this one starts `python -m pysail worker` with the pod's environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HERE = "127.0.0.1"


class Pods:
    """An API server on `HERE`; `kubeconfig` in `folder` names it, and workers' logs lie there.

    Workers have `environment` besides what their pod says.
    """

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.processes: list[subprocess.Popen] = []
        self._folder, self._environment = folder, environment
        pods = self

        class Answers(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                pod = self.rfile.read(int(self.headers["content-length"]))
                pods._start(json.loads(pod))
                self._answer(201, pod)

            def do_DELETE(self) -> None:
                # Workers leave when their session ends; `close` ends what is left.
                self._answer(200, b"{}")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._api = ThreadingHTTPServer((HERE, 0), Answers)
        self.kubeconfig = folder / "kubeconfig"
        self.kubeconfig.write_text(json.dumps(_kubeconfig(self._api.server_port)))
        threading.Thread(target=self._api.serve_forever, daemon=True).start()

    def _start(self, pod: dict[str, Any]) -> None:
        told = pod["spec"]["containers"][0]
        asked = {item["name"]: item.get("value", HERE) for item in told["env"]}
        asked["SAIL_CLUSTER__WORKER_LISTEN_HOST"] = HERE
        with (self._folder / pod["metadata"]["name"]).open("w") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "pysail", *told["args"]],
                env=os.environ | self._environment | asked,
                stdout=log,
                stderr=log,
            )
        self.processes.append(process)

    def close(self) -> None:
        """No more pods, and an end to those that run."""
        self._api.shutdown()
        self._api.server_close()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _kubeconfig(port: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "here", "cluster": {"server": f"http://{HERE}:{port}"}}],
        "users": [{"name": "we", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "we"}}],
        "current-context": "here",
    }
