"""What each subject may do, by which role, and who has a right."""

import pytest
from hypothesis import given

from ambient_components.access.effective import (
    ALL_RIGHTS,
    RIGHTS_OF,
    SESSION_RIGHTS,
    TRIGGER_RIGHTS,
    RoleRight,
    by_subject,
    by_workspace,
    gives,
    parse_right,
    rights_of,
    rows,
    who_can,
)
from ambient_components.access.role_assignments import RoleAssignment
from ambient_components.platform.contract import Role
from tests.support.access_strategies import ROLE_ASSIGNMENTS

ALICE = RoleAssignment("payments", "user:alice", "admin", "owner")
ALICE_TOO = RoleAssignment("payments", "user:alice", "view", "grant")
DEVS = RoleAssignment("payments", "group:devs", "edit", "grant")
CI = RoleAssignment("payments", "key:ci", "edit", "key")
OTHER_CI = RoleAssignment("billing", "key:ci", "view", "key")
BOB = RoleAssignment("payments", "user:bob", "ClusterRole/admin", "RoleBinding debug")
ROOT = RoleAssignment("payments", "user:root", "ClusterRole/cluster-admin", "RoleBinding root")
BARE = RoleAssignment("payments", "serviceaccount:payments:ambient-key-old-1", "none", "key")
SESSION = RoleAssignment(
    "payments", "serviceaccount:payments:ambient-session-s1", "Role/ambient-session-s1-role", "platform"
)
TRIGGER = RoleAssignment(
    "payments", "serviceaccount:payments:ambient-session-trigger", "Role/ambient-session-trigger", "platform"
)
EVERYBODY = [BOB, CI, ALICE_TOO, TRIGGER, OTHER_CI, BARE, DEVS, SESSION, ROOT, ALICE]


@pytest.mark.parametrize(
    ("assignment", "rights"),
    [
        (ALICE, RIGHTS_OF[Role.ADMIN]),
        (ALICE_TOO, RIGHTS_OF[Role.VIEW]),
        (CI, RIGHTS_OF[Role.EDIT]),
        (ROOT, frozenset(ALL_RIGHTS)),
        (BARE, frozenset()),
        (SESSION, SESSION_RIGHTS),
        (TRIGGER, TRIGGER_RIGHTS),
        (BOB, None),
        # A name alone says nothing of a Role's rules.
        (RoleAssignment("payments", "user:m", "Role/ambient-session-s1-role", "RoleBinding m"), None),
        (RoleAssignment("payments", "user:m", "Role/ambient-session-trigger", "grant"), None),
        (RoleAssignment("payments", "user:m", "Role/admin", "RoleBinding m"), None),
        (RoleAssignment("openshift", "group:system:x", "ClusterRole/system:image-puller", "platform"), None),
    ],
    # Sets have another order, and so another name, in every process.
    ids=lambda value: None if isinstance(value, frozenset) else str(value),
)
def test_the_rights_of_a_role_assignment(assignment, rights):
    assert rights_of(assignment) == rights


def test_one_row_a_subject_and_workspace_the_strongest_first():
    listed = rows(EVERYBODY)
    assert [(row.workspace, row.subject, row.roles) for row in listed] == [
        ("billing", "key:ci", ("view",)),
        ("payments", "user:root", ("ClusterRole/cluster-admin",)),
        ("payments", "user:alice", ("admin", "view")),
        ("payments", "group:devs", ("edit",)),
        ("payments", "key:ci", ("edit",)),
        ("payments", "serviceaccount:payments:ambient-key-old-1", ("none",)),
        ("payments", "serviceaccount:payments:ambient-session-s1", ("Role/ambient-session-s1-role",)),
        ("payments", "serviceaccount:payments:ambient-session-trigger", ("Role/ambient-session-trigger",)),
        ("payments", "user:bob", ("ClusterRole/admin",)),
    ]
    assert listed[2].assignments == (ALICE, ALICE_TOO)


