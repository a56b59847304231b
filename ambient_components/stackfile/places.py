"""Locations of the files that a stack names: inside or outside of the project's folder.

A path in a stack file is relative to the folder of that file. Readers and records use the path relative to the
project's folder instead: it is the same on all machines, and shows whether the file is outside.
"""

import os
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ambient_components.model.sources import Source
from ambient_components.model.stack import StackFile, Workspace
from ambient_components.rules.findings import Path, Verdict
from ambient_components.rules.secrets import credential_files, path_problem
from ambient_components.stackfile.files import Files
from ambient_components.stackfile.regular import Unreadable, is_below, outside, read_regular
from ambient_components.stackfile.yaml.positions import SourceMap

_PROJECT_FILE: Final = "Pulumi.yaml"
_STACK_FILES: Final = "stacks"
BUNDLE: Final[Path] = ("settings", "caBundle", "file")
"""Path of the CA bundle's file in an entry."""


@dataclass(frozen=True, slots=True)
class Project:
    files: Files
    root: str

    @classmethod
    def of(cls, files: Files, stack_file: str) -> "Project":
        """Find the nearest folder at or above a stack file that has a Pulumi.yaml.

        Without one, it is the folder of the stack file, or its parent if that folder is `stacks`.
        """
        folder = posixpath.dirname(files.absolute(stack_file))
        own = posixpath.dirname(folder) if posixpath.basename(folder) == _STACK_FILES else folder
        while files.identity(posixpath.join(folder, _PROJECT_FILE)) is None:
            above = posixpath.dirname(folder)
            if above == folder:
                return cls(files, own)
            folder = above
        return cls(files, folder)

    def place(self, named_in: str, path: str) -> str:
        """Return a path that a file names, relative to the project's folder.

        It has no `..` for a file in the project; otherwise it starts with `..`, or is absolute if it was written so.
        """
        folder = posixpath.relpath(posixpath.dirname(self.files.absolute(named_in)), self.root)
        place = posixpath.normpath(posixpath.join(folder, path))
        target = self.at(place)
        return posixpath.relpath(target, self.root) if is_below(target, self.root) else place

    def at(self, place: str) -> str:
        """Return the absolute path of a file."""
        return posixpath.normpath(posixpath.join(self.root, place))

    def read(self, place: str, at_most: int, folder: str | None = None) -> bytes:
        """Read a file of this machine that a stack names."""
        if verdict := self.problem(place, folder):
            problem = f"must not be read: {verdict[0]}"
            raise Unreadable(problem, verdict[1])
        return read_regular(self.at(place), at_most, folder or self.root, credential_files(os.environ))

    def problem(self, place: str, folder: str | None = None) -> Verdict:
        """Check the path of a file and the target of its links.

        Args:
            place: Path relative to the project's folder, or absolute.
            folder: Folder outside of the project that may contain the file; None for the project itself.
        """
        within = self.root if folder is None else folder
        path = self.at(place)
        if verdict := never_read(self, place):
            return verdict
        refusal = outside()
        if not is_below(path, within):
            return f"{place!r} {refusal.problem}", refusal.hint
        real, root = self.files.real(path), self.files.real(self.root)
        if real is None:
            return None
        # A link in the project is its author's, also in place of a folder.
        inside = is_below(within, self.root) or within == self.root
        home = (
            posixpath.normpath(f"{root}/{posixpath.relpath(within, self.root)}") if inside else self.files.real(within)
        )
        if root is None or home is None or not is_below(real, home):
            return f"{place!r} {refusal.problem}", refusal.hint
        return path_problem(posixpath.relpath(real, root) if inside else real)


def never_read(project: Project, place: str) -> Verdict:
    """Check by its path alone whether a file is never a source."""
    return path_problem(place) or (path_problem(project.at(place)) if is_outside(place) else None)


def is_outside(place: str) -> bool:
    """Return whether a path relative to the project's folder leads out of it."""
    return place == ".." or place.startswith(("../", "/"))


def sources_of(workspace: Workspace) -> Iterator[tuple[str, str, Path, Source]]:
    """Yield all sources of a workspace: kind, variable or field, path in the entry, and the source."""
    for kind, sources in (("runner", workspace.secrets.runner), ("integrations", workspace.secrets.integrations)):
        for variable, source in sorted(sources.items()):
            yield kind, variable, ("secrets", kind, variable), source
    bucket = workspace.storage.bucket
    if bucket is None:
        return
    for field, key in (("accessKey", bucket.access_key), ("secretKey", bucket.secret_key)):
        if key is not None:
            yield "storage", field, ("storage", "bucket", field), key


def placed(stack: StackFile, sources: SourceMap, project: Project) -> StackFile:
    """Return the stack with all file paths relative to the project's folder."""
    workspaces = {
        name: _placed(("workspaces", name), workspace, sources, project) for name, workspace in stack.workspaces.items()
    }
    return stack.model_copy(update={"workspaces": workspaces})


def _placed(path: Path, workspace: Workspace, sources: SourceMap, project: Project) -> Workspace:
    def place(written: str, below: Path) -> str:
        return project.place(sources.value((*path, *below)).file, written)

    changes: dict[str, dict[str, Source]] = {}
    for kind, variable, below, source in sources_of(workspace):
        if source.file is not None:
            changes.setdefault(kind, {})[variable] = source.model_copy(update={"file": place(source.file, below)})
    bundle, bucket = workspace.settings.ca_bundle, workspace.storage.bucket
    update: dict[str, object] = {}
    if "storage" in changes and bucket is not None:
        fields = {"accessKey": "access_key", "secretKey": "secret_key"}
        keys = {fields[name]: source for name, source in changes.pop("storage").items()}
        update["storage"] = workspace.storage.model_copy(update={"bucket": bucket.model_copy(update=keys)})
    if changes:
        secrets = {kind: {**getattr(workspace.secrets, kind), **changed} for kind, changed in changes.items()}
        update["secrets"] = workspace.secrets.model_copy(update=secrets)
    if bundle is not None:
        moved = bundle.model_copy(update={"file": place(bundle.file, BUNDLE)})
        update["settings"] = workspace.settings.model_copy(update={"ca_bundle": moved})
    return workspace.model_copy(update=update) if update else workspace
