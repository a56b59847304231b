"""The commit of adopted files on a branch of their own."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from ambient_components.errors import Where, fail


def require_free(folder: Path, branch: str) -> None:
    """Require that a commit on a new branch is possible, before any file is written."""
    if _git(folder, "rev-parse", "--show-prefix").returncode:
        fail(None, "--branch", "this is no Git repository", "run git init, or leave --branch out")
    if _git(folder, "check-ref-format", "--branch", branch).returncode:
        fail(None, "--branch", f"{branch!r} can't name a branch", "choose another name, such as adopt-workspaces")
    if not _git(folder, "rev-parse", "--verify", "--quiet", f"refs/heads/{branch}").returncode:
        fail(None, "--branch", f"the branch {branch!r} exists", "choose another name, or delete it: git branch -d")


def require_unchanged(folder: Path, files: Sequence[Path]) -> None:
    """Require that files that Git knows have no changes, which the commit would take along."""
    answer = _git(
        folder, "status", "--porcelain", "--untracked-files=no", "--", *(str(file.resolve()) for file in files)
    )
    if changed := answer.stdout.decode(errors="replace").splitlines():
        fail(
            Where(changed[0][3:]),
            "--branch",
            "has changes that are not committed",
            "commit them, or leave --branch out",
        )


def untracked(folder: Path, files: Sequence[Path]) -> list[Path]:
    return [
        file for file in files if file.exists() and _git(folder, "ls-files", "--error-unmatch", str(file)).returncode
    ]


def commit(folder: Path, branch: str, files: Sequence[Path], message: str) -> None:
    """Create the branch at the current commit, switch to it, and commit these files alone."""
    paths = [str(path.resolve()) for path in files]
    for arguments in (
        ("switch", "--create", branch),
        ("add", "--", *paths),
        ("commit", "--quiet", "--only", "--file=-", "--", *paths),
    ):
        answer = _git(folder, *arguments, stdin=message)
        if answer.returncode:
            said = (answer.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
            hint = f"the files are written, and the branch is {branch}: commit them yourself"
            fail(None, "--branch", f"git {arguments[0]} failed: {said}", hint)


def _git(folder: Path, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603  # an argument list, no shell
            ["git", *arguments],  # noqa: S607  # the user's own Git
            cwd=folder, capture_output=True, check=False, input=stdin.encode(),
        )  # fmt: skip
    except OSError:
        fail(None, "--branch", "there is no git on PATH", "install it, or leave --branch out")
