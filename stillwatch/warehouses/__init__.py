"""A user's own warehouse: what is new there, fetched a part at a time into files that sources read.

`fetch` takes an address (`is_address` tells one from a path) and what was had before, and hands out
parts: folders of files, each with what to remember once it is in the lake.
"""

from stillwatch.warehouses.address import Address, is_address, parse_address
from stillwatch.warehouses.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from stillwatch.warehouses.fetch import fetch
from stillwatch.warehouses.layout import table_address
from stillwatch.warehouses.part import Part

__all__ = [
    "Address",
    "Checkpoint",
    "Part",
    "fetch",
    "is_address",
    "load_checkpoint",
    "parse_address",
    "save_checkpoint",
    "table_address",
]
