"""The Git checkout of a project, as far as a pod needs it to fetch the same files."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ambient_components.errors import reject

_URL: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<place>[^\s\"'\\]+)")
_SHORT: Final = re.compile(r"^(?P<host>\w[\w.-]*@\w[\w.-]*):/?(?P<path>[^:].*)$")
"""Git's short form of ssh, such as git@git.example.com:platform/workspaces.git."""
_ALLOWED: Final = "allowed: https://HOST/PATH or ssh://git@HOST/PATH, without a password"


@dataclass(frozen=True, slots=True)
class Checkout:
    """Where the project's files are. Empty texts are unknown."""

    url: str = ""
    """URL of the remote `origin`."""
    commit: str = ""
    folder: str = ""
    """The project's folder below the top of the repository, with a slash at its end. Empty: the top itself."""
    changed: bool = False
    """Whether files of the project differ from the commit."""


def find_checkout(project: Path) -> Checkout:
    """Return the checkout that a project's folder is in. An empty one where there is none."""
    answer = _git(project, "rev-parse", "--show-prefix", "HEAD")
    if answer is None:
        return Checkout()
    folder, _, commit = answer.partition("\n")
    changed = bool(_git(project, "status", "--porcelain", "--", "."))
    return Checkout(_git(project, "remote", "get-url", "origin") or "", commit, folder, changed)


def checked_url(text: str) -> str:
    """Return the URL of a repository that a pod can fetch from. Git's short form of ssh becomes one.

    Raises:
        BadValue: It has another scheme than https and ssh, or a password.
    """
    text = _SHORT.sub(r"ssh://\g<host>/\g<path>", text)
    url = _URL.fullmatch(text)
    if url is None or url["scheme"] not in {"https", "ssh"}:
        reject(f"{text!r} can't be fetched by a pod that checks what answers", _ALLOWED)
    user, at, _ = url["place"].partition("/")[0].rpartition("@")
    if at and (":" in user or url["scheme"] == "https"):
        reject("the repository's URL has a credential, which everyone who may read the CronJob could read", _ALLOWED)
    return text


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what Git prints, None if it fails."""
    try:
        done = subprocess.run(  # noqa: S603  # an argument list, no shell
            ["git", *arguments],  # noqa: S607  # the user's own Git
            cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return None
    return done.stdout.rstrip("\n") if done.returncode == 0 else None
