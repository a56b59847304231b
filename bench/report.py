"""What a run says: a table for people, JSON for programs."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.machine import Machine
from bench.offline import WORKSPACES
from bench.process import Usage
from bench.programs import Phase, Program
from bench.run import Results
from bench.workload import PER_WORKSPACE

_METRICS: Final[tuple[tuple[str, str, Callable[[Usage], float | None], int], ...]] = (
    ("seconds", "s", lambda usage: usage.seconds, 1),
    ("cpuSeconds", "CPU s", lambda usage: usage.cpu_seconds, 1),
    ("totalMiB", "MiB all", lambda usage: usage.total_mib, 0),
    ("largestMiB", "MiB largest", lambda usage: usage.largest_mib, 0),
)
_LEGEND: Final = """\
ratio: ours / plain; the goal is at most 1.5 of seconds.
s: wall clock. CPU s: of the command and all its processes, the API server apart; the steadier figure on a busy machine.
MiB all: peak of all processes together. MiB largest: peak of the largest one."""


def _value(results: Results, program: Program, size: int, phase: Phase, metric: Callable[[Usage], float | None]) -> Any:
    """The smallest of the runs: other programs on the machine only ever add."""
    found = [metric(one.usage[phase]) for one in results.of(program, size)]
    known = [value for value in found if value is not None]
    return min(known) if known else None


def _ratio(ours: float | None, plain: float | None) -> float | None:
    return ours / plain if ours is not None and plain else None


def _spell(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def rows(results: Results, sizes: Sequence[int]) -> list[list[str]]:
    """The table's body, header first."""
    header = ["N", "phase"]
    for _, title, _, _ in _METRICS:
        header += [f"{title} ours", "plain", "ratio"]
    table = [header]
    for size in sizes:
        for phase in Phase:
            row = [str(size), phase.value]
            for _, _, metric, digits in _METRICS:
                ours, plain = (_value(results, program, size, phase, metric) for program in Program)
                row += [_spell(ours, digits), _spell(plain, digits), _spell(_ratio(ours, plain), 2)]
            table.append(row)
    return table


def _notes(results: Results, machine: Machine, sizes: Sequence[int], runs: int) -> list[str]:
    states = []
    for size in sizes:
        ours, plain = (results.of(program, size)[0] for program in Program)
        states.append(
            f"{size} workspaces: {len(ours.created)} objects in the cluster; in state "
            f"ours {ours.state.resources} resources, {ours.state.bytes / 1e6:.1f} MB, "
            f"plain {plain.state.resources}, {plain.state.bytes / 1e6:.1f} MB"
        )
    best = f", the best of {runs} runs" if runs > 1 else ", one run"
    return [
        machine.line(),
        f"each workspace: {PER_WORKSPACE}{best}",
        *states,
        f"load and check {WORKSPACES:,} workspaces of one file, no engine: {results.offline.load:.2f} s",
        f"ambient validate, {WORKSPACES:,} workspaces in as many included files: {results.offline.validate:.2f} s "
        "(goal: under 2 s)",
        f"python -c 'import ambient_components.cli.app': {results.offline.imported:.2f} s (goal: under 0.3 s)",
        f"ambient --version: {results.offline.start:.2f} s",
    ]


def show(console: Console, results: Results, machine: Machine, sizes: Sequence[int], runs: int) -> None:
    """A table on a terminal; elsewhere the same in plain aligned text."""
    table = rows(results, sizes)

    def say(text: str = "") -> None:
        console.print(text, highlight=False, markup=False, soft_wrap=True)

    if console.is_terminal:
        drawn = Table(title="Our components beside a plain Pulumi program")
        for index, title in enumerate(table[0]):
            drawn.add_column(title, justify="left" if index == 1 else "right")
        for index, row in enumerate(table[1:], start=1):
            drawn.add_row(*row, end_section=index % len(Phase) == 0)
        console.print(drawn)
    else:
        say(aligned(table))
    say()
    for line in (*_LEGEND.splitlines(), "", *_notes(results, machine, sizes, runs)):
        say(line)


def aligned(table: Sequence[Sequence[str]]) -> str:
    """Columns one under the other, numbers to the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [
            cell.ljust(width) if column == 1 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def as_json(results: Results, machine: Machine, sizes: Sequence[int], runs: int) -> str:
    """Everything, the single runs and the parts of each included."""
    summary = []
    for size in sizes:
        for phase in Phase:
            for name, _, metric, _ in _METRICS:
                ours, plain = (_value(results, program, size, phase, metric) for program in Program)
                figures = {"ours": ours, "plain": plain, "ratio": _ratio(ours, plain)}
                summary.append({"workspaces": size, "phase": phase.value, "metric": name, **figures})
    measured = [
        {
            "program": one.program.value,
            "workspaces": one.workspaces,
            "objects": len(one.created),
            "state": asdict(one.state),
            "phases": {phase.value: asdict(usage) for phase, usage in one.usage.items()},
        }
        for one in results.measured
    ]
    document = {
        "machine": asdict(machine),
        "runs": runs,
        "offline": {"workspaces": WORKSPACES, **asdict(results.offline)},
        "summary": summary,
        "measured": measured,
    }
    return json.dumps(document, indent=2)
