"""Measurements without engine and cluster: the command line's own time, with many small files."""

import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ambient_components.stackfile.loader import load_stack
from bench.errors import BenchError
from bench.workload import stack_file, stack_files

WORKSPACES: Final = 1000
_TIMES: Final = 3
_PACKAGE: Final = "ambient_components.cli"
_AMBIENT: Final = Path(sys.executable).with_name("ambient")


@dataclass(frozen=True)
class Offline:
    """Wall-clock seconds, each the fastest of three, because other programs can only add time."""

    load: float
    """Loading and checking 1,000 workspaces in one file, in this process."""
    validate: float
    """`ambient validate` on 1,000 workspaces in as many included files, as a process."""
    start: float
    """`ambient --version`, as a process."""
    imported: float
    """Starting Python and importing the command line with every verb, as a process."""


def offline() -> Offline:
    """Measure all four.

    Raises:
        BenchError: The files are invalid.
    """
    with tempfile.TemporaryDirectory(prefix="ambient-bench-") as folder:
        one = Path(folder) / "one.yaml"
        one.write_text(stack_file(WORKSPACES), encoding="utf-8")
        (Path(folder) / "workspaces").mkdir()
        for name, text in stack_files(WORKSPACES).items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        return Offline(
            min(_loaded(one) for _ in range(_TIMES)),
            min(_ran([str(_AMBIENT), "validate", str(Path(folder) / "many.yaml")]) for _ in range(_TIMES)),
            min(_ran([str(_AMBIENT), "--version"]) for _ in range(_TIMES)),
            min(_ran([sys.executable, "-c", f"import {_PACKAGE}.app"]) for _ in range(_TIMES)),
        )


def _loaded(path: Path) -> float:
    started = time.perf_counter()
    load_stack(path)
    return time.perf_counter() - started


def _ran(command: Sequence[str]) -> float:
    started = time.perf_counter()
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - started
    if ended.returncode != 0:
        message = f"{' '.join(command)} failed:\n{ended.stdout}{ended.stderr}"
        raise BenchError(message)
    return seconds
