"""axe-core, which checks pages for accessibility: one version of npm's package, by its digest, kept in the cache."""

import io
import shutil
import subprocess
import tarfile
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from sandbox.paths import cache_root, is_set

VERSION: Final = "4.14.1"
DIGEST: Final = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""SHA-256 of axe.min.js."""


def source(folder: Path) -> str:
    """The script. Without it and without npm the test is skipped.

    Args:
        folder: A folder for the download.
    """
    kept = cache_root() / f"axe-core-{VERSION}.min.js"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(_downloaded(folder))
    text = kept.read_bytes()
    assert sha256(text).hexdigest() == DIGEST, f"{kept} is another file: delete it"
    return text.decode()


def _downloaded(folder: Path) -> bytes:
    npm = shutil.which("npm")
    if npm is None or is_set("AMBIENT_OFFLINE"):
        pytest.skip("axe-core is not in the cache, and there is no npm that may download it")
    words = [npm, "pack", "--silent", f"axe-core@{VERSION}"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"npm does not get axe-core: {done.stderr.strip()[-200:]}")
    with tarfile.open(fileobj=io.BytesIO((folder / done.stdout.split()[-1]).read_bytes())) as archive:
        member = archive.extractfile("package/axe.min.js")
        assert member is not None
        text = member.read()
    assert sha256(text).hexdigest() == DIGEST
    return text
