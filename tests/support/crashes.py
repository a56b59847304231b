"""Runs that die or meet a fault at a call of their choice, side by side: each workspace has its own call.

A workspace's calls are counted as they arrive at the proxy (`faults.Proxy`). Where a workspace has a stop, its calls up
to that one are carried out and all later ones wait; when every workspace waits, all processes of the run are killed. So
one run that dies is as many crashes as it has workspaces, each with exactly the calls before its own done.
"""

import os
import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.faults import Call, Fate, Proxy, Rule

SPACE = re.compile(r"w[0-9a-f]{8}-\d{3}")
_HASH = re.compile(r"-[0-9a-f]{8}\b")


def space_of(call: Call) -> str | None:
    """The workspace that a call is about; its namespace may be in the body alone."""
    found = SPACE.search(call.path) or SPACE.search(call.body.decode(errors="replace"))
    return found.group() if found else None


def kind_of(call: Call) -> str:
    """A call without the names that differ from workspace to workspace."""
    path, _, query = call.path.partition("?")
    selector = "?" if "limit=" in query else ""
    return f"{call.method} {_HASH.sub('-#', SPACE.sub('W', path))}{selector}"


def record_of(call: Call) -> str | None:
    """The run records of a fleet's shards: ConfigMaps, the only changes that are none of a workspace's."""
    return "record" if "/namespaces/ambient-code/configmaps" in call.path else None


@dataclass(frozen=True)
class Point:
    """One call of a workspace's run: the nth of its kind."""

    kind: str
    number: int = 1

    def __str__(self) -> str:
        return f"{self.kind} #{self.number}"


def points(calls: Iterable[Call]) -> tuple[list[Point], list[Point]]:
    """The calls of a recorded run that change its only workspace, and those that read it."""
    seen: Counter[str] = Counter()
    changes, reads = [], []
    for call in calls:
        if space_of(call) and (call.changes or call.reads):
            seen[kind_of(call)] += 1
            (changes if call.changes else reads).append(Point(kind_of(call), seen[kind_of(call)]))
    return changes, reads


@dataclass(frozen=True)
class Fault:
    """What becomes of one call."""

    name: str
    fate: Fate
    status: int = 503
    retry_after: str = ""
    of_reads: bool = False

    @property
    def rule(self) -> Rule:
        headers = {"Retry-After": self.retry_after} if self.retry_after else {}
        return Rule("", "", self.fate, self.status, headers)


FAULTS = (
    Fault("409", Fate.REFUSED, 409),
    Fault("429 with Retry-After", Fate.REFUSED, 429, "1"),
    Fault("500", Fate.REFUSED, 500),
    Fault("no answer after the server applied it", Fate.UNANSWERED),
    Fault("500 of a read", Fate.REFUSED, 500, of_reads=True),
    Fault("no answer to a read", Fate.DROPPED, of_reads=True),
    Fault("a stale read", Fate.STALE, of_reads=True),
)


@dataclass
class Faults:
    """One fault a workspace; what was met is counted."""

    plan: Mapping[str, tuple[Point, Fault]]
    met: dict[str, tuple[Point, Fault]] = field(default_factory=dict)
    _seen: Counter[tuple[str, str]] = field(default_factory=Counter)

    def choose(self, call: Call) -> Rule | None:
        space = space_of(call)
        if space not in self.plan or not (call.changes or call.reads):
            return None
        kind = kind_of(call)
        self._seen[space, kind] += 1
        point, fault = self.plan[space]
        if point != Point(kind, self._seen[space, kind]):
            return None
        self.met[space] = self.plan[space]
        return fault.rule


@dataclass
class Stops:
    """Where each workspace's changes end: the last one that is carried out, and whether its answer comes."""

    plan: dict[str, tuple[int, bool]]
    of: Callable[[Call], str | None] = space_of
    """Which of the plan a call belongs to."""
    reached: set[str] = field(default_factory=set)
    """In this run."""
    last: float = field(default_factory=time.monotonic)
    """When a call came."""
    _seen: Counter[str] = field(default_factory=Counter)

    def choose(self, call: Call) -> Rule | None:
        self.last = time.monotonic()
        space = self.of(call)
        if space not in self.plan or not call.changes:
            return None
        self._seen[space] += 1
        number, (most, answered) = self._seen[space], self.plan[space]
        if number < most or (number == most and answered):
            return None
        self.reached.add(space)
        return Rule("", "", Fate.UNREPORTED if number == most else Fate.HELD)

    @property
    def all_reached(self) -> bool:
        return self.reached == {*self.plan}

    def rest(self) -> "Stops":
        """Those that this run did not come to, for the next one: what they did until it died counts."""
        plan = {space: stop for space, stop in self.plan.items() if space not in self.reached}
        return Stops(plan, self.of, _seen=self._seen)


def killed_by(proxy: Proxy, stops: Stops, command: list[str], folder: Path, environment: Mapping[str, str]) -> str:
    """A run that is killed with all that it started as soon as every workspace waits; what it printed.

    The engine does some things for all workspaces before it goes on: the ledger's endings, and deletions after all
    else. So not every workspace may come to its stop; then the run dies when nothing comes any more.
    """
    # A file: a full pipe without a reader would stop the run.
    with proxy.choosing(stops.choose), tempfile.TemporaryFile("w+") as printed:
        process = subprocess.Popen(
            command, cwd=folder, env=dict(environment), start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=printed, stderr=subprocess.STDOUT,
        )  # fmt: skip
        began = time.monotonic()
        try:
            while process.poll() is None and not stops.all_reached:
                if stops.reached and time.monotonic() - stops.last > 3:
                    break
                assert time.monotonic() - began < 100, f"only {len(stops.reached)} of {len(stops.plan)} are reached"
                time.sleep(0.05)
            time.sleep(0.3)  # what was let through is answered
        finally:
            kill_all(process.pid)
            process.wait(timeout=30)
        printed.seek(0)
        return printed.read()


def kill_all(root: int) -> None:
    """All processes that it started, and it, at once: a machine stops."""
    for process in [root, *_descendants(root)]:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            text = stat.read_text()
            parent = int(text.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found, left = [], [root]
    while left:
        left += (each := children.get(left.pop(), []))
        found += each
    return found


def assigned(spaces: list[str], choices: list[tuple[Point, Fault]]) -> list[dict[str, tuple[Point, Fault]]]:
    """Every choice once, in as few runs as the workspaces allow; a workspace without one meets nothing."""
    size = len(spaces)
    return [dict(zip(spaces, choices[start : start + size], strict=False)) for start in range(0, len(choices), size)]


WIDE_PLUGIN = """\
#!/bin/sh
exec {python} -c 'import sys
import ambient_components.provider.servicer as servicer
servicer._THREADS = 512
from ambient_components.provider.__main__ import main
main()' "$@"
"""
"""The plugin with enough threads for all the calls that wait."""


def wide_plugin(folder: Path, python: Path) -> None:
    """Puts it in place of the repository's."""
    (folder / "plugin").unlink()
    (folder / "plugin").mkdir()
    program = folder / "plugin" / "pulumi-resource-ambient"
    program.write_text(WIDE_PLUGIN.format(python=python))
    program.chmod(0o755)
