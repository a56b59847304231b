"""CODEOWNERS lines for a project's files that have one team of reviewers each."""

import posixpath
import re
from collections.abc import Callable, Mapping
from typing import Final

from ambient_components.documentation import page
from ambient_components.errors import stop
from ambient_components.platform.subjects import SubjectKind
from ambient_components.stackfile.ownership import Version, bundle_of, reviewers_of, reviewers_of_stack
from ambient_components.stackfile.yaml.reader import parse_yaml

_HEAD: Final = f"""\
# By `ambient reviewers --codeowners`. The owners of a line are alternatives, and of the lines that match a file the
# last one counts: keep a line above these for everything else, such as `* @org/platform-team`.
# Who may merge a file here may read with the deployer's rights, by a line such as {{secret: …}}:
# {page("guides/reviewers", "codeowners")}"""

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_HANDLE: Final = re.compile(r"@[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9._-]+)*|[^@\s#]+@[^@\s#]+")

Owners = dict[str, set[tuple[str, ...]]]
"""The reviewers of each part of a file, as sets of alternatives, by path from the repository's top."""


def owners(stacks: Mapping[str, Version], from_top: Callable[[str], str]) -> Owners:
    """Return the reviewers of the parts of each file.

    A workspace belongs to its reviewers. All other content, existing or future, affects every workspace and belongs to
    the stack's reviewers.
    """
    by_path: Owners = {}

    def add(path: str, reviewers: tuple[str, ...]) -> None:
        by_path.setdefault(posixpath.normpath(from_top(path)), set()).add(reviewers)

    for version in stacks.values():
        stack = version.stack
        for path in stack.files:
            others = parse_yaml(version.files.read(path), path).data.keys() - {"workspaces"}
            if others or path in stack.granted:
                add(path, reviewers_of_stack(stack.file))
        for name in stack.file.workspaces:
            reviewers = reviewers_of(stack.file, name)
            add(stack.sources.key(("workspaces", name)).file, reviewers)
            if bundle := bundle_of(version, name):
                add(bundle, reviewers)
    return by_path


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


def default_handle(subject: str) -> str:
    kind, _, name = subject.partition(":")
    return name if kind == SubjectKind.USER and "@" in name else f"@{name}"


def _handle(subject: str, handles: Mapping[str, str]) -> str:
    handle = handles.get(subject) or default_handle(subject)
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
    return "several: " + "; ".join(" or ".join(part) or "none" for part in sorted(parts))
