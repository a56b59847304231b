"""The steps of an adoption: read the cluster, arrange the files, evaluate them, and write them."""

import difflib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ambient_components.access.entries import Ledger
from ambient_components.access.guardrails import BUILT_IN, Crossed, crossed
from ambient_components.adoption import (
    ExistingObjects,
    ExistingWorkspace,
    Reader,
    Refused,
    existing_workspaces,
    factor,
    fit,
    read_existing,
)
from ambient_components.adoption.files import Arrangement, texts
from ambient_components.adoption.layout import Layout, file_of
from ambient_components.adoption.summary import Summary, summarize
from ambient_components.cli.templates import example
from ambient_components.cli.writing import write_files
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import mapping
from ambient_components.errors import AmbientError, Problem, Where, fail
from ambient_components.output import from_here
from ambient_components.plan import making
from ambient_components.platform.contract import PLATFORM_NAMESPACE_DEFAULT
from ambient_components.rules.installation import API_SERVER
from ambient_components.stackfile.files import PlannedFiles
from ambient_components.stackfile.loader import LoadedStack, load_stack, review_stack
from ambient_components.stackfile.yaml.reader import parse_yaml, read_text
from ambient_components.stacks.project import STACK_FILES, Project, bare_name

_REASON: Final = "found at the adoption: keep or remove it"
_EXCEPTION: Final = timedelta(days=90)
"""How long the exceptions hold that existing access needs: an expired one never blocks a run."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line's options."""

    stack: str
    workspaces: tuple[str, ...] = ()
    """Names of workspaces. Empty means all of the cluster."""
    layout: Layout = Layout.ONE
    team_label: str = ""
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Adoption:
    """The files of an adoption, not written yet."""

    texts: Mapping[Path, str]
    """The new text of each file that changes."""
    adopted: Mapping[str, Path]
    """The file of each workspace that gets an entry."""
    declared: tuple[str, ...]
    """Selected workspaces that have an entry already."""
    refused: tuple[Refused, ...]
    loaded: LoadedStack | None
    """The stack as it will be. None if there is no stack file."""
    summary: Summary

    @property
    def managed(self) -> list[str]:
        """The selected workspaces of this stack that are adopted: by new entries, or by existing ones."""
        entries = self.loaded.file.workspaces if self.loaded else {}
        return sorted(name for name in {*self.adopted, *self.declared} if name in entries and entries[name].adopt)

    @property
    def diff(self) -> str:
        """The changes of the files as a unified diff."""
        return "".join(
            line
            for path, text in self.texts.items()
            for line in difflib.unified_diff(
                (_text(path) or "").splitlines(keepends=True), text.splitlines(keepends=True),
                "/dev/null" if _text(path) is None else from_here(path), from_here(path),
            )
        )  # fmt: skip


def read(project: Project, stack: str, names: Collection[str]) -> ExistingObjects:
    """Read the existing workspaces of the stack's cluster.

    Raises:
        AmbientError: The stack has no cluster, or the cluster is another one, does not answer or refuses.
    """
    config = project.config(stack)
    if not config.get("clusterUid"):
        file = project.shown(project.config_file(stack))
        fail(Where(file), "clusterUid", "is missing: the stack has no cluster", f"run ambient init {bare_name(stack)}")
    return read_existing(Guard(Cluster(config.get("context")), config.get("clusterUid")), names)


