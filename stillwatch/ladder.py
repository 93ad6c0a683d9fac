"""The ladder: what may be done to an account, from the mildest to the most severe.

Cases, policy and the gateway share these words; they are part of what users depend on.
"""

from __future__ import annotations

from enum import StrEnum


class Action(StrEnum):
    """What is done, from the mildest to the most severe."""

    OBSERVE = "observe"
    THROTTLE = "throttle"
    STEP_UP = "step_up"
    WITHHOLD = "withhold"
    DENY = "deny"
    SUSPEND = "suspend"

    @property
    def severity(self) -> int:
        """Its place on the ladder, from 0.

        >>> Action.DENY.severity > Action.THROTTLE.severity
        True
        """
        return list(Action).index(self)
