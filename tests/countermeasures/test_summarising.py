"""A summary, or nothing: never the trace."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.countermeasures.measure import Who
from stillwatch.countermeasures.summarising import Outcome, Summariser, by_url, repeats
from stillwatch.countermeasures.trace_policy import ShownTraces, TracePolicy
from stillwatch.errors import MeasureRefused

TRACE = " ".join(f"step{n} takes {n} from the table {n * 7} and adds it;" for n in range(40))
ELEVATED = Who(risk=0.6)
ANSWER = {"choices": [{"message": {"reasoning": TRACE, "content": "4"}}]}


def shown(summariser: Summariser) -> dict[str, Any]:
    """The message that a customer at elevated risk gets."""
    told = ShownTraces(TracePolicy(), summariser).to_customer(ANSWER, ELEVATED)
    return told["choices"][0]["message"]


def test_a_summary_takes_the_traces_place() -> None:
    """What the summariser says is shown."""
    summariser = Summariser(lambda trace: "It looked things up and added them.")
    assert shown(summariser)["reasoning"] == "It looked things up and added them."
    assert summariser.outcomes == {Outcome.SUMMARISED: 1}


def fails(trace: str) -> str:
    """A summariser that is broken, and says the trace in its fault."""
    raise RuntimeError(trace)


@pytest.mark.parametrize(
    ("summarise", "outcome"),
    [
        (fails, Outcome.FAILED),
        (lambda trace: "  ", Outcome.EMPTY),
        (lambda trace: None, Outcome.EMPTY),
        (lambda trace: trace, Outcome.REPEATS),
        (lambda trace: trace[100:260], Outcome.REPEATS),
        (lambda trace: trace.upper()[:160], Outcome.REPEATS),
        (lambda trace: "word " * len(trace), Outcome.REPEATS),
    ],
)
def test_whatever_goes_wrong_withholds(summarise: Any, outcome: Outcome) -> None:
    """A fault, silence and an echo all come to the same for the customer."""
    summariser = Summariser(summarise)
    assert shown(summariser) == {"content": "4"}
    assert summariser.outcomes == {outcome: 1}


def test_late_is_withheld_and_many_at_once_are_bounded() -> None:
    """A summariser that hangs is waited for once; while it hangs, others aren't kept waiting."""
    let_go = threading.Event()
    summariser = Summariser(lambda trace: str(let_go.wait(30)), deadline_s=0.05, workers=1)
    assert shown(summariser) == {"content": "4"}
    assert shown(summariser) == {"content": "4"}
    assert summariser.outcomes == {Outcome.LATE: 1, Outcome.BUSY: 1}
    let_go.set()
    summariser.close()


def test_without_a_summariser_a_summary_is_withheld() -> None:
    """The policy says summary, nobody can make one: nothing is shown."""
    told = ShownTraces(TracePolicy()).to_customer(ANSWER, ELEVATED)
    assert told["choices"][0]["message"] == {"content": "4"}


@given(st.integers(0, 30), st.integers(14, 40))
def test_runs_of_the_trace_are_found_wherever_they_are(at: int, length: int) -> None:
    """Any 13 words in a row of the trace, within other words, are too many."""
    words = TRACE.split()
    text = "so it " + " ".join(words[at : at + length]) + " in the end"
    assert repeats(TRACE, text)


def test_short_traces_and_scripts_without_spaces() -> None:
    """A short trace repeated whole is a repetition; so are 13 letters of Chinese."""
    assert repeats("x = 4 + 4", "x = 4 + 4")
    assert not repeats("x = 4 + 4", "It adds.")
    assert repeats("because", "Because")
    trace = "首先查看第一张表得到三然后查看第二张表得到五最后得到答案七" * 10
    assert repeats(trace, trace[3:20])
    assert not repeats(trace, "它查了几张表")


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[Any]]]:
    """An OpenAI-compatible endpoint on loopback, and what it was asked."""
    asked: list[Any] = []

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            said = {"choices": [{"message": {"content": "It added numbers up."}}]}
            raw = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1", asked
    server.shutdown()
    server.server_close()


def test_a_model_of_ones_own_summarises(endpoint: tuple[str, list[Any]]) -> None:
    """The trace goes to the address as a user's text, and its answer is shown."""
    url, asked = endpoint
    assert shown(Summariser(by_url(url, "small")))["reasoning"] == "It added numbers up."
    assert asked[0]["model"] == "small"
    assert asked[0]["messages"][1] == {"role": "user", "content": TRACE}


def test_nobody_at_the_address_withholds() -> None:
    """A dead summariser costs the summary, not the answer."""
    assert shown(Summariser(by_url("http://127.0.0.1:9/v1", "small"))) == {"content": "4"}
    with pytest.raises(MeasureRefused, match="no http address"):
        by_url("file:///etc/passwd", "small")
