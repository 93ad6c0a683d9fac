"""A report in Markdown, for people; made of the signed JSON alone."""

from __future__ import annotations

import re
from typing import Any

from stillwatch.display import plain

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|!&~$])")


def markdown(document: dict[str, Any]) -> str:
    """The whole report; text from files can neither format it nor act in it."""
    body = document["body"]
    registered = body["registration"]["body"]
    levels = registered["levels"]
    lines = [
        "# Provenance trial",
        "",
        f"**{_safe(body['verdict']['code']).upper()}.** {_safe(body['verdict']['words'], 4000)}",
        "",
    ]
    if body["verdict"]["consistent_with"]:
        lines += ["What this is consistent with, and what it is not about:", ""]
        lines += [f"- {_safe(line, 1000)}" for line in body["verdict"]["consistent_with"]]
        lines.append("")
    lines += [
        "## Registration",
        "",
        f"Registered {_safe(body['registered'])}, run {_safe(body['ran'])} "
        f"({int(body['older_by_s']):,} seconds later, by the clocks of the machines that wrote "
        "both; only an outsider's receipt shows it to others).",
        "",
        f"- Registration: `{_safe(body['registration']['hash'])}`, signed by "
        f"`{_safe(body['registration']['key'])}`",
        f"- Level {_safe(levels['alpha'])} for all tests together (Holm); an innocent below "
        f"{_safe(levels['control_alpha'])} ends the trial; power {_safe(levels['power'])} at a "
        f"share of {_safe(levels['share'])}; {int(levels['wrong_keys']):,} wrong keys",
    ]
    lines += [
        f"- Run {int(body['run'])} of {int(registered['runs'])} that were registered; p-values are "
        "corrected for all of these, be they made or not",
        f"- Entered before it was computed, as `{_safe(body['ledger'][-1]['hash'])}`",
        f"- Seed of all that is drawn: {_safe(registered['seed'], 4000)}",
    ]
    lines += [_bound(one) for one in registered["materials"]]
    for number, key in enumerate(registered["keys"], 1):
        settings = ", ".join(f"{name} {value}" for name, value in key["parameters"].items())
        lines.append(f"- Key {number}: {_safe(settings)}; commitment `{_safe(key['commitment'])}`")
    for title, text in (
        ("Why", registered["why"]),
        ("Receipt at registration", registered["receipt"]),
        ("Receipt at the trial", body["receipt"]),
    ):
        if text:
            lines.append(f"- {title}: {_safe(text, 4000)}")
    lines += ["", "## Tests", ""]
    for test, adjusted in zip(body["tests"], body["adjusted"], strict=True):
        lines += _test(test, adjusted)
    lines += ["## Materials", ""]
    for told in body["materials"]:
        names = [name for name in told if name not in ("role", "name")]
        facts = ", ".join(f"{name.replace('_', ' ')} {told[name]}" for name in names)
        lines.append(f"- {_role(told['role'])}: {_safe(told['name'])}: {_safe(facts)}")
    lines += [
        "",
        f"Written by {_safe(body['software'])}. Hash `{_safe(document['hash'])}`, signed by "
        f"`{_safe(document['key'])}`; check with `stillwatch lab trace verify`.",
        "",
    ]
    return "\n".join(lines)


def _bound(told: dict[str, Any]) -> str:
    """A registered material: its digest, or its rule."""
    if told["sha256"]:
        return f"- Registered {_role(told['role'])}: `{_safe(told['sha256'])}`"
    many = f"{int(told['texts']):,} texts, {_safe(told['order'])}, of " if told["texts"] else ""
    return f"- Registered {_role(told['role'])}, by a rule: {many}{_safe(told['words'], 1000)}"


def _role(role: object) -> str:
    return _safe(str(role).replace("_", " "))


def _test(test: dict[str, Any], adjusted: str) -> list[str]:
    lines = [
        f"### {_safe(test['name'])}",
        "",
        f"p = {float(test['p']):.3g}, after correction {float(adjusted):.3g}. "
        + _safe(test["null"], 1000),
        "",
    ]
    lines += [f"- {_safe(name)}: {_safe(value)}" for name, value in test["figures"].items()]
    for one in test["controls"]:
        lines.append(f"- Innocent control {_safe(one['name'])}: p = {float(one['p']):.3g}")
    for one in test["amounts"]:
        lines.append(
            f"- {_safe(one['of'])} has {int(one['has']):,} of {int(one['needs']):,} needed"
        )
    wrong = test["wrong_keys"]
    if wrong is not None:
        lines.append(
            f"- {int(wrong['keys']):,} wrong keys: {float(wrong['below_0.05']):.1%} below 0.05, "
            f"{float(wrong['below_0.01']):.1%} below 0.01, smallest p "
            f"{float(wrong['smallest_p']):.2g}; that they are too small has p = "
            f"{float(wrong['p_that_they_are_too_small']):.2g}"
        )
    return [*lines, ""]


def _safe(text: object, limit: int = 400) -> str:
    return _ACTIVE.sub(r"\\\1", plain(text, limit))
