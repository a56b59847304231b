"""What `ambient access` answers, before it is written: who has which access, and whether files and cluster agree.

Pure. What is declared comes as a ledger, what is there as holdings; see `ambient_components.access.live`.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum

from ambient_components.access.effective import Row, gives, rows, who_can
from ambient_components.access.entries import Ledger
from ambient_components.access.holdings import PLATFORM, Holding, of_ledger
from ambient_components.access.live import expected, missing, unknown
from ambient_components.access.roles import RoleRight


class Status(StrEnum):
    """What files and cluster say of one holding."""

    DECLARED = "declared"
    """Declared; in the cluster too, where that was asked."""
    UNDECLARED = "undeclared"
    """In the cluster, and not declared."""
    MISSING = "missing"
    """Declared, and not in the cluster."""
    PLATFORM = "platform"
    """The platform's own, for its own accounts."""
    RELEASED = "released"
    """In a workspace that is not managed any more: nobody judges it."""


@dataclass(frozen=True, slots=True)
class Report:
    """The access of a stack, or of a part of it."""

    stack: str
    source: str
    """Where what is declared was read: state or files."""
    asked: bool
    """Whether the cluster was asked; then `rows` are what it really gives, else what is declared."""
    rows: tuple[Row, ...]
    undeclared: frozenset[Holding]
    missing: tuple[Holding, ...]
    """Sorted; not in `rows`."""
    released: frozenset[str] = frozenset()
    """Workspaces that nobody judges."""
    right: RoleRight | None = None
    """Where only those are asked for who have it."""
    perhaps: tuple[Row, ...] = ()
    """Those who may have it by a role whose rules are not known."""

    @property
    def differs(self) -> bool:
        """Whether files and cluster disagree on any of it."""
        return bool(self.undeclared or self.missing)

    def status(self, holding: Holding) -> Status:
        """What files and cluster say of one that is in here."""
        if holding in self.undeclared:
            return Status.UNDECLARED
        if holding in self.missing:
            return Status.MISSING
        if holding.reason == PLATFORM:
            return Status.PLATFORM
        return Status.RELEASED if self.asked and holding.workspace in self.released else Status.DECLARED


def report(stack: str, source: str, ledger: Ledger, there: Collection[Holding] | None) -> Report:
    """All access of a stack.

    Args:
        stack: its name.
        source: where the ledger is from: state or files.
        ledger: what is declared, by workspace.
        there: what the cluster gives; None: it was not asked.
    """
    if there is None:
        return Report(stack, source, False, tuple(rows(of_ledger(ledger))), frozenset(), ())
    released = frozenset(name for name, entry in ledger.items() if entry.is_released)
    judged = [holding for holding in there if holding.workspace not in released]
    declared = [holding for holding in expected(ledger) if holding.workspace not in released]
    others = frozenset(unknown(declared, judged))
    return Report(stack, source, True, tuple(rows(there)), others, missing(declared, judged), released)


def part(whole: Report, subject: str = "", right: RoleRight | None = None) -> Report:
    """What is asked for of a report.

    Args:
        whole: all of it.
        subject: only this one; empty for all.
        right: only those who have it, each with what gives it.
    """
    found = tuple(row for row in whole.rows if subject in ("", row.subject))
    gone = tuple(one for one in whole.missing if subject in ("", one.subject))
    perhaps: tuple[Row, ...] = ()
    if right is not None:
        who = who_can(found, right)
        found, perhaps = who.can, who.perhaps
        gone = tuple(one for one in gone if gives(one, right))
    shown = {holding for row in (*found, *perhaps) for holding in row.holdings}
    return replace(whole, rows=found, undeclared=whole.undeclared & shown, missing=gone, right=right, perhaps=perhaps)
