"""Several runs of the benchmark as one result: medians, with the fastest and the slowest."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields, replace
from statistics import median
from typing import Any

from bench.phases import Contender, Phase
from bench.process import Usage
from bench.run import Results, Row
from bench.server import Server


def medians(runs: Sequence[Results]) -> Results:
    """Return the median of each figure of each phase. What is measured once at a time is of the last run."""
    if len(runs) == 1:
        return runs[0]
    rows: dict[tuple[Contender, int, Phase], list[Row]] = defaultdict(list)
    for run in runs:
        for row in run.rows:
            rows[row.contender, row.workspaces, row.phase].append(row)
    return replace(runs[-1], rows=[_middle(found) for found in rows.values()])


def is_median(results: Results) -> bool:
    """Tell whether a result is of several runs."""
    return any(row.slowest for row in results.rows)


def _middle(rows: Sequence[Row]) -> Row:
    seconds = [row.usage.seconds for row in rows]
    usage: Usage = _of_each([row.usage for row in rows])
    server: Server = _of_each([row.server for row in rows])
    return replace(rows[0], usage=usage, server=server, fastest=min(seconds), slowest=max(seconds))


def _of_each(values: Sequence[Any]) -> Any:
    """Return a dataclass of numbers, and of mappings to numbers, with the median of each."""
    found: dict[str, Any] = {}
    for field in fields(values[0]):
        of_runs = [getattr(one, field.name) for one in values]
        if isinstance(of_runs[0], dict):
            names = {name for one in of_runs for name in one}
            found[field.name] = {name: median(one.get(name, 0.0) for one in of_runs) for name in sorted(names)}
        elif None in of_runs:
            found[field.name] = None
        else:
            middle = median(of_runs)
            found[field.name] = round(middle) if isinstance(of_runs[0], int) else middle
    return type(values[0])(**found)
