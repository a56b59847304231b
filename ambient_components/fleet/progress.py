"""The progress of a fleet's run: a redrawn line on a terminal, elsewhere a line or a JSON object for each shard.

Running engines must not fail because of a closed output, as of `ambient up prod --format json | head`.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Final, Self

from ambient_components import activity
from ambient_components.engine.command import phase
from ambient_components.fleet.jobs import Job, Phase, Request
from ambient_components.fleet.summary import as_json, outcome

_SECONDS: Final = 5.0
"""Seconds after which a running shard gets a line. A shard that ends sooner has only one line."""


class View:
    """The progress. Only the main thread calls it. As a context it redraws its line."""

    def __init__(self, request: Request, jobs: Sequence[Job]) -> None:
        self._json = request.form == "json"
        self._doing = phase((request.verb,))
        self._name = request.name
        self._jobs = jobs
        self._announced: set[str] = set()
        self._line: activity.Activity | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if self._json or not activity.is_live(sys.stderr):
            self._stack.enter_context(activity.silent())
        else:
            self._line = self._stack.enter_context(activity.waiting(self._text()))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tick(self) -> None:
        if self._line is not None:
            self._line.text = self._text()
        elif not self._json:
            for job in self._jobs:
                if job.phase is Phase.RUNNING and job.seconds >= _SECONDS and job.stack not in self._announced:
                    self._announced.add(job.stack)
                    self.note(f"{job.stack}  running: {job.why}")

    def ended(self, job: Job) -> None:
        """Show how a shard ended. The summary has the skipped ones, and on a terminal all but the failed ones."""
        if self._json:
            with suppress(OSError):
                print(json.dumps(as_json(job)), flush=True)
        elif job.phase is Phase.FAILED or (self._line is None and job.phase is not Phase.SKIPPED):
            self.note(f"{job.stack}  {outcome(job)}")

    def note(self, text: str) -> None:
        activity.note(text)

    def _text(self) -> str:
        """Return the line: how many shards have ended and failed, and the current step of the one that runs longest."""
        jobs = [job for job in self._jobs if job.phase is not Phase.SKIPPED]
        ended = sum(job.phase not in (Phase.WAITING, Phase.RUNNING) for job in jobs)
        failed = sum(job.phase is Phase.FAILED for job in jobs)
        running = sorted((job for job in jobs if job.phase is Phase.RUNNING), key=lambda job: job.began)
        text = f"{self._doing} {self._name}: {ended} of {len(jobs)} shards{f', {failed} failed' if failed else ''}"
        if running:
            job = running[0]
            total = max(job.reported.done, job.expected)
            text += f", {len(running)} running; {job.stack}: {job.reported.done}/{total} {job.reported.step}".rstrip()
        return text
