"""What changed between two snapshots, as far as both know."""

from dataclasses import replace

from ambient_components.access.escalation import Path
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.review.changes import Snapshot, compared
from ambient_components.review.facts import FindingChange, KeyChange, Workspace
from ambient_components.review.page import as_html
from tests.support.html_pages import words
from tests.support.reviews import DAY, NOW, ledger, review, snapshot


def test_nothing() -> None:
    made = review(ledger(5))
    changes = compared("x", snapshot(made), snapshot(made))
    assert changes.count == 0
    text = words(as_html(replace(made, changes=changes)))
    assert text.count("no change") == 4


def test_what_is_not_known_is_not_compared() -> None:
    made = review(ledger(5))
    changes = compared("x", Snapshot(findings=frozenset()), snapshot(made))
    assert (changes.roles, changes.workspaces, changes.keys) == (None, None, None)
    assert changes.count == len(changes.findings or ()) > 0
    assert words(as_html(replace(made, changes=changes))).count("not known") == 3


def test_each_kind() -> None:
    grant = RoleAssignment("pay", "user:bob", "view", "grant")
    raised = RoleAssignment("pay", "user:bob", "edit", "grant")
    session = RoleAssignment("pay", "serviceaccount:pay:s", "Role/s", "platform")
    before = Snapshot(
        frozenset({grant, session}), {"pay": "active", "old": "active"},
        {("pay", "ci", 1): NOW, ("pay", "ci", 2): NOW}, frozenset({("pay", Path.ADMIN_KEY), ("old", Path.ACCOUNT)}),
    )  # fmt: skip
    after = Snapshot(
        frozenset({raised}), {"pay": "closed", "new": "active"},
        {("pay", "ci", 2): NOW + DAY, ("new", "ci", 1): NOW},
        frozenset({("pay", Path.STATIC_KEY), ("new", Path.ACCOUNT)}),
    )  # fmt: skip
    changes = compared("x", before, after)
    (role,) = changes.roles or ()
    assert (role.subject, role.what) == ("user:bob", "raised")
    assert changes.workspaces == (
        Workspace("new", "", "active"), Workspace("old", "active", ""), Workspace("pay", "active", "closed"),
    )  # fmt: skip
    assert changes.keys == (
        KeyChange("new", "ci", "new"), KeyChange("pay", "ci", "gone"),
        KeyChange("pay", "ci (generation 2)", "another token"),
    )  # fmt: skip
    # Those of a workspace that is new or gone are no change of it.
    assert changes.findings == (
        FindingChange("pay", Path.ADMIN_KEY, new=False), FindingChange("pay", Path.STATIC_KEY, new=True),
    )  # fmt: skip
    assert changes.count == 9
