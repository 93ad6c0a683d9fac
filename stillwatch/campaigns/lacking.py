"""What a log lacks, and what could therefore not be used: said with the findings, never silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stillwatch.campaigns.judgement import LEAST_OUTSIDERS
from stillwatch.traffic import WHOLE

if TYPE_CHECKING:
    from stillwatch.traffic import Traffic

ACCESS = ("network", "device", "client")

PARTLY = 0.9
"""Share of exchanges with text below which a log is said to have it in part."""


def lacking(traffic: Traffic, outsiders: int) -> list[str]:
    """A sentence for each thing that the log doesn't tell, or has too little of."""
    exchanges = traffic.exchanges
    known = {
        name: bool(exchanges[name][:].any())
        for name in (*ACCESS, "settings", "toolset", "conversation")
    }
    registered = any(keys.any() for keys in traffic.accounts.registration.values())
    notes = []
    if outsiders < LEAST_OUTSIDERS:
        notes.append(
            f"Only {outsiders} accounts are outside every group, and {LEAST_OUTSIDERS} are "
            "needed to compare a group with; add logs of other accounts or of more days."
        )
    if not traffic.text:
        notes.append(
            "No exchange has text, or too few have, so what is asked, what is shared of it and "
            "what is sought were not used: campaigns are told from settings, lengths, times and "
            "ways of access alone, and fewer are found."
        )
        lengths = bool((exchanges["output_tokens"][:] >= 0).any())
        needed = {"settings (max_tokens, temperature, thinking)": known["settings"]}
        needed["output_tokens"] = lengths
        absent = [name for name, there in needed.items() if not there]
        if absent:
            notes.append(
                f"No exchange has {' or '.join(absent)} either, without which no campaign can be "
                "told where there is no text; add them to the log."
            )
    elif (share := with_text(traffic)) < PARTLY:
        notes.append(
            f"Only {share:.0%} of exchanges have text, and those alone were judged: what is asked "
            "in the others is unknown, so fewer campaigns and fewer of their exchanges are found."
        )
    if not any(known[name] for name in ACCESS):
        notes.append(
            "No exchange tells its network, device or client, so shared ways of access were not "
            "used" + ("." if registered else ", and no network can be found.")
        )
    if not registered:
        notes.append(
            "Nothing is known of how accounts were registered (no accounts table, or nothing in "
            "it), so shared payment instruments, sign-up networks and cohorts were not used."
        )
    return notes


def with_text(traffic: Traffic) -> float:
    """Share of exchanges that have text."""
    slices = traffic.slices
    whole = slices.capability == WHOLE
    return float(slices.exchanges[whole].sum() / max(1, len(traffic.exchanges)))
