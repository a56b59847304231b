"""The recordings of a terminal in the documentation are what the commands print today.

They are SVG, so that people can select the text, with its colours.
"""

import io
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from datetime import timedelta
from html import escape
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ambient_components import clock
from ambient_components.cli.app import run
from ambient_components.engine.state import written_at

ROOT = Path(__file__).parents[3]
ASSETS = ROOT / "docs" / "assets"
STATE = Path("examples/demo/state.json")
_WIDTH, _HEIGHT = 1160, 200
"""Of the picture of access, with room for wider fonts."""


COLUMNS = 100
"""Width of the terminal. Longer lines wrap as the commands wrap them."""

_LINE, _CHARACTER, _EDGE = 19, 8.0, 16
_LOOK = re.compile(r"\x1b\[([\d;]*)m")
_CLASSES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}
_STYLE = (
    "text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#d6deeb;white-space:pre}"
    ".b{font-weight:bold}.d{fill:#8d9db4}.r{fill:#ff8080}.g{fill:#8fd98f}.y{fill:#e8c86a}.p{fill:#82aaff}"
)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def output(args: Sequence[str]) -> str:
    """Return what a command writes to a terminal, with its colours."""
    terminal = _Terminal()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(terminal):
        patch.setenv("COLUMNS", str(COLUMNS))
        patch.setenv("TERM", "xterm")
        patch.delenv("NO_COLOR", raising=False)
        code = run(list(args))
    assert code in {0, 2}, terminal.getvalue()
    return terminal.getvalue()


def recording(description: str, lines: Sequence[str]) -> str:
    """Return lines of a terminal as a picture.

    Args:
        description: For readers who do not see it.
        lines: With the escape sequences of their looks. A line that begins with `$ ` is a prompt with a command.
    """
    width, height = _EDGE * 2 + COLUMNS * _CHARACTER, _EDGE * 2 + _LINE * len(lines)
    size = f'viewBox="0 0 {width:g} {height}" width="{width:g}"'
    rows = [
        f'<text x="{_EDGE}" y="{_EDGE + _LINE * number - 5}">{"".join(_spans(line))}</text>'
        for number, line in enumerate(lines, 1)
        if line
    ]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" xml:space="preserve" role="img" {size}>',
            f"<title>{escape(description)}</title>",
            f"<style>{_STYLE}</style>",
            f'<rect width="{width:g}" height="{height}" rx="6" fill="#161b26"/>',
            *rows,
            "</svg>",
            "",
        ]
    )


def _spans(line: str) -> Iterator[str]:
    if line.startswith("$ "):
        yield f'<tspan class="p">$</tspan><tspan class="b"> {escape(line[2:])}</tspan>'
        return
    text, *rest = _LOOK.split(line)
    yield escape(text)
    for codes, text in zip(rest[::2], rest[1::2], strict=True):
        names = " ".join(_CLASSES[code] for code in codes.split(";") if code in _CLASSES)
        if text:
            yield f'<tspan class="{names}">{escape(text)}</tspan>' if names else escape(text)


def compare(request: pytest.FixtureRequest, name: str, text: str) -> None:
    file = ASSETS / name
    if request.config.getoption("--update-golden"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run this test with --update-golden, and look at the picture"


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command that plans the demo, in a folder with its files, an hour after the run that its state is of."""
    for name in ("Pulumi.yaml", "stacks/dev.yaml", str(STATE)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    written = written_at(json.loads(STATE.read_text(encoding="utf-8")))
    assert written
    monkeypatch.setattr(clock, "now", lambda: written + timedelta(hours=1))
    monkeypatch.chdir(tmp_path)
    return ["plan", "dev", "--offline", "--state", str(STATE)]


def test_the_plan_of_the_demo(request: pytest.FixtureRequest, demo: list[str]) -> None:
    shown = output(demo).splitlines()
    end = next(number for number, line in enumerate(shown) if "What this page can't know" in line)
    lines = [f"$ ambient {' '.join(demo)}", *shown[: end - 1]]
    description = "ambient plan shows an admin gained, other changed access, and a key that others may have copied"
    compare(request, "plan.svg", recording(description, lines))


def test_who_has_access_after_the_demo(request: pytest.FixtureRequest, demo: list[str]) -> None:
    """The page's own markup in an SVG, which takes the reader's fonts and scheme of colours."""
    page = output([*demo, "--format", "html"])
    # Without the rules of narrow pages: an image is scaled.
    style = page.partition("<style>")[2].partition("@media (max-width: 75rem")[0]
    section = page.partition('<section id="access">')[2].partition("</h2>")[2].partition("</section>")[0]
    size = f'width="{_WIDTH}" height="{_HEIGHT}"'
    title = "A matrix of who has which role after the plan, with what is new, what was before and what ends"
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}">\n'
        f"<title>{title}</title>\n<style>{style}body {{ height: {_HEIGHT}px; padding-top: 0.5rem; }}</style>\n"
        f'<foreignObject {size}><body xmlns="http://www.w3.org/1999/xhtml">{section}</body></foreignObject>\n</svg>\n'
    )
    ElementTree.fromstring(picture)  # noqa: S314  # our own
    compare(request, "access.svg", picture)
