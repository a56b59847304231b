"""Previews of the stacks that adopt workspaces, compared with the cluster."""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from ambient_components import activity
from ambient_components.adoption.proof import Live, Proof, findings
from ambient_components.collector import default_jobs
from ambient_components.engine import texts
from ambient_components.engine.command import Engine
from ambient_components.errors import AmbientError, refusal
from ambient_components.plan import making
from ambient_components.plan.facts import sorted_problems
from ambient_components.plan.preview import problems
from ambient_components.stackfile.loader import load_stack
from ambient_components.stacks import pulumi
from ambient_components.stacks.project import Project, stack_path
from ambient_components.stacks.states import stacks_of
from ambient_components.warm import client as warm


def check(project: Project, stack: str, workspaces: Collection[str], live: Live) -> Proof:
    """Preview a stack, or the shards of a fleet that have these workspaces, and compare with the cluster."""
    try:
        pins = {name: entry.shard for name, entry in load_stack(stack_path(project, stack)).file.workspaces.items()}
        places = stacks_of(project, stack, pins)
        engine = pulumi.engine_for(project.folder)
    except AmbientError as error:
        # The files are written by now, and the user needs the rest of the report.
        return Proof(problems=error.problems)
    adopted: dict[str, list[str]] = {}
    for name in workspaces:
        adopted.setdefault(places[name], []).append(name)
    with activity.waiting(f"Checking that a run of {stack} changes nothing but ownership"):
        warm.begin()
        with ThreadPoolExecutor(default_jobs()) as pool:
            stacks = sorted(adopted)
            return _together(list(pool.map(lambda stack: _check(engine, stack, adopted[stack], live), stacks)))


def _together(proofs: Sequence[Proof]) -> Proof:
    return Proof(
        sum(proof.adopted for proof in proofs),
        tuple(sorted(difference for proof in proofs for difference in proof.differences)),
        sum(proof.others for proof in proofs),
        sorted_problems(problem for proof in proofs for problem in proof.problems),
    )


def _check(engine: Engine, stack: str, workspaces: Collection[str], live: Live) -> Proof:
    try:
        preview, answer = making.preview(engine, stack)
    except AmbientError as error:
        return Proof(problems=error.problems)
    proof = findings(preview.steps, live, workspaces)
    if not answer.code:
        return proof
    reason = texts.reason(answer.stderr) or f"the preview ended with exit code {answer.code}"
    return replace(proof, problems=problems(preview, "error") or (refusal(reason),))
