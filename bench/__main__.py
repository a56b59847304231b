"""`python -m bench`: measure and print a table."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from types import FrameType

from rich.console import Console

from bench.errors import BenchError
from bench.machine import this_machine
from bench.medians import medians
from bench.page import write
from bench.phases import Contender, Phase
from bench.report import as_json, text
from bench.run import Selection, benchmark
from sandbox.errors import SandboxError
from sandbox.toolchain import find_or_build

_DESCRIPTION = """\
Measure the cost of a fleet: N workspaces of ten objects with `ambient up` over shards, compared with one plain stack,
with kubectl, and with a raw API client that sends only the same requests. Each contender gets its own
cluster. The benchmark never fails because of a time, only if contenders create different objects."""

_EPILOG = """\
examples:
  python -m bench --quick              two minutes; the same with `make bench ARGS=--quick`
  python -m bench --write              like `make bench`: 10, 100 and 1,000; half an hour on two idle cores
  python -m bench --format json > b.json

Use an idle machine. Large sizes leave out what would take hours. docs/internals/performance-figures.md lists it and
explains the results. Progress goes to standard error, the table to standard output."""


_QUICK = [Phase.CREATE, Phase.NOTHING, Phase.PREVIEW, Phase.REFRESH, Phase.ONE]


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 9999 for part in parts):
        message = (
            f"{text!r}: numbers of workspaces are wanted, 1 to 9999, with commas between them, such as 10,100,1000"
        )
        raise argparse.ArgumentTypeError(message)
    return sorted({int(part) for part in parts})


def _of(kind: type[StrEnum]) -> Callable[[str], list[StrEnum]]:
    """Return a parser for a list of values. Unique prefixes such as `plain` are accepted."""

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
    """Return the argument parser."""
    made = argparse.ArgumentParser(
        "python -m bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--sizes",
        type=_sizes,
        default=None,
        help="numbers of workspaces (default: 10,100,1000)",
        metavar="N,N",
    )
    made.add_argument("--phases", type=_of(Phase), default=list(Phase), help=", ".join(Phase), metavar="PHASE,PHASE")
    made.add_argument(
        "--only", type=_of(Contender), default=list(Contender), help=", ".join(Contender), metavar="CONTENDER,…"
    )
    made.add_argument(
        "--adopt", type=int, default=None, metavar="N",
        help="existing workspaces to adopt (default: 1000 with all sizes and contenders, otherwise 0; alone: no sizes)",
    )  # fmt: skip
    made.add_argument("--runs", type=int, default=1, metavar="N", help="repeat it and report medians (default: 1)")
    made.add_argument(
        "--quick", action="store_true", help="10 and 100 workspaces, fleet and kubectl, five phases: two minutes"
    )
    made.add_argument("--write", action="store_true", help="write docs/internals/performance-figures.md")
    made.add_argument("--format", choices=("text", "json"), default="text", help="output format (default: text)")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print. Return 0 on success, 1 on failure, 130 after an interrupt."""
    options = parser().parse_args(arguments)
    progress = Console(stderr=True)

    def say(text: str) -> None:
        progress.print(text, highlight=False, markup=False, soft_wrap=True)

    def interrupted(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        # Only once: a second Ctrl-C would interrupt the cleanup.
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, interrupted)
    try:
        toolchain = find_or_build(progress)
        machine = this_machine(toolchain)
        say(machine.line())
        if options.quick:
            options.sizes, options.phases, options.only = options.sizes or [10, 100], _QUICK, [
                Contender.FLEET, Contender.KUBECTL,
            ]  # fmt: skip
        sizes = options.sizes or ([10, 100, 1000] if options.adopt is None else [])
        adopted = options.adopt if options.adopt is not None else 0 if options.sizes else 1000
        selection = Selection(sizes, options.phases, options.only, adopted)
        runs = []
        for number in range(max(1, options.runs)):
            if options.runs > 1:
                say(f"run {number + 1} of {options.runs}")
            runs.append(benchmark(toolchain, selection, say))
        results = medians(runs)
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
