"""The moment of a run, and what is in force at it: plain days are days of the stack's time zone."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ambient_components import clock
from ambient_components.spec import Grant, Key, StackFile, Workspace
from ambient_components.spec.dates import Span


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a run is, and how often there is one."""

    now: datetime
    zone: ZoneInfo | None = None
    """Of the stack; None: UTC."""
    run_every: int = 0
    """Seconds between runs, as promised; 0: no promise."""

    @classmethod
    def of(cls, stack: StackFile, now: datetime | None = None) -> "Calendar":
        """The calendar of a stack.

        Args:
            stack: its time zone and how often runs are promised count.
            now: a moment with a time zone; as this process reads the clock once, if not given.
        """
        return cls(clock.now() if now is None else now, stack.timezone, stack.run_every or 0)

    def keeps_previous(self, key: Key) -> bool:
        """Whether the identity of the generation before still lives on: to the end of its last day."""
        return key.overlap_until is not None and self.in_force(key.overlap_until)

    def in_force(self, until: date | None) -> bool:
        """Whether what holds until a day, inclusive, or for good, holds now."""
        return Span.of(None, until, self._zone).holds(self.now)

    def grants(self, workspace: Workspace) -> list[Grant]:
        """The grants of a workspace that hold now, by subject: at most one each, as the checks see to."""
        held = [grant for grant in workspace.grants if grant.span(self._zone).holds(self.now)]
        return sorted(held, key=lambda grant: str(grant.subject))

    @property
    def _zone(self) -> ZoneInfo:
        return self.zone or ZoneInfo("UTC")
