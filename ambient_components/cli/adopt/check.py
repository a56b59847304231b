"""Previews of the stacks that adopt workspaces, compared with the cluster."""

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from ambient_components.adoption.proof import Difference, Findings, Live, findings
from ambient_components.engine.command import Engine, failed
from ambient_components.engine.steps import read_preview
from ambient_components.errors import AmbientError, Problem
from ambient_components.plan import making
from ambient_components.plan.facts import sorted_problems
from ambient_components.plan.preview import Digest


@dataclass(frozen=True, slots=True)
class Proof:
    """Whether a run would change nothing but ownership."""

    adopted: int
    """Number of existing objects that come under management."""
    differences: tuple[Difference, ...] = ()
    others: int = 0
    """Number of changes elsewhere in these stacks."""
    problems: tuple[Problem, ...] = ()
    """Why a preview failed."""

    @property
    def clean(self) -> bool:
        """Whether nothing but ownership changes."""
        return not (self.differences or self.problems)

    def document(self) -> dict[str, Any]:
        """Return the proof as JSON."""
        return {
            "clean": self.clean,
            "adoptedObjects": self.adopted,
            "otherChanges": self.others,
            "differences": [
                {
                    "workspace": one.workspace, "object": one.object, "field": one.field or None,
                    "live": one.live or None, "declared": one.declared or None,
                }
                for one in self.differences
            ],
            "problems": [one.text for one in self.problems],
        }  # fmt: skip


def prove(engine: Engine, stacks: Mapping[str, Collection[str]], live: Live, jobs: int) -> Proof:
    """Preview stacks and compare what they create with the cluster.

    Args:
        engine: The engine.
        stacks: The adopted workspaces by stack.
        live: The objects in the cluster.
        jobs: Number of parallel engines.
    """

    def preview(stack: str) -> tuple[Findings, tuple[Problem, ...]]:
        try:
            answer = making.preview(engine, stack)
            seen = read_preview(answer.stdout)
            if seen is None:
                failed(("preview", "--stack", stack), answer)
        except AmbientError as error:
            return Findings(0, (), 0), error.problems
        errors = Digest.of(seen).problems("error") if answer.code else ()
        return findings(seen.steps, live, stacks[stack]), errors

    with ThreadPoolExecutor(max(1, jobs)) as pool:
        found = list(pool.map(preview, sorted(stacks)))
    return Proof(
        sum(one.adopted for one, _ in found),
        tuple(sorted(difference for one, _ in found for difference in one.differences)),
        sum(one.others for one, _ in found),
        tuple(sorted_problems([problem for _, problems in found for problem in problems])),
    )
