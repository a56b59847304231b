"""A chart of seconds by workspaces as SVG, both logarithmic, with a line per contender and a panel per phase."""

import math
from typing import Final
from xml.sax.saxutils import escape

from bench.phases import Contender, Phase
from bench.run import Results

_PHASES: Final = (Phase.CREATE, Phase.NOTHING, Phase.ONE, Phase.EVERYWHERE)
_COLOURS: Final = {
    Contender.FLEET: "#0b62a4",
    Contender.PLAIN: "#b3541e",
    Contender.KUBECTL: "#5b3a8e",
    Contender.RAW_CLIENT: "#3d7a3d",
}
_WIDE, _HIGH, _LEFT, _TOP = 300, 220, 52, 40
_STEP_X, _STEP_Y = _WIDE + 80, _HIGH + 80


def svg(results: Results) -> str:
    """Return the chart. A panel without rows stays empty."""
    rows = results.rows
    sizes = sorted({row.workspaces for row in rows}) or [1]
    seconds = [max(row.usage.seconds, 0.01) for row in rows] or [1.0]
    x_range = (math.log10(sizes[0]), math.log10(max(sizes[-1], sizes[0] * 10)))
    y_range = (math.floor(math.log10(min(seconds))), math.ceil(math.log10(max(seconds))))
    width, height = 2 * _STEP_X, 2 * _STEP_Y + 30
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        'font-size="12">',
        "<title>Seconds over workspaces, both axes logarithmic</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for index, phase in enumerate(_PHASES):
        at = (_LEFT + (index % 2) * _STEP_X, _TOP + (index // 2) * _STEP_Y)
        drawn += _panel(results, phase, at, sizes, (x_range, y_range))
    for index, (contender, colour) in enumerate(_COLOURS.items()):
        x, y = _LEFT + index * 170, height - 16
        drawn.append(f'<line x1="{x}" y1="{y - 4}" x2="{x + 24}" y2="{y - 4}" stroke="{colour}" stroke-width="2.5"/>')
        drawn.append(f'<text x="{x + 30}" y="{y}">{escape(contender.value)}</text>')
    return "\n".join([*drawn, "</svg>", ""])


def _panel(
    results: Results,
    phase: Phase,
    at: tuple[int, int],
    sizes: list[int],
    ranges: tuple[tuple[float, float], tuple[float, float]],
) -> list[str]:
    left, top = at
    (x_low, x_high), (y_low, y_high) = ranges

    def place(workspaces: float, seconds: float) -> tuple[float, float]:
        across = (math.log10(workspaces) - x_low) / (x_high - x_low)
        up = (math.log10(seconds) - y_low) / ((y_high - y_low) or 1)
        return round(left + across * _WIDE, 1), round(top + (1 - up) * _HIGH, 1)

    drawn = [
        f'<text x="{left}" y="{top - 12}" font-weight="bold">{escape(phase.value)}</text>',
        f'<rect x="{left}" y="{top}" width="{_WIDE}" height="{_HIGH}" fill="none" stroke="#888888"/>',
    ]
    for power in range(int(y_low), int(y_high) + 1):
        _, y = place(sizes[0], 10**power)
        drawn.append(f'<line x1="{left}" y1="{y}" x2="{left + _WIDE}" y2="{y}" stroke="#dddddd"/>')
        drawn.append(f'<text x="{left - 6}" y="{y + 4}" text-anchor="end">{10.0**power:g} s</text>')
    for size in sizes:
        x, _ = place(size, 10**y_low)
        drawn.append(f'<text x="{x}" y="{top + _HIGH + 18}" text-anchor="middle">{size:,}</text>')
    for contender, colour in _COLOURS.items():
        rows = [row for size in sizes if (row := results.find(contender, size, phase))]
        points = [place(row.workspaces, max(row.usage.seconds, 10**y_low)) for row in rows]
        if len(points) > 1:
            path = " ".join(f"{x},{y}" for x, y in points)
            drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        drawn += [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in points]
    return drawn
