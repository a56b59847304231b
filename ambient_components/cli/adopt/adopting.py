"""The steps of an adoption: read the cluster, arrange the files, evaluate them, and write them."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ambient_components.access.guardrails import crossed
from ambient_components.adoption.existing import ExistingObjects, read_existing
from ambient_components.adoption.factoring import factored
from ambient_components.adoption.files import Arrangement, texts
from ambient_components.adoption.layout import Layout
from ambient_components.adoption.summary import Summary, summarize
from ambient_components.adoption.workspaces import ExistingWorkspace, Refused, existing_workspaces
from ambient_components.cli.init.initialize import example
from ambient_components.cluster.client import Cluster
from ambient_components.cluster.guard import Guard
from ambient_components.errors import AmbientError, Problems, StepError, Where, fail
from ambient_components.output import from_here
from ambient_components.plan import making
from ambient_components.stackfile.files import PlannedFiles
from ambient_components.stackfile.loader import LoadedStack, load_stack, review_stack
from ambient_components.stacks.project import STACK_FILES, Project, bare_name

_REASON: Final = "existing access, adopted as found: review it"
_EXCEPTION: Final = timedelta(days=90)
"""How long the exceptions hold that existing access needs: an expired one never blocks a run."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The command line's options."""

    stack: str
    workspaces: tuple[str, ...]
    """Names of workspaces. Empty means all of the cluster."""
    layout: Layout
    team_label: str
    overwrite: bool


@dataclass(frozen=True, slots=True)
class Adoption:
    """The files of an adoption, not written yet."""

    texts: Mapping[Path, str]
    """The new text of each file that changes."""
    adopted: Mapping[str, Path]
    """The file of each workspace that gets an entry."""
    declared: tuple[str, ...]
    """Workspaces that have an entry already."""
    refused: tuple[Refused, ...]
    loaded: LoadedStack
    """The stack as it will be."""
    summary: Summary

    def diff(self) -> str:
        """Return the changes of the files as a unified diff."""
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
    try:
        return read_existing(Guard(Cluster(config.get("context")), config.get("clusterUid")).cluster, names)
    except StepError as error:
        raise AmbientError([error.problem]) from None


def adoption(project: Project, wish: Wish, objects: ExistingObjects, now: datetime) -> Adoption:
    """Return the files that adopt existing workspaces.

    Raises:
        AmbientError: A named workspace can't be adopted, or a file is in a form that can't be edited.
    """
    path = project.stack_file(wish.stack)
    places = _declared(path)
    found = existing_workspaces(objects, f"{project.name}/{bare_name(wish.stack)}")
    refused = tuple(one for one in found if isinstance(one, Refused))
    _require(wish.workspaces, found, refused)
    known = {} if wish.overwrite else places
    new = [one for one in found if isinstance(one, ExistingWorkspace) and one.name not in known]
    arrangement = Arrangement(
        bare_name(wish.stack), wish.layout, wish.team_label,
        {name: _from_folder(project, file) for name, file in places.items()},
    )  # fmt: skip
    starts = _text(path) in (None, example(bare_name(wish.stack)))
    defaults, entries = factored({one.name: one.entry for one in new}) if starts else ({}, {})
    new = [replace(one, entry=entries.get(one.name, one.entry)) for one in new]
    if not new:
        loaded = load_stack(from_here(path)) if not starts else None
        return _nothing(loaded, places, refused)
    written, loaded = _written(project, wish, arrangement, new, defaults)
    exceptions = _exceptions(project, wish, loaded, {one.name for one in new}, now)
    if exceptions:
        new = [_excepted(one, exceptions.get(one.name, ()), now) for one in new]
        written, loaded = _written(project, wish, arrangement, new, defaults)
    declared = making.declared(project, wish.stack, loaded, now)
    ledger = {one.name: declared.ledger[one.name] for one in new if one.name in declared.ledger}
    folder = project.folder / STACK_FILES
    return Adoption(
        written,
        {one.name: folder / arrangement.file_of(one) for one in new},
        tuple(sorted(places.keys() & {one.name for one in found})),
        refused,
        loaded,
        summarize(new, ledger, declared.guardrails, now),
    )
