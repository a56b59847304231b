"""Guardrails of access: a workspace keeps an admin, and who gets access."""

import pytest

from tests.support.guardrails import (
    ADMIN,
    COMING,
    ENDED,
    EVERYBODY,
    NOW,
    WIDE,
    dated,
    entry,
    guardrails_of,
    key,
    of_pay,
)
from tests.support.ledgers import crossed, guardrail_warnings, refusals

# A workspace without an admin.


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(ADMIN), entry(), True, id="the last owner"),
        pytest.param(entry(["group:leads"]), entry(), True, id="a group that owns it"),
        pytest.param(entry(grants={"user:a": "admin"}), entry(), True, id="the last admin grant"),
        pytest.param(entry(grants={"user:a": "admin"}), entry(grants={"user:a": "edit"}), True, id="it may less"),
        pytest.param(entry(ADMIN), entry(["serviceaccount:ci:bot"]), True, id="a service account is nobody"),
        pytest.param(
            entry(ADMIN), entry(["user:system:serviceaccount:ci:bot"]), True, id="nor is it in the other spelling"
        ),
        pytest.param(
            entry(ADMIN, keys={"k": key("admin")}), entry(keys={"k": key("admin")}), True, id="a key is nobody"
        ),
        pytest.param(
            entry(ADMIN, "closed"), entry(state="closed"), True, id="closed, and then nobody reaches the data"
        ),
        pytest.param(entry(ADMIN), entry(grants={"user:a": "admin"}), False, id="another one"),
        pytest.param(entry(ADMIN), entry(["group:leads"]), False, id="another owner"),
        pytest.param(entry(), entry(), False, id="it had none"),
        pytest.param(entry(["serviceaccount:ci:bot"]), entry(), False, id="it had a service account"),
        pytest.param(None, entry(), False, id="a new one"),
        pytest.param(entry(ADMIN), entry(state="closed"), False, id="it is closed"),
        pytest.param(entry(ADMIN), entry(state="released"), False, id="it is released: refused for another reason"),
    ],
)
def test_a_workspace_keeps_an_admin(before, after, refused):
    assert of_pay(before, after) == (["noAdmin"] if refused else [])


def test_the_last_admin_is_named():
    (text,) = refusals({"pay": entry(["user:b", "group:a"])}, {"pay": entry()})
    assert text == (
        "workspace 'pay': it would have no admin any more (it had group:a, user:b): nothing is changed; keep "
        "one of them, or add another under owners or grants; if that is meant, write in the workspace's entry: "
        "exceptions: [{guardrail: noAdmin, reason: WHY}]"
    )


def test_an_admin_whose_grant_ends_by_its_date_is_a_warning():
    dates = {"user:a": dated(ENDED, "admin")}
    before, after = {"pay": entry(grants={"user:a": "admin"}, dates=dates)}, {"pay": entry(dates=dates)}
    assert guardrails_of(before, after) == []
    (warning,) = guardrail_warnings(before, after, NOW)
    assert str(warning) == (
        "workspace 'pay': it has no admin any more: the grant of user:a has ended by its date; add one under "
        "owners or grants"
    )


def test_one_that_is_removed_with_one_that_ends_is_refused():
    dates = {"user:a": dated(ENDED, "admin")}
    before = {"pay": entry(ADMIN, grants={"user:a": "admin"}, dates=dates)}
    after = {"pay": entry(dates=dates)}
    assert guardrails_of(before, after) == ["noAdmin"]
    assert guardrail_warnings(before, after, NOW) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [(entry(ADMIN), entry(ADMIN)), (entry(), entry()), (entry(ADMIN), entry(state="closed")), (entry(ADMIN), entry())],
)
def test_there_is_no_warning_where_no_date_took_the_last_admin(before, after):
    assert guardrail_warnings({"pay": before}, {"pay": after}, NOW) == []


# Who gets access.


@pytest.mark.parametrize("who", WIDE)
def test_access_for_everybody_is_refused(who):
    assert of_pay(None, entry(grants={who: "view"})) == ["publicAccess"]
    assert of_pay(entry(), entry([who])) == ["publicAccess"]
    assert of_pay(entry(), entry(dates={who: [{"role": "view", "from": COMING}]})) == ["publicAccess"]