def test_roles_add_up_as_they_are_not_cumulative():
    (row,) = rows([DEVS, RoleAssignment("payments", "group:devs", "view", "grant")])
    assert row.rights == RIGHTS_OF[Role.EDIT] | RIGHTS_OF[Role.VIEW]
    assert RoleRight("get", "projectsettings/status") in row.rights
    assert row.complete


def test_rights_that_are_not_known_are_said_to_be_so():
    (row,) = rows([DEVS, RoleAssignment("payments", "group:devs", "Role/x", "RoleBinding x")])
    assert row.rights == RIGHTS_OF[Role.EDIT]
    assert not row.complete


@given(ROLE_ASSIGNMENTS)
def test_no_role_assignment_is_lost_on_the_way(assignments):
    listed = rows(assignments)
    assert sorted(assignment for row in listed for assignment in row.assignments) == sorted(assignments)
    assert len({(row.workspace, row.subject) for row in listed}) == len(listed)
    for groups in (by_workspace(listed), by_subject(listed)):
        assert sorted(
            assignment for group in groups.values() for row in group for assignment in row.assignments
        ) == sorted(assignments)
        assert list(groups) == sorted(groups)


@pytest.mark.parametrize(
    ("right", "can", "perhaps"),
    [
        (
            "create serviceaccounts/token",
            ["user:root", "user:alice", "group:devs", "key:ci"],
            ["user:bob"],
        ),
        ("get secrets", ["user:root", "user:alice", "serviceaccount:payments:ambient-session-s1"], ["user:bob"]),
        (
            "get secrets ambient-runner-secrets",
            ["user:root", "user:alice", "group:devs", "key:ci", "serviceaccount:payments:ambient-session-s1"],
            ["user:bob"],
        ),
        ("list secrets", ["user:root", "user:alice"], ["user:bob"]),
    ],
)
def test_who_can(right, can, perhaps):
    who = who_can(rows(one for one in EVERYBODY if one.workspace == "payments"), parse_right(right))
    assert [row.subject for row in who.can] == can
    assert [row.subject for row in who.perhaps] == perhaps


@given(ROLE_ASSIGNMENTS)
def test_who_can_agrees_with_the_rights_of_the_rows(assignments):
    listed = rows(assignments)
    for right in ALL_RIGHTS:
        who = who_can(listed, right)
        general = RoleRight(right.verb, right.resource)
        able = {(row.workspace, row.subject) for row in listed if {right, general} & row.rights}
        assert {(row.workspace, row.subject) for row in who.can} == able
        others = {(row.workspace, row.subject) for row in listed if not row.complete} - able
        assert {(row.workspace, row.subject) for row in who.perhaps} == others
        assert all(gives(assignment, right) for row in who.can for assignment in row.assignments)


@pytest.mark.parametrize("right", ALL_RIGHTS, ids=str)
def test_every_right_is_read_as_it_is_written(right):
    assert parse_right(str(right)) == right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("  Get   SECRETS ", RoleRight("get", "secrets")),
        ("get secrets My-Own", RoleRight("get", "secrets", "My-Own")),
        (
            "create serviceaccounts/token ambient-key-ci-1",
            RoleRight("create", "serviceaccounts/token", "ambient-key-ci-1"),
        ),
    ],
)
def test_rights_as_people_write_them(text, right):
    assert parse_right(text) == right


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("secrets", "'secrets' is no right; allowed: VERB RESOURCE or VERB RESOURCE NAME, such as 'get secrets'"),
        ("get all the secrets", "'get all the secrets' is no right; allowed: VERB RESOURCE"),
        ("", "'' is no right"),
        (
            "read secrets",
            "'read secrets' is a right that none of the platform's roles has; allowed for secrets: create, delete, "
            "get, list, patch, update, watch",
        ),
        ("create pods", "allowed for pods: get, list, watch"),
        ("get secret", "did you mean 'get secrets'?"),
        ("create serviceaccount/token", "did you mean 'create serviceaccounts/token'?"),
        ("create nodes", "allowed: a verb and one of agenticsessions, agenticsessions/status, configmaps, "),
    ],
)
def test_what_is_no_right(text, reported):
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # its text is the point
        parse_right(text)
    assert reported in str(refused.value)
