"""`python -m bench`: measure, and print a table."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import FrameType

from rich.console import Console

from bench.errors import BenchError
from bench.machine import this_machine
from bench.page import write
from bench.phases import Contender, Phase
from bench.report import as_json, text
from bench.run import Wanted, benchmark
from sandbox.errors import SandboxError
from sandbox.toolchain import find_or_build

_DESCRIPTION = """\
Measure what a fleet costs: N workspaces of ten objects by `ambient up` over shards, beside one plain stack, beside
kubectl, and beside the floor, which is the same requests and nothing else. Every contender has a cluster of its own
that is started and removed here. A time never makes it fail; contenders that don't make the same objects do."""

_EPILOG = """\
examples:
  python -m bench --sizes 10 --phases create --only fleet   a first look, half a minute
  python -m bench --write              what `make bench` does: 10, 100 and 1,000, half an hour on two quiet cores
  python -m bench --format json > b.json

Measure on a quiet machine. Large sizes leave out what would take hours: docs/performance.md says what, and how to
read the figures. Progress goes to standard error, the table to standard output."""


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 9999 for part in parts):
        message = (
            f"{text!r}: numbers of workspaces are wanted, 1 to 9999, with commas between them, such as 10,100,1000"
        )
        raise argparse.ArgumentTypeError(message)
    return sorted({int(part) for part in parts})


def _of(kind: type[StrEnum]) -> Callable[[str], list[StrEnum]]:
    """A reader of a list of such words; a short name will do, such as `plain`."""

    def read(text: str) -> list[StrEnum]:
        found = []
        for word in text.split(","):
            matching = [one for one in kind if one.value == word.strip()] or [
                one for one in kind if word.strip() and one.value.startswith(word.strip())
            ]
            if len(matching) != 1:
                message = f"{word!r} is none of: {', '.join(kind)}"
                raise argparse.ArgumentTypeError(message)
            found += matching
        return found

    return read


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python -m bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--sizes", type=_sizes, default=[10, 100, 1000], help="workspaces, default 10,100,1000", metavar="N,N"
    )
    made.add_argument("--phases", type=_of(Phase), default=list(Phase), help=", ".join(Phase), metavar="PHASE,PHASE")
    made.add_argument(
        "--only", type=_of(Contender), default=list(Contender), help=", ".join(Contender), metavar="CONTENDER,…"
    )
    made.add_argument("--write", action="store_true", help="write docs/performance.md and its picture")
    made.add_argument("--format", choices=("text", "json"), default="text", help="what to print, default text")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; 0 if all went well, 1 if it could not be measured, 130 after an interrupt."""
    options = parser().parse_args(arguments)
    progress = Console(stderr=True)

    def say(text: str) -> None:
        progress.print(text, highlight=False, markup=False, soft_wrap=True)

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        # Once: a second Ctrl-C would interrupt the cleaning up.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupted)
    try:
        toolchain = find_or_build(progress)
        machine = this_machine(toolchain)
        say(machine.line())
        results = benchmark(toolchain, Wanted(options.sizes, options.phases, options.only), say)
        if options.write:
            write(results, machine)
    except KeyboardInterrupt:
        say("interrupted: the clusters are stopped and their folders removed")
        return 130
    except (BenchError, SandboxError) as error:
        say(f"error: {error}")
        return 1
    print(as_json(results, machine) if options.format == "json" else text(results, machine))
    return 0


if __name__ == "__main__":
    sys.exit(main())
