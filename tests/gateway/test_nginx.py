"""A real nginx, with the recipe of the documents as it stands there."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from stillwatch.gateway.header_request import hashed
from tests.gateway.serving import ROOT, Running, free_port, gate_service, stop, until_answers

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
RECIPE = ROOT / "docs" / "recipes" / "nginx.conf"
MODEL = 'location / { return 200 "model withhold=$http_x_stillwatch_withhold"; }'

pytestmark = pytest.mark.skipif(
    NGINX is None, reason="nginx isn't installed: apt-get install nginx"
)


def configuration(folder: Path, gate: int, listen: int, model: int) -> str:
    """An nginx of our own around the recipe, which is included unchanged."""
    return f"""
daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn; worker_processes 1;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream stillwatch {{ server 127.0.0.1:{gate}; keepalive 32; }}
  upstream model {{ server 127.0.0.1:{model}; }}
  server {{ listen 127.0.0.1:{model}; {MODEL} }}
  server {{ listen 127.0.0.1:{listen}; include {RECIPE}; }}
}}
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Running]]:
    """nginx's address, and the service that it asks."""
    folder = tmp_path_factory.mktemp("nginx")
    keys = ("honest", "throttle-1", "deny-1", "step_up-1", "withhold-1")
    (folder / "actions").write_text("".join(f"{hashed(k)} {k.split('-')[0]}\n" for k in keys[1:]))
    with gate_service(folder) as gate:
        listen = free_port()
        conf = folder / "nginx.conf"
        conf.write_text(configuration(folder, gate.port, listen, free_port()))
        with (folder / "out.log").open("w") as said:
            assert NGINX is not None
            command = [NGINX, "-p", str(folder), "-c", str(conf), "-e", str(folder / "error.log")]
            process = subprocess.Popen(command, stdout=said, stderr=said, text=True)
        try:
            until_answers(f"http://127.0.0.1:{listen}/", process, folder / "out.log")
            yield f"http://127.0.0.1:{listen}/v1/chat", gate
        finally:
            stop(process)


def get(url: str, key: str, **headers: str) -> httpx.Response:
    """A client's request by `key`."""
    sent = {"authorization": f"Bearer {key}", **headers}
    return httpx.post(url, headers=sent, content=b"{}", trust_env=False)


def test_honest_keys_pass(served: tuple[str, Running]) -> None:
    """The model's answer comes as it is."""
    got = get(served[0], "honest")
    assert (got.status_code, got.text) == (200, "model withhold=none")


def test_a_throttled_key_is_told_when_to_come_back(served: tuple[str, Running]) -> None:
    """429, which auth_request itself can't say."""
    got = get(served[0], "throttle-1")
    assert (got.status_code, got.headers["retry-after"]) == (429, "30")
    assert got.json()["error"]["type"] == "rate_limit_error"


@pytest.mark.parametrize(("key", "status"), [("deny-1", 403), ("step_up-1", 401)])
def test_refusals(served: tuple[str, Running], key: str, status: int) -> None:
    """Denied, and to be verified first."""
    got = get(served[0], key)
    assert got.status_code == status
    assert got.headers["x-stillwatch-decision"] == "d" * 32
    assert "retry-after" not in got.headers


def test_what_to_withhold_reaches_the_model(served: tuple[str, Running]) -> None:
    """By a header, and a client's own of that name doesn't."""
    assert get(served[0], "withhold-1").text == "model withhold=reasoning,logprobs"
    assert get(served[0], "honest", **{"x-stillwatch-withhold": "x"}).text == "model withhold=none"


def test_a_client_names_no_account(served: tuple[str, Running]) -> None:
    """Its own x-account-id changes nothing."""
    assert get(served[0], "deny-1", **{"x-account-id": "honest"}).status_code == 403


def test_without_the_service_requests_go_on(served: tuple[str, Running]) -> None:
    """Whatever the key; this stops the service, so it comes last."""
    stop(served[1].process)
    assert [get(served[0], key).status_code for key in ("honest", "deny-1")] == [200, 200]
