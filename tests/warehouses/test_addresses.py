"""Addresses of warehouses: what is shown of them, and what never is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import LakeBroken, WarehouseFailed
from stillwatch.warehouses import (
    Checkpoint,
    is_address,
    load_checkpoint,
    parse_address,
    save_checkpoint,
    table_address,
)

SECRET = st.text("abcdefghijkLMNOP0123456789%@:/?#&=+ é", min_size=6, max_size=20).map(
    lambda text: "Zq" + text + "Zq"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://bucket/a/b?access_key=AK&secret_key=SK&region=eu", "s3://bucket/a/b?region=eu"),
        ("postgresql://u:p@h:5/d?table=t&cursor=c", "postgresql://h:5/d?table=t&cursor=c"),
        ("https://h/f.parquet?X-Amz-Signature=abc", "https://h/f.parquet"),
        ("delta+s3://b/t", "delta+s3://b/t"),
        ("clickhouses://u:p@h/d?table=a.b", "clickhouses://h/d?table=a.b"),
        ("delta+file:///x/y", "delta+file:///x/y"),
    ],
)
def test_what_is_shown(text: str, shown: str) -> None:
    """Where and what is read; no user, password, key or signature."""
    assert is_address(text)
    assert parse_address(text).shown == shown


@given(SECRET)
def test_a_password_is_never_shown(secret: str) -> None:
    """However it is written: not in what is shown, printed or raised."""
    from urllib.parse import quote

    address = parse_address(f"postgresql://ann:{quote(secret, safe='')}@h/d?table=t")
    fault = address.failed(f"the server said {secret} and {quote(secret, safe='')}", "Do")
    for text in (address.shown, repr(address), str(fault)):
        assert secret not in text
        assert quote(secret, safe="") not in text


@pytest.mark.parametrize(
    "text", ["ftp://h/x", "nothing", "http://example.com/x.parquet", "s3://[bad", "s3://h:x/"]
)
def test_what_is_no_address(text: str) -> None:
    """Refused with what to do; a file in the clear only from this machine."""
    with pytest.raises(WarehouseFailed):
        parse_address(text)


def test_checkpoints_are_kept_and_hold_no_secret(tmp_path: Path) -> None:
    """What was had comes back, by address without its credentials."""
    one = parse_address("postgresql://ann:hunter22@h/d?table=t")
    other = parse_address("postgresql://bob:hunter33@h/d?table=t")
    assert load_checkpoint(tmp_path, one) == Checkpoint(one.shown)
    save_checkpoint(tmp_path, one, Checkpoint(one.shown, {"m"}, "2026-01-01T00:00:00+00:00"))
    assert load_checkpoint(tmp_path, other).done == {"m"}
    (held,) = (tmp_path / "warehouses").iterdir()
    assert b"hunter" not in held.read_bytes()
    held.write_bytes(b"{")
    with pytest.raises(LakeBroken):
        load_checkpoint(tmp_path, one)


def test_a_tables_folder_is_told(tmp_path: Path) -> None:
    """By its writer's own files; a log that has a `metadata` folder is no table."""
    assert table_address(tmp_path) is None
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "notes.json").touch()
    assert table_address(tmp_path) is None
    (tmp_path / "metadata" / "00001-ab.metadata.json").touch()
    assert table_address(tmp_path) == f"iceberg+file://{tmp_path}"
    (tmp_path / "_delta_log").mkdir()
    assert table_address(tmp_path) == f"delta+file://{tmp_path}"
