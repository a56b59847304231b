"""The moment of a run, and what is in force at it: plain days are days of the stack's time zone."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ambient_components import clock
from ambient_components.spec import Key, StackFile
from ambient_components.spec.dates import end_of


@dataclass(frozen=True, slots=True)
class Calendar:
    """When a run is, and how often there is one."""

    now: datetime
    zone: ZoneInfo | None = None
    """Of the stack; None: UTC."""
    run_every: int = 0
    """Seconds between runs, as promised; 0: no promise."""

    @classmethod
    def of(cls, stack: StackFile) -> "Calendar":
        """Now, as this process reads the clock once."""
        return cls(clock.now(), stack.timezone, stack.run_every or 0)

    def keeps_previous(self, key: Key) -> bool:
        """Whether the identity of the generation before still lives on: to the end of its last day."""
        return key.overlap_until is not None and self.in_force(key.overlap_until)

    def in_force(self, until: date | None) -> bool:
        """Whether what holds until a day, inclusive, or for good, holds now."""
        return until is None or self.now < end_of(until, self.zone or ZoneInfo("UTC")).astimezone(UTC)
