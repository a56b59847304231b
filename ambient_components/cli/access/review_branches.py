"""`ambient access --due --branch`: a branch for each set of reviewers, with the lines that keep their access."""

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from ambient_components.cli.access.due import Reviews
from ambient_components.cli.edits.files import edited_texts
from ambient_components.errors import stop
from ambient_components.printable import counted
from ambient_components.stackfile.checks.reviews import Due
from ambient_components.stackfile.editing import Change
from ambient_components.stackfile.layers import WORKSPACE
from ambient_components.stackfile.loader import LoadedStack

_MESSAGE: Final = """\
Keep access of {stack} that was reviewed

For {reviewers}: each line keeps its access until the new day.
Remove the entries of access that should end before this is merged.
"""


def write_branches(reviews: Reviews, now: datetime) -> Iterator[str]:
    """Write the branches, and yield a line about each. The work tree and its index stay as they are.

    What a template or `defaults` give is left out: a day there would hold for every workspace.
    """
    loaded = reviews.loaded
    today = now.astimezone(loaded.file.timezone).date()
    for reviewers, group in groupby(reviews.items, key=lambda item: item.reviewers):
        items = [*group]
        own = [item for item in items if loaded.origin(item.path).layer == WORKSPACE]
        if left := len(items) - len(own):
            yield f"{counted(left, 'line')} of defaults or templates left out: review them by hand"
        if own:
            name = f"reviews/{reviews.stack}/{_slug(reviewers)}-{today}"
            message = _MESSAGE.format(stack=reviews.stack, reviewers=" or ".join(reviewers) or "reviewers")
            _commit(name, message, edited_texts(loaded, [_kept(loaded, item, now) for item in own]))
            yield f"{name}: {counted(len(own), 'line')} for {' or '.join(reviewers) or 'no reviewers in the file'}"


def _kept(loaded: LoadedStack, item: Due, now: datetime) -> Change:
    holds = timedelta(seconds=loaded.file.guardrails.reviews.seconds(item.role))
    return Change(item.path, "reviewBy", str((now + holds).astimezone(loaded.file.timezone).date()))


def _slug(reviewers: tuple[str, ...]) -> str:
    return re.sub(r"[^a-z0-9]+", "-", " ".join(reviewers).lower()).strip("-")[:100] or "unassigned"


def _commit(branch: str, message: str, texts: Mapping[str, str]) -> None:
    """Commit new texts of files, by paths from here, to a new branch from HEAD."""
    if _git("status", "--porcelain", "--", *texts):
        stop(f"{', '.join(texts)}: differs from the last commit", "commit it first: the branch is made from HEAD")
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        _git("read-tree", "HEAD", more=index)
        for path, text in texts.items():
            mode = _git("ls-files", "--stage", "--", path, more=index).partition(" ")[0]
            if not mode:
                stop(f"{path} is not in the last commit", "commit it first: the branch is made from HEAD")
            top = _git("ls-files", "--full-name", "--", path, more=index)
            blob = _git("hash-object", "-w", "--stdin", text=text)
            _git("update-index", "--cacheinfo", f"{mode},{blob},{top}", more=index)
        tree = _git("write-tree", more=index)
    _git("branch", branch, _git("commit-tree", tree, "-p", "HEAD", "-F", "-", text=message))


def _git(*arguments: str, text: str = "", more: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(  # noqa: S603  # an argument list, no shell
        ["git", *arguments],  # noqa: S607  # the user's own Git
        env={**os.environ, **(more or {})}, capture_output=True, input=text.encode(), check=False,
    )  # fmt: skip
    if done.returncode:
        stop(f"git {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode().strip()
