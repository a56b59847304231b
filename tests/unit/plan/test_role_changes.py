"""The role of a subject before and after a run, also if only one of several assignments changes."""

from datetime import UTC, datetime

import pytest

from ambient_components.access.role_assignments import RoleAssignment, access_diff
from ambient_components.plan.facts import Plan
from ambient_components.plan.role_changes import CHANGED, GAINED, LOWERED, RAISED, REMOVED, role_changes

ALICE = "user:alice@example.com"
OWNER = RoleAssignment("pay", ALICE, "admin", "owner")
ADMIN, EDIT, VIEW = (RoleAssignment("pay", ALICE, role, "grant") for role in ("admin", "edit", "view"))


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ([], [VIEW], GAINED),
        ([VIEW], [EDIT], RAISED),
        ([EDIT], [VIEW], LOWERED),
        ([EDIT], [], REMOVED),
        ([OWNER], [OWNER, VIEW], CHANGED),
        ([OWNER, VIEW], [OWNER], CHANGED),
        ([OWNER, EDIT], [EDIT], LOWERED),
        ([EDIT], [EDIT, OWNER], RAISED),
        ([OWNER], [ADMIN], CHANGED),
    ],
)
def test_a_role_is_the_strongest_of_all_assignments(before, after, what):
    plan = Plan("prod", datetime(2026, 11, 26, tzinfo=UTC), False, access=access_diff(before, after))
    (change,) = role_changes(plan)
    assert change.what == what
    assert change.gains_admin == (before == [EDIT] and OWNER in after)
