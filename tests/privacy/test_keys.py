"""Files of keys: made once, read strictly, rotated without losing what was."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from stillwatch.errors import InputNotFound, OutputExists, PrivacyRefused
from stillwatch.privacy import new_keys, read_keys, read_owner, rotate_keys


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Both files."""
    new_keys(tmp_path / "keys.json", tmp_path / "owner.json")
    return tmp_path / "keys.json", tmp_path / "owner.json"


def test_both_files_are_of_one_deployment(files: tuple[Path, Path]) -> None:
    """They know each other, are for their owner's eyes, and the one lacks what the other has."""
    keys, owner = read_keys(files[0]), read_owner(files[1])
    assert keys.identity == owner.identity
    assert keys.signer.private_bytes_raw() == owner.signer.private_bytes_raw()
    for path in files:
        assert path.stat().st_mode & 0o777 == 0o600
    private = json.loads(files[1].read_text())["private"]
    assert private not in files[0].read_text()
    assert keys.epochs[0].secret.hex() not in files[1].read_text()


def test_nothing_is_overwritten(files: tuple[Path, Path], tmp_path: Path) -> None:
    """Keys that are there stay, whichever of the two it is."""
    before = [path.read_bytes() for path in files]
    for pair in (files, (files[0], tmp_path / "x"), (tmp_path / "y", files[1])):
        with pytest.raises(OutputExists):
            new_keys(*pair)
    assert [path.read_bytes() for path in files] == before


def test_rotation_adds_an_epoch(files: tuple[Path, Path]) -> None:
    """Earlier secrets stay as they were; a time decides which epoch it is."""
    first = read_keys(files[0]).epochs[0]
    begin = first.begin + dt.timedelta(days=30)
    keys = rotate_keys(files[0], begin)
    assert [epoch.number for epoch in keys.epochs] == [1, 2]
    assert keys.epochs[0] == first
    assert keys.epochs[1].secret != first.secret
    assert keys.at(begin - dt.timedelta(seconds=1)).number == 1
    assert keys.at(begin).number == 2
    assert keys.at(first.begin - dt.timedelta(days=900)).number == 1
    with pytest.raises(PrivacyRefused, match="epoch 2 begins"):
        rotate_keys(files[0], begin)
    assert files[0].stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda told: told | {"epochs": []}, "epochs"),
        (lambda told: told | {"owner": "AAAA"}, "32 bytes"),
        (lambda told: told | {"format": "stillwatch-keys-9"}, "kind"),
        (lambda told: {"format": told["format"]}, "no file of keys"),
        (lambda told: told | {"epochs": told["epochs"] * 2}, "order"),
        (lambda told: told | {"signer": "ü" * 44}, "32 bytes"),
    ],
)
def test_damaged_files_are_refused(files: tuple[Path, Path], change, says: str) -> None:
    """Clearly, and without a word of a secret."""
    told = json.loads(files[0].read_text())
    files[0].write_text(json.dumps(change(told)))
    with pytest.raises(PrivacyRefused, match=says) as refused:
        read_keys(files[0])
    assert told["signer"] not in str(refused.value)


def test_the_wrong_file_and_careless_rights(files: tuple[Path, Path], tmp_path: Path) -> None:
    """The owner's file is no file for ingesting; anybody's file is nobody's."""
    with pytest.raises(PrivacyRefused):
        read_keys(files[1])
    with pytest.raises(PrivacyRefused):
        read_owner(files[0])
    with pytest.raises(InputNotFound):
        read_keys(tmp_path / "none")
    files[0].chmod(0o644)
    with pytest.raises(PrivacyRefused, match="chmod 600"):
        read_keys(files[0])
