"""A mapping file drafted from a sample of a log: by names, and by what values look like.

Each line says why and how sure. No value of the log is written down: a mapping may be shown around.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from statistics import median

from stillwatch.sources import looks
from stillwatch.sources.bodies import REQUEST_COLUMNS, RESPONSE_COLUMNS
from stillwatch.sources.likeness import LIKENESSES, is_later, score, snake
from stillwatch.sources.messages import dig
from stillwatch.sources.paths import Path, path_text
from stillwatch.sources.sample import Leaf, Sample
from stillwatch.tables import EXCHANGES

LEAST = 1.2
"""Points below which a path is not proposed, unless its values alone tell."""
SURE, LIKELY = 2.6, 1.8

_UNITS = {
    "ns": ("ns", "nanos", "nanoseconds"),
    "us": ("us", "micros", "microseconds"),
    "ms": ("ms", "millis", "milliseconds", "msec"),
    "s": ("s", "sec", "secs", "seconds"),
}
_TOLD_UNUSED = 60
_HEAD = """\
# A mapping drafted from {n} records. Read each line: what is not sure is said.
# Try it with `stillwatch map check THIS_FILE SAMPLE`, then `stillwatch ingest LOG --map THIS_FILE`.
"""


class Draft:
    """A mapping in the making: what each column is taken from, and why."""

    def __init__(self, sample: Sample) -> None:
        self._sample = sample
        self._records = len(sample.records)
        self._lines: dict[str, tuple[str, str]] = {}
        self._used: list[Path] = []
        self._top: dict[str, tuple[str, str]] = {}
        if sample.inside is not None:
            self._top["records"] = _quoted(sample.inside), "where the records are in a document"
        self._bodies()
        self._messages()
        self._tools()
        self._columns()
        self._texts()
        self._latency()
        self._stand_ins()

    def _bodies(self) -> None:
        told = (
            ("request", self._sample.requests, "looks like the body of a request to a model API"),
            ("response", self._sample.responses, "looks like the body of a model API's response"),
        )
        for name, held, why in told:
            leaf = _best([leaf for path, leaf in held.items() if path], self._used)
            if leaf is not None:
                self._top[name] = _quoted(leaf.path), why
                self._used.append(leaf.path)

    def _messages(self) -> None:
        for leaf in sorted(self._sample.messages.values(), key=lambda leaf: -len(leaf.values)):
            if _inside(leaf.path, self._used):
                continue
            roles = {dig(item, "role") for value in leaf.values for item in value}
            place = _quoted(leaf.path)
            if roles == {"assistant"}:
                if not self._fills("response"):
                    self._say("response", f'{{path = {place}, take = "response"}}', "its messages")
                    self._used.append(leaf.path)
            elif not self._fills("prompt"):
                self._say("prompt", f'{{path = {place}, take = "last_user"}}', "sure: its messages")
                if roles & {"system", "developer"}:
                    self._say("system", f'{{path = {place}, take = "system"}}', "sure: the same")
                self._say("turns", f'{{path = {place}, take = "turns"}}', "sure: the same")
                self._used.append(leaf.path)

    def _tools(self) -> None:
        for leaf in self._sample.tools.values():
            if not _inside(leaf.path, self._used) and not self._fills("tools"):
                place = _quoted(leaf.path)
                self._say("tools", f'{{path = {place}, take = "tool_names"}}', "sure: definitions")
                self._say("tools_digest", f'{{path = {place}, take = "tools_digest"}}', "the same")
                self._used.append(leaf.path)

    def _columns(self) -> None:
        ranked = sorted(
            (
                (points, -place, likeness.column, leaf)
                for place, likeness in enumerate(LIKENESSES)
                for leaf in self._sample.leaves.values()
                if (points := score(likeness, leaf, self._records)) > 0
            ),
            key=lambda found: (-found[0], -found[1], path_text(found[3].path)),
        )
        for points, _, column, leaf in ranked:
            enough = points >= LEAST or points == looks.UNNAMED
            if enough and not self._fills(column) and not _inside(leaf.path, self._used):
                self._used.append(leaf.path)
                others = [
                    other.path
                    for more, _, wanted, other in ranked
                    if wanted == column
                    and more >= LIKELY
                    and len(leaf.values) < 0.99 * self._records
                    and not _inside(other.path, self._used)
                ][:1]
                self._used += others
                self._say(column, _entry(column, leaf, others), self._why(leaf, points))
        for path in self._sample.headers:
            if not self._fills("headers"):
                self._say("headers", _quoted(path), "sure: the client's headers")

    def _why(self, leaf: Leaf, points: float) -> str:
        sure = "sure" if points >= SURE else "likely" if points >= LIKELY else "a guess"
        found = "" if points > looks.UNNAMED else ", by its values alone"
        there = len(leaf.values)
        told = f"in {there} of {self._records} records" if there < self._records else "in all"
        return f"{sure}{found}: {told}"

    def _texts(self) -> None:
        """Where no name tells, the first unused texts that differ from record to record."""
        for column in ("prompt", "response"):
            if self._fills(column):
                continue
            for leaf in self._sample.leaves.values():
                is_text = looks.share(leaf.values, looks.is_text) > 0.8
                if is_text and looks.variety(leaf.values) > 0.3 and not self._taken(leaf.path):
                    self._say(column, _quoted(leaf.path), "a guess: texts that differ")
                    self._used.append(leaf.path)
                    break

    def _latency(self) -> None:
        began = self._lines.get("ts")
        if began is None or self._fills("latency_ms"):
            return
        for leaf in self._sample.leaves.values():
            ends = is_later(leaf.path) and looks.share(leaf.values, looks.is_time) > 0.9
            if ends and began[0].startswith('"') and not _inside(leaf.path, self._used):
                last = _quoted(leaf.path)
                self._say("latency_ms", f"{{from = {began[0]}, to = {last}}}", "likely: two times")
                self._used.append(leaf.path)
                return

    def _stand_ins(self) -> None:
        """For required columns that nothing was found for."""
        if not self._fills("exchange_id"):
            held = [
                self._lines[c][0] for c in ("ts", "account_id", "ip", "prompt") if c in self._lines
            ]
            paths = [part for entry in held for part in re.findall(r'"(?:[^"\\]|\\.)*"', entry)[:1]]
            if paths:
                entry = f"{{digest = [{', '.join(paths)}]}}"
                self._say("exchange_id", entry, "no id was found: made of what differs")
        if not self._fills("model"):
            self._say("model", '{value = "unknown"}', "no model was found: name it, or its path")
        if not self._fills("surface"):
            self._say("surface", '{value = "api"}', "a constant: the way in, if there are several")

    def _fills(self, column: str) -> bool:
        return (
            column in self._lines
            or ("request" in self._top and column in REQUEST_COLUMNS - {"model", "end_user"})
            or ("response" in self._top and column in RESPONSE_COLUMNS)
            or (column == "model" and "request" in self._top)
        )

    def _say(self, column: str, entry: str, why: str) -> None:
        self._lines[column] = entry, why

    def text(self) -> str:
        """The file."""
        out = [_HEAD.format(n=self._records)]
        out += [f"{name} = {path}  # {why}" for name, (path, why) in self._top.items()]
        out.append("\n[columns]")
        for field in EXCHANGES:
            if field.name in self._lines:
                entry, why = self._lines[field.name]
                out.append(f"{field.name} = {entry}  # {why}")
            elif not field.nullable and not self._fills(field.name):
                out.append(f'# {field.name} = ""  # REQUIRED: nothing looks like it; name its path')
        empty = [f.name for f in EXCHANGES if f.nullable and not self._fills(f.name)]
        out.append(f"\n# Not filled: {', '.join(empty)}")
        unused = [leaf for path, leaf in self._sample.leaves.items() if not self._taken(path)]
        if unused:
            out.append("# Not used:")
            out += [f"#   {_quoted(leaf.path)}: {_kind(leaf)}" for leaf in unused[:_TOLD_UNUSED]]
        return "\n".join(out) + "\n"

    def _taken(self, path: Path) -> bool:
        return _inside(path, [*self._used, *self._sample.headers])


def draft_mapping(sample: Sample) -> str:
    """The text of a mapping file for logs like `sample`."""
    return Draft(sample).text()


def _best(leaves: Sequence[Leaf], used: Sequence[Path]) -> Leaf | None:
    free = [leaf for leaf in leaves if not _inside(leaf.path, used)]
    return max(free, key=lambda leaf: (len(leaf.values), -len(leaf.path)), default=None)


def _inside(path: Path, places: Sequence[Path]) -> bool:
    return any(path[: len(place)] == place for place in places)


def _quoted(path: Path) -> str:
    """A path as TOML's text, on one line whatever its names hold."""
    return json.dumps(path_text(path), ensure_ascii=False).replace("\x7f", "\\u007f")


