"""Notes on scheduled sessions that the platform's UI made: they stay, until an entry names their CronJobs."""

from collections.abc import Iterable
from typing import Any

from ambient_components.adoption.dumping import line_of
from ambient_components.adoption.notes import NoteRule, Notes, shown
from ambient_components.cluster.objects import Json, annotations, mapping, name, short, text
from ambient_components.platform.contract import OWNER_ANNOTATION, SCHEDULE_NAME_ANNOTATION
from ambient_components.rules.schedules import display_name_problem


def note_schedules(notes: Notes, cronjobs: Iterable[Json], owner: str) -> None:
    """Add a note on each schedule that is not the stack's own.

    The platform's prompt is not repeated: it may be long, and hold a secret.
    """
    for one in cronjobs:
        if annotations(one).get(OWNER_ANNOTATION) == owner:
            continue
        title = annotations(one).get(SCHEDULE_NAME_ANNOTATION) or name(one)
        cron = short(text(mapping(one.get("spec")).get("schedule")))
        fields: dict[str, Any] = {"cronJob": short(name(one)), "schedule": cron}
        if display_name_problem(title) is None:
            fields["displayName"] = title
        fields["sessionTemplate"] = {"initialPrompt": "PROMPT"}
        notes.add(
            NoteRule.SCHEDULES,
            f"scheduled session {shown(title)} ({shown(cron)}) is not declared: it stays, and the UI alone changes it",
            f"to adopt it, copy what the UI shows: {line_of({'schedules': {'ID': fields}})}",
            "its sessions then run without integrations of a person, unless the entry has runAs",
            object=f"CronJob {name(one)}",
        )
