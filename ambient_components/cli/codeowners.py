"""`ambient codeowners`: CODEOWNERS lines for the files that have one team of reviewers each."""

import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Final

import typer

from ambient_components.cli.options import misuse
from ambient_components.documentation import page
from ambient_components.errors import AmbientError, stop
from ambient_components.model.stack import Section
from ambient_components.output import from_here
from ambient_components.platform.subjects import Subject, SubjectKind, parse_subject
from ambient_components.stackfile.files import DISK
from ambient_components.stackfile.loader import LoadedStack, review_stack, whole_stacks
from ambient_components.stackfile.yaml.reader import parse_yaml
from ambient_components.stacks.project import Project, stack_files, stack_path

_HEAD: Final = f"""\
# By `ambient codeowners`. The owners of a line are alternatives, and of the lines that match a file the
# last one counts: keep a line above these for everything else, such as `* @org/platform-team`.
# Who may merge a file here may read with the deployer's rights, by a line such as {{secret: …}}:
# {page("tasks/reviewers", "what-a-line-decides")}"""

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_HANDLE: Final = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*|[^@\s#]+@[^@\s#]+")

Owners = dict[str, set[tuple[str, ...]]]
"""The reviewers of each part of a file, as sets of alternatives, by path from the repository's top."""


def owners(stacks: Iterable[LoadedStack], from_top: Callable[[str], str]) -> Owners:
    """Return the reviewers of the parts of each file.

    A workspace belongs to its reviewers. All other content, existing or future, affects every workspace and belongs to
    the stack's reviewers; a file for access tests alone to those of the tests.
    """
    by_path: Owners = {}

    def add(path: str, reviewers: tuple[str, ...]) -> None:
        by_path.setdefault(from_top(path), set()).add(reviewers)

    for stack in stacks:
        of_stack = _subjects(stack.file.defaults.reviewers)
        of_tests = _subjects(stack.file.access_tests.reviewers) or of_stack
        for path in stack.files:
            others = parse_yaml(DISK.read(path), path).data.keys() - {"workspaces"}
            if granted := stack.granted.get(path):
                add(path, of_tests if granted == {Section.ACCESS_TESTS} else of_stack)
            elif others:
                add(path, of_stack)
        for name, workspace in stack.file.workspaces.items():
            reviewers = _subjects(workspace.reviewers) or of_stack
            add(stack.sources.key(("workspaces", name)).file, reviewers)
            if bundle := workspace.settings.ca_bundle:
                add(stack.project.at(bundle.file), reviewers)
    return by_path


def _subjects(reviewers: Iterable[Subject]) -> tuple[str, ...]:
    return tuple(sorted(map(str, reviewers)))


def as_codeowners(files: Owners, handles: Mapping[str, str]) -> str:
    """Return the lines, sorted by path. Files without a single owner become comments."""
    lines, comments = [], []
    for path, parts in sorted(files.items()):
        sole = next(iter(parts)) if len(parts) == 1 else ()
        if sole and _PLAIN_PATH.fullmatch(path):
            lines.append(f"/{path} {' '.join(_handle(subject, handles) for subject in sole)}")
        else:
            comments.append(f"# {ascii(path) if not path.isprintable() else path}: {_why_not(parts)}")
    return "\n".join([_HEAD, *([""] if lines else []), *lines, *([""] if comments else []), *comments])


def _handle(subject: str, handles: Mapping[str, str]) -> str:
    kind, _, name = subject.partition(":")
    handle = handles.get(subject) or (name if kind == SubjectKind.USER and "@" in name else f"@{name}")
    if not _HANDLE.fullmatch(handle):
        stop(
            f"{handle!r} can't be an owner in CODEOWNERS",
            f"name {subject} as the forge does: --handle '{subject}=@ORG/TEAM'",
        )
    return handle


def _why_not(parts: set[tuple[str, ...]]) -> str:
    if parts == {()}:
        return "no reviewer is named"
    if len(parts) == 1:
        return f"{' or '.join(next(iter(parts)))}; a name that CODEOWNERS can't hold"
    named = "; ".join(" or ".join(part) for part in sorted(parts) if part)
    return f"its parts have different reviewers: {named}{'; some have none' if () in parts else ''}"


EPILOG = """\
\b
examples:
  ambient codeowners                                    all stacks of the project
  ambient codeowners prod --handle group:payments-leads=@my-org/payments-leads

\b
It reads only the stack files, and prints a line for each file that belongs to one set of reviewers. Other files become
comments.

\b
exit codes: 0 success; 1 error; 64 wrong usage; 130 Ctrl-C
"""


def codeowners(
    stacks: Annotated[
        list[str] | None, typer.Argument(metavar="STACK", help="The stacks. Default: all stacks of the project.")
    ] = None,
    named: Annotated[str, typer.Option("--stack", "-s", help="Same as one STACK, as in pulumi.")] = "",
    handle: Annotated[
        list[str] | None,
        typer.Option("--handle", metavar="SUBJECT=@NAME", help="A subject's name on the forge. Default: @NAME."),
    ] = None,
) -> None:
    """Print CODEOWNERS lines by the reviewers in the stack files."""
    handles = dict(map(_given_handle, handle or ()))
    project, top = Project.find(), _top_of_repository(Path.cwd())
    names = [*(stacks or ()), *([named] if named else [])]
    paths = [stack_path(project, name) for name in names] or [from_here(path) for path in stack_files(project)]
    reviews = {path: review_stack(path) for path in paths}
    valid = []
    for review in reviews.values() if names else whole_stacks(reviews):
        if review.stack is None:
            raise AmbientError([problem for problem in review.problems if not problem.warning])
        valid.append(review.stack)
    print(as_codeowners(owners(valid, lambda path: os.path.relpath(path, top)), handles))


def _top_of_repository(here: Path) -> Path:
    for folder in (here, *here.parents):
        if (folder / ".git").exists():
            return folder
    return stop(f"{here} is in no Git repository", "run it in a clone of the repository")


def _given_handle(text: str) -> tuple[str, str]:
    subject, equals, name = text.rpartition("=")
    try:
        parse_subject(subject)
    except ValueError:
        equals = ""
    if not (equals and name):
        misuse(
            "--handle",
            f"{text!r} is not of the form SUBJECT=@NAME, such as group:payments-leads=@my-org/payments-leads",
        )
    return subject, name
