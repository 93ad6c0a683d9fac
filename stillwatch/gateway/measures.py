"""Countermeasures as the environment says, the same for LiteLLM's hook and for `Withholding`.

    STILLWATCH_TRACES             a trace policy (docs/countermeasures.md)
    STILLWATCH_SEAL_KEYS          a file of keys: reasoning blobs are sealed, and opened, with them
    STILLWATCH_SUMMARISER_URL     a model of yours (…/v1) that makes summaries
    STILLWATCH_SUMMARISER_MODEL   its name
    STILLWATCH_SUMMARISER_TOKEN   its token, if it wants one

LiteLLM's environment can't hold all that Stillwatch needs; this much needs msgspec beside it:
`pip install --no-deps stillwatch msgspec`.
"""

from __future__ import annotations

from collections.abc import Mapping

from stillwatch.countermeasures.measure import Measure, Together
from stillwatch.countermeasures.stripping import Stripping
from stillwatch.countermeasures.summarising import Summariser, by_url
from stillwatch.countermeasures.trace_policy import ShownTraces, TracePolicy, read_trace_policy
from stillwatch.errors import MeasureRefused

NAMES = ("STILLWATCH_TRACES", "STILLWATCH_SEAL_KEYS", "STILLWATCH_SUMMARISER_URL")
"""Variables each of which says that countermeasures are wanted."""


def measures_of(environment: Mapping[str, str]) -> Together | None:
    """The measures that are wanted, or None where none are.

    Raises `MeasureRefused`, `InputNotFound` and `PrivacyRefused` where a file is none of its kind.
    """
    traces, keys, url = (environment.get(name) for name in NAMES)
    if not (traces or keys or url):
        return None
    found: list[Measure] = []
    if keys:
        from stillwatch.countermeasures.sealing import Sealer, Sealing
        from stillwatch.privacy.keys import read_keys

        found.append(Sealing(Sealer.of(read_keys(keys))))  # before the policy, which keeps blobs
    summarise = None
    if url:
        model = environment.get("STILLWATCH_SUMMARISER_MODEL")
        if not model:
            todo = "Set STILLWATCH_SUMMARISER_MODEL"
            raise MeasureRefused("STILLWATCH_SUMMARISER_URL", "has no model's name with it", todo)
        summarise = Summariser(
            by_url(url, model, token=environment.get("STILLWATCH_SUMMARISER_TOKEN"))
        )
    policy = read_trace_policy(traces) if traces else TracePolicy()
    return Together([*found, ShownTraces(policy, summarise), Stripping()])