def adoption(project: Project, wish: Wish, objects: ExistingObjects, now: datetime) -> Adoption:
    """Return the files that adopt existing workspaces.

    Raises:
        AmbientError: A named workspace can't be adopted, or a file is in a form that can't be edited.
    """
    path = project.stack_file(wish.stack)
    stack, starts = bare_name(wish.stack), _text(path) in (None, example(bare_name(wish.stack)))
    loaded = None if starts else load_stack(from_here(path))
    places = _places(project, loaded)
    found = existing_workspaces(objects, _reader(project, wish.stack))
    refused = tuple(one for one in found if isinstance(one, Refused))
    _require(wish.workspaces, refused)
    new = [one for one in found if isinstance(one, ExistingWorkspace) and (wish.overwrite or one.name not in places)]
    declared = tuple(sorted(places.keys() & {one.name for one in found}))
    homes = {one.name: file_of(wish.layout, stack, one.name, one.entry, wish.team_label) for one in new} | places
    arrangement = Arrangement(stack, wish.layout, {one.name: homes[one.name] for one in new})
    defaults: Mapping[str, Any] = {}
    if starts:
        factored = factor({one.name: one.entry for one in new})
        defaults = factored.defaults
        new = [replace(one, entry=factored.entries[one.name]) for one in new]
    else:
        existing = parse_yaml(read_text(path), from_here(path)).data.get("defaults") or {}
        new = [replace(one, entry=fit(one.entry, mapping(existing)).entry) for one in new]
    written: Mapping[Path, str] = {}
    exceptions: dict[str, list[dict[str, Any]]] = {}
    ledger: Ledger = {}
    settings = BUILT_IN
    if new:
        written, loaded = _written(project, wish, arrangement, new, defaults)
        found_there = making.declared(project, wish.stack, loaded, now)
        ledger = {one.name: found_there.ledger[one.name] for one in new if one.name in found_there.ledger}
        settings = found_there.guardrails
        exceptions = _exceptions(crossed({}, ledger, settings, now), now)
    if exceptions:
        new = [replace(one, entry=_with(one.entry, exceptions.get(one.name, []))) for one in new]
        written, loaded = _written(project, wish, arrangement, new, defaults)
    folder = project.folder / STACK_FILES
    adopted = {one.name: folder / homes[one.name] for one in new}
    return Adoption(written, adopted, declared, refused, loaded, summarize(new, ledger, settings, now))


def _places(project: Project, loaded: LoadedStack | None) -> dict[str, str]:
    """Return the file of each declared workspace, from the folder of stack files."""
    if loaded is None:
        return {}
    folder = project.folder / STACK_FILES
    found = {}
    for name in loaded.file.workspaces:
        where = loaded.sources.key(("workspaces", name))
        file = where.file if where else loaded.path
        found[name] = os.path.relpath(file, folder).replace(os.sep, "/")
    return found


def _reader(project: Project, stack: str) -> Reader:
    config = project.config(stack)
    return Reader(
        f"{project.name}/{bare_name(stack)}",
        str(config.get("openshift")).lower() == "true",
        str(config.get("platformNamespace") or PLATFORM_NAMESPACE_DEFAULT),
        str(config.get(API_SERVER)).lower() == "true",
    )


def _require(names: Collection[str], refused: Iterable[Refused]) -> None:
    """Require that each named workspace can be adopted."""
    problems = [one.as_problem for one in refused if one.name in names]
    if problems:
        raise AmbientError([Problem(None, "", "nothing is written"), *problems])


def _exceptions(violations: Iterable[Crossed], now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return the exceptions that existing access needs, by workspace."""
    found: dict[str, list[dict[str, Any]]] = {}
    for one in violations:
        exception = {"guardrail": one.guardrail, "reason": _REASON, "until": f"{(now + _EXCEPTION):%Y-%m-%d}"}
        if one.workspace and exception not in found.setdefault(one.workspace, []):
            found[one.workspace].append(exception)
    return found


def _with(entry: Mapping[str, Any], exceptions: list[dict[str, Any]]) -> dict[str, Any]:
    return {**entry, "exceptions": exceptions} if exceptions else dict(entry)


def write(adoption: Adoption) -> None:
    """Write the files, all or none.

    Raises:
        AmbientError: A file can't be written.
    """
    write_files({str(path): text.encode() for path, text in adoption.texts.items()})


def _written(
    project: Project,
    wish: Wish,
    arrangement: Arrangement,
    new: Sequence[ExistingWorkspace],
    defaults: Mapping[str, Any],
) -> tuple[dict[Path, str], LoadedStack]:
    """Return the new texts by file, and the stack that they make.

    Raises:
        AmbientError: A file can't be edited, or the stack would be invalid.
    """
    folder = project.folder / STACK_FILES
    untouched = example(bare_name(wish.stack))

    def current(file: str) -> str | None:
        text = _text(folder / file)
        return None if file == arrangement.stack_file and text == untouched else text

    written = {folder / file: text for file, text in texts(arrangement, new, defaults, current).items()}
    planned = PlannedFiles({os.path.abspath(path): text for path, text in written.items()})  # noqa: PTH100
    review = review_stack(from_here(project.stack_file(wish.stack)), files=planned)
    if review.stack is None:
        note = Problem(None, "", "nothing is written: the stack would not be valid with what was found")
        raise AmbientError([note, *review.problems])
    return written, review.stack


def _text(path: Path) -> str | None:
    return read_text(path) if path.exists() else None
