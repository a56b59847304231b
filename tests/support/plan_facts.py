"""The facts of a plan, by the files alone and by the engine's preview."""

from datetime import UTC, datetime

from ambient_components.engine.steps import Preview
from tests.support.ledgers import from_ledgers, from_preview, recorded_of

AT = datetime(2026, 11, 25, 12, tzinfo=UTC)


def plan(before, after, **more):
    return from_ledgers(before, after, stack="prod", at=AT, **more)


def online(document, before, recorded=None, **more):
    has = recorded if recorded is not None else recorded_of(before)
    return from_preview(Preview.of(document), before, stack="prod", at=AT, recorded=has, **more)
