"""`python -m bench`: measure, and print a table."""

import argparse
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from rich.console import Console

from bench.errors import BenchError
from bench.machine import this_machine
from bench.report import as_json, show
from bench.run import benchmark
from sandbox.errors import SandboxError
from sandbox.toolchain import find_or_build

_DESCRIPTION = """\
Measure what our components cost: the same workspaces as a stack of ours and as a plain Pulumi program
(bench/plain/__main__.py), each on a cluster of its own that is started and removed here.

Three phases: create (pulumi up), no-op preview, one change (pulumi up after a role change). Both programs
must leave the same objects in the cluster, else the benchmark fails; no time ever makes it fail."""

_EPILOG = """\
examples:
  python -m bench --sizes 10             a first look, one minute
  python -m bench                        10, 50 and 100 workspaces: ten minutes on two quiet cores
  python -m bench --runs 3               the best of three: for figures that you publish
  python -m bench --format json > b.json with the single runs, and CPU and memory by part

Measure on a quiet machine. The engine's own variables are passed on, so their worth is easily seen:
  PULUMI_EXPERIMENTAL=true PULUMI_SKIP_CHECKPOINTS=true python -m bench

Progress goes to standard error, the table to standard output. docs/benchmark.md says how to read it."""


def _sizes(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 9999 for part in parts):
        message = f"{text!r}: numbers of workspaces are wanted, 1 to 9999, with commas between them, such as 10,50,100"
        raise argparse.ArgumentTypeError(message)
    return sorted({int(part) for part in parts})


def _runs(text: str) -> int:
    if not (text.isdecimal() and int(text) >= 1):
        message = f"{text!r}: a number from 1 is wanted"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        "python -m bench",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--sizes", type=_sizes, default=[10, 50, 100], help="workspaces, default 10,50,100", metavar="N,N"
    )
    made.add_argument("--format", choices=("text", "json"), default="text", help="what to print, default text")
    made.add_argument("--runs", type=_runs, default=1, help="times to measure all of it, default 1", metavar="N")
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
        results = benchmark(toolchain, options.sizes, options.runs, say)
    except KeyboardInterrupt:
        say("interrupted: the clusters are stopped and their folders removed")
        return 130
    except (BenchError, SandboxError) as error:
        say(f"error: {error}")
        return 1
    if options.format == "json":
        print(as_json(results, machine, options.sizes, options.runs))
    else:
        show(Console(), results, machine, options.sizes, options.runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
