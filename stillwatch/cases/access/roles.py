"""Roles: each may do what the one before it may, and more."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do: look, judge, sign for the many, let people in."""

    VIEWER = "viewer"
    ANALYST = "analyst"
    LEAD = "lead"
    ADMINISTRATOR = "administrator"


def may(role: Role, least: Role) -> bool:
    """Whether `role` may do what needs `least`.

    >>> may(Role.LEAD, Role.ANALYST), may(Role.VIEWER, Role.ANALYST)
    (True, False)
    """
    return _rank(role) >= _rank(least)


def lesser(one: Role, other: Role) -> Role:
    """The role of the two that may do less."""
    return min(one, other, key=_rank)


def _rank(role: Role) -> int:
    return list(Role).index(role)
