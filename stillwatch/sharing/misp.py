"""A bundle as a MISP event, by the converter that MISP's own import uses (extra: `misp`).

The converter knows no infrastructure. It is left out with what belongs to it, of which nothing is
lost: every network of it is an indicator, too. Patterns that MISP has no attribute for become
objects `stix2-pattern`, which hold them whole.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from stillwatch.errors import ExtraMissing, SharingRefused


def misp_event(bundle: dict[str, Any], producer: str) -> dict[str, Any]:
    """The event as MISP's JSON.

    Raises `ExtraMissing` where the converter isn't installed, and `SharingRefused` where it can't
    take the bundle whole.
    """
    try:
        import misp_stix_converter as converter
    except ModuleNotFoundError:
        raise ExtraMissing(
            "--format misp", "needs MISP's converter", "Run pip install 'stillwatch[misp]'"
        ) from None
    # the converter's public entry reads and writes files
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as scratch:
        source, result = Path(scratch) / "bundle.json", Path(scratch) / "event.json"
        source.write_text(json.dumps(_known_to_misp(bundle)), encoding="utf-8")
        said = converter.stix_2_to_misp(
            source,
            output_dir=Path(scratch),
            output_name=result,
            producer=producer,
            single_event=True,
        )
        if not said.get("success") or said.get("errors") or not result.is_file():
            raise SharingRefused(
                "--format misp",
                f"the converter says: {str(said.get('errors') or said)[:300]}",
                "Export --format stix, which MISP imports too",
            )
        return json.loads(result.read_text("utf-8"))


_UNKNOWN = ("infrastructure", "ipv4-addr", "ipv6-addr", "extension-definition")


def _known_to_misp(bundle: dict[str, Any]) -> dict[str, Any]:
    """The bundle without objects that the converter has no place for, and without links to them."""
    gone = {one["id"] for one in bundle["objects"] if one["type"] in _UNKNOWN}
    kept = [
        {**one, "object_refs": [ref for ref in one["object_refs"] if ref not in gone]}
        if "object_refs" in one
        else one
        for one in bundle["objects"]
        if one["id"] not in gone and not gone & {one.get("source_ref"), one.get("target_ref")}
    ]
    return {**bundle, "objects": kept}
