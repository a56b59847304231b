"""Recordings of a terminal as SVG: the output of commands with its colours, as text that people can select."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from html import escape

import pytest

from ambient_components.cli.app import run

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
