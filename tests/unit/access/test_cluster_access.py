"""What a cluster gives, by whom each object was made, and what differs from a ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.access.cluster_access import missing, unknown
from ambient_components.access.role_assignments import RoleAssignment
from tests.support.access_objects import (
    GRANT_LABELS,
    KEY_LABELS,
    OWNER_LABELS,
    account,
    account_name,
    binding,
    by_platform,
    grant,
    key_binding,
    made,
    of_kind,
    recognised,
)
from tests.support.access_strategies import LEDGERS
from tests.support.ledgers import expected, live

W = "payments"
LEDGER = {
    W: {
        "state": "active",
        "owners": ["user:alice"],
        "grants": {"group:devs": "edit", "user:bob": "view"},
        "keys": {"ci": {"role": "edit", "generation": 3.0, "overlapping": 2.0}},
    }
}
DECLARED = expected(LEDGER)
GONE = key_binding(W, "gone", "edit")
CI, FORMER = account_name(W, "ci", 3), account_name(W, "ci", 2)


def assignment(subject, role, reason, workspace=W):
    return RoleAssignment(workspace, subject, role, reason)


def differences(bindings, accounts, ledger=LEDGER):
    """What is unknown, and what is missing."""
    there = live(bindings, accounts, ledger)
    return unknown(expected(ledger), there), missing(expected(ledger), there)


def with_more(*bindings, accounts=()):
    """The access of the ledger, and more: what is unknown of it."""
    there = made(LEDGER)
    others, gone = differences([*there[0], *bindings], [*there[1], *accounts])
    assert gone == ()
    return others


def test_what_is_expected_of_a_ledger():
    assert sorted(DECLARED) == [
        assignment("group:devs", "edit", "grant"),
        assignment("key:ci", "edit", "key"),
        assignment("key:ci", "edit", "key of generation 2"),
        assignment("user:alice", "admin", "owner"),
        assignment("user:bob", "view", "grant"),
    ]


@given(LEDGERS, st.randoms())
def test_what_a_run_makes_is_what_is_declared_in_any_order(ledger, chance):
    bindings, accounts = made(ledger)
    chance.shuffle(bindings)
    chance.shuffle(accounts)
    assert live(bindings, accounts, ledger) == expected(ledger)
    assert differences(bindings, accounts, ledger) == ((), ())


@given(LEDGERS, st.data())
def test_each_object_that_is_gone_is_missed(ledger, data):
    bindings, accounts = made(ledger)
    if not bindings:
        return
    gone = data.draw(st.sampled_from(bindings))
    others, lost = differences([item for item in bindings if item is not gone], accounts, ledger)
    assert len(lost) == 1
    assert others == ()


def test_other_namespaces_are_nobodys_question():
    there = [grant("elsewhere", "user:m", "admin"), key_binding("elsewhere", "ci", "edit")]
    assert live(there, [account("elsewhere", CI)], LEDGER) == frozenset()


X = "RoleBinding x"
MANAGED_LABELS = {"ambient-code.io/managed": "true"}
ACCOUNT = f"serviceaccount:{W}:{CI}"
UNDECLARED = {
    "a grant made in Sharing": (grant(W, "user:m", "view"), [("user:m", "view", "grant")]),
    "a grant of an older installation": (
        binding(W, "x", "view", "group:m", labels={"app": "ambient-group-access"}), [("group:m", "view", "grant")],
    ),
    "a hidden admin": (
        binding(W, "ambient-admin-m", "admin", "user:m", labels=OWNER_LABELS), [("user:m", "admin", "owner")],
    ),
    "one without labels": (binding(W, "x", "admin", "user:m"), [("user:m", "admin", X)]),
    "the same role by another binding": (binding(W, "x", "edit", "group:devs"), [("group:devs", "edit", X)]),
    "a role of Kubernetes": (binding(W, "x", "ClusterRole/admin", "user:m"), [("user:m", "ClusterRole/admin", X)]),
    "a role of the namespace": (
        binding(W, "x", "Role/x", "serviceaccount:ci:bot"), [("serviceaccount:ci:bot", "Role/x", X)],
    ),
    "a Role that is called like the platform's ClusterRole": (
        binding(W, "x", "Role/ambient-project-admin", "user:m"), [("user:m", "Role/ambient-project-admin", X)],
    ),
    "a grant's labels on another role": (
        binding(W, "x", "ClusterRole/cluster-admin", "user:m", labels=GRANT_LABELS),
        [("user:m", "ClusterRole/cluster-admin", "grant")],
    ),
    "a grant to several": (
        binding(W, "x", "view", "user:m", "group:m", "user:bob", labels=GRANT_LABELS),
        [("group:m", "view", "grant"), ("user:m", "view", "grant")],
    ),
    "another role besides": (grant(W, "user:bob", "admin"), [("user:bob", "admin", "grant")]),
    "more for a declared key": (binding(W, "x", "admin", ACCOUNT), [("key:ci", "admin", X)]),
    "another role of a declared key": (
        binding(W, "x", "admin", ACCOUNT, labels=KEY_LABELS), [("key:ci", "admin", "key")],
    ),
    "an account of that name elsewhere": (
        binding(W, "x", "admin", f"serviceaccount:elsewhere:{CI}", labels=KEY_LABELS),
        [(f"serviceaccount:elsewhere:{CI}", "admin", X)],
    ),
    "a key's labels, and no key": (
        binding(W, "x", "admin", "user:m", labels=KEY_LABELS), [("user:m", "admin", X)],
    ),
    "a key's binding, and its account is gone": (
        GONE, [(f"serviceaccount:{W}:{account_name(W, 'gone')}", "edit", f"RoleBinding {GONE['metadata']['name']}")],
    ),
    "a line of ProjectSettings": (
        binding(W, "ops-admin", "admin", "group:ops", labels=MANAGED_LABELS), [("group:ops", "admin", "groupAccess")],
    ),
    "something that is only labelled like one": (
        binding(W, "x", "admin", "group:ops", labels=MANAGED_LABELS), [("group:ops", "admin", X)],
    ),
    "for nobody": (binding(W, "x", "admin"), []),
    "for nobody, as Go writes it": ({**binding(W, "x", "admin"), "subjects": None}, []),
}  # fmt: skip


@pytest.mark.parametrize("case", UNDECLARED)
def test_access_that_no_file_declares(case):
    there, expected = UNDECLARED[case]
    assert list(with_more(there)) == [assignment(*access) for access in expected]


def test_keys_that_no_file_declares():
    by_hand = f"serviceaccount:{W}:ambient-key-by-hand-12345678"
    key = binding(W, "ambient-key-admin-by-hand-12345678", "admin", by_hand, labels=KEY_LABELS)
    there = account(W, "ambient-key-by-hand-12345678")
    assert with_more(key, accounts=[there]) == (assignment(by_hand, "admin", "key"),)
    # The platform makes no binding where that step failed, and the Keys page shows it all the same.
    assert with_more(accounts=[there]) == (assignment(by_hand, "none", "key"),)
    more = binding(W, "x", "view", by_hand)
    assert with_more(more, accounts=[there]) == (
        assignment(by_hand, "none", "key"),
        assignment(by_hand, "view", "RoleBinding x"),
    )


def test_an_earlier_identity_of_a_key_that_was_left_over():
    old = account_name(W, "ci", 1)
    assert with_more(key_binding(W, "ci", "edit", 1), accounts=[account(W, old)]) == (
        assignment("key:ci", "edit", "key of generation 1"),
    )
    of_nobody = account_name(W, "removed", 1)
    assert with_more(key_binding(W, "removed", "edit", 1), accounts=[account(W, of_nobody)]) == (
        assignment(f"serviceaccount:{W}:{of_nobody}", "edit", "key"),
    )


def test_a_declared_key_is_missed_however_it_went():
    bindings, accounts = made(LEDGER)
    current, former = assignment("key:ci", "edit", "key"), assignment("key:ci", "edit", "key of generation 2")
    own = key_binding(W, "ci", "edit", 3)
    without_binding = [item for item in bindings if item != own]
    assert differences(without_binding, [item for item in accounts if item != account(W, CI)]) == ((), (current,))
    # Without its role it may do nothing, and that is no access that nobody declared.
    assert differences(without_binding, accounts) == ((), (current,))
    # Without its account it does not work; whoever makes the account anew has the role.
    assert differences(bindings, [account(W, FORMER)]) == (
        (assignment(f"serviceaccount:{W}:{CI}", "edit", f"RoleBinding {own['metadata']['name']}"),),
        (current,),
    )
    assert differences(
        [item for item in bindings if item != key_binding(W, "ci", "edit", 2)], [account(W, CI)]
    ) == ((), (former,))  # fmt: skip


def test_the_platforms_own_is_listed_and_nobody_is_asked_to_declare_it():
    items = by_platform(W, "s1", "s-2-rb")
    there = made(LEDGER)
    given = live([*there[0], *of_kind(items, "RoleBinding")], there[1], LEDGER, recognised(items))
    added = given - DECLARED
    assert added == {
        assignment(f"serviceaccount:{W}:{name}", f"Role/{role}", "platform")
        for name, role in [
            ("ambient-session-trigger", "ambient-session-trigger"),
            ("ambient-session-s1", "ambient-session-s1-role"),
            ("ambient-session-s-2-rb", "ambient-session-s-2-rb-role"),
        ]
    }
    assert unknown(DECLARED, given) == ()


def test_without_its_roles_and_owners_nothing_is_the_platforms_own():
    reasons = {assignment.reason for assignment in live(of_kind(by_platform(W, "s1"), "RoleBinding"), [], LEDGER)}
    assert reasons == {"RoleBinding ambient-session-trigger", "RoleBinding ambient-session-s1-rb"}


def test_an_account_that_has_the_name_of_a_sessions_is_named():
    """Other accounts than those of keys are given only if they are not the platform's own."""
    forged = {"metadata": {"namespace": W, "name": "ambient-session-s9"}}
    assert with_more(accounts=[forged]) == (
        assignment(f"serviceaccount:{W}:ambient-session-s9", "none", "ServiceAccount ambient-session-s9"),
    )


