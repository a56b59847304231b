"""What is measured, for each contender and size. Everything must fit into half an hour on two cores."""

from enum import StrEnum
from typing import Final

from bench.workload import Change


class Contender(StrEnum):
    """The contenders."""

    FLEET = "fleet"
    """``ambient up FLEET``, with shards of 50 workspaces."""
    PLAIN = "plain stack"
    """One stack of a program without our components (``bench/plain``), with ``pulumi up``."""
    KUBECTL = "kubectl"
    """``kubectl apply --server-side`` of the same objects. It issues no tokens."""
    RAW_CLIENT = "raw API client"
    """The raw API client, which sends only the same requests."""


class Phase(StrEnum):
    """The phases of a contender, in order."""

    CREATE = "create"
    NOTHING = "no-op"
    """The command for a change, without a change."""
    PREVIEW = "full preview"
    """A complete comparison without skipping and without writing."""
    REFRESH = "nightly refresh"
    """The same with a refresh from the cluster first, as pipelines run it every night."""
    ONE = "change one"
    TENTH = "change a tenth"
    EVERYWHERE = "grant everywhere"
    DESTROY = "destroy"


CHANGES: Final = {Phase.ONE: Change.ONE, Phase.TENTH: Change.TENTH, Phase.EVERYWHERE: Change.EVERYWHERE}
"""The change in the file of each phase."""


def change_of(phase: Phase, run: "list[Phase]") -> Change:
    """Return the change in a phase's file: its own, or that of the last changing phase before it."""
    until = run[: run.index(phase) + 1]
    return next((CHANGES[one] for one in reversed(until) if one in CHANGES), Change.NONE)


_SMALL, _MIDDLE, _LARGE = 10, 100, 9999
_LIMITS: Final = {
    # The namespace controller takes 1.2 s per namespace, so a thousand would take 20 minutes per contender.
    Contender.FLEET: {Phase.DESTROY: _MIDDLE},
    # The duration grows with the square of the stack's size.
    Contender.PLAIN: {
        Phase.TENTH: _SMALL, Phase.EVERYWHERE: _SMALL, Phase.DESTROY: _SMALL,
        Phase.CREATE: _MIDDLE, Phase.NOTHING: _MIDDLE, Phase.PREVIEW: _MIDDLE, Phase.REFRESH: _MIDDLE,
        Phase.ONE: _MIDDLE,
    },
    # Three minutes per phase at a thousand, due to its own rate limit. All its phases send the same requests.
    Contender.KUBECTL: {
        Phase.PREVIEW: 0, Phase.REFRESH: 0, Phase.TENTH: _MIDDLE, Phase.EVERYWHERE: _MIDDLE, Phase.DESTROY: _MIDDLE,
    },
    Contender.RAW_CLIENT: {Phase.PREVIEW: 0, Phase.REFRESH: 0, Phase.DESTROY: _MIDDLE},
}  # fmt: skip


def largest(contender: Contender, phase: Phase) -> int:
    """Return the maximum number of workspaces of a phase."""
    return _LIMITS[contender].get(phase, _LARGE)


def phases_of(contender: Contender, size: int) -> list[Phase]:
    """Return the phases of a contender at this size, in order."""
    return [phase for phase in Phase if size <= largest(contender, phase)]
