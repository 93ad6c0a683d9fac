"""An address -> parts of what is new there, by the kind of warehouse that it is."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from stillwatch.warehouses.address import DATABASES, Address, parse_address
from stillwatch.warehouses.checkpoint import Checkpoint
from stillwatch.warehouses.layout import DELTA_LOG, ICEBERG_METADATA
from stillwatch.warehouses.part import Part, Wanted


def fetch(address: Address, had: Checkpoint, spool: Path, wanted: Wanted) -> Generator[Part]:
    """Parts of what is new at `address`, each to be read before the next is asked for.

    Files come into the empty folder `spool`. Under a prefix of object storage a Delta or an Iceberg
    table is told by what lies there; other objects are taken if they are `wanted` by name. Raises
    `WarehouseFailed`, and `ExtraMissing` where a package isn't installed.
    """
    if address.scheme in DATABASES:
        yield from _from_database(address, had, spool)
    elif address.scheme in ("https", "http"):
        from stillwatch.warehouses.web import web_parts

        yield from web_parts(address, had, spool)
    elif address.scheme in ("delta", "iceberg"):
        yield from _from_table(address.scheme, address, had, spool)
    else:
        from stillwatch.warehouses.objects import listed, object_parts

        storage, top, files = listed(address)
        paths = [info.path.removeprefix(top) for info in files]
        if any(path.startswith(f"/{DELTA_LOG}/") for path in paths):
            yield from _from_table("delta", address, had, spool)
        elif any(ICEBERG_METADATA.fullmatch(path) for path in paths):
            table = parse_address(f"iceberg+{address.url}")
            yield from _from_table("iceberg", table, had, spool)
        else:
            yield from object_parts(address, storage, top, files, had, spool, wanted)


def _from_database(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    if address.scheme.startswith("clickhouse"):
        from stillwatch.warehouses.clickhouse import clickhouse_parts

        return clickhouse_parts(address, had, spool)
    from stillwatch.warehouses.postgres import postgres_parts

    return postgres_parts(address, had, spool)


def _from_table(kind: str, address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    if kind == "delta":
        from stillwatch.warehouses.delta import delta_parts

        return delta_parts(address, had, spool)
    from stillwatch.warehouses.iceberg import iceberg_parts

    return iceberg_parts(address, had, spool)
