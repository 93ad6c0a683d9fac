"""One file behind `https://`, copied as it is; a signature in its address is never shown."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from stillwatch.warehouses.address import Address
from stillwatch.warehouses.checkpoint import Checkpoint, mark
from stillwatch.warehouses.part import Part

TIMEOUT_S = 60.0
_TODO = "Check the address; a signed one may have run out"


class _SameScheme(HTTPRedirectHandler):
    """Follows to https only, or from loopback to loopback."""

    def redirect_request(self, req, fp, code, msg, headers, newurl):
        if not newurl.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def web_parts(address: Address, had: Checkpoint, spool: Path) -> Iterator[Part]:
    """The file, unless it is the one that was had; raises `WarehouseFailed`."""
    name = PurePosixPath(address.path).name
    if not name:
        raise address.failed("names no file", "Folders can't be listed here: name one file")
    try:
        request = Request(address.url, headers={"User-Agent": "stillwatch"})
        with build_opener(_SameScheme).open(request, timeout=TIMEOUT_S) as source:
            told = source.headers
            known = mark(address.shown, told["ETag"], told["Last-Modified"], told["Content-Length"])
            if known in had.done and (told["ETag"] or told["Last-Modified"]):
                return
            with (spool / name).open("wb") as out:
                shutil.copyfileobj(source, out, 1 << 20)
    except (URLError, OSError, ValueError) as fault:
        raise address.failed(f"can't be read ({fault})", _TODO) from None
    after = had.copy()
    after.done.add(known)
    yield Part(spool, address.shown.partition("?")[0].rpartition("/")[0], after)
