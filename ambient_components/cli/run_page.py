"""The page of a run in a pod: what the command printed, in the ConfigMap that `ambient pipeline kubernetes` names.

The keys of a pod with the index 3 are `03.last`, one line on its last run, and `03.page`, all that the last run printed
which started an engine or failed. A run with nothing to do does not change the page.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Any, Final, TextIO, cast

from ambient_components import clock
from ambient_components.cluster.client import Cluster, merge_config_map
from ambient_components.errors import StepError
from ambient_components.fleet.processes import Child
from ambient_components.rotation.state import format_time

_ALL: Final = 1_000_000
"""Bytes for all shards in the ConfigMap, which holds 1 MiB."""

_BESIDE: Final = 400
"""Bytes of a shard beside the text of its run: keys, lines on the last run, a sentence on what is left out."""

_MOST: Final = 8_000
"""Maximum bytes of the text of a run. With many shards, each has its part of the ConfigMap."""


class _Copied:
    """A stream whose text is also copied."""

    def __init__(self, stream: TextIO, copy: StringIO) -> None:
        self._stream, self._copy = stream, copy

    def write(self, text: str) -> int:
        self._copy.write(text)
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def kept(run: Callable[[], int], environ: Mapping[str, str] = os.environ) -> int:
    """Run a command, write its page, and return its exit code. A page that can't be written is only a warning."""
    copy, engines = StringIO(), Child.begun
    copied = (cast(TextIO, _Copied(stream, copy)) for stream in (sys.stdout, sys.stderr))
    # As the first process of its container it would not notice SIGTERM. Like Ctrl-C, it ends the run in good order.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with redirect_stdout(next(copied)), redirect_stderr(next(copied)):
            code = run()
    finally:
        signal.signal(signal.SIGTERM, before)
    job, commit = (environ.get(f"AMBIENT_RUN_{what}", "unknown") for what in ("JOB", "COMMIT"))
    last = f"{format_time(clock.now())}: exit code {code}, commit {commit[:12]}, Job {job.partition('/')[0]}"
    data = {"last": last}
    if code != 0 or Child.begun > engines:
        most = min(_MOST, _ALL // int(environ.get("AMBIENT_RUN_SHARDS") or 1) - _BESIDE)
        data["page"] = f"{last}\n\n{_shortened(copy.getvalue(), most)}\n"
    index = int(environ.get("AMBIENT_RUN_INDEX") or 0)
    namespace, _, name = environ["AMBIENT_RUN_PAGE"].partition("/")
    try:
        merge_config_map(Cluster(), namespace, name, {f"{index:02d}.{key}": text for key, text in data.items()})
    except StepError as error:
        print(error.problem.within("the page of this run can't be written").text, file=sys.stderr)
    return code


def _shortened(printed: str, most: int) -> str:
    """Return what was printed without blanks at the ends of lines, with which kubectl would show one long line."""
    whole = "\n".join(line.rstrip() for line in printed.strip().splitlines())
    text, end = whole.encode(errors="replace"), most * 3 // 8  # the end has the summary
    if len(text) <= most:
        return whole
    first, last = (part.decode(errors="ignore") for part in (text[: most - end], text[-end:]))
    out = f"{len(text) - most} bytes are left out, as this page has {most} at most: kubectl logs has them"
    return f"{first}\n… {out}\n{last}"
