"""docs/gateway.md says what there is: every word, field, path, count and variable."""

from __future__ import annotations

import re

import msgspec
import pytest
import yaml

from stillwatch.gateway.adapters.adapter import stillwatch_headers
from stillwatch.gateway.answer import STATUS, VERDICT, Reason, Verdict
from stillwatch.gateway.service import ANY_METHOD, POSTED
from stillwatch.gateway.wire import MOST_ID, MOST_TEXT, Asked, Told
from stillwatch.ladder import Action
from tests.gateway.asking import ask, service
from tests.gateway.fakes import answer
from tests.gateway.serving import ROOT

TEXT = (ROOT / "docs" / "gateway.md").read_text()
RECIPES = ROOT / "docs" / "recipes"


def table(head: str) -> dict[str, list[str]]:
    """Rows of the table whose first column is called so, by what stands there in code."""
    rows: dict[str, list[str]] = {}
    for part in re.findall(rf"^\| {head} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE):
        for line in part.splitlines():
            first, *cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows |= {name: [c.strip("`") for c in cells] for name in re.findall(r"`(\w+)`", first)}
    return rows


def test_the_vocabulary() -> None:
    """Each word once, and no other; actions with the status and verdict that go with them."""
    assert set(table("verdict")) == set(Verdict)
    assert set(table("reason")) == set(Reason)
    assert all(row[0] for row in table("reason").values())
    assert table("action") == {a: [str(STATUS.get(a, 200)), VERDICT[a]] for a in Action}


def test_the_schema() -> None:
    """Every field of question and answer, and the sizes at which they are cut."""
    fields = {f.name for kind in (Asked, Told) for f in msgspec.structs.fields(kind)}
    assert set(table("field")) == fields
    assert f"{MOST_TEXT:,}" in TEXT
    assert f"{MOST_ID:,}" in TEXT


def test_paths_headers_counts_and_variables() -> None:
    """All that is there is named."""
    named = [*POSTED, *ANY_METHOD, "/v1/feed/litellm", "/v1/decisions/", "/healthz", "/readyz"]
    shown = TEXT + "".join(path.read_text() for path in RECIPES.iterdir())
    guardrail = "/beta/litellm_basic_guardrail_api"  # which LiteLLM appends by itself
    assert not [path for path in named if path not in shown and path != guardrail]
    assert not [n.decode() for n, _ in stillwatch_headers(answer()) if n.decode() not in TEXT]
    page = ask(service(), "/metrics", method="GET").body.decode()
    counts = re.findall(r"^# TYPE (\w+) (?:counter|histogram|gauge)", page, re.MULTILINE)
    assert not [n for n in counts if not n.endswith("_created") and n not in TEXT]
    gateway = ROOT / "stillwatch" / "gateway"
    code = "".join((gateway / name).read_text() for name in ("litellm_hook.py", "measures.py"))
    read = set(re.findall(r'"(STILLWATCH_\w+)"', code))
    assert len(read) > 8
    assert read == set(re.findall(r"^\| `(STILL\w+)`", TEXT, re.MULTILINE))


@pytest.mark.parametrize("path", sorted(RECIPES.glob("*.yaml")), ids=lambda path: path.name)
def test_recipes_let_requests_go_on(path: object) -> None:
    """Each is whole YAML that says so, where the gateway wouldn't by itself."""
    text = (RECIPES / str(path)).read_text()
    assert isinstance(yaml.safe_load(text), dict)
    assert re.search(r"fail_open|failure_mode_allow: true|allow_degradation: true|hook", text)
