"""What each object of a workspace's access must say, and how one in the cluster differs."""

import pytest
from hypothesis import given

from tests.support.access_objects import account, made, owner, rbac_subject
from tests.support.access_strategies import LEDGERS
from tests.support.hostile import JSON, variants
from tests.support.ledgers import expected_objects, object_names

W = "payments"
ENTRY = {"state": "active", "owners": ["user:alice"], "grants": {"group:devs": "edit"}, "keys": {}}
NAME = "ambient-permission-edit-devs-group"
GRANT = expected_objects(W, ENTRY)["RoleBinding", NAME]


def grant(**changes):
    """The grant as it is made, with changed fields."""
    (there,) = [one for one in made({W: ENTRY})[0] if one["metadata"]["name"] == NAME]
    return {**there, **changes}


@given(LEDGERS)
def test_what_a_run_makes_is_as_expected(ledger):
    bindings, accounts = made(ledger)
    objects = {
        ("RoleBinding", binding["metadata"]["namespace"], binding["metadata"]["name"]): binding for binding in bindings
    }
    objects |= {("ServiceAccount", one["metadata"]["namespace"], one["metadata"]["name"]): one for one in accounts}
    expected = {
        (kind, workspace, name): one
        for workspace, entry in ledger.items()
        for (kind, name), one in expected_objects(workspace, entry).items()
    }
    assert expected.keys() == objects.keys()
    assert expected.keys() == {
        (kind, workspace, name) for workspace, entry in ledger.items() for kind, name in object_names(workspace, entry)
    }
    for place, one in expected.items():
        assert one.differences(objects[place]) == []
        assert one.kept_by(objects[place]) == []


@pytest.mark.parametrize(
    ("changes", "differences"),
    [
        ({"subjects": [rbac_subject("group:devs"), rbac_subject("user:mallory")]}, ["also names user:mallory"]),
        ({"subjects": [rbac_subject("user:mallory")]}, ["also names user:mallory", "does not name group:devs"]),
        ({"subjects": [rbac_subject("user:devs")]}, ["also names user:devs", "does not name group:devs"]),
        ({"subjects": []}, ["does not name group:devs"]),
        ({"subjects": None}, ["does not name group:devs"]),
        (
            {"roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}},
            ["binds ClusterRole/cluster-admin and not ClusterRole/ambient-project-edit"],
        ),
        (
            {"roleRef": {"kind": "Role", "name": "ambient-project-edit"}},
            ["binds Role/ambient-project-edit and not ClusterRole/ambient-project-edit"],
        ),
        ({"metadata": {"name": NAME, "namespace": W}}, ["lacks the label app=ambient-permission"]),
    ],
)
def test_each_difference_is_named(changes, differences):
    assert GRANT.differences(grant(**changes)) == [f"RoleBinding {NAME} {how}" for how in differences]


def test_a_user_in_a_namespace_is_no_declared_user_with_a_colon():
    """Kubernetes takes the name alone: mallory has the access, and y:mallory has not."""
    who = "user:y:mallory"
    ((_, expected),) = expected_objects(W, {**ENTRY, "owners": [who], "grants": {}}).items()
    there = {**owner(W, who), "subjects": [{"kind": "User", "name": "mallory", "namespace": "y"}]}
    assert [text.partition(" ")[2].partition(" ")[2] for text in expected.differences(there)] == [
        "also names user:mallory",
        f"does not name {who}",
    ]


def test_many_strangers_are_counted():
    strangers = [{"kind": "User", "name": f"u{number:04}" + "x" * 5_000} for number in range(1000)]
    (text,) = GRANT.differences(grant(subjects=[rbac_subject("group:devs"), *strangers]))
    assert "user:u0009" in text
    assert text.endswith(" and 990 more")
    assert len(text) < 5_000


def test_finalizers_are_named():
    there = grant()
    there = {**there, "metadata": {**there["metadata"], "finalizers": ["example.com/mine"]}}
    assert GRANT.differences(there) == []
    assert GRANT.kept_by(there) == [f"RoleBinding {NAME} (example.com/mine)"]


@given(JSON)
def test_any_answer_is_compared(there):
    assert GRANT.differences(there if isinstance(there, dict) else {"spec": there})


def test_a_hostile_object_is_compared_whatever_is_in_it():
    for one in variants(grant()):
        GRANT.differences(one)
        GRANT.kept_by(one)
    key = expected_objects(W, {**ENTRY, "keys": {"ci": {"role": "edit", "generation": 1}}})
    (expected,) = [one for (kind, _), one in key.items() if kind == "ServiceAccount"]
    for one in variants(account(W, expected.name)):
        expected.differences(one)
