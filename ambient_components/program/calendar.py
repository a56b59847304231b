"""The time of a run, and which dated entries are in force then. A plain date is a day in the stack's time zone."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from ambient_components import clock
from ambient_components.model.dates import Span
from ambient_components.model.stack import StackFile

UTC: Final = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Calendar:
    now: datetime
    zone: ZoneInfo = UTC
    """The stack's time zone."""
    run_every: int = 0
    """Promised seconds between runs. 0 means no promise."""

    @classmethod
    def of(cls, stack: StackFile, now: datetime | None = None) -> "Calendar":
        return cls(clock.now() if now is None else now, stack.timezone, stack.run_every or 0)

    def in_force(self, until: date | None) -> bool:
        """Tell whether an entry is in force now. `until` is inclusive; None means no end."""
        return Span.of(None, until, self.zone).holds(self.now)

    @property
    def today(self) -> date:
        return self.now.astimezone(self.zone).date()
