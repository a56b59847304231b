"""How many engines run at once where nobody says it."""

import os
from pathlib import Path

import pytest

from ambient_components.collector import default_jobs

GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "limit", "used", "cache", "jobs"),
    [
        (64, None, 0, 0, 16),
        (4, None, 0, 0, 8),
        (0, None, 0, 0, 1),
        (64, "max", 1, 0, 16),
        (64, 2, 1, 0, 2),  # a container on a large machine
        (64, 2, 2, 1, 2),  # what it has cached can go
        (64, 1, 1, 0, 1),
    ],
)
def test_cores_and_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    limit: int | str | None,
    used: int,
    cache: int,
    jobs: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)), raising=False)
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: 1 kB\nMemAvailable: {free << 20} kB\nHugePages_Total: 0\n")
    if limit is not None:
        folder = tmp_path / "sys/fs/cgroup"
        folder.mkdir(parents=True)
        (folder / "memory.max").write_text(f"{limit if isinstance(limit, str) else limit * GIB}\n")
        (folder / "memory.current").write_text(f"{used * GIB}\n")
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {cache * GIB}\n")
    assert default_jobs(tmp_path) == jobs


def test_a_machine_that_does_not_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    assert default_jobs(tmp_path) == 3
