"""Who holds what by a ledger, and what a change of it comes to."""

from hypothesis import given

from ambient_components.access.role_assignments import AccessDiff, RoleAssignment, access_diff
from tests.support.access_strategies import LEDGERS, ROLE_ASSIGNMENTS
from tests.support.ledgers import of_ledger

ENTRY = {
    "state": "active",
    "owners": ["user:alice"],
    "grants": {"group:devs": "edit", "user:alice": "view"},
    "keys": {"ci": {"role": "edit", "generation": 2, "overlapping": 1}},
}


def test_an_owner_is_an_admin_and_what_else_somebody_has_stays_apart():
    assert of_ledger({"payments": ENTRY}) == {
        RoleAssignment("payments", "user:alice", "admin", "owner"),
        RoleAssignment("payments", "user:alice", "view", "grant"),
        RoleAssignment("payments", "group:devs", "edit", "grant"),
        RoleAssignment("payments", "key:ci", "edit", "key"),
    }


@given(LEDGERS)
def test_every_line_of_a_ledger_is_one_role_assignment(ledger):
    assignments = of_ledger(ledger)
    lines = sum(len(entry[part]) for entry in ledger.values() for part in ("owners", "grants", "keys"))
    assert len(assignments) == lines
    assert {one.workspace for one in assignments} <= set(ledger)
    for one in assignments:
        entry = ledger[one.workspace]
        match one.reason:
            case "owner":
                assert one.subject in entry["owners"]
                assert one.role == "admin"
            case "grant":
                assert entry["grants"][one.subject] == one.role
            case "key":
                assert entry["keys"][one.subject.removeprefix("key:")]["role"] == one.role


@given(ROLE_ASSIGNMENTS, ROLE_ASSIGNMENTS)
def test_what_was_held_and_the_difference_are_what_is_held(before, after):
    diff = access_diff(before, after)
    assert before - set(diff.lost) | set(diff.gained) == after
    assert set(diff.lost) <= before
    assert set(diff.gained) & before == set()
    assert list(diff.gained) == sorted(set(diff.gained))
    assert list(diff.lost) == sorted(set(diff.lost))


@given(ROLE_ASSIGNMENTS, ROLE_ASSIGNMENTS)
def test_the_way_back_is_the_difference_turned_round(before, after):
    there, back = access_diff(before, after), access_diff(after, before)
    assert (there.gained, there.lost) == (back.lost, back.gained)
    assert access_diff(before, before) == AccessDiff((), ())


def test_a_role_that_changes_is_one_lost_and_one_gained():
    before = RoleAssignment("payments", "user:bob", "view", "grant")
    after = RoleAssignment("payments", "user:bob", "edit", "grant")
    assert access_diff({before}, {after}) == AccessDiff((after,), (before,))
