"""The page in a real browser: it fits its window, wide and narrow."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from stillwatch.console import write_page
from tests import fabricated

CHROMIUM = shutil.which("chromium")
_FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--allow-file-access-from-files", "--virtual-time-budget=4000",
]  # fmt: skip

# The page forbids scripts, so a frame around it measures it.
_FRAME = """<!doctype html><body style="margin:0"><iframe id="f" src="page.html"
style="border:0;width:{width}px;height:800px"></iframe><pre id="out"></pre><script>
onload = () => {{
  const d = document.getElementById("f").contentDocument, r = d.documentElement;
  const box = (e) => e.getBoundingClientRect();
  document.getElementById("out").textContent = JSON.stringify({{
    title: d.title, scroll: r.scrollWidth, client: r.clientWidth,
    h1: box(d.querySelector("h1")).bottom, chart: box(d.querySelector(".line")).top,
    bars: [...d.querySelectorAll(".line rect")].filter((e) => box(e).height > 1).length,
    dots: d.querySelectorAll(".panel circle").length,
  }});
}};
</script>"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_its_window(width: int, tmp_path: Path) -> None:
    """No sideways scrolling; at 1280 by 800 the headline and the first chart are on screen."""
    write_page(fabricated.findings(), tmp_path / "page.html")
    (tmp_path / "frame.html").write_text(_FRAME.format(width=width))
    window = [f"--user-data-dir={tmp_path / 'profile'}", "--window-size=1400,900", "--dump-dom"]
    command = [str(CHROMIUM), *_FLAGS, *window, (tmp_path / "frame.html").as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = re.search(r'<pre id="out">(\{.*\})</pre>', done.stdout)
    assert found, done.stdout[-2000:] + done.stderr[-2000:]
    seen = json.loads(found.group(1))
    assert seen["title"] == "Stillwatch: 3 campaigns found"
    assert seen["scroll"] <= seen["client"]
    assert seen["bars"] > 100
    assert seen["dots"] > 150
    if width == 1280:
        assert seen["h1"] < 200
        assert seen["chart"] < 800
