"""`stillwatch lab measures`: the countermeasures there are, and what each costs and is worth."""

from __future__ import annotations

from dataclasses import asdict

from stillwatch.cli.options import Json, examples

EXAMPLES = examples(
    ("what there is, and what it costs", "stillwatch lab measures"),
    ("for machines", "stillwatch lab measures --json"),
)


def measures(*, json: Json = False) -> None:
    """List countermeasures: what they need, cost, and are undone by; which serve false reasoning.

    docs/countermeasures.md has the sources of what is said here.
    """
    from stillwatch.cli.printing import emit, people, safe
    from stillwatch.countermeasures.table import MEASURES

    if json:
        emit({"measures": [asdict(about) for about in MEASURES.values()]})
        return
    console = people()
    for at, about in enumerate(MEASURES.values()):
        marks = [about.needs.value]
        marks += ["experimental"] if about.experimental else []
        marks += [] if about.truthful else ["SERVES FALSE REASONING: needs a switch of its own"]
        if at:
            console.print()
        console.print(safe(f"{about.name} ({'; '.join(marks)})"), style="bold")
        console.print(safe(f"  {about.says}"))
        console.print(safe(f"  default   {about.default}"))
        console.print(safe(f"  costs     {about.cost}"))
        console.print(safe(f"  undone by {about.against}"))
