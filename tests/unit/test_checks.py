import pytest

from ambient_components.spec.checks import Finding, check_stack
from ambient_components.spec.models import StackFile
from ambient_components.spec.partial import Partial

WS = ("workspaces", "pay")


def findings_of(name="pay", **fields):
    return check_stack(StackFile.model_validate({"workspaces": {name: fields}}))


def test_a_good_workspace_has_no_findings():
    found = findings_of(
        owners=["user:alice@example.com", "group:alice"],
        grants=[{"user": "a@b"}, {"user": "a-b", "role": "edit"}, {"group": "a@b"}, {"user": "alice@example.com"}],
        keys={"ci": {}, "c-i": {}},
        secrets={"runner": {"GOOGLE_API_KEY": {"config": "pay/google"}}},
    )
    assert found == []


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("openshift-infra", "'openshift-infra' is reserved by Kubernetes or OpenShift"),
        ("ambient-code", "'ambient-code' is the platform's own namespace"),
        ("1st", "'1st' can't name a workspace"),
    ],
)
def test_names_that_no_workspace_can_have(name, problem):
    (finding,) = findings_of(name)
    assert (finding.path, finding.problem, finding.at_key) == (("workspaces", name), problem, True)


@pytest.mark.parametrize("second", ["bob@example.com", "Bob@Example.com"])
def test_a_second_grant_for_one_subject_is_refused_in_any_case(second):
    found = findings_of(grants=[{"user": "bob@example.com"}, {"group": "x"}, {"user": second, "role": "edit"}])
    assert found == [
        Finding(
            (*WS, "grants", 2, "user"),
            f"user {second!r} has a grant already",
            "keep one grant a subject (upper and lower case count as equal)",
            (*WS, "grants", 0, "user"),
        )
    ]


def test_a_user_and_a_group_of_one_name_are_two_subjects():
    assert findings_of(grants=[{"user": "ops"}, {"group": "ops"}]) == []


@pytest.mark.parametrize(
    ("kind", "first", "second", "binding"),
    [
        ("user", "a@b", "a-b", "ambient-permission-view-a-b-user"),
        ("group", "日本", "!!!", "ambient-permission-view-group-group"),
        ("group", "a" * 63 + "b", "a" * 63 + "c", f"ambient-permission-view-{'a' * 63}-group"),
    ],
)
def test_grants_that_share_an_object_name_are_refused(kind, first, second, binding):
    found = findings_of(grants=[{kind: first}, {kind: second}])
    assert found == [
        Finding(
            (*WS, "grants", 1, kind),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "give one of them another role, or access through a group",
            (*WS, "grants", 0, kind),
        )
    ]


@pytest.mark.parametrize(
    ("first", "second", "binding"),
    [
        ("user:a@b", "user:a-b", "ambient-admin-a-b"),
        ("user:ops", "group:ops", "ambient-admin-ops"),
        ("user:team-a-bot", "serviceaccount:team-a:bot", "ambient-admin-team-a-bot"),
        ("user:" + "a" * 41, "user:" + "a" * 42, "ambient-admin-" + "a" * 40),
    ],
)
def test_owners_that_share_an_object_name_are_refused(first, second, binding):
    found = findings_of(owners=[first, second])
    assert found == [
        Finding(
            (*WS, "owners", 1),
            f"{second!r} and {first!r} both become the RoleBinding {binding!r}",
            "make one of them an admin under grants",
            (*WS, "owners", 0),
        )
    ]


def test_an_owner_twice_is_refused():
    found = findings_of(owners=["user:a", "user:a"])
    assert found == [
        Finding((*WS, "owners", 1), "'user:a' is an owner already", "keep one of them", (*WS, "owners", 0))
    ]


@pytest.mark.parametrize("key_id", ["CI", "c--i", "-ci", "ci-", "c.i", "c" * 64])
def test_key_ids_that_objects_could_not_show_are_refused(key_id):
    (finding,) = findings_of(keys={key_id: {}})
    assert (finding.path, finding.at_key) == ((*WS, "keys", key_id), True)


def test_the_runner_secret_takes_three_keys():
    found = findings_of(secrets={"runner": {"OPENAI_API_KEY": {"config": "x"}, "GEMINI_API_KEY": {"config": "x"}}})
    assert [(finding.path[2:], finding.problem) for finding in found] == [
        (("secrets", "runner", "OPENAI_API_KEY"), "is a key that the runner secret doesn't take")
    ]


def test_a_secret_is_left_out_rather_than_empty():
    assert [len(findings_of(secrets={"runner": {}})), len(findings_of(secrets={}))] == [1, 0]


def test_a_closed_workspace_keeps_its_entries_and_its_checks():
    fields = {"state": "closed", "grants": [{"user": "a"}], "keys": {"ci": {}}}
    assert (findings_of(**fields), len(findings_of(**{**fields, "keys": {"--": {}}}))) == ([], 1)


def test_what_is_left_of_a_faulty_file_keeps_the_places_of_the_whole():
    grants = [{"user": "a"}, {"user": "b", "role": "x"}, 5, {"user": "c"}, {}, {"user": "d"}]
    data = {"workspaces": {"pay": {"grants": grants, "protect": "x"}, "b": None}}
    faults = [
        (*WS, "grants", 1, "role"),
        (*WS, "grants", 2),
        (*WS, "grants", 4),
        (*WS, "protect"),
        ("workspaces", "b"),
    ]
    partial = Partial(data, faults)
    assert partial.stack is not None
    left = partial.stack.workspaces["pay"].grants
    places = {grant.user: partial.original((*WS, "grants", index, "user"))[3] for index, grant in enumerate(left)}
    assert (places, list(partial.stack.workspaces)) == ({"a": 0, "c": 3, "d": 5}, ["pay", "b"])
