"""All of it: a log comes in, a campaign is found and decided on, and its next requests are stopped.

The log is a small world's, sent as LiteLLM's callback sends it; the requests go through a real
LiteLLM proxy, and through a real nginx.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import yaml

from stillwatch.worlds import make_world
from tests.gateway.proxying import HERE, PROXY, RECIPES, litellm_proxy
from tests.gateway.serving import ROOT, free_port, gate_service, stop, until_answers
from tests.gateway.test_nginx import NGINX, RECIPE, configuration

pytestmark = pytest.mark.skipif(not PROXY.exists(), reason="no .venv-litellm: run `make litellm`")

BATCH = 500
REAL = "stillwatch.gateway.gate:Gate"
POLICY = """
version = 1
name = "whole"
live = true
[budget]
accounts_a_day = 100_000
honest_exchanges_a_day = 1e6
share_of_accounts = 1
share_of_org = 1
[breaker]
share_of_accounts = 1
share_of_org = 1
jump_accounts = 100_000
refused_share = 1
[throttle]
every_s = 3600
burst = 1
[[rules]]
name = "large"
when = { accounts = 20 }
action = "throttle"
for_days = 60
reason = "takes part in a large campaign"
[[rules]]
name = "others"
action = "deny"
for_days = 60
reason = "takes part in a campaign"
"""


class Story(NamedTuple):
    """What was sent, what was found, and the folder that was published to."""

    sent: int
    gate: Path
    decided: dict[str, str]
    honest: list[str]
    log: Path


def payload(row: dict[str, Any], later_s: float) -> dict[str, Any]:
    """An exchange as LiteLLM logs it, so many seconds later."""
    messages = [{"role": "system", "content": row["system"]}] if row["system"] else []
    messages += [{"role": "user", "content": row["prompt"]}] * max(1, row["turns"] or 1)
    tools = [{"type": "function", "function": {"name": name}} for name in row["tools"] or ()]
    told = {
        "tools": tools or None,
        "max_tokens": row["max_tokens"],
        "temperature": row["temperature"],
    }
    began = row["ts"].timestamp() + later_s
    return {
        "id": row["exchange_id"],
        "litellm_call_id": row["exchange_id"],
        "startTime": began,
        "endTime": began + (row["latency_ms"] or 0) / 1000,
        "status": "success" if row["status"] == 200 else "failure",
        "model_group": row["model"],
        "session_id": row["conversation_id"] or "",
        "messages": messages,
        "model_parameters": {name: value for name, value in told.items() if value is not None},
        "prompt_tokens": row["input_tokens"],
        "completion_tokens": row["output_tokens"],
        "requester_ip_address": row["ip"],
        "user_agent": row["user_agent"],
        "response": None,
        "metadata": {"user_api_key_user_id": row["account_id"], "user_api_key_hash": row["key_id"]},
    }


def run(*arguments: object) -> None:
    """A command, as a user runs it; it must succeed."""
    command = [sys.executable, "-m", "stillwatch", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A world sent to the feed, read into a lake, detected, and published."""
    base = tmp_path_factory.mktemp("whole")
    make_world("plain", base / "world", scale=0.0015, seed=1301)
    sent = 0
    (base / "empty").mkdir()
    with gate_service(base / "empty", feed=str(base / "LOG"), seal_after_s=1.0) as service:
        days = sorted((base / "world/exchanges").glob("*.parquet"))
        later = time.time() - pc.max(pq.read_table(days[-1])["ts"]).as_py().timestamp()
        for day in days:
            table = pq.read_table(day)
            for begin in range(0, len(table), BATCH):
                rows = table.slice(begin, BATCH).to_pylist()
                body = json.dumps([payload(row, later) for row in rows])
                url = f"{service.url}/v1/feed/litellm"
                got = httpx.post(url, content=body, trust_env=False, timeout=60)
                assert got.status_code == 200, got.text
                sent += len(rows)
    (base / "policy.toml").write_text(POLICY)
    lake, found, gate = base / "LAKE", base / "FINDINGS", base / "GATE"
    run("ingest", base / "LOG", "--lake", lake)
    run("detect", lake, "--out", found)
    run(
        *("policy", "publish", found, "--gate", gate, "--lake", lake),
        *("--policy", base / "policy.toml"),
    )
    decisions = pq.read_table(gate / "decisions.parquet")
    decided = dict(zip(*(decisions[n].to_pylist() for n in ("account_id", "action")), strict=True))
    labels = pq.read_table(base / "world/labels/accounts.parquet")
    people = [r["account_id"] for r in labels.to_pylist() if r["role"] == "person"]
    return Story(sent, gate, decided, [p for p in people if p not in decided], base / "LOG")


