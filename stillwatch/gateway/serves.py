"""What the service needs of a gate, beyond its decisions."""

from __future__ import annotations

from typing import Any, Protocol

from stillwatch.gateway.gate import Decides, Standing


class Serves(Decides, Protocol):
    """A gate that can be served: `Gate`, or a test's own."""

    def standing(self) -> Standing | None:
        """The table that is loaded; `None` while none is."""
        ...

    def look_up(self, decision_id: str) -> dict[str, Any] | None:
        """A decision that was given, with what it was based on; `None` where none has that id."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...
