"""The Git repository that a release is built from, and the address it is published under."""

import io
import re
import subprocess
import tarfile
from pathlib import Path

from release.errors import Refusal

_SHOWN = 5
# The target of a link or an image that is neither an address nor a heading of the same page.
_RELATIVE = re.compile(r"(?<=\]\()(?![a-z]+:|#)[^)\s]+(?=\))")
_IMAGE = (".gif", ".png", ".svg")


def git(root: Path, *arguments: str) -> str:
    """Run git and return its output without the last line break."""
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.rstrip("\n")


def refusals(root: Path, version: str) -> list[Refusal]:
    """Return why the repository is not in the state of a release of this version."""
    problems = []
    if changed := git(root, "status", "--porcelain").splitlines():
        more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
        names = ", ".join(line[3:] for line in changed[:_SHOWN])
        problems.append(Refusal(f"uncommitted changes: {names}{more}", "commit or remove them"))
    tag, head = f"v{version}", git(root, "rev-parse", "HEAD")
    here = git(root, "tag", "--points-at", "HEAD", "--list", "v[0-9]*").splitlines()
    if others := [name for name in here if name != tag]:
        problems.append(
            Refusal(
                f"the commit has the tag {others[0]}, but the version is {version}",
                "set VERSION in ambient_components/_version.py, commit, and tag that commit",
            )
        )
    if git(root, "tag", "--list", tag) and tag not in here:
        commit = git(root, "rev-list", "--max-count=1", tag)
        problems.append(
            Refusal(
                f"{version} is already released from {commit[:12]}, and this is {head[:12]}", "choose the next version"
            )
        )
    return problems


def commit_time(root: Path) -> int:
    """Return when the last commit was made, in seconds since 1970."""
    return int(git(root, "log", "-1", "--format=%ct"))


def export(root: Path, folder: Path) -> None:
    """Write the files of the last commit into a folder: nothing that is ignored or left from an earlier build."""
    command = ["git", "-C", str(root), "archive", "--format=tar", "HEAD"]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        # Not "data", which refuses links to the outside: a test has one.
        tar.extractall(folder, filter="tar")


def absolute_links(markdown: str, repository: str, version: str) -> str:
    """Return a page of the repository's root with links to the files of this version, for readers elsewhere."""

    def absolute(target: re.Match[str]) -> str:
        kind = "raw" if target[0].endswith(_IMAGE) else "blob"
        return f"{repository}/{kind}/v{version}/{target[0]}"

    return _RELATIVE.sub(absolute, markdown)
