"""Indicators as Sigma rules (https://sigmahq.io/sigma-specification/), over a gateway's log.

Fields are the columns of the data contract; docs/sharing.md says what they are called in the logs
of common gateways. Sigma compares values, so hashes, sketches and centroids are in no rule. A rule
is one kind's; it carries the first day on which one of its values ends, after which it should be
exported anew.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

from stillwatch.sharing.indicators import Indicator, Kind, Telling
from stillwatch.sharing.stix.fixed import TECHNIQUES
from stillwatch.sharing.stix.ids import made_id
from stillwatch.sharing.wording import TITLES, campaign_title, in_words


def sigma(told: Telling, approved: dt.date, today: dt.date) -> str:
    """One YAML document a kind, of what is valid today; empty where there is none."""
    rules = []
    for kind, (field, written) in _FIELDS.items():
        valid = [i for i in told.indicators if i.kind == kind and i.expires > today]
        if valid:
            rules.append(
                _rule(told, kind, field, [written(i.value) for i in valid], valid, approved)
            )
    return "---\n".join("\n".join(_yaml(rule)) + "\n" for rule in rules)


def escaped(text: str) -> str:
    r"""`text` without what Sigma takes for wildcards.

    >>> escaped("a*b?c\\d")
    'a\\*b\\?c\\\\d'
    """
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")


def _number(value: str) -> int:
    return int(value.removeprefix("AS"))


_FIELDS: dict[Kind, tuple[str, Callable[[str], str | int]]] = {
    Kind.PREFIX: ("ip|cidr", str),
    Kind.ASN: ("asn", _number),
    Kind.USER_AGENT: ("user_agent|cased", escaped),
    Kind.JA4: ("ja4|cased", escaped),
}
"""Fields by kind with Sigma's modifiers, and how a value is written for them."""


def _rule(
    told: Telling,
    kind: Kind,
    field: str,
    values: list[str | int],
    valid: list[Indicator],
    approved: dt.date,
) -> dict[str, Any]:
    return {
        "title": f"{TITLES[kind]} of {campaign_title(told).lower()}",
        "id": made_id("rule", told.campaign, kind).partition("--")[2],
        "status": "experimental",
        "description": in_words(told),
        "references": [f"https://atlas.mitre.org/techniques/{n}" for n in TECHNIQUES],
        "date": str(approved),
        "tags": [f"tlp.{told.tlp.replace('+', '-')}"],
        "logsource": {"category": "llm-gateway", "product": "stillwatch"},
        "detection": {"selection": {field: values}, "condition": "selection"},
        "falsepositives": ["Honest accounts that share the value; look before you act"],
        "level": "low",
        "expires": str(min(one.expires for one in valid)),
    }


def _yaml(value: dict[str, Any], depth: int = 0) -> list[str]:
    """A mapping as lines of YAML. Every text is a JSON string, which YAML reads as it is: nothing
    in it can be a tag, an anchor, a comment or a key."""
    lines = []
    for key, item in value.items():
        # keys are our own, and one with a bar needs no quotes inside a line
        begin = f"{'    ' * depth}{key}:"
        if isinstance(item, dict):
            lines += [begin, *_yaml(item, depth + 1)]
        elif isinstance(item, list):
            lines += [begin, *(f"{'    ' * (depth + 1)}- {json.dumps(one)}" for one in item)]
        else:
            lines.append(f"{begin} {json.dumps(item)}")
    return lines
