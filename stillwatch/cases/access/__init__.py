"""Who may do what: people with roles, how they come in, and the tokens of their programs."""

from __future__ import annotations

from stillwatch.cases.access.entering import (
    Session,
    end_session,
    end_sessions_of,
    find_session,
    sign_in,
    sign_in_known,
)
from stillwatch.cases.access.people import (
    Person,
    add_person,
    disable,
    enable,
    find_person,
    list_people,
    set_password,
    set_role,
)
from stillwatch.cases.access.roles import Role, may
from stillwatch.cases.access.tokens import Token, find_token, list_tokens, make_token, revoke_token

__all__ = [
    "Person",
    "Role",
    "Session",
    "Token",
    "add_person",
    "disable",
    "enable",
    "end_session",
    "end_sessions_of",
    "find_person",
    "find_session",
    "find_token",
    "list_people",
    "list_tokens",
    "make_token",
    "may",
    "revoke_token",
    "set_password",
    "set_role",
    "sign_in",
    "sign_in_known",
]
