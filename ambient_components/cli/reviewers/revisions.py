"""The stacks of a Git revision, and the workspaces that changed since then.

Files are extracted to a temporary folder. The user's index and working tree stay untouched.
"""

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Final

from ambient_components.errors import AmbientError, Problem, Where, stop
from ambient_components.stackfile.files import DISK, Files, Search
from ambient_components.stackfile.loader import Review, review_stack
from ambient_components.stackfile.ownership import Touched, Version, touched
from ambient_components.stackfile.regular import is_below
from ambient_components.stacks.project import without_parts

WORKING_TREE: Final = "."
"""The name for the files on disk. No Git revision can have this name."""

_ATTRIBUTES: Final = ".gitattributes"
_LINK: Final = "120000"
# Git settings that could change the extracted files or run other programs.
_PLAINLY: Final = (
    "core.autocrlf=false",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.sparseCheckout=false",
    "core.symlinks=true",
)


class Repository:
    """The Git repository of a folder. Paths in a revision's files start at the folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._prefix = self._git("rev-parse", "--show-prefix", about=_no_repository).rstrip("\n")

    @contextmanager
    def files(self, revision: str) -> Iterator[Files]:
        """Extract a revision's files for the duration of the context; for `WORKING_TREE` yield those on disk."""
        if revision == WORKING_TREE:
            yield DISK
            return
        commit = self._commit(revision)
        with TemporaryDirectory(prefix="ambient-") as temporary:
            folder = Path(temporary).resolve()
            top = folder / "tree"
            top.mkdir()
            self._lay_out(commit, top, folder / "index")
            start = top / self._prefix
            with suppress(OSError):  # the path is a file in this revision, so nothing is below it
                start.mkdir(parents=True, exist_ok=True)
            yield Files(str(start), str(top))

    def from_top(self, path: str) -> str:
        return f"{self._prefix}{path}"

    def _lay_out(self, commit: str, top: Path, index: Path) -> None:
        repository = self._git("rev-parse", "--absolute-git-dir").rstrip("\n")
        apart = {"GIT_DIR": repository, "GIT_WORK_TREE": str(top), "GIT_INDEX_FILE": str(index)}
        self._git("read-tree", commit, apart=apart)
        entries = [entry.partition("\t") for entry in self._git("ls-files", "-s", "-z", apart=apart).split("\0")]
        # Without attributes nothing is filtered, converted or left out.
        attributes = [path for _, _, path in entries if path.rpartition("/")[2].lower() == _ATTRIBUTES]
        self._git("update-index", "-z", "--force-remove", "--stdin", apart=apart, stdin="\0".join(attributes))
        self._git("checkout-index", "--all", apart=apart)
        for about, _, path in entries:
            link = top / path
            if about.startswith(_LINK) and not is_below(os.path.realpath(link), str(top)):
                link.unlink()  # a wildcard must not follow a revision's link to this machine's files

    def _commit(self, revision: str) -> str:
        def unknown(_: str) -> tuple[str, *tuple[str, ...]]:
            return (
                f"{revision!r} is no revision of this repository",
                "name a commit, branch or tag",
                "if it is not fetched, as in a shallow clone: git fetch --unshallow",
            )

        if revision.startswith("-") or not revision.isprintable():
            stop(*unknown(""))
        return self._git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", about=unknown).strip()

    def _git(
        self,
        *arguments: str,
        about: Callable[[str], tuple[str, *tuple[str, ...]]] | None = None,
        apart: dict[str, str] | None = None,
        stdin: str = "",
    ) -> str:
        settings = [word for setting in _PLAINLY for word in ("-c", setting)] if apart else []
        try:
            answer = subprocess.run(  # noqa: S603  # an argument list, no shell
                ["git", *settings, *arguments],  # noqa: S607  # the user's own Git
                cwd=apart["GIT_WORK_TREE"] if apart else self._folder,
                env={**os.environ, **(apart or {})},
                capture_output=True,
                check=False,
                input=os.fsencode(stdin),
            )
        except OSError:
            stop("there is no git on PATH", "install it")
        if answer.returncode != 0:
            message = (answer.stderr.decode(errors="replace").strip().splitlines() or ["nothing"])[0]
            stop(*(about or _failed)(message))
        return os.fsdecode(answer.stdout)


def _no_repository(message: str) -> tuple[str, str]:
    return f"this is no Git repository: {message}", "run it in a clone of the repository"


def _failed(message: str) -> tuple[str, str]:
    return f"git failed: {message}", "try again in a complete clone of the repository"


def changes(before: Mapping[str, Version], after: Mapping[str, Version]) -> list[Touched]:
    return [item for name in sorted({*before, *after}) for item in touched(name, before.get(name), after.get(name))]


def versions(folder: str, files: Files, names: Sequence[str], called: str) -> dict[str, Version]:
    """Return the stacks of a revision by name: these, or all stack files that no other file includes."""
    paths = [f"{folder}/{name}.yaml" for name in names] or [
        f"{folder}/{file}"
        for file in files.expand("*.yaml", folder, Search())
        if not PurePosixPath(file).name.startswith("Pulumi.")
    ]
    reviews = {path: review_stack(path, files=files) for path in paths if files.identity(path) is not None}
    if not names:
        reviews = _whole(reviews, files)
    problems = {_at(problem, called) for review in reviews.values() if not review.stack for problem in _errors(review)}
    if problems:
        raise AmbientError(problems)
    return {PurePosixPath(path).stem: Version(review.stack, files) for path, review in reviews.items() if review.stack}


def _whole(reviews: Mapping[str, Review], files: Files) -> dict[str, Review]:
    """Return the stack files that no other one includes."""
    by_file = {files.identity(path): review for path, review in reviews.items()}
    included = {own: {files.identity(path) for path in review.files[1:]} for own, review in by_file.items()}
    wholes = set(without_parts(included, list(included)))
    return {path: review for path, review in reviews.items() if files.identity(path) in wholes}


def _errors(review: Review) -> list[Problem]:
    return [problem for problem in review.problems if not problem.warning]


def _at(problem: Problem, called: str) -> Problem:
    if problem.where is None or not called:
        return problem
    return replace(problem, where=Where(f"{called}:{problem.where.file}", problem.where.line, problem.where.column))
