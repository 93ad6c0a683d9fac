"""Documents can't drift from the code: what exists is documented, what is documented exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stillwatch import tables
from stillwatch.cli.exits import MEANINGS
from stillwatch.console.wording import EVIDENCE_TITLES
from tests.reference import all_commands, reference
from tests.sources_reference import filled

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
COMMANDS = all_commands()
GROUPS = {
    " ".join(name.split()[:many]) for name in COMMANDS for many in range(1, len(name.split()))
}


def test_commands_are_documented_as_they_are(refresh: bool) -> None:
    """docs/commands.md is what the help says, option for option; `--refresh` writes it."""
    path = ROOT / "docs" / "commands.md"
    if refresh:
        path.write_text(reference())
    assert path.read_text() == reference(), "run `make docs` and read the diff"


def test_sources_are_documented_as_they_are(refresh: bool) -> None:
    """docs/sources.md has the registry's formats, keys and columns; `--refresh` writes them."""
    path = ROOT / "docs" / "sources.md"
    if refresh:
        path.write_text(filled(path.read_text()))
    assert path.read_text() == filled(path.read_text()), "run `make docs` and read the diff"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_named_commands_and_options_exist(path: Path) -> None:
    """Every `stillwatch NAME --option` in a document is one that the command line knows."""
    for line in re.findall(r"(?<![\w/.-])stillwatch ([a-z]+[^\n`]*)", path.read_text()):
        name, *words = line.split("#")[0].split()
        while name in GROUPS and words:
            name, words = f"{name} {words[0]}", words[1:]
        if name in GROUPS:
            continue
        if name not in COMMANDS:
            assert f"stillwatch {name}" not in re.findall(r"`(stillwatch \w+)", path.read_text())
            continue
        known = {flag for param in COMMANDS[name].params for flag in _flags(param)} | {"--help"}
        asked = {word.rstrip(",.;:)]").lstrip("[(") for word in words}
        unknown = {word for word in asked if word.startswith("--") and word not in known}
        assert not unknown, f"{path.name}: stillwatch {name} has no {unknown}"


def _flags(param: object) -> list[str]:
    return [*getattr(param, "opts", []), *getattr(param, "secondary_opts", [])]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_and_targets_exist(path: Path) -> None:
    """Links to files of the repository lead somewhere, and `make` targets are there."""
    text, targets = path.read_text(), (ROOT / "Makefile").read_text()
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", text):
        assert (path.parent / link).exists(), f"{path.name} links to {link}"
    for target in re.findall(r"(?<=`)make ([a-z]+)", text):
        assert re.search(rf"^{target}:", targets, re.MULTILINE), f"{path.name}: make {target}"


def test_every_column_of_findings_is_documented() -> None:
    """docs/findings.md names each table, each column, and each kind of evidence."""
    text = (ROOT / "docs" / "findings.md").read_text()
    out = {
        "campaigns": tables.CAMPAIGNS,
        "members": tables.MEMBERS,
        "exchanges": tables.ATTRIBUTED,
        "evidence": tables.EVIDENCE,
        "daily": tables.DAILY,
        "links": tables.LINKS,
        "accounts": tables.STANDING,
    }
    for name, schema in out.items():
        assert f"### {name}.parquet" in text
        part = text.split(f"### {name}.parquet")[1].split("\n### ")[0]
        missing = [column for column in schema.names if f"`{column}`" not in part]
        assert not missing, f"docs/findings.md, {name}: {missing}"
    assert not [kind for kind in EVIDENCE_TITLES if f"`{kind}`" not in text]


def test_exit_codes_of_the_readme() -> None:
    """The README names every exit code that the command line can leave with, and no other."""
    part = (ROOT / "README.md").read_text().split("## Exit codes")[1].split("Errors are")[0]
    named = {int(code) for code in re.findall(r"(?:^|; )(\d+) ", part, re.MULTILINE)}
    assert named == set(MEANINGS) - {1}
