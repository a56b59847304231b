"""Pages in a real browser: one Chromium for all of them, without a driver.

A page for the tests holds each page in a frame of its own, as wide as a screen and with a scheme of colours, looks at
what the browser has made of it, and becomes a list of faults, which Chromium prints.
"""

import json
import shutil
import subprocess
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from typing import Final, NamedTuple

import pytest

PROGRAM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")

VIEWS: Final = ((1280, "light"), (1280, "dark"), (980, "light"), (390, "light"))
"""Width of the screen, and scheme of colours."""

_FLAGS: Final = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
)  # fmt: skip
_LOOK: Final = Path(__file__).with_name("browser.js")
_PATIENCE: Final = 240
"""Seconds for a browser on a busy machine."""


def started(folder: Path, *arguments: str) -> str:
    """Run Chromium with a new profile in a folder, and return what it prints."""
    assert PROGRAM is not None
    profile = f"--user-data-dir={folder / 'profile'}"
    run = subprocess.run(
        [PROGRAM, *_FLAGS, profile, *arguments], capture_output=True, text=True, check=True, timeout=_PATIENCE
    )
    return run.stdout


class Look(NamedTuple):
    """What a browser has seen, each beginning with the name of a page, its width and its scheme of colours."""

    faults: list[str]
    looked: dict[str, dict[str, int]]
    """The number of `texts` and of rows with `changes`."""


def look(pages: Mapping[str, str], folder: Path) -> Look:
    """Look at pages, by name, at each width and in each scheme of colours."""
    frames = "".join(
        f'<iframe title="{escape(f"{name} {width} {scheme}")}" srcdoc="{escape(text)}"'
        f' style="width:{width}px; height:900px; border:0; color-scheme:{scheme}"></iframe>'
        for name, text in pages.items()
        for width, scheme in VIEWS
    )
    page = folder / "pages.html"
    page.write_text(f"<!doctype html><body>{frames}<script>{_LOOK.read_text(encoding='utf-8')}</script>")
    printed = started(folder, "--dump-dom", page.as_uri())
    assert "<pre>" in printed, printed[:2000]
    return Look(**json.loads(unescape(printed.partition("<pre>")[2].partition("</pre>")[0])))
