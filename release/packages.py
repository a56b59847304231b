"""The sdist and the wheel: built from an exported commit, checked, and the same bytes in every build."""

import gzip
import os
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from release.errors import Refusal, ReleaseError


def build(tree: Path, folder: Path, time: int) -> list[Path]:
    """Build and check the sdist, and the wheel from it.

    Args:
        tree: An exported commit.
        folder: Where the packages go.
        time: The time of all files in them, in seconds since 1970.

    Raises:
        ReleaseError: If their contents are not what the commit has.
    """
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(time)}
    # Without isolation: the tools are those of requirements/dev.lock.
    run("build", "--no-isolation", "--outdir", str(folder), str(tree), environ=environ)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    normalize(sdist, time)
    run("check_wheel_contents", "--config", str(tree / "pyproject.toml"), str(wheel), cwd=tree)
    run("twine", "check", "--strict", str(sdist), str(wheel))
    return [sdist, wheel]


def run(module: str, *arguments: str, cwd: Path | None = None, environ: Mapping[str, str] | None = None) -> None:
    """Run a Python program, and show its output only if it fails.

    Raises:
        ReleaseError: If it fails.
    """
    command = [sys.executable, "-m", module, *arguments]
    # Modes of files are in the wheel.
    done = subprocess.run(command, cwd=cwd, env=environ, umask=0o022, capture_output=True, text=True, check=False)
    if done.returncode:
        output = f"{done.stdout}{done.stderr}".strip()
        raise ReleaseError([Refusal(f"{module} failed: {output}", "fix what it names, commit, and run it again")])


def normalize(sdist: Path, time: int) -> None:
    """Write an sdist again without owners and times of this build, which setuptools puts there."""
    new = sdist.with_suffix(".new")
    # No name and a fixed time in gzip's own header.
    with (
        tarfile.open(sdist) as tar,
        new.open("wb") as file,
        gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=time) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as clean_tar,
    ):
        for member in sorted(tar.getmembers(), key=lambda member: member.name):
            clean = tarfile.TarInfo(member.name)
            clean.type, clean.size, clean.mtime = member.type, member.size, time
            clean.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            clean_tar.addfile(clean, tar.extractfile(member) if member.isreg() else None)
    new.replace(sdist)
