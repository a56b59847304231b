"""What changed between two reviews."""

from dataclasses import replace

from ambient_components.access.entries import read_ledger
from ambient_components.review.changes import compared
from ambient_components.review.page import as_html
from tests.support.html_pages import words
from tests.support.reviews import DAY, NOW, ledger, review, timed

CLOSED = {"state": "closed", "owners": [], "grants": {}, "keys": {}}


def test_nothing() -> None:
    made = review(ledger(5))
    changes = compared("x", made, made)
    assert changes.count == 0
    assert words(as_html(replace(made, changes=changes))).count("no change") == 4


def test_keys_are_not_known_from_files() -> None:
    made = review(ledger(5))
    files = replace(made, access=replace(made.access, source="files"), keys=())
    changes = compared("x", made, files)
    assert (changes.keys, changes.count) == (None, 0)
    assert words(as_html(replace(files, changes=changes))).count("not known") == 1


def test_each_kind() -> None:
    pay = {"state": "active", "owners": [], "grants": {"user:bob": "view"}, "keys": {"ci": {"role": "admin"}}}
    before = review({"pay": pay, "old": CLOSED}, keys=(timed("pay", "ci"), timed("pay", "ci", generation=2)))
    after = review(
        {"pay": {**pay, "state": "closed", "grants": {"user:bob": "edit"}}, "new": CLOSED},
        keys=(timed("pay", "ci", generation=2, issued_at=NOW + DAY), timed("new", "ci")),
    )
    changes = compared("x", before, after)
    assert [(role.subject, role.what) for role in changes.roles] == [("user:bob", "raised")]
    assert changes.workspaces == (("new", "none", "closed"), ("old", "closed", "removed"), ("pay", "active", "closed"))
    assert changes.keys == (("new", "ci", "new"), ("pay", "ci", "gone"), ("pay", "ci (generation 2)", "another token"))
    # Those of a workspace that is new or gone are no change of it.
    assert {workspace for workspace, _, _ in changes.findings} == {"pay"}
    assert {what for _, _, what in changes.findings} == {"new", "gone"}


def test_the_platforms_own_accounts_are_no_change() -> None:
    made = review(ledger(1))
    (name,) = read_ledger(ledger(1))
    session = replace(made.access.rows[0].assignments[0], reason="platform", subject=f"serviceaccount:{name}:s")
    rows = (*made.access.rows, replace(made.access.rows[0], assignments=(session,)))
    assert compared("x", made, replace(made, access=replace(made.access, rows=rows))).count == 0
