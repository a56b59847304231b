"""Reviews of access in the stack file: which are due, what a run warns of, and grants that end after their review."""

from datetime import UTC, date, datetime, timedelta

import pytest

from ambient_components.model.stack import StackFile
from ambient_components.stackfile.checks.reviews import due, overdue
from ambient_components.stackfile.checks.upcoming_dates import ended_grants, ending

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
GRANTS = ("workspaces", "pay", "grants")


def stack_of(*grants, keys=None, guardrails=None, **fields):
    entry = {"grants": [{"user": f"u{index}", **grant} for index, grant in enumerate(grants)], **fields}
    return StackFile.model_validate(
        {"guardrails": guardrails or {}, "workspaces": {"pay": entry | {"keys": keys or {}}}}
    )


def ending_stack(*grants, **fields):
    return stack_of(*grants, guardrails={"reviews": {"onOverdue": "end"}}, **fields)


@pytest.mark.parametrize(
    ("grant", "ahead", "is_due"),
    [
        ({}, 0, True),
        ({"reviewBy": "2026-11-30"}, 0, True),
        ({"reviewBy": "2026-12-01"}, 0, False),
        ({"reviewBy": "2026-12-20"}, 20, True),
        ({"reviewBy": "2026-12-20"}, 19, False),
        ({"reviewBy": "2026-11-30", "until": "2026-11-30"}, 0, False),
        ({"from": "2027-01-01"}, 0, True),
    ],
)
def test_a_review_is_due_after_its_day_or_if_there_was_none(grant, ahead, is_due):
    assert [item.who for item in due(stack_of(grant), NOW, timedelta(days=ahead))] == ["user:u0"] * is_due


def test_what_is_due_has_its_reviewers_and_its_reason():
    stack = stack_of(keys={"ci": {"role": "view", "reason": "deploys"}}, reviewers=["group:leads"])
    (item,) = due(stack, NOW)
    assert (item.who, item.role, item.reason, item.review_by) == ("key:ci", "view", "deploys", None)
    assert (item.path, item.reviewers) == (("workspaces", "pay", "keys", "ci"), ("group:leads",))
    assert [*due(stack_of({}, state="closed"), NOW)] == []


def test_only_what_has_a_day_warns_unless_the_guardrail_says_so():
    grants = {"reviewBy": "2026-11-30"}, {}, {"reviewBy": "2027-01-01"}
    assert [item.path for item in overdue(stack_of(*grants), NOW)] == [(*GRANTS, 0, "reviewBy")]
    warns = stack_of(*grants, guardrails={"unreviewedAccess": "warn"})
    assert [item.path for item in overdue(warns, NOW)] == [(*GRANTS, 0, "reviewBy"), (*GRANTS, 1)]


@pytest.mark.parametrize(
    ("grant", "until"),
    [
        ({"reviewBy": "2026-12-05"}, date(2026, 12, 5)),
        ({"reviewBy": "2026-12-05", "until": "2026-12-31"}, date(2026, 12, 5)),
        ({"reviewBy": "2026-12-05", "until": "2026-12-03"}, date(2026, 12, 3)),
        ({}, None),
    ],
)
def test_a_grant_ends_after_its_review_only_where_the_file_says_so(grant, until):
    assert ending_stack(grant).workspaces["pay"].grants[0].until == until
    unchanged = stack_of(grant).workspaces["pay"].grants[0]
    assert unchanged.until == (date.fromisoformat(grant["until"]) if "until" in grant else None)
    (released,) = ending_stack(grant, state="released").workspaces["pay"].grants
    assert released == unchanged


def test_the_end_is_announced_at_the_day_of_the_review():
    grant = {"reviewBy": "2026-12-05"}
    (ahead,) = ending(ending_stack(grant), NOW)
    assert (ahead.path, "ends after 2026-12-05, in 4 days" in ahead.problem) == ((*GRANTS, 0, "reviewBy"), True)
    assert [*ending(stack_of(grant), NOW)] == []
    (ended,) = ended_grants(ending_stack(grant), NOW + timedelta(days=5))
    assert ended.path == (*GRANTS, 0, "reviewBy")
    assert [*overdue(ending_stack(grant), NOW + timedelta(days=5))] == []
