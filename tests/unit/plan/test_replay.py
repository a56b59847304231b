"""The audit log in a plan, as far as tests/unit/cli/test_plan_replay.py does not show it."""

from datetime import UTC, datetime

from ambient_components.access.audit import AuditLog
from ambient_components.access.role_assignments import AccessDiff, RoleAssignment
from ambient_components.plan.facts import Plan
from ambient_components.plan.replay import lost_access, replayed
from tests.support.audit_events import event, log_of


def test_the_access_of_a_workspace_before_its_adoption_is_watched_too() -> None:
    """It is in no ledger yet."""
    before = RoleAssignment("old", "group:ops", "admin", "grant")
    log = AuditLog({}, [before])
    log.add(log_of(event("delete secrets@old", "dan", "ops")))
    access = AccessDiff((RoleAssignment("old", "group:ops", "view", "grant"),), (before,))
    plan = replayed(Plan("prod", datetime(2026, 11, 25, tzinfo=UTC), online=True, access=access), log)
    assert plan.replay is not None
    (use,) = plan.replay.used
    assert (use.workspace, use.subject, use.kinds) == ("old", "group:ops", (("delete secrets", 1),))
    assert [*lost_access(plan)] == [before]
