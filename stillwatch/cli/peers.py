"""`stillwatch peers`: other providers, what they tell us, and what is made of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from stillwatch.cli import peers_asking, peers_service, peers_told
from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, Json, StoreAddress, examples
from stillwatch.cli.peers_told import PeerName

app = typer.Typer(no_args_is_help=True, help="Tell campaigns to other providers, and hear of them.")

ADD_EXAMPLES = examples(
    (
        "one that we pull from",
        "stillwatch peers add al --url https://al.example/taxii2/stillwatch/ --token-file al.token",
    ),
    ("one that only comes to us", "stillwatch peers add bo"),
)
LIST_EXAMPLES = examples(("all of them", "stillwatch peers list"))
REMOVE_EXAMPLES = examples(("and all that it told", "stillwatch peers remove al"))
ADMIT_EXAMPLES = examples(("for three months", "stillwatch peers admit bo --days 90"))
SHUT_OUT_EXAMPLES = examples(("its token leaked", "stillwatch peers shut-out bo"))
PULL_EXAMPLES = examples(
    ("from all of them", "stillwatch peers pull"), ("from one", "stillwatch peers pull al")
)


@app.command("add", epilog=ADD_EXAMPLES)
def add(
    peer: PeerName,
    url: Annotated[
        str | None, typer.Option(help="Its TAXII 2.1 API root, over https; without one, none.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(help="A file with the token that it gave us, read at each pull.")
    ] = None,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Get to know a peer: what it tells from now on is evidence, and never a verdict."""
    from stillwatch.cases.access import Role
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.peers.registry import add_peer

    with opened(store, create=True) as cases:
        by = acting_as(cases, actor, Role.LEAD)
        made = add_peer(cases, peer, url, token_file, by.name)
    if json:
        emit({"peer": asdict(made)})
    else:
        people().print(safe(f"{made.name} is a peer"), soft_wrap=True)


@app.command("list", epilog=LIST_EXAMPLES)
def list_(store: StoreAddress = "cases.db", json: Json = False) -> None:
    """All peers, and how much each told."""
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.peers.received import count_told
    from stillwatch.peers.registry import list_peers

    with opened(store) as cases:
        found, counts = list_peers(cases), count_told(cases)
    if json:
        emit({"peers": [{**asdict(peer), "told": counts.get(peer.name, {})} for peer in found]})
        return
    for peer in found:
        told = ", ".join(f"{n:,} {state}" for state, n in sorted(counts.get(peer.name, {}).items()))
        standing = "" if peer.believed else f"; disputed by {peer.disputed_by}: {peer.reason}"
        comes = f"; comes in until {peer.token_until[:10]}" if peer.token_until else ""
        line = f"{peer.name}: {peer.url or 'no address'}; told {told or 'nothing'}{comes}{standing}"
        people().print(safe(line), soft_wrap=True)


@app.command("remove", epilog=REMOVE_EXAMPLES)
def remove(
    peer: PeerName, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """Forget a peer and all that it told; the ledger keeps that it was there."""
    from stillwatch.cases.access import Role
    from stillwatch.peers.registry import remove_peer

    with opened(store) as cases:
        remove_peer(cases, peer, acting_as(cases, actor, Role.LEAD).name)
    _done(json, peer, "removed")


@app.command("admit", epilog=ADMIT_EXAMPLES)
def admit_(
    peer: PeerName,
    days: Annotated[int, typer.Option(min=1, max=365, help="When its token ends.")] = 90,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Make the token that a peer comes in with, and print it this once; an older one ends."""
    from stillwatch.cases.access import Role
    from stillwatch.cli.printing import emit, people
    from stillwatch.peers.registry import admit

    with opened(store) as cases:
        secret = admit(cases, peer, days, acting_as(cases, actor, Role.LEAD).name)
    if json:
        emit({"peer": peer, "token": secret})
    else:
        people().print(secret, soft_wrap=True)


@app.command("shut-out", epilog=SHUT_OUT_EXAMPLES)
def shut_out_(
    peer: PeerName, store: StoreAddress = "cases.db", actor: Actor = None, json: Json = False
) -> None:
    """End the token that a peer comes in with, now."""
    from stillwatch.cases.access import Role
    from stillwatch.peers.registry import shut_out

    with opened(store) as cases:
        shut_out(cases, peer, acting_as(cases, actor, Role.ANALYST).name)
    _done(json, peer, "shut out")


@app.command("pull", epilog=PULL_EXAMPLES)
def pull_(
    peer: Annotated[
        str | None, typer.Argument(metavar="[PEER]", help="Only from this one.")
    ] = None,
    store: StoreAddress = "cases.db",
    json: Json = False,
) -> None:
    """Pull what peers told since the last time; a pull that is cut off goes on where it was.

    Leaves with a refusal where a peer couldn't be pulled from; the others are pulled all the same.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.peers.pulling import pull
    from stillwatch.peers.registry import find_peer, list_peers

    with opened(store) as cases:
        some = list_peers(cases) if peer is None else [find_peer(cases, peer)]
        done = [pull(cases, one) for one in some if peer is not None or one.url is not None]
    if json:
        emit({"pulled": [{**asdict(one), "fault": one.fault and str(one.fault)} for one in done]})
    for one in [] if json else done:
        left_out = f", {one.refused.total():,} that can't be taken" if one.refused else ""
        people().print(safe(f"{one.peer}: {one.new:,} new objects{left_out}"), soft_wrap=True)
        for why, count in one.refused.most_common(5):
            people().print(safe(f"  {count:,}: {why}"), soft_wrap=True)
    for fault in (one.fault for one in done if one.fault is not None):
        raise fault


def _done(json: bool, peer: str, what: str) -> None:
    from stillwatch.cli.printing import emit, people, safe

    if json:
        emit({"peer": peer, "done": what})
    else:
        people().print(safe(f"{peer} is {what}"), soft_wrap=True)


app.command("told", epilog=peers_told.TOLD_EXAMPLES)(peers_told.told)
app.command("accept", epilog=peers_told.ACCEPT_EXAMPLES)(peers_told.accept)
app.command("decline", epilog=peers_told.DECLINE_EXAMPLES)(peers_told.decline)
app.command("dispute", epilog=peers_told.DISPUTE_EXAMPLES)(peers_told.dispute)
app.command("believe", epilog=peers_told.BELIEVE_EXAMPLES)(peers_told.believe)
app.command("publish", epilog=peers_service.PUBLISH_EXAMPLES)(peers_service.publish_)
app.command("serve", epilog=peers_service.SERVE_EXAMPLES)(peers_service.serve)
app.command("answer", epilog=peers_asking.ANSWER_EXAMPLES)(peers_asking.answer)
app.command("ask", epilog=peers_asking.ASK_EXAMPLES)(peers_asking.ask_)
