"""A headless Chromium that opens pages from files, by the DevTools protocol over pipes: no driver and no port."""

import base64
import contextlib
import json
import math
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "AMBIENT_CHROMIUM"
_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SIZES: Final = {"wide": (1400, 1000), "medium": (1000, 800), "narrow": (400, 900)}
# The program reads from descriptor 3, and writes to 4. Those of the pipes are never 3, and 4 only where it may be.
_START: Final = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""
WAIT: Final = 60
TALLEST: Final = 5000


def find() -> str | None:
    """The program: the one that the environment names, or one on PATH."""
    return os.environ.get(VARIABLE) or next(filter(None, map(shutil.which, _NAMES)), None)


class Browser:
    """One process, with one tab for each page."""

    def __init__(self, program: str, folder: Path) -> None:
        ours, theirs = os.pipe(), os.pipe()
        command = [
            program, "--headless", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
            f"--user-data-dir={folder}", "about:blank",
        ]  # fmt: skip
        with (folder.parent / "chromium.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, str(theirs[0]), str(ours[1]), *command],
                pass_fds=(theirs[0], ours[1]), stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        os.close(theirs[0])
        os.close(ours[1])
        self._in, self._out = os.fdopen(theirs[1], "wb", 0), os.fdopen(ours[0], "rb", 0)
        self._buffer, self._number = b"", 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """End the process and its children."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._in.close()
        self._out.close()

    def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:
        """Send one command, and return its result. Events meanwhile are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        self._in.write(json.dumps(message).encode() + b"\0")
        while True:
            found = self._next()
            if found.get("id") == self._number:
                assert "error" not in found, f"{method}: {found['error']}"
                return found["result"]
            self.events.append(found)

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            assert select.select([self._out], [], [], WAIT)[0], f"Chromium says nothing for {WAIT} s"
            chunk = os.read(self._out.fileno(), 1 << 20)
            assert chunk, "Chromium has ended: see chromium.log"
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(text)

    @contextlib.contextmanager
    def page(
        self, path: Path, size: str = "wide", *, dark: bool = False, media: str = "screen", scripts: bool = True
    ) -> Iterator["Page"]:
        """A tab that has loaded a file."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", session)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", session, media=media, features=features)
        self.ask("Emulation.setScriptExecutionDisabled", session, value=not scripts)
        width, height = _SIZES[size]
        self.ask(
            "Emulation.setDeviceMetricsOverride", session, width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        self.events.clear()
        begun = time.monotonic()
        self.ask("Page.navigate", session, url=path.as_uri())
        while not any(one["method"] == "Page.loadEventFired" for one in self.events):
            assert time.monotonic() - begun < WAIT, f"{path} does not load"
            self.events.append(self._next())
        try:
            yield Page(self, session, time.monotonic() - begun)
        finally:
            self.ask("Target.closeTarget", targetId=target)


class Page:
    """A loaded page."""

    def __init__(self, browser: Browser, session: str, seconds: float) -> None:
        self._browser, self._session, self.seconds = browser, session, seconds

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command."""
        return self._browser.ask(method, self._session, **params)

    def evaluate(self, expression: str) -> Any:
        """What a script of DevTools finds out, which the page's policy does not stop."""
        found = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def requests(self) -> list[str]:
        """The addresses that it has asked for."""
        return [self._event(one)["request"]["url"] for one in self._of("Network.requestWillBeSent")]

    def complaints(self) -> list[Any]:
        """Everything that the console shows."""
        names = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [self._event(one) for name in names for one in self._of(name)]

    def screenshot(self, path: Path, tallest: int = TALLEST) -> None:
        """Keep a picture of the whole page, or of its top if it is longer."""
        # What is outside of the window is not painted, and has its height only then.
        for _ in range(2):
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            width, height = math.ceil(size["width"]), min(math.ceil(size["height"]), tallest)
            self.ask(
                "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
            )
            self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot")["data"]))

    def _of(self, method: str) -> list[dict[str, Any]]:
        return [one for one in self._browser.events if one.get("method") == method]

    def _event(self, one: dict[str, Any]) -> dict[str, Any]:
        return one["params"]
