"""What is measured, of whom, and up to which size: all of it must fit into half an hour on two cores."""

from enum import StrEnum
from typing import Final

from bench.workload import Change


class Contender(StrEnum):
    """Who is measured."""

    FLEET = "fleet"
    """``ambient up FLEET``: shards of 50 workspaces."""
    PLAIN = "plain stack"
    """One stack of a program without our components (``bench/plain``), by ``pulumi up``."""
    KUBECTL = "kubectl"
    """``kubectl apply --server-side`` of the same objects; it mints no tokens."""
    FLOOR = "floor"
    """The same requests by an async client, and nothing else."""


class Phase(StrEnum):
    """What is measured of a contender, in this order."""

    CREATE = "create"
    NOTHING = "no-op"
    """The command for a change, where nothing has changed."""
    PREVIEW = "full preview"
    """Everything is compared, nothing skipped, and nothing written."""
    ONE = "change one"
    TENTH = "change a tenth"
    EVERYWHERE = "grant everywhere"
    DESTROY = "destroy"


CHANGES: Final = {Phase.ONE: Change.ONE, Phase.TENTH: Change.TENTH, Phase.EVERYWHERE: Change.EVERYWHERE}
"""The file of each phase that changes something."""


def change_of(phase: Phase, run: "list[Phase]") -> Change:
    """What a phase's file says: its own change, or the last one of the phases that were run before it."""
    until = run[: run.index(phase) + 1]
    return next((CHANGES[one] for one in reversed(until) if one in CHANGES), Change.NONE)


_SMALL, _MIDDLE, _LARGE = 10, 100, 9999
_LIMITS: Final = {
    # The namespace controller takes 1.2 s a namespace whoever asks: of a thousand it would be twenty minutes each.
    Contender.FLEET: {Phase.DESTROY: _MIDDLE},
    # Its time grows with the square of the stack.
    Contender.PLAIN: {
        Phase.TENTH: _SMALL, Phase.EVERYWHERE: _SMALL, Phase.DESTROY: _SMALL,
        Phase.CREATE: _MIDDLE, Phase.NOTHING: _MIDDLE, Phase.PREVIEW: _MIDDLE, Phase.ONE: _MIDDLE,
    },
    # Three minutes a phase at a thousand, by its own limit of requests; all of its phases send the same requests.
    Contender.KUBECTL: {
        Phase.PREVIEW: 0, Phase.TENTH: _MIDDLE, Phase.EVERYWHERE: _MIDDLE, Phase.DESTROY: _MIDDLE,
    },
    Contender.FLOOR: {Phase.PREVIEW: 0, Phase.DESTROY: _MIDDLE},
}  # fmt: skip


def largest(contender: Contender, phase: Phase) -> int:
    """Up to how many workspaces a phase is measured."""
    return _LIMITS[contender].get(phase, _LARGE)


def phases_of(contender: Contender, size: int) -> list[Phase]:
    """What is measured of a contender at this size, in order."""
    return [phase for phase in Phase if size <= largest(contender, phase)]