def test_what_openshift_makes_in_every_project():
    own = [
        binding(W, "system:deployers", "ClusterRole/system:deployer", f"serviceaccount:{W}:deployer"),
        binding(W, "system:image-builders", "ClusterRole/system:image-builder", f"serviceaccount:{W}:builder"),
        binding(W, "system:image-pullers", "ClusterRole/system:image-puller", f"group:system:serviceaccounts:{W}"),
    ]
    assert {assignment.reason for assignment in live(own, [], LEDGER)} == {"platform"}
    assert with_more(*own) == ()


ITEMS = by_platform(W, "s1")
TRIGGER, SESSION = of_kind(ITEMS, "RoleBinding")


@pytest.mark.parametrize(
    "forged",
    [
        {**TRIGGER, "metadata": {**TRIGGER["metadata"], "ownerReferences": []}},
        {**SESSION, "metadata": {**SESSION["metadata"], "name": "ambient-session-s2-rb"}},
        binding(W, "system:deployers", "ClusterRole/admin", f"serviceaccount:{W}:deployer"),
    ],
    ids=["no owner", "a session by another's name", "openshift with another role"],
)
def test_a_name_of_the_platforms_alone_hides_nothing(forged):
    bindings, accounts = made(LEDGER)
    others = unknown(DECLARED, live([*bindings, forged], accounts, LEDGER, recognised(ITEMS)))
    assert others
    assert {assignment.reason for assignment in others} == {f"RoleBinding {forged['metadata']['name']}"}


def test_a_key_of_the_platform_is_known_by_its_own_account():
    nightly = "ambient-key-nightly-build-3f2a91bc"
    who = f"serviceaccount:{W}:{nightly}"
    there = [binding(W, "ambient-key-edit-nightly-build-3f2a91bc", "edit", who, labels=KEY_LABELS)]

    def reasons(generation):
        key = {"role": "edit", "generation": generation, "serviceAccount": nightly}
        declared = {W: {"state": "active", "owners": [], "grants": {}, "keys": {"ci": key}}}
        return {(assignment.subject, assignment.reason) for assignment in live(there, [account(W, nightly)], declared)}

    assert reasons(1) == {("key:ci", "key")}
    assert reasons(2) == {("key:ci", "key of generation 1")}
    # However many generations later.
    assert reasons(99) == {("key:ci", "key of generation 1")}
