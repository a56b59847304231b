"""Changes of scheduled sessions, from the ledgers."""

from collections.abc import Iterator

from ambient_components.access.entries import NOTHING, Ledger, ScheduleEntry
from ambient_components.plan import facts
from ambient_components.plan.facts import ScheduleChange


def schedule_changes(before: Ledger, after: Ledger) -> list[ScheduleChange]:
    """Return the changes of schedules, sorted. A workspace that is removed or let go has none of its own."""
    found: list[ScheduleChange] = []
    for workspace, entry in after.items():
        old, new = before.get(workspace, NOTHING).schedules, entry.schedules
        for one in old.keys() | new.keys():
            found += _change(workspace, one, old.get(one), new.get(one))
    return sorted(found)


def _change(
    workspace: str, schedule: str, old: ScheduleEntry | None, new: ScheduleEntry | None
) -> Iterator[ScheduleChange]:
    if new is None:
        yield ScheduleChange(workspace, schedule, facts.REMOVED, "its sessions stay")
    elif old is None:
        yield _new(workspace, schedule, new)
    elif old != new:
        yield ScheduleChange(workspace, schedule, facts.CHANGED, ", ".join(_details(old, new)))


def _new(workspace: str, schedule: str, new: ScheduleEntry) -> ScheduleChange:
    state = ", suspended" if new.suspend else ""
    if new.cron_job is None:
        user = f", runs as {new.run_as}" if new.run_as else ""
        return ScheduleChange(workspace, schedule, facts.MADE, f"{new.schedule}{user}{state}")
    # The plan does not know the user, whom the platform takes from the last save.
    user = f"runs as {new.run_as or 'itself'} instead of the user who saved it last"
    why = f"{new.schedule}{state}, with the declared name, {user}"
    return ScheduleChange(workspace, schedule, facts.ADOPTED, why)


def _details(old: ScheduleEntry, new: ScheduleEntry) -> Iterator[str]:
    if old.schedule != new.schedule:
        yield f"schedule {old.schedule} -> {new.schedule}"
    if old.run_as != new.run_as:
        yield f"runs as {old.run_as or 'itself'} -> {new.run_as or 'itself'}"
    if old.suspend != new.suspend:
        yield f"suspend {_word(old.suspend)} -> {_word(new.suspend)}"
    if old.cron_job != new.cron_job:
        yield f"CronJob {old.cron_job or 'of this project'} -> {new.cron_job or 'of this project'}"
    if old.digest != new.digest:
        yield "its sessions"


def _word(value: bool | None) -> str:
    return "as set in the UI" if value is None else str(value).lower()
