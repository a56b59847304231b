"""The steps of an adoption: read the cluster, arrange the files, evaluate them, and write them."""

import difflib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from ambient_components.access.guardrails import Crossed, crossed
from ambient_components.adoption.existing import ExistingObjects, read_existing
from ambient_components.adoption.files import Layout, texts
from ambient_components.adoption.summary import Summary, summarize
from ambient_components.adoption.workspaces import ExistingWorkspace, Reader, Refused, existing_workspaces
from ambient_components.cli.templates import example
from ambient_components.cluster.guard import Guard
from ambient_components.cluster.objects import mapping
from ambient_components.errors import AmbientError, Problem, Where, fail
from ambient_components.model.guardrails import BUILT_IN
from ambient_components.output import from_here
from ambient_components.plan import making
from ambient_components.platform.contract import Role
from ambient_components.rules.installation import API_SERVER
from ambient_components.stackfile.files import PlannedFiles
from ambient_components.stackfile.loader import LoadedStack, load_stack, review_stack
from ambient_components.stackfile.yaml.reader import read_text
from ambient_components.stacks.project import STACK_FILES, Project, bare_name, is_true
from ambient_components.writing import write_files


@dataclass(frozen=True, slots=True)
class Wish:
    stack: str
    workspaces: tuple[str, ...] = ()
    """Names of workspaces. Empty means all of the cluster."""
    layout: Layout = Layout.ONE


@dataclass(frozen=True, slots=True)
class Adoption:
    texts: Mapping[Path, str]
    adopted: Mapping[str, Path]
    declared: tuple[str, ...]
    refused: tuple[Refused, ...]
    loaded: LoadedStack | None
    """The stack as it will be. None if there is no stack file."""
    summary: Summary
    unclaimed: tuple[str, ...] = ()
    """Workspaces with an entry that a run would refuse, because it has no `adopt: true`."""

    checks_only: bool = False

    @property
    def as_it_is(self) -> "Adoption":
        nothing = Summary(0, 0, 0, 0, {}, {}, {}, ())
        return replace(self, checks_only=True, texts={}, adopted={}, summary=nothing)

    @property
    def managed(self) -> list[str]:
        """The selected workspaces of this stack that are adopted: by new entries, or by existing ones."""
        entries = self.loaded.file.workspaces if self.loaded else {}
        return sorted(name for name in {*self.adopted, *self.declared} if name in entries and entries[name].adopt)

    @property
    def diff(self) -> str:
        return "".join(
            line
            for path, text in self.texts.items()
            for line in difflib.unified_diff(
                (_text(path) or "").splitlines(keepends=True), text.splitlines(keepends=True),
                "/dev/null" if _text(path) is None else from_here(path), from_here(path),
            )
        )  # fmt: skip


def read(project: Project, stack: str, names: Collection[str]) -> ExistingObjects:
    config = project.config(stack)
    if not config.get("clusterUid"):
        file = project.shown(project.config_file(stack))
        fail(Where(file), "clusterUid", "is missing: the stack has no cluster", f"run ambient init {bare_name(stack)}")
    return read_existing(Guard.of_config(config), names)


def adoption(project: Project, wish: Wish, objects: ExistingObjects, now: datetime) -> Adoption:
    path = project.stack_file(wish.stack)
    starts = _text(path) in (None, example(bare_name(wish.stack)))
    loaded = None if starts else load_stack(from_here(path))
    entries = set(loaded.file.workspaces) if loaded is not None else set()
    read_workspaces = existing_workspaces(objects, _reader(project, wish.stack))
    refused = tuple(workspace for workspace in read_workspaces if isinstance(workspace, Refused))
    _require(wish.workspaces, refused)
    existing = [workspace for workspace in read_workspaces if isinstance(workspace, ExistingWorkspace)]
    defaults = loaded.defaults if loaded is not None else {}
    new = [beside_defaults(workspace, defaults) for workspace in existing if workspace.name not in entries]
    declared = tuple(sorted({workspace.name for workspace in existing} - {workspace.name for workspace in new}))
    if not new:
        return Adoption(
            {}, {}, declared, refused, loaded, summarize([], {}, BUILT_IN, now), _unclaimed(existing, loaded)
        )
    written, after = _written(project, wish, new)
    _require_no_others(after, {*entries, *(workspace.name for workspace in new)})
    there = making.declared(project, wish.stack, after, now)
    ledger = {workspace.name: there.ledger[workspace.name] for workspace in new if workspace.name in there.ledger}
    until = f"{(now + EXCEPTION):%Y-%m-%d}"
    exceptions = needed_exceptions(crossed({}, ledger, there.guardrails, now), until)
    if exceptions:
        new = [
            replace(workspace, entry={**workspace.entry, "exceptions": exceptions[workspace.name]})
            if workspace.name in exceptions
            else workspace
            for workspace in new
        ]
        written, after = _written(project, wish, new)
    summary = summarize(new, ledger, there.guardrails, now)
    guardrails = by_guardrail(exceptions)
    stack, folder = bare_name(wish.stack), project.folder / STACK_FILES
    adopted = {workspace.name: folder / wish.layout.file_of(stack, workspace.name) for workspace in new}
    summary = replace(summary, exceptions=guardrails, until=until if guardrails else "")
    unclaimed = _unclaimed([workspace for workspace in existing if workspace.name not in adopted], after)
    return Adoption(written, adopted, declared, refused, after, summary, unclaimed)


