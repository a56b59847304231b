"""Previews of the stacks that adopt workspaces, compared with the cluster."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ambient_components import activity
from ambient_components.adoption.proof import Difference, Findings, Live, findings
from ambient_components.engine import texts
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.steps import read_preview
from ambient_components.errors import AmbientError, Problem, refusal
from ambient_components.fleet.jobs import default_jobs
from ambient_components.plan import making
from ambient_components.plan.facts import sorted_problems
from ambient_components.plan.preview import Digest
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.states import stacks_of
from ambient_components.warm import client as warm


@dataclass(frozen=True, slots=True)
class Proof:
    adopted: int
    differences: tuple[Difference, ...] = ()
    others: int = 0
    """Number of changes elsewhere in these stacks."""
    problems: tuple[Problem, ...] = ()

    @property
    def clean(self) -> bool:
        return not (self.differences or self.problems)

    def document(self) -> dict[str, Any]:
        return {
            "clean": self.clean,
            "adoptedObjects": self.adopted,
            "otherChanges": self.others,
            "differences": [
                {
                    "workspace": one.workspace, "object": one.object, "op": one.op, "field": one.field or None,
                    "live": one.live or None, "declared": one.declared or None,
                }
                for one in self.differences
            ],
            "problems": [one.text for one in self.problems],
        }  # fmt: skip


def check(project: Project, stack: str, workspaces: Collection[str], live: Live) -> Proof:
    """Preview a stack, or the shards of a fleet that have these workspaces, and compare with the cluster."""
    try:
        return _check(project, stack, workspaces, live)
    except AmbientError as error:
        # The files are written by now, and the user needs the rest of the report.
        return Proof(0, problems=error.problems)


def _check(project: Project, stack: str, workspaces: Collection[str], live: Live) -> Proof:
    pins = {name: one.shard for name, one in load_stack(stack_path(project, stack)).file.workspaces.items()}
    places = stacks_of(project, stack, pins)
    found: dict[str, list[str]] = {}
    for name in workspaces:
        found.setdefault(places[name], []).append(name)
    with activity.waiting(f"Checking that a run of {stack} changes nothing but ownership"):
        return prove(pulumi.engine_for(project.folder), found, live, default_jobs())


def prove(engine: Engine, stacks: Mapping[str, Collection[str]], live: Live, jobs: int) -> Proof:
    def preview(stack: str) -> tuple[Findings, tuple[Problem, ...]]:
        try:
            answer = making.preview(engine, stack)
            seen = read_preview(answer.stdout)
            if seen is None:
                failed(("preview", "--stack", stack), answer)
        except AmbientError as error:
            return Findings(0, (), 0), error.problems
        errors = Digest.of(seen).problems("error") if answer.code else ()
        if answer.code and not errors:
            errors = (refusal(texts.reason(answer.stderr) or f"the preview ended with exit code {answer.code}"),)
        return findings(seen.steps, live, stacks[stack]), errors

    warm.begin()
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = list(pool.map(preview, sorted(stacks)))
    return Proof(
        sum(one.adopted for one, _ in found),
        tuple(sorted(difference for one, _ in found for difference in one.differences)),
        sum(one.others for one, _ in found),
        tuple(sorted_problems([problem for _, problems in found for problem in problems])),
    )