def test_everything_that_was_sent_is_in_the_log(story: Story) -> None:
    """Nothing is lost on the way in, and two campaigns are decided on."""
    kept = sum(
        line.count(b"\n")
        for path in (story.log / "exchanges").glob("*.jsonl")
        for line in [path.read_bytes()]
    )
    assert kept == story.sent
    assert {"throttle", "deny"} <= set(story.decided.values())


def of(story: Story, action: str) -> str:
    """An account on which that is decided."""
    return next(account for account, what in story.decided.items() if what == action)


def chat(url: str, account: str) -> httpx.Response:
    """A chat completion of an account."""
    body = {"model": "m1", "messages": [{"role": "user", "content": "What is a prime number?"}]}
    headers = {"authorization": f"Bearer sk-{account}"}
    return httpx.post(
        f"{url}/v1/chat/completions", json=body, headers=headers, trust_env=False, timeout=30
    )


def test_members_are_stopped_at_litellm_and_nobody_else(story: Story, tmp_path: Path) -> None:
    """One is throttled and told when, another denied, honest ones go on; without us all go on."""
    config = yaml.safe_load((HERE / "config.yaml").read_text())
    config |= yaml.safe_load((RECIPES / "litellm.yaml").read_text())
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    log = tmp_path / "LOG"
    with gate_service(story.gate, gate=REAL, feed=str(log), seal_after_s=0.5) as service:
        feed = f"{service.url}/v1/feed/litellm"
        asking = {"STILLWATCH_GATE_URL": service.url, "STILLWATCH_FEED_URL": feed}
        with litellm_proxy(tmp_path, asking) as url:
            slowed = chat(url, of(story, "throttle"))
            assert slowed.status_code == 429
            assert 0 < int(slowed.headers["retry-after"]) <= 3600
            assert chat(url, of(story, "deny")).status_code == 403
            assert [chat(url, honest).status_code for honest in story.honest[:5]] == [200] * 5
            stop(service.process)
            members = (of(story, "throttle"), of(story, "deny"))
            assert [chat(url, a).status_code for a in (*members, story.honest[0])] == [200] * 3


@pytest.mark.skipif(NGINX is None, reason="nginx isn't installed: apt-get install nginx")
def test_members_are_stopped_at_nginx_and_nobody_else(story: Story, tmp_path: Path) -> None:
    """The same by the account's name in a header that the gateway in front sets."""
    (tmp_path / "recipe.conf").write_text(
        RECIPE.read_text().replace('x-account-id "";', "x-account-id $http_x_verified_account;")
    )
    with gate_service(story.gate, gate=REAL) as service:
        listen, conf = free_port(), tmp_path / "nginx.conf"
        usual = configuration(tmp_path, service.port, listen, free_port())
        conf.write_text(usual.replace(str(RECIPE), str(tmp_path / "recipe.conf")))
        command = [str(NGINX), "-p", str(tmp_path), "-c", str(conf), "-e", str(tmp_path / "e.log")]
        with (tmp_path / "out.log").open("w") as said:
            process = subprocess.Popen(command, stdout=said, stderr=said, text=True)
        try:
            until_answers(f"http://127.0.0.1:{listen}/", process, tmp_path / "out.log")

            def ask(account: str) -> httpx.Response:
                headers = {"x-verified-account": account}
                url = f"http://127.0.0.1:{listen}/v1/chat"
                return httpx.get(url, headers=headers, trust_env=False, timeout=10)

            slowed = ask(of(story, "throttle"))
            assert (slowed.status_code, "retry-after" in slowed.headers) == (429, True)
            assert ask(of(story, "deny")).status_code == 403
            assert [ask(honest).status_code for honest in story.honest[:5]] == [200] * 5
            stop(service.process)
            assert ask(of(story, "deny")).status_code == 200
        finally:
            stop(process)
