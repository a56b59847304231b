"""Loading of a stack: files, layers, models and checks, with all problems in one report."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ambient_components.errors import AmbientError, PathPart, Problem, Problems
from ambient_components.model.stack import Section, StackFile, Workspace
from ambient_components.rules.findings import Finding
from ambient_components.rules.findings import Path as Place
from ambient_components.shards.names import assigned
from ambient_components.stackfile.checks.names import check_stack
from ambient_components.stackfile.checks.sources import allowed_folder, check_files, own_names
from ambient_components.stackfile.checks.workspaces import check_adoptions
from ambient_components.stackfile.files import DISK, Files
from ambient_components.stackfile.includes import Reader, merge_files
from ambient_components.stackfile.layers import WORKSPACE, Origin, Provenance, Tree, apply_layers
from ambient_components.stackfile.places import Project, placed
from ambient_components.stackfile.privacy import without_credentials_in
from ambient_components.stackfile.regular import SECRET_FILE_MAX
from ambient_components.stackfile.report import Partial, Report
from ambient_components.stackfile.yaml.positions import SourceMap


@dataclass(frozen=True, slots=True)
class LoadedStack:
    file: StackFile
    """Its content, with the effective entry of each workspace."""

    sources: SourceMap
    """Positions in all files, for reports of later steps."""

    path: str
    """Path of the stack file, as the user named it."""

    files: tuple[str, ...]
    """Paths of all files that were read, the stack file first."""

    granted: Mapping[str, frozenset[Section]]
    """Included files that may contain more than workspaces, with these sections, by path."""

    project: Project
    """Project folder, which all paths in `file` are relative to."""

    warnings: tuple[Problem, ...]
    data: Mapping[str, Any]
    """Effective entries by workspace, unconverted: durations are text, built-in defaults are missing. None in a file
    that names stacks.
    """

    defaults: Mapping[str, Any]
    """Merged defaults of all files, unconverted."""

    provenance: Provenance

    def origin(self, path: tuple[PathPart, ...]) -> Origin:
        """Return the layer and position of a value such as `("workspaces", "payments", "protect")`."""
        return self.provenance.origin(path)


@dataclass(frozen=True, slots=True)
class Review:
    """The result of reading a stack, valid or not, for commands that report problems."""

    stack: LoadedStack | None
    problems: tuple[Problem, ...]
    """Errors and warnings, sorted by position."""

    files: tuple[str, ...]
    """Paths of all files found, readable or not, the stack file first."""


def load_stack(path: str | Path) -> LoadedStack:
    """Read, validate and check a stack file and all files that it includes."""
    return _preloaded.get((Path.cwd(), str(path))) or _loaded(review_stack(path))


_preloaded: dict[tuple[Path, str], LoadedStack] = {}
"""By working directory and path: the files as they were when a run over a fleet began."""


def preload(path: str) -> None:
    """Load a file once for all processes that are forked from this one, if it is valid. Positions name `path`."""
    if (stack := review_stack(path).stack) is not None:
        _preloaded[Path.cwd(), path] = stack


def parse_stack(text: str, file: str) -> LoadedStack:
    """Validate and check the content of a stack file."""
    return _loaded(review_stack(file, text))


def review_stack(path: str | Path, text: str | None = None, files: Files = DISK) -> Review:
    """Read, validate and check a stack, and return all problems, including warnings."""
    reader = Reader(files)
    project = reader.read(str(path), text)
    problems, stack = Problems(reader.problems), None
    if reader.files:  # empty if the stack file itself could not be read
        tree = merge_files(reader.files, problems, complete=reader.complete)
        defaults = tree.data.get("defaults") or {}
        tree, layers = apply_layers(tree, problems, complete=reader.complete)
        provenance = Provenance(layers)
        sources = SourceMap(tree.marks)
        report = Report(sources, provenance, problems, {item.where for item in reader.problems})
        file = _validate(tree, report, provenance, sources, project, str(path))
        if file is not None and not problems.errors:
            data: Mapping[str, Any] = tree.data.get("workspaces", {})
            warnings = tuple(map(without_credentials_in, problems.warnings))
            stack = LoadedStack(
                placed(file, sources, project),
                sources,
                str(path),
                tuple(reader.paths),
                reader.granted,
                project,
                warnings,
                data,
                defaults,
                provenance,
            )
    everything = sorted((*problems.errors, *problems.warnings), key=lambda problem: problem.sort_key)
    return Review(stack, tuple(map(without_credentials_in, everything)), tuple(reader.paths))


def whole_stacks(reviews: Mapping[str, Review]) -> list[Review]:
    """Return the reviews, by path, of those files that no other one includes. An included file is only part of a stack.

    Of files that include each other the first one counts.
    """
    by_file = {os.path.realpath(path): review for path, review in reviews.items()}
    parts = {file: {os.path.realpath(part) for part in review.files[1:]} for file, review in by_file.items()}

    def is_part(file: str) -> bool:
        including = (whole for whole in parts if whole != file and file in parts[whole])
        return any(whole not in parts[file] or whole < file for whole in including)

    return [review for file, review in by_file.items() if not is_part(file)]


def _validate(
    tree: Tree, report: Report, provenance: Provenance, sources: SourceMap, project: Project, path: str
) -> StackFile | None:
    """Return the models, or None if they are invalid; then the checks run on the valid part."""

    def findings(stack: StackFile, original: Callable[[Place], Place] = lambda place: place) -> Iterator[Finding]:
        yield from check_stack(stack, lambda place: provenance.origin(place).layer == WORKSPACE)
        own = own_names(stack.workspaces, path, sources, original)
        yield from check_files(stack, project, own, sources, original)
        yield from check_adoptions(stack, path, sources, original)

    try:
        stack = StackFile.model_validate(tree.data)
    except ValidationError as error:
        report.add_model_errors(error, tree.data)
        partial = Partial(tree.data, [item["loc"] for item in error.errors(include_input=False)])
        if partial.stack is not None:
            report.add_findings(findings(partial.stack, partial.original), partial.original)
        return None
    report.add_findings(findings(stack))
    return stack


def _loaded(review: Review) -> LoadedStack:
    if review.stack is None:
        raise AmbientError(problem for problem in review.problems if not problem.warning)
    return review.stack


def located(stack: LoadedStack, findings: Iterable[Finding]) -> list[Problem]:
    """Convert findings of later steps into problems with positions."""
    problems = Problems()
    Report(stack.sources, stack.provenance, problems).add_findings(findings)
    return list(problems)


def secret_file(stack: LoadedStack, workspace: str, place: str) -> str:
    """Read a file with a secret."""
    own = own_names([workspace], stack.path, stack.sources)
    folder = allowed_folder(place, stack.project, workspace, stack.file.guardrails, own)
    return stack.project.read(place, SECRET_FILE_MAX, folder).decode()


def shards_of(workspaces: Mapping[str, Workspace], count: int) -> dict[int, tuple[str, ...]]:
    """Return the names of the workspaces of each shard, sorted; a shard without workspaces has an empty entry."""
    return assigned({name: workspace.shard for name, workspace in workspaces.items()}, count)


def beyond_shards(workspaces: Mapping[str, Workspace], count: int) -> Iterator[Finding]:
    """Find workspaces that name a shard that does not exist."""
    for name, workspace in workspaces.items():
        if workspace.shard is not None and workspace.shard >= count:
            allowed = f"0 to {count - 1}" if count > 1 else "0"
            yield Finding(
                ("workspaces", name, "shard"),
                f"there is no shard {workspace.shard}",
                (f"allowed: {allowed}, as the stack's config has shards: {count}", "or leave it out"),
            )


def divided(stack: LoadedStack, count: int) -> dict[int, tuple[str, ...]]:
    """Return the names of the workspaces of each shard of a fleet."""
    if outside := located(stack, beyond_shards(stack.file.workspaces, count)):
        raise AmbientError(outside)
    return shards_of(stack.file.workspaces, count)
