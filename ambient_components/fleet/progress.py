"""Progress views of a fleet's run: lines, JSON lines, a table, and a view for an output that may close.

Running engines must not fail because of a closed output.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TextIO

from ambient_components.fleet.jobs import Job, Phase, View
from ambient_components.fleet.run_events import Reported, counts
from ambient_components.fleet.run_warnings import warnings_of
from ambient_components.problem_json import fields

if TYPE_CHECKING:
    from rich.table import Table

_ROWS: Final = 20
"""Maximum number of shards in the table. With more shards it shows only running and failed ones."""

_SECONDS: Final = 5.0
"""Seconds after which a running shard gets a line. A shard that ends sooner has only one line."""


class PipeSafeView:
    """A view that passes everything on to another view until it can no longer write. The run continues silently.

    This happens after `ambient up prod --format json | head`, or if the terminal is closed.

    Args:
        view: The view that writes.
    """

    def __init__(self, view: View) -> None:
        self._view: View | None = view

    def started(self, job: Job) -> None:
        self._forward(lambda view: view.started(job))

    def ended(self, job: Job) -> None:
        self._forward(lambda view: view.ended(job))

    def tick(self) -> None:
        self._forward(lambda view: view.tick())

    def note(self, text: str) -> None:
        self._forward(lambda view: view.note(text))

    def close(self) -> None:
        self._forward(lambda view: view.close())

    def _forward(self, call: Callable[[View], object]) -> None:
        if self._view is None:
            return
        try:
            call(self._view)
        except OSError:
            self._view = None


def view_for(form: str, jobs: Sequence[Job], stream: TextIO | None = None) -> View:
    """Return the view for an output format.

    Args:
        form: Json or text.
        stream: The output. Default: standard error, so that standard output has only results.
    """
    if form == "json":
        return JsonLines(sys.stdout, stream or sys.stderr)
    stream = stream or sys.stderr
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return LiveTable(jobs, stream)
    return Lines(stream)


class Lines:
    """A line for each shard that ends, and one for each that takes long."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._running: dict[int, Job] = {}

    def started(self, job: Job) -> None:
        """Show nothing yet, because most shards end soon."""
        self._running[id(job)] = job

    def tick(self) -> None:
        """Show a line for each shard that takes long, once."""
        for key, job in list(self._running.items()):
            if job.seconds >= _SECONDS:
                del self._running[key]
                self.note(f"{job.task.stack}  running: {job.task.why}")

    def ended(self, job: Job) -> None:
        """Show how the shard ended. The summary lists skipped shards."""
        self._running.pop(id(job), None)
        if job.phase is not Phase.SKIPPED:
            self.note(f"{job.task.stack}  {outcome(job)}")

    def note(self, text: str) -> None:
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing."""


class JsonLines:
    """One JSON object for each shard as it ends. Other messages go to standard error."""

    def __init__(self, stream: TextIO, people: TextIO) -> None:
        self._stream = stream
        self._people = people

    def started(self, job: Job) -> None:
        """Do nothing. The shard gets its object when it ends."""

    def tick(self) -> None:
        """Do nothing."""

    def ended(self, job: Job) -> None:
        print(json.dumps(as_json(job)), file=self._stream, flush=True)

    def note(self, text: str) -> None:
        print(text, file=self._people, flush=True)

    def close(self) -> None:
        """Do nothing. The summary is written last."""


class LiveTable:
    """A table that is redrawn while shards run."""

    def __init__(self, jobs: Sequence[Job], stream: TextIO) -> None:
        from rich.console import Console  # noqa: PLC0415  # only who watches waits for it
        from rich.live import Live  # noqa: PLC0415

        self._jobs = jobs
        self._console: Console = Console(file=stream, no_color=bool(os.environ.get("NO_COLOR")) or None)
        self._live = Live(self._table(), console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def started(self, job: Job) -> None:
        """Do nothing. The next tick shows the shard."""

    def tick(self) -> None:
        self._live.update(self._table(), refresh=True)

    def close(self) -> None:
        """Remove the table. The summary shows how all shards ended."""
        self._live.stop()

    def ended(self, job: Job) -> None:
        """Print a failed shard above the table. The summary shows the others."""
        if job.phase is Phase.FAILED:
            self.note(f"{job.task.stack}  {outcome(job)}")

    def note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _table(self) -> "Table":
        from rich.table import Table  # noqa: PLC0415
        from rich.text import Text  # noqa: PLC0415

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, side in (("shard", "left"), ("", "left"), ("done", "right"), ("changes", "right"), ("s", "right"),
                           ("errors", "right"), ("step", "left")):  # fmt: skip
            table.add_column(name, justify=side, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
        for job in shown(self._jobs):
            reported, errors = job.reported, len(job.reported.failures)
            cells = (
                job.task.stack, str(job.phase), f"{reported.done}/{max(reported.done, job.task.expected)}",
                str(reported.changes), f"{job.seconds:.0f}", str(errors) if errors else "",
                reported.step if job.phase is Phase.RUNNING else "",
            )  # fmt: skip
            # Escaped, because brackets in a name would be parsed as a style.
            table.add_row(*map(Text, cells), style="red" if errors or job.phase is Phase.FAILED else None)
        counts = {phase: sum(job.phase is phase for job in self._jobs) for phase in Phase}
        table.caption = ", ".join(f"{count} {phase}" for phase, count in counts.items() if count)
        table.caption_justify = "left"
        return table


def shown(jobs: Sequence[Job]) -> list[Job]:
    """Return the shards to show: all if there are few, otherwise those that run or have failed."""
    rows = [job for job in jobs if job.phase is not Phase.SKIPPED]
    if len(rows) > _ROWS:
        rows = [job for job in rows if job.phase in (Phase.RUNNING, Phase.FAILED)]
    return rows[:_ROWS]


def outcome(job: Job) -> str:
    """Return how a shard ended, in a few words."""
    reported = job.reported
    if job.phase is Phase.SKIPPED:
        return "skipped: nothing changed"
    took = f"{job.seconds:.1f} s"
    changes = ", ".join(parts(reported)) or "nothing changed"
    if job.phase is Phase.DONE:
        return f"done: {changes}, {took}"
    if job.locked:
        return f"locked by another run, {took}"
    errors = len(reported.failures)
    word = "interrupted" if job.phase is Phase.INTERRUPTED else f"failed: {errors} error{'' if errors == 1 else 's'}"
    return f"{word}, {changes}, {took}"


def parts(*runs: Reported) -> list[str]:
    """Return the nonzero counts of objects of some runs as texts."""
    return [f"{count} {word}" for word, count in counts(*runs).items() if count]


def as_json(job: Job) -> dict[str, Any]:
    """Return a shard as a JSON object."""
    reported = job.reported
    return {
        "shard": job.task.stack,
        "result": str(job.phase),
        "why": job.task.why,
        "workspaces": job.task.workspaces,
        **counts(reported),
        "issued": reported.issued,
        "revoked": reported.revoked,
        "seconds": round(job.seconds, 2),
        "locked": job.locked,
        "excluded": sorted(map(job.named, job.excluded)),
        "errors": [
            {"workspace": job.named(one.workspace), "resource": one.resource, **fields(one.problem)}
            for one in reported.failures
        ],
        "warnings": [fields(one) for one in warnings_of(job)],
    }
