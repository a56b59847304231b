"""The files of a revision, out of Git's objects: no checkout, no filters; nothing of the working tree changes."""

import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final

from ambient_components.errors import fail
from ambient_components.spec.files import DISK, Files
from ambient_components.spec.snapshot import Blob, Snapshot

WORKING_TREE: Final = "."
"""Stands for the files as they lie on the disk; Git has no revision of this name."""

_FILE, _LINK = "blob", "120000"


class Repository:
    """The Git repository of a folder.

    Args:
        folder: Any folder in it; paths in the files of a revision start there.

    Raises:
        AmbientError: The folder is in no repository, or there is no Git.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = self._git("rev-parse", "--show-prefix", about=_no_repository).decode().rstrip("\n")
        self._blob = cache(self._read_blob)  # most files are the same in two revisions

    def files(self, revision: str) -> Files:
        """Return the files of a revision, or those on the disk for `WORKING_TREE`.

        Raises:
            AmbientError: There is no such revision.
        """
        if revision == WORKING_TREE:
            return DISK
        commit = self._commit(revision)
        listing = self._git("ls-tree", "-r", "-z", "--full-tree", commit)
        return Snapshot(dict(_entries(listing)), lambda blob: self._blob(blob.id), self._prefix)

    def from_top(self, path: str) -> str:
        """Return a path of this folder as one from the repository's top."""
        return f"{self._prefix}{path}"

    def _commit(self, revision: str) -> str:
        def unknown(_: str) -> tuple[str, str]:
            return (
                f"{revision!r} is no revision of this repository",
                "name a commit, branch or tag; where it is not fetched, as in a shallow clone: git fetch --unshallow",
            )

        if revision.startswith("-") or not revision.isprintable():
            fail(None, "", *unknown(""))
        return self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", about=unknown).decode().strip()

    def _read_blob(self, blob: str) -> bytes:
        return self._git("cat-file", "blob", blob)

    def _git(self, *arguments: str, about: Callable[[str], tuple[str, str]] | None = None) -> bytes:
        """Run Git and return what it printed.

        Args:
            arguments: Of the command.
            about: Problem and remedy, of what Git said.
        """
        try:
            answer = subprocess.run(  # noqa: S603  # an argument list, no shell
                ["git", *arguments],  # noqa: S607  # the user's own Git
                cwd=self._folder,
                capture_output=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError:
            fail(None, "", "there is no git on PATH", "install it")
        if answer.returncode != 0:
            said = (answer.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[0]
            fail(None, "", *(about or _failed)(said))
        return answer.stdout


def _entries(listing: bytes) -> list[tuple[str, Blob]]:
    """Path and blob of each file; what `git ls-tree -z` prints: `MODE TYPE ID<tab>PATH<nul>`."""
    found = []
    for line in listing.decode("utf-8", errors="surrogateescape").split("\0"):
        about, _, path = line.partition("\t")
        if not path:
            continue
        mode, kind, name = about.split(" ")
        if kind == _FILE:  # a submodule is a commit, and not here
            found.append((path, Blob(name, mode == _LINK)))
    return found


def _no_repository(said: str) -> tuple[str, str]:
    return f"this is no Git repository: {said}", "run it in a clone of the repository"


def _failed(said: str) -> tuple[str, str]:
    return f"git failed: {said}", "try again in a complete clone of the repository"
