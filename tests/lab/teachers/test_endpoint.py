"""An endpoint of one's own: real requests to a real server that fails in every way it can."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra lab (torch)")
uvicorn = pytest.importorskip("uvicorn")

from dataclasses import replace  # noqa: E402

from stillwatch.errors import LabRefused  # noqa: E402
from stillwatch.lab.distilling.methods.logits import LogitLevel  # noqa: E402
from stillwatch.lab.distilling.run import distil  # noqa: E402
from stillwatch.lab.tasks.chains import Chains  # noqa: E402
from stillwatch.lab.teachers.choosing import TeacherSpec  # noqa: E402
from stillwatch.lab.teachers.codec import Words  # noqa: E402
from stillwatch.lab.teachers.endpoint import KEY, Endpoint, checked  # noqa: E402
from stillwatch.lab.teachers.teacher import Answer, Draw, Unanswered  # noqa: E402
from tests.lab.distilling.conftest import RECIPE, cache  # noqa: E402, F401

TASK, WORDS = Chains(0), Words(Chains.vocabulary)


class Mock:
    """An ASGI application that answers chains rightly, after whatever `faults` say comes first."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.at_a_time = self.most_at_a_time = 0
        self.faults: dict[str, list[Any]] = {}
        self.always: Any = None
        self.url = ""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        try:
            await self._answer(scope, json.loads(body), send)
        finally:
            self.at_a_time -= 1

    async def _answer(self, scope: dict[str, Any], asked: dict[str, Any], send: Any) -> None:
        self.asked.append(asked)
        headers = dict(scope["headers"])
        self.keys.append(headers.get(b"authorization", b"").decode())
        prompt = asked["messages"][0]["content"]
        waiting = self.faults.get(prompt) or []
        fault = waiting.pop(0) if waiting else self.always
        if fault == "cut":
            start = {"type": "http.response.start", "status": 200}
            await send({**start, "headers": [(b"content-length", b"1000")]})
            await send({"type": "http.response.body", "body": b'{"cho', "more_body": False})
            return
        status, document, extra = 200, fault, []
        if isinstance(fault, int):
            status, document = fault, {"error": {"message": "no \x1b[31m"}}
            extra = [(b"retry-after", b"0"), (b"location", b"http://127.0.0.1:9/")]
        if fault is None:
            said = WORDS.text(TASK.solve(WORDS.prompt(prompt)))
            document = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}
        sent = document if isinstance(document, bytes) else json.dumps(document).encode()
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": status, "headers": [kind, *extra]})
        await send({"type": "http.response.body", "body": sent})


@pytest.fixture
def mock() -> Iterator[Mock]:
    """Served on a free port of this machine as long as the test lasts."""
    app = Mock()
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    app.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    yield app
    server.should_exit = True
    thread.join()
    listening.close()


def _endpoint(mock: Mock, **changes: Any) -> Endpoint:
    return Endpoint(mock.url, "ours", tries=4, first_wait_s=0.001, **changes)


def _prompts(count: int) -> list[str]:
    import numpy as np

    return [WORDS.text(p) for p in TASK.prompts(count, np.random.default_rng(0))]


@pytest.mark.parametrize(
    "fault",
    [
        429,
        500,
        503,
        "cut",
        b"<html>",
        b"\xff\xfe",
        b"[" * 100_000,
        {},
        {"choices": []},
        {"choices": [{}]},
        {"choices": [7]},
        {"choices": {"0": 1}},
        ["a"],
        b'{"choices": "' + b"x" * (5 << 20) + b'"}',
    ],
    ids=lambda fault: str(fault)[:20],
)
def test_what_may_pass_is_asked_again(fault: Any, mock: Mock) -> None:
    """Twice it fails, the third time the answer comes; where it never does, the prompt is left."""
    good, bad = _prompts(2)
    mock.faults = {good: [fault] * 2, bad: [fault] * 9}
    one, other = _endpoint(mock).answers([good, bad], Draw(64))
    assert one == Answer(WORDS.text(TASK.solve(WORDS.prompt(good))), True)
    assert isinstance(other, Unanswered)
    assert "4 times" in other.reason
    assert len(mock.asked) == 3 + 4


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404])
def test_what_stays_refused_ends_the_run_at_once(status: int, mock: Mock) -> None:
    """With the status, nothing of the terminal's escapes, and no redirect followed."""
    mock.always = status
    with pytest.raises(LabRefused, match=f"HTTP {status}") as caught:
        _endpoint(mock, concurrency=1).answers(_prompts(6), Draw(64))
    assert "\x1b" not in str(caught.value)
    assert len(mock.asked) <= 2


