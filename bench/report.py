"""The report of a run: one table for the terminal and for the page, and JSON."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from bench.machine import Machine
from bench.offline import WORKSPACES
from bench.phases import Contender, Phase
from bench.run import Results, Row

HEADER: Final = (
    "N", "phase", "contender", "s", "CPU s", "server CPU s", "MiB all", "MiB largest", "requests", "MB written",
)  # fmt: skip
_PARTS: Final = (
    "warm processes", "engine", "ambient plugin", "kubernetes plugin", "program", "language host", "ambient", "kubectl",
    "client",
)  # fmt: skip


def cells(row: Row) -> list[str]:
    """Return a row of the table."""
    usage, server = row.usage, row.server
    total = "-" if usage.total_mib is None else f"{usage.total_mib:,.0f}"
    return [
        f"{row.workspaces:,}", row.phase.value, row.contender.value, _seconds(row),
        f"{usage.cpu_seconds:,.1f}", f"{server.api_cpu + server.other_cpu:,.1f}", total, f"{usage.largest_mib:,.0f}",
        f"{server.requests:,}", f"{usage.written_mib:,.1f}",
    ]  # fmt: skip


def _seconds(row: Row) -> str:
    """Return a row's seconds, with the spread of several runs."""
    spread = f" ({row.fastest:,.1f}-{row.slowest:,.1f})" if row.slowest else ""
    return f"{row.usage.seconds:,.1f}{spread}"


def ordered(results: Results) -> list[Row]:
    """Return the rows by size and phase, so that contenders are next to each other."""
    phases, contenders = list(Phase), list(Contender)
    return sorted(
        results.rows, key=lambda row: (row.workspaces, phases.index(row.phase), contenders.index(row.contender))
    )


def aligned(table: Sequence[Sequence[str]]) -> str:
    """Return an aligned table, with numbers on the right."""
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    found = []
    for row in table:
        shown = [
            cell.ljust(width) if column in (1, 2) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        found.append("  ".join(shown).rstrip())
    return "\n".join(found)


def markdown(table: Sequence[Sequence[str]], left: Iterable[int] = (1, 2)) -> list[str]:
    """Return the same as a Markdown table."""
    rule = ["---" if column in set(left) else "--:" for column in range(len(table[0]))]
    return ["| " + " | ".join(row) + " |" for row in (table[0], rule, *table[1:])]


def exponent(results: Results, contender: Contender, phase: Phase) -> tuple[int, int, float] | None:
    """Return two sizes and e, with seconds ~ N^e: the largest size, and the next smaller one from 100 on."""
    rows = sorted(
        (row for row in results.rows if (row.contender, row.phase) == (contender, phase)),
        key=lambda row: row.workspaces,
    )
    rows = [row for row in rows if row.workspaces >= 100]
    if len(rows) < 2:
        return None
    small, large = rows[-2:]
    ratio = math.log(large.usage.seconds / small.usage.seconds)
    return small.workspaces, large.workspaces, ratio / math.log(large.workspaces / small.workspaces)


def exponents(results: Results) -> list[list[str]]:
    """Return the table of exponents with a header."""
    table = [["phase", "contender", "from", "to", "exponent"]]
    for phase in Phase:
        table += [
            [phase.value, contender.value, f"{found[0]:,}", f"{found[1]:,}", f"{found[2]:.2f}"]
            for contender in Contender
            if (found := exponent(results, contender, phase))
        ]
    return table if len(table) > 1 else []


def parts(results: Results) -> list[list[str]]:
    """Return CPU seconds by part at the largest size, which explain the distance to the raw API client."""
    table = [["N", "phase", "contender", *_PARTS, "other", "API server", "etcd, controllers"]]
    largest = max((row.workspaces for row in results.rows), default=0)
    for row in ordered(results):
        if row.workspaces == largest:
            spent = row.usage.cpu_of
            # Processes shorter than the sampling interval are only in the sum.
            other = max(0.0, row.usage.cpu_seconds - sum(spent.get(name, 0.0) for name in _PARTS))
            figures = [*(spent.get(name, 0.0) for name in _PARTS), other, row.server.api_cpu, row.server.other_cpu]
            table.append(
                [f"{row.workspaces:,}", row.phase.value, row.contender.value, *(f"{one:,.1f}" for one in figures)]
            )
    return table if len(table) > 1 else []


def offline_lines(results: Results) -> list[str]:
    """Return the measurements without an engine, one a line."""
    found = results.offline
    if found is None:
        return []
    return [
        f"load and check {WORKSPACES:,} workspaces of one file: {found.load:.2f} s",
        f"`ambient validate`, {WORKSPACES:,} workspaces in as many included files: {found.validate:.2f} s",
        f"`python -c 'import ambient_components.cli.app'`: {found.imported:.2f} s; `ambient --version`: "
        f"{found.start:.2f} s",
    ]


def adoption_lines(results: Results) -> list[str]:
    """Return the measurements of an adoption, one a line."""
    found = results.adoption
    if found is None:
        return []
    steps = (
        ("read the cluster and write YAML (`ambient adopt --no-check`)", found.write),
        ("read it again and prove by previews that nothing changes (`ambient adopt`)", found.check),
        ("the first run (`ambient up`)", found.first_run),
    )
    return [
        f"{found.workspaces:,} existing workspaces, {what}: {usage.seconds:.1f} s, {usage.cpu_seconds:.1f} s of CPU"
        for what, usage in steps
    ]


def text(results: Results, machine: Machine) -> str:
    """Return the report for a terminal or a log."""
    found = [machine.line(), "", aligned([HEADER, *map(cells, ordered(results))])]
    for title, table in (("Exponents", exponents(results)), ("CPU seconds by part", parts(results))):
        if table:
            found += ["", title, aligned(table)]
    return "\n".join([*found, "", *offline_lines(results), *adoption_lines(results)]).rstrip()


def as_json(results: Results, machine: Machine) -> str:
    """Return all data as JSON, including the parts."""
    rows = [asdict(row) for row in results.rows]
    known = asdict(results.offline) if results.offline else None
    adopted = asdict(results.adoption) if results.adoption else None
    document = {"machine": asdict(machine), "offline": known, "adoption": adopted, "rows": rows}
    return json.dumps(document, indent=2)
