"""Pulling: what peers tell since the last time, kept page by page."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stillwatch.errors import StillwatchError
from stillwatch.peers.client import connected
from stillwatch.peers.received import keep_pulled, reached

if TYPE_CHECKING:
    from stillwatch.cases.store import Store
    from stillwatch.peers.registry import Peer


@dataclass
class Pulled:
    """What a pull brought: objects that are `new`, by reason those `refused`, and the `fault` that
    ended it early, if one did; what came before it is kept."""

    peer: str
    new: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    fault: StillwatchError | None = None


def pull(store: Store, peer: Peer) -> Pulled:
    """Pull all of a peer's collections.

    Every page is kept with how far it goes: a pull that is cut off goes on from there, and one that
    is run again brings nothing twice. A fault of the peer is told in the result, so that others are
    still pulled.
    """
    result = Pulled(peer.name)
    try:
        with connected(peer) as client:
            for collection in client.collections():
                for page in client.pages(collection, reached(store, peer, collection)):
                    result.new += keep_pulled(store, peer, collection, page.objects, page.reached)
                    result.refused.update(page.refused)
    except StillwatchError as fault:
        result.fault = fault
    return result
