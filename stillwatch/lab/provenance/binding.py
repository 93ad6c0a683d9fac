"""What a trial is made on, bound before it: by its digest, or by a rule where it isn't there yet.

A test can be run again on other texts, beside other innocents, until it says what one wishes to
hear. So all that a test needs is in the registration. What is there is bound by its digest, and no
other is taken. What isn't (answers that the suspect has yet to give) is bound by a rule: how many
texts, in which order, of what. The rule is carried out by the run and not by hand.

    --rule "suspect-text=2000 first answers to the prompts of prompts.jsonl, in their order"
    --rule "served=5000 drawn the gateway's log of March"
    --rule "suspect-model=the weights of X as published"

`first` takes the first texts of the file; `drawn` draws them by the registered seed, so that
nobody chose them. What can't be checked of a rule is where a file came from: that is in its words,
and each run's digests are in the ledger (`runs`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from stillwatch.errors import TraceRefused
from stillwatch.lab.provenance.plan import Test, innocents_needed, needs

if TYPE_CHECKING:
    from stillwatch.lab.provenance.texts import Texts

INNOCENTS = ("innocent_model", "innocent_text")
"""Of these there may be several; their order counts, for `contrast` compares with the first."""
TEXTS = ("suspect_text", "innocent_text", "served", "other", "held_out")
ROLES = (*TEXTS[:2], "suspect_model", "innocent_model", *TEXTS[2:], "canaries", "tokenizer")
ORDERS = ("first", "drawn")

_MAX_WORDS = 1000
_TODO = "Write --rule 'ROLE=COUNT first|drawn WORDS' for texts, 'ROLE=WORDS' for all else"
_OF_TEXTS = re.compile(r"([0-9]{1,9}) +([a-z]+) +(.+)", re.DOTALL)


@dataclass(frozen=True)
class Bound:
    """One thing that a trial is made on; either its digest is known, or its rule."""

    role: str
    sha256: str = ""
    words: str = ""
    """Of a rule: what it is, and where it comes from."""
    texts: int = 0
    """Of a rule for texts: how many."""
    order: str = ""

    def chosen(self, texts: Texts, seed: str) -> Texts:
        """The texts of a file that the rule takes; all where there is none.

        Raises `TraceRefused` where there are fewer.
        """
        if not self.texts:
            return texts
        if len(texts) < self.texts:
            what = f"holds {len(texts):,} texts, and {self.texts:,} are registered"
            raise TraceRefused(option(self.role), what, "Get as many as were registered")
        if self.order == "first":
            return texts.taken(np.arange(self.texts))
        marks = [_mark(seed, self.role, text.tolist(), prompt) for text, prompt in texts.pieces()]
        # equal texts in the file's order
        return texts.taken(np.array(sorted(range(len(marks)), key=marks.__getitem__)[: self.texts]))


def option(role: str) -> str:
    """How the command line names a role."""
    return "--" + role.replace("_", "-")


def rule_of(told: str) -> Bound:
    """A rule as the command line takes it; raises `TraceRefused`.

    >>> rule_of("served=50 first the log of March")
    Bound(role='served', sha256='', words='the log of March', texts=50, order='first')
    """
    name, _, rest = told.partition("=")
    role, rest = name.strip().replace("-", "_"), rest.strip()
    if role not in ROLES or not rest or len(rest) > _MAX_WORDS:
        raise TraceRefused("--rule", f"{told[:80]!r} is no rule", _TODO)
    if role not in TEXTS:
        return Bound(role, words=rest)
    found = _OF_TEXTS.fullmatch(rest)
    if found is None or found[2] not in ORDERS or not int(found[1]):
        what = f"{told[:80]!r} doesn't say how many texts, and in which order"
        raise TraceRefused("--rule", what, _TODO)
    return Bound(role, words=found[3].strip(), texts=int(found[1]), order=found[2])


def check_enough(tests: Sequence[Test], bound: Sequence[Bound]) -> None:
    """That all is bound that the tests need, and nothing else; raises `TraceRefused`."""
    many = {role: sum(one.role == role for one in bound) for role in ROLES}
    for test in tests:
        for role in needs(test):
            wanted = innocents_needed(test) if role in INNOCENTS else 1
            if not many[role]:
                what = f"{test.name} needs {option(role)}, and neither it nor a rule is given"
                raise TraceRefused("plan", what, "Bind it: by its path, or by --rule")
            if many[role] < wanted:
                what = f"{test.name} needs two innocents: one to compare with, one as the control"
                raise TraceRefused("plan", what, f"Give {option(role)} twice")
    used = {role for test in tests for role in needs(test)}
    if any(test.mode == "canaries" for test in tests):
        used.add("tokenizer")
    for role, count in many.items():
        if count and role not in used:
            what = f"{option(role)} is given, and no test needs it"
            raise TraceRefused("plan", what, "Leave it out, or register a test that needs it")
        if count > 1 and role not in INNOCENTS:
            raise TraceRefused("plan", f"{option(role)} is given twice", "Give one")


def check_same(where: object, bound: Sequence[Bound], materials: Sequence[dict[str, Any]]) -> None:
    """That these are the materials that were registered; raises `TraceRefused`."""
    todo = "Give all that was registered, as it was, in its order"
    for role in ROLES:
        wanted = [one for one in bound if one.role == role]
        given = [one for one in materials if one["role"] == role]
        if len(wanted) > len(given):
            what = f"{option(role)} is not given as often as registered ({len(wanted)})"
            raise TraceRefused(where, what if given else f"{option(role)} is not given", todo)
        if len(wanted) < len(given):
            raise TraceRefused(where, f"{option(role)} was not registered, or so often", todo)
        for one, told in zip(wanted, given, strict=True):
            if one.sha256 and one.sha256 != told["sha256"]:
                what = f"{option(role)} {told['name']} is not what was registered"
                raise TraceRefused(where, what, todo)
            if one.texts and one.texts != int(told["texts"]):
                what = f"{option(role)} has {told['texts']} texts, and {one.texts} are registered"
                raise TraceRefused(where, what, todo)


def _mark(seed: str, role: str, tokens: list[int], prompt: int) -> str:
    return hashlib.sha256(f"{seed} {role} {prompt} {tokens}".encode()).hexdigest()
