"""`stillwatch peers answer|ask`: have you seen these too?"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stillwatch.cli.acting import acting_as, opened
from stillwatch.cli.options import Actor, FindingsFolder, Json, StoreAddress, examples
from stillwatch.cli.peers_told import PeerName

if TYPE_CHECKING:
    from stillwatch.peers.seen import Seen

LakeFolder = Annotated[
    Path, typer.Option("--log", metavar="LAKE", help="The lake that the findings are of.")
]
KeyFile = Annotated[
    Path, typer.Option("--key", metavar="FILE", help="The group's key (`stillwatch share key`).")
]
Campaigns = Annotated[
    list[str] | None,
    typer.Option("--campaign", help="Only what its accounts have; may be given several times."),
]
Epoch = Annotated[
    str | None, typer.Option(help="The epoch that values are hashed for; this month's, or YYYY-MM.")
]

ANSWER_EXAMPLES = examples(
    (
        "what accounts of campaigns have, for `stillwatch peers serve --answer`",
        "stillwatch peers answer FINDINGS --log LAKE --key group.key --out seen.json",
    )
)
ASK_EXAMPLES = examples(
    (
        "how many of a campaign's cards, devices and networks a peer has seen",
        "stillwatch peers ask al FINDINGS --log LAKE --key group.key --campaign c-0123456789",
    )
)


def answer(
    findings: FindingsFolder,
    log: LakeFolder,
    key: KeyFile,
    out: Annotated[Path, typer.Option(help="The file to write; only you may read it.")],
    campaign: Campaigns = None,
    epoch: Epoch = None,
    json: Json = False,
) -> None:
    """Make the set that peers may ask about: cards, devices and networks of campaigns' accounts.

    Of nobody else: a peer that asks about all its customers learns of none who is in no campaign
    here.
    """
    from stillwatch.cli.printing import emit, people, safe

    made = _seen(findings, log, key, campaign, epoch)
    made.save(out)
    if json:
        emit({"file": out, "items": len(made.items), "key": made.key, "epoch": made.epoch})
    else:
        line = f"{len(made.items):,} items of key {made.key}, epoch {made.epoch}, are in {out}"
        people().print(safe(line, limit=2000), soft_wrap=True)


def ask_(
    peer: PeerName,
    findings: FindingsFolder,
    log: LakeFolder,
    key: KeyFile,
    campaign: Campaigns = None,
    epoch: Epoch = None,
    which: Annotated[
        bool, typer.Option("--which", help="Also which items; only where the peer agrees.")
    ] = False,
    store: StoreAddress = "cases.db",
    actor: Actor = None,
    json: Json = False,
) -> None:
    """Ask a peer how many of these it has seen too, by private set intersection.

    It learns how many were asked, and nothing of them; we learn how many are shared.
    """
    from stillwatch.cases.access import Role
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.peers.asking import ask
    from stillwatch.peers.client import connected
    from stillwatch.peers.registry import find_peer

    mine = _seen(findings, log, key, campaign, epoch)
    with opened(store) as cases:
        by = acting_as(cases, actor, Role.ANALYST)
        known = find_peer(cases, peer)
        with connected(known) as client:
            learned = ask(cases, known, client, mine, which, by.name)
    if json:
        emit({"peer": peer, **asdict(learned)})
        return
    line = f"{peer} has seen {learned.shared:,} of these {learned.asked:,} too"
    people().print(safe(line), soft_wrap=True)
    for item in learned.which or ():
        people().print(safe(f"  {item}"), soft_wrap=True)


def _seen(
    findings: Path, log: Path, key: Path, campaigns: list[str] | None, epoch: str | None
) -> Seen:
    from stillwatch import read_findings
    from stillwatch.lake import Lake
    from stillwatch.peers.seen import checked_epoch, seen, this_epoch
    from stillwatch.sharing.keyed import GroupKey

    month = this_epoch() if epoch is None else checked_epoch(epoch)
    group, found = GroupKey.load(key), read_findings(findings)
    return seen(Lake.open(log), found, campaigns or (), group, month)