@pytest.mark.parametrize(
    ("choice", "reply"),
    [
        ({"message": {"content": None}, "finish_reason": "tool_calls"}, Unanswered),
        ({"message": {"content": ""}, "finish_reason": "stop"}, Unanswered),
        ({"message": {"content": ["a"]}, "finish_reason": "stop"}, Unanswered),
        ({"message": {"content": "\ud800"}, "finish_reason": "stop"}, Unanswered),
        ({"message": {"content": "cut he"}, "finish_reason": "length"}, Answer("cut he", False)),
        ({"message": {"content": "x"}}, Answer("x", False)),
        ({"message": {"content": "y" * 100_000}, "finish_reason": "stop"}, Answer),
    ],
)
def test_odd_choices_are_taken_for_what_they_are(choice: Any, reply: Any, mock: Mock) -> None:
    """No text is no answer, and isn't asked for again; one that was cut is marked so."""
    mock.always = {"choices": [choice]}
    (said,) = _endpoint(mock).answers(["a"], Draw(64))
    assert said == reply if isinstance(reply, Answer) else isinstance(said, reply)
    assert len(mock.asked) == 1


def test_no_more_than_so_many_at_a_time_and_the_key_is_sent(
    mock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from the environment; it isn't in what is told of the teacher."""
    monkeypatch.setenv(KEY, "sk-secret")
    endpoint = _endpoint(mock, concurrency=3)
    said = endpoint.answers(_prompts(30), Draw(64, 0.5, 7))
    assert all(isinstance(reply, Answer) for reply in said)
    assert 1 <= mock.most_at_a_time <= 3
    assert set(mock.keys) == {"Bearer sk-secret"}
    assert {(a["temperature"], a["seed"], a["max_tokens"]) for a in mock.asked} == {(0.5, 7, 64)}
    assert "secret" not in repr(endpoint.identity) + repr(endpoint)


def test_nobody_there(mock: Mock) -> None:
    """A closed port is tried again, then left."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    endpoint = Endpoint(f"http://127.0.0.1:{port}/v1", "ours", tries=2, first_wait_s=0.001)
    (said,) = endpoint.answers(["a"], Draw(8))
    assert isinstance(said, Unanswered)


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com/v1",
        "http://10.0.0.1/v1",
        "http://127.0.0.1.example.com/v1",
        "http://127.0.0.1@example.com/v1",
        "https://user:hunter2@models.example.com/v1",
        "https://models.example.com/v1?key=hunter2",
        "https://models.example.com/v1#hunter2",
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "https://",
        "http://[::1",
        "models.example.com",
        "",
    ],
)
def test_addresses_that_arent_asked(url: str) -> None:
    """Neither in the clear to other machines nor with a secret in them, which isn't repeated."""
    with pytest.raises(LabRefused) as caught:
        checked(url)
    assert "hunter2" not in str(caught.value)


def test_a_run_with_an_endpoint_goes_on_where_it_ended(
    mock: Mock,
    cache: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """What was answered isn't paid for again; the card says by what right; nothing has logits."""
    spec = TeacherSpec("endpoint", mock.url, "ours", 2)
    recipe = replace(RECIPE, teacher=spec, right="our own <b>model</b>\x1b[2J", fewer=())
    prompts = _asked(recipe)
    mock.faults = {prompts[30]: [401]}
    with pytest.raises(LabRefused, match="401"):
        distil(tmp_path / "run", recipe, cache)
    before = len(mock.asked)
    card = distil(tmp_path / "run", recipe, cache)
    again = [one["messages"][0]["content"] for one in mock.asked[before:]]
    assert not set(again) & set(prompts[:24]), "answered chunks were asked again"
    assert card["right"] == "our own <b>model</b>\x1b[2J"
    told = (tmp_path / "run" / "card.md").read_text()
    assert "\x1b" not in told
    assert "<b>" not in told.replace("\\<b\\>", "")
    assert card["figures"]["teacher"]["accuracy"]["share"] == 1.0
    assert card["figures"]["teacher"]["loss"] is None
    with pytest.raises(LabRefused, match="only its texts"):
        distil(tmp_path / "other", replace(recipe, method=LogitLevel()), cache)


def test_words_that_a_student_lacks_are_counted(
    mock: Mock,
    cache: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """One hostile answer among good ones is left out with its reason."""
    spec = TeacherSpec("endpoint", mock.url, "ours", 2)
    recipe = replace(RECIPE, teacher=spec, right="ours", fewer=())
    odd = {"choices": [{"message": {"content": "DROP TABLE"}, "finish_reason": "stop"}]}
    mock.faults = {_asked(recipe)[3]: [odd]}
    card = distil(tmp_path, recipe, cache)
    assert card["data"]["left_out"] == {"words that the student doesn't have": 1}
    assert card["data"]["learned_from"]["teacher"] == 47


def _asked(recipe: Any) -> tuple[str, ...]:
    from stillwatch.lab.distilling.run import material_of

    return material_of(recipe).asked