def _require_no_others(after: LoadedStack, expected: Collection[str]) -> None:
    """Refuse a pattern of `include` that declares workspaces which are not adopted."""
    others = sorted(after.file.workspaces.keys() - expected)
    if others:
        where = after.sources.key(("workspaces", others[0]))
        problem = "would be declared too, because the stack file would include this file"
        fail(where, f"workspaces.{others[0]}", problem, "move the file out of the folder, or remove its entry")


def _unclaimed(existing: Iterable[ExistingWorkspace], loaded: LoadedStack | None) -> tuple[str, ...]:
    """Return the workspaces with an entry that a run would refuse: no `adopt: true`, and not owned by this stack."""
    entries = loaded.file.workspaces if loaded else {}
    return tuple(
        workspace.name
        for workspace in existing
        if workspace.name in entries and not (workspace.owned or entries[workspace.name].adopt)
    )


def _reader(project: Project, stack: str) -> Reader:
    config = project.config(stack)
    return Reader(
        f"{project.name}/{bare_name(stack)}",
        is_true(config.get("openshift")),
        project.platform_namespace(stack),
        is_true(config.get(API_SERVER)),
    )


def _require(names: Collection[str], refused: Iterable[Refused]) -> None:
    problems = [refusal.as_problem for refusal in refused if refusal.name in names]
    if problems:
        raise AmbientError([Problem(None, "", "nothing is written"), *problems])


def write(adoption: Adoption) -> None:
    """Write the files, all or none."""
    write_files({str(path): text.encode() for path, text in adoption.texts.items()})


def _written(
    project: Project,
    wish: Wish,
    new: Sequence[ExistingWorkspace],
) -> tuple[dict[Path, str], LoadedStack]:
    """Return the new texts by file, and the stack that they make."""
    folder, stack = project.folder / STACK_FILES, bare_name(wish.stack)

    def current(file: str) -> str | None:
        text = _text(folder / file)
        return None if file == f"{stack}.yaml" and text == example(stack) else text

    written = {folder / file: text for file, text in texts(stack, wish.layout, new, current).items()}
    planned = PlannedFiles({os.path.abspath(path): text for path, text in written.items()})  # noqa: PTH100
    review = review_stack(from_here(project.stack_file(wish.stack)), files=planned)
    if review.stack is None:
        note = Problem(None, "", "nothing is written: the stack would not be valid with what was found")
        raise AmbientError([note, *(problem for problem in review.problems if not problem.warning)])
    return written, review.stack


def _text(path: Path) -> str | None:
    return read_text(path) if path.exists() else None


_ACCESS: Final = ("owners", "grants")
_REASON: Final = "found at the adoption: keep or remove it"
EXCEPTION: Final = timedelta(days=30)
"""How long the exceptions hold that existing access needs: an expired one never blocks a run."""


def beside_defaults(workspace: ExistingWorkspace, defaults: Mapping[str, Any]) -> ExistingWorkspace:
    """Return a workspace with access that does not come from the stack's defaults.

    What these change otherwise is a difference that the check lists.
    """
    missing = [field for field in _ACCESS if defaults.get(field) and field not in workspace.entry]
    entry = {**workspace.entry, **{field: [] for field in missing}}
    if "keys" in entry and "role" in mapping(defaults.get("keys")):
        entry["keys"] = {key_id: {"role": Role.EDIT.value, **key} for key_id, key in entry["keys"].items()}
    declared = mapping(defaults.get("secrets"))
    names = {secret: names for secret, names in workspace.secret_names.items() if secret not in declared}
    return replace(workspace, entry=entry, secret_names=names)


def needed_exceptions(violations: Iterable[Crossed], until: str) -> dict[str, list[dict[str, Any]]]:
    needed: dict[str, list[dict[str, Any]]] = {}
    for violation in violations:
        exception = {"guardrail": violation.guardrail, "reason": _REASON, "until": until}
        if violation.workspace and exception not in needed.setdefault(violation.workspace, []):
            needed[violation.workspace].append(exception)
    return needed


def by_guardrail(given: Mapping[str, list[dict[str, Any]]]) -> dict[str, tuple[str, ...]]:
    workspaces: dict[str, list[str]] = {}
    for name, exceptions in sorted(given.items()):
        for exception in exceptions:
            workspaces.setdefault(exception["guardrail"], []).append(name)
    return {guardrail: tuple(names) for guardrail, names in sorted(workspaces.items())}
