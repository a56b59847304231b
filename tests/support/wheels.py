"""Wheels of this repository, and environments that find the lock file's packages without a download."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from ambient_components._version import VERSION
from ambient_components.cli.init.project import WHEEL
from tests.support.stacks import REPOSITORY

PACKAGE = REPOSITORY / "ambient_components"
_SITE = Path(sysconfig.get_path("purelib"))
_OWN = re.compile(r"ambient_components.*|__editable__.*|__pycache__|.*\.pth")


def build(sources: Path, out: Path, version: str = VERSION) -> Path:
    """Build a wheel as `make release` would: from a copy, with what the build system needs and no network."""
    sources.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, sources)
    shutil.copytree(PACKAGE, sources / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    file = sources / PACKAGE.name / "_version.py"
    file.write_text(file.read_text().replace(VERSION, version))
    words = ["wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", str(out)]
    subprocess.run([sys.executable, "-m", "pip", *words, str(sources)], check=True, capture_output=True, text=True)
    return out / WHEEL.replace(VERSION, version)


def link_packages(folder: Path) -> Path:
    """Make a folder with links to all installed packages but this repository's own."""
    folder.mkdir()
    for path in _SITE.iterdir():
        if not _OWN.fullmatch(path.name):
            (folder / path.name).symlink_to(path)
    return folder