@pytest.mark.parametrize(
    "who",
    [
        "group:devs",
        "group:system:authenticate",
        "group:authenticated",
        "user:system:serviceaccount:ci:bot",
        "user:system:authenticated",
        "serviceaccount:ci:bot",
        "group:my-system:serviceaccounts:x",
    ],
)
def test_access_for_somebody_is_not(who):
    assert of_pay(None, entry(grants={who: "view"})) == []
    assert of_pay(None, entry([who])) == []


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(grants={EVERYBODY: "view"}), entry(grants={EVERYBODY: "view"}), False, id="it was there"),
        pytest.param(entry(grants={EVERYBODY: "view"}), entry(grants={EVERYBODY: "edit"}), True, id="more of a role"),
        pytest.param(entry(grants={EVERYBODY: "edit"}), entry(grants={EVERYBODY: "view"}), False, id="less of a role"),
        pytest.param(entry(grants={EVERYBODY: "admin"}), entry([EVERYBODY]), True, id="an owner now"),
        pytest.param(
            entry(dates={EVERYBODY: [{"role": "edit", "from": ENDED}]}),
            entry(grants={EVERYBODY: "edit"}, dates={EVERYBODY: [{"role": "edit", "from": ENDED}]}),
            False,
            id="it begins on its day, long after it was judged",
        ),
        pytest.param(
            entry(dates={EVERYBODY: dated(ENDED)}),
            entry(grants={EVERYBODY: "edit"}, dates={EVERYBODY: dated(COMING)}),
            True,
            id="it had ended, and is extended",
        ),
    ],
)
def test_what_was_deployed_is_not_judged_again(before, after, refused):
    assert of_pay(before, after) == (["publicAccess"] if refused else [])


def test_who_is_meant_is_told():
    (text,) = refusals({}, {"pay": entry(grants={EVERYBODY: "edit"})})
    assert text == (
        "workspace 'pay': group:system:authenticated has edit, and that is everyone with any login of the cluster, "
        "and every pod with a service account: nothing is changed; name a group of people; if that is meant, write in "
        "the workspace's entry: exceptions: [{guardrail: publicAccess, reason: WHY}]"
    )
    (violation,) = crossed({}, {"pay": entry(["group:system:serviceaccounts:ci"])})
    assert "is an owner, and that is every service account of namespace ci" in violation.what


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(None, entry(grants={"user:bob": "view"}), True, id="a new workspace"),
        pytest.param(entry(), entry(grants={"user:bob": "view"}), True, id="a new grant"),
        pytest.param(entry(), entry(dates={"user:bob": dated(COMING)}), True, id="one with dates"),
        pytest.param(entry(grants={"user:bob": "view"}), entry(grants={"user:bob": "edit"}), True, id="more"),
        pytest.param(entry(grants={"user:bob": "edit"}), entry(grants={"user:bob": "view"}), False, id="less"),
        pytest.param(entry(grants={"user:bob": "view"}), entry(grants={"user:bob": "view"}), False, id="it was there"),
        pytest.param(None, entry(["user:bob"]), False, id="an owner"),
        pytest.param(None, entry(grants={"group:devs": "admin"}), False, id="a group"),
        pytest.param(None, entry(grants={"pipeline:github:acme/pay:7@main": "edit"}), False, id="a pipeline"),
    ],
)
def test_where_groups_are_wanted_a_user_is_refused(before, after, refused):
    assert of_pay(before, after, groups_only=True) == (["individualGrant"] if refused else [])
    assert of_pay(before, after) == []


# Upper and lower case.


def test_a_change_of_case_is_another_subject():
    before = {"pay": entry([*ADMIN, "user:Mallory@x"], grants={"group:Devs": "edit", "user:b": "view"})}
    after = {"pay": entry([*ADMIN, "user:mallory@x"], grants={"group:devs": "edit", "user:c": "view"})}
    warnings = guardrail_warnings(before, after, NOW)
    assert [str(warning).partition(": Kubernetes")[0] for warning in warnings] == [
        "workspace 'pay': group:Devs becomes group:devs",
        "workspace 'pay': user:Mallory@x becomes user:mallory@x",
    ]
    assert guardrail_warnings(before, before, NOW) == guardrail_warnings({}, after, NOW) == []
