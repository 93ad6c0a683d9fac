"""Rules to accounts: of the rules that match, the first one decides, by the surest membership."""

# pyarrow makes the functions of `compute` while it is imported, where pyright can't see them.
# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.policy.accounts import Accounts
from stillwatch.policy.file import CaseState, CaseWanted, Rule, When
from stillwatch.policy.known import Known

_STATES = list(CaseState)
_ANY = [CaseState.NONE, CaseState.OPEN, CaseState.CONFIRMED]


@dataclass(frozen=True)
class Matched:
    """One row an account that a rule matches."""

    account: np.ndarray
    """Place in `Accounts`."""
    rule: np.ndarray
    """Position in the policy's rules."""
    campaign_id: pa.Array
    case_id: pa.Array
    """Null where there is none."""
    campaign_confidence: np.ndarray
    confidence: np.ndarray
    attributed: np.ndarray
    """Exchanges of the account that are the campaign's."""
    last_us: np.ndarray
    """When it was last seen in the campaign, -1 where that is unknown."""
    found_us: np.ndarray
    """When a plan last found it in the campaign."""

    def take(self, rows: np.ndarray) -> Matched:
        """Only these rows."""
        return Matched(
            self.account[rows],
            self.rule[rows],
            self.campaign_id.take(pa.array(rows)),
            self.case_id.take(pa.array(rows)),
            self.campaign_confidence[rows],
            self.confidence[rows],
            self.attributed[rows],
            self.last_us[rows],
            self.found_us[rows],
        )

    def and_also(self, others: Matched) -> Matched:
        """These and those, in order of places."""
        both = Matched(
            np.concatenate([self.account, others.account]),
            np.concatenate([self.rule, others.rule]),
            pa.concat_arrays([self.campaign_id, others.campaign_id]),
            pa.concat_arrays([self.case_id, others.case_id]),
            *(
                np.concatenate([getattr(self, name), getattr(others, name)])
                for name in (
                    "campaign_confidence", "confidence", "attributed", "last_us", "found_us"
                )
            ),
        )  # fmt: skip
        return both.take(np.argsort(both.account, kind="stable"))


def match(known: Known, rules: tuple[Rule, ...], accounts: Accounts, now_us: int) -> Matched:
    """The rule, and the membership that it is about, of every account that has any.

    A membership whose campaign isn't among the findings is none. Rows are in order of places.
    """
    members, campaigns = known.members, known.campaigns.combine_chunks()
    of = pc.index_in(members["campaign_id"], value_set=_flat(campaigns["campaign_id"]))
    members = members.filter(pc.is_valid(of)).combine_chunks()
    of = of.drop_null().combine_chunks().to_numpy(zero_copy_only=False)
    account = accounts.at(members["account_id"])
    state, case_id = _cases(known.cases, members)
    confidence = _finite(members["confidence"])
    sure = _finite(campaigns["confidence"])[of]
    exchanges = members["exchanges"].to_numpy()
    rule = np.full(members.num_rows, len(rules))
    for at in reversed(range(len(rules))):
        when = rules[at].when
        fits = _campaigns_of(campaigns, when)[of]
        fits &= (confidence >= when.member_confidence) & (exchanges >= when.exchanges)
        fits &= np.isin(state, _wanted(when))
        rule[fits] = at
    # ranks, so that ties are broken by names and never by the order of rows
    names = _flat(campaigns["campaign_id"])
    rank = np.empty(len(names), np.int64)
    rank[pc.sort_indices(names).to_numpy()] = np.arange(len(names))
    hit = np.flatnonzero(rule < len(rules))
    hit = hit[np.lexsort((rank[of[hit]], -confidence[hit], rule[hit], account[hit]))]
    firsts = np.ones(len(hit), bool)
    firsts[1:] = account[hit][1:] != account[hit][:-1]
    hit = hit[firsts]
    last = pc.fill_null(_flat(members["last_ts"]).cast(pa.int64()), -1)
    return Matched(
        account[hit],
        rule[hit],
        _flat(members["campaign_id"]).take(pa.array(hit)),
        case_id.take(pa.array(hit)),
        sure[hit],
        confidence[hit],
        exchanges[hit].astype(np.float64),
        last.to_numpy(zero_copy_only=False)[hit],
        np.full(len(hit), now_us, np.int64),
    )


def states_of(
    cases: pa.Table, decisions: pa.Table, rules: tuple[Rule, ...], rule: np.ndarray
) -> np.ndarray:
    """Whether the case of each decision's campaign is in a state that its `rule` takes.

    `rule` is a position in `rules`, one past the last for none, which takes no state.
    """
    state, _ = _cases(cases, decisions)
    takes = np.zeros((len(rules) + 1, len(_STATES)), bool)
    for at, each in enumerate(rules):
        takes[at, _wanted(each.when)] = True
    return takes[rule, state]


def _campaigns_of(campaigns: pa.Table, when: When) -> np.ndarray:
    """Which campaigns a rule may be about."""
    fits = pc.equal(campaigns["kind"], when.kind.value).to_numpy().astype(bool)
    fits &= _finite(campaigns["confidence"]) >= when.campaign_confidence
    fits &= campaigns["accounts"].to_numpy() >= when.accounts
    if when.capabilities:
        wanted = set(when.capabilities)
        sought = [
            any(name in wanted and share >= when.capability_share for name, share in shares or ())
            for shares in campaigns["capabilities"].to_pylist()
        ]
        fits &= np.array(sought, bool)
    return fits


def _wanted(when: When) -> list[int]:
    wanted = _ANY if when.case == CaseWanted.ANY else [CaseState(when.case.value)]
    return [_STATES.index(each) for each in wanted]


def _cases(cases: pa.Table, members: pa.Table) -> tuple[np.ndarray, pa.Array]:
    """State (position in `CaseState`) and number of the case of each membership."""
    cases = cases.combine_chunks()
    whole = cases.filter(pc.is_null(cases["account_id"])).combine_chunks()
    apart = cases.filter(pc.is_valid(cases["account_id"])).combine_chunks()
    general = pc.index_in(members["campaign_id"], value_set=_flat(whole["campaign_id"]))
    own = pc.index_in(_pairs(members), value_set=_pairs(apart))
    places = pa.array([state.value for state in _STATES])

    def told(name: str) -> pa.Array:
        theirs = _flat(apart[name]).take(_flat(own)), _flat(whole[name]).take(_flat(general))
        return pc.coalesce(*theirs)

    state = pc.index_in(told("state"), value_set=places, skip_nulls=True)
    none = _STATES.index(CaseState.NONE)
    return pc.fill_null(state, none).to_numpy(zero_copy_only=False), told("case_id")


def _pairs(table: pa.Table) -> pa.ChunkedArray:
    """Campaign and account as one text, which no other pair gives."""
    campaign = table["campaign_id"]
    length = pc.binary_length(campaign).cast(pa.string())
    return pc.binary_join_element_wise(length, campaign, table["account_id"], ":")


def _finite(column: pa.ChunkedArray) -> np.ndarray:
    """Confidences; what is no number is no confidence at all."""
    return np.nan_to_num(column.to_numpy(), nan=0.0, posinf=0.0, neginf=0.0)


def _flat(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