def _entry(column: str, leaf: Leaf, others: Sequence[Path]) -> str:
    places = [_quoted(path) for path in (leaf.path, *others)]
    place = places[0] if len(places) == 1 else f"[{', '.join(places)}]"
    if column == "ts" and (pattern := looks.time_format(leaf.values)) is not None:
        return f"{{path = {place}, format = {json.dumps(pattern)}}}"
    if column == "latency_ms":
        return f'{{path = {place}, unit = "{_unit(leaf)}"}}'
    if column == "ip" and any("," in value for value in leaf.values):
        return f'{{path = {place}, split = ",", at = -1}}'
    return place


def _unit(leaf: Leaf) -> str:
    """The unit of a duration: as its name ends, else seconds where half are below 300."""
    names = [step for step in leaf.path if isinstance(step, str)]
    end = snake(names[-1]).split("_")[-1] if names else ""
    for unit, ends in _UNITS.items():
        if end in ends or any(snake(names[-1]).endswith(e) for e in ends if len(e) > 3):
            return unit
    numbers = [float(value) for value in leaf.values if looks.is_number(value)]
    whole = all(number.is_integer() for number in numbers)
    return "ms" if not numbers or whole or median(numbers) >= 300 else "s"


def _kind(leaf: Leaf) -> str:
    for words, look in (
        ("times", looks.is_time),
        ("addresses", looks.is_address),
        ("numbers", looks.is_number),
        ("yes or no", looks.is_truth),
        ("lists", lambda value: isinstance(value, list)),
        ("names", looks.is_name),
        ("text", looks.is_text),
    ):
        if looks.share(leaf.values, look) > 0.8:
            return words
    return "mixed"
