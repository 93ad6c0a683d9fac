"""Who may do what: the least role of every route, in one table.

A route that is not in it is refused when the console is made, so none can be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.cases.access import Role

ANYBODY = None
"""Also whoever is not signed in."""

RIGHTS: dict[tuple[str, str], Role | None] = {
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/static/{name}"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("POST", "/sign-in"): ANYBODY,
    ("GET", "/sign-in/openid"): ANYBODY,
    ("GET", "/sign-in/openid/back"): ANYBODY,
    ("GET", "/api/v1/openapi.json"): ANYBODY,
    ("POST", "/sign-out"): Role.VIEWER,
    ("GET", "/"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/members"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/members.csv"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/graph"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/link"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/frames"): Role.VIEWER,
    ("GET", "/campaigns/{campaign_id}/access"): Role.VIEWER,
    ("GET", "/account"): Role.VIEWER,
    ("GET", "/search"): Role.VIEWER,
    ("POST", "/search"): Role.VIEWER,
    ("GET", "/cases"): Role.VIEWER,
    ("POST", "/cases"): Role.ANALYST,
    ("GET", "/cases/{case_id}"): Role.VIEWER,
    ("POST", "/cases/{case_id}/state"): Role.ANALYST,
    ("POST", "/cases/{case_id}/undo"): Role.ANALYST,
    ("POST", "/cases/{case_id}/assign"): Role.ANALYST,
    ("POST", "/cases/{case_id}/comment"): Role.ANALYST,
    ("POST", "/cases/{case_id}/tag"): Role.ANALYST,
    ("POST", "/cases/{case_id}/untag"): Role.ANALYST,
    ("POST", "/cases/{case_id}/snooze"): Role.ANALYST,
    ("POST", "/cases/{case_id}/merge"): Role.LEAD,
    ("POST", "/cases/{case_id}/split"): Role.LEAD,
    ("GET", "/cases/{case_id}/report.{form}"): Role.VIEWER,
    ("GET", "/cases/{case_id}/appeal.{form}"): Role.ANALYST,
    ("POST", "/cases/{case_id}/enforcements"): Role.ANALYST,
    ("GET", "/decisions"): Role.VIEWER,
    ("POST", "/enforcements/{enforcement_id}/approve"): Role.LEAD,
    ("POST", "/enforcements/{enforcement_id}/decline"): Role.LEAD,
    ("POST", "/enforcements/{enforcement_id}/withdraw"): Role.ANALYST,
    ("POST", "/enforcements/{enforcement_id}/lift"): Role.LEAD,
    ("GET", "/gateway"): Role.VIEWER,
    ("GET", "/ledger"): Role.VIEWER,
    ("GET", "/ledger.jsonl"): Role.LEAD,
    ("GET", "/me"): Role.VIEWER,
    ("POST", "/me/password"): Role.VIEWER,
    ("POST", "/me/tokens"): Role.VIEWER,
    ("POST", "/me/tokens/{token_id}/revoke"): Role.VIEWER,
    ("GET", "/people"): Role.ADMINISTRATOR,
    ("POST", "/people"): Role.ADMINISTRATOR,
    ("POST", "/people/role"): Role.ADMINISTRATOR,
    ("POST", "/people/disable"): Role.ADMINISTRATOR,
    ("POST", "/people/enable"): Role.ADMINISTRATOR,
    ("GET", "/api/v1/summary"): Role.VIEWER,
    ("GET", "/api/v1/campaigns"): Role.VIEWER,
    ("GET", "/api/v1/campaigns/{campaign_id}"): Role.VIEWER,
    ("GET", "/api/v1/campaigns/{campaign_id}/members"): Role.VIEWER,
    ("GET", "/api/v1/campaigns/{campaign_id}/evidence"): Role.VIEWER,
    ("GET", "/api/v1/campaigns/{campaign_id}/frames"): Role.VIEWER,
    ("GET", "/api/v1/campaigns/{campaign_id}/objects"): Role.VIEWER,
    ("GET", "/api/v1/account"): Role.VIEWER,
    ("GET", "/api/v1/search"): Role.VIEWER,
    ("GET", "/api/v1/cases"): Role.VIEWER,
    ("POST", "/api/v1/cases"): Role.ANALYST,
    ("GET", "/api/v1/cases/{case_id}"): Role.VIEWER,
    ("GET", "/api/v1/cases/{case_id}/history"): Role.VIEWER,
    ("POST", "/api/v1/cases/{case_id}/state"): Role.ANALYST,
    ("POST", "/api/v1/cases/{case_id}/undo"): Role.ANALYST,
    ("POST", "/api/v1/cases/{case_id}/comment"): Role.ANALYST,
    ("POST", "/api/v1/cases/{case_id}/assign"): Role.ANALYST,
    ("POST", "/api/v1/cases/{case_id}/enforcements"): Role.ANALYST,
    ("GET", "/api/v1/enforcements"): Role.VIEWER,
    ("POST", "/api/v1/enforcements/{enforcement_id}/approve"): Role.LEAD,
    ("POST", "/api/v1/enforcements/{enforcement_id}/decline"): Role.LEAD,
    ("POST", "/api/v1/enforcements/{enforcement_id}/withdraw"): Role.ANALYST,
    ("POST", "/api/v1/enforcements/{enforcement_id}/lift"): Role.LEAD,
    ("GET", "/api/v1/decisions"): Role.VIEWER,
    ("GET", "/api/v1/gateway"): Role.VIEWER,
    ("GET", "/api/v1/labels"): Role.VIEWER,
    ("GET", "/api/v1/ledger"): Role.VIEWER,
}


def check_whole(routes: Iterable[tuple[str, str]]) -> None:
    """Raise `LookupError` where routes and table differ."""
    routes = set(routes)
    for method, path in sorted(routes ^ RIGHTS.keys()):
        raise LookupError(f"{method} {path} is in the console or in its table of rights, not both")
