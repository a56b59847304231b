"""The guardrails over real gRPC: the ledger's check refuses in previews and updates alike."""

import pytest

from tests.support.fake_plugin import LEDGER, UNKNOWN, plain

OWNER = "app/dev"


def entry(owners=("user:alice",), state="active", **rest):
    return {"state": state, "owners": list(owners), "grants": {}, "keys": {}, **rest}


def ledger(guardrails=None, **workspaces):
    return {"owner": OWNER, "workspaces": workspaces, **({"guardrails": guardrails} if guardrails is not None else {})}


def reasons(world, news, olds=None):
    return [failure.reason for failure in world.plugin.check(news, olds, urn=LEDGER).failures]


def test_the_settings_of_a_stack_count(world):
    news = ledger({"maxKeys": 1, "groupsOnly": True}, pay=entry(grants={"user:bob": "view"}))
    news["workspaces"]["pay"]["keys"] = {name: {"role": "view", "generation": 1} for name in ("a", "b")}
    assert [reason.partition(": nothing is changed")[0] for reason in reasons(world, news)] == [
        "workspace 'pay': user:bob has view, and this stack gives access to groups only (guardrails.groupsOnly)",
        "workspace 'pay': it has 2 keys, and 1 are the most (guardrails.maxKeys)",
    ]


def test_the_inputs_come_back_with_what_the_stack_says(world):
    news = ledger({"exceptions": ["massRemoval"], "maxKeys": 3}, pay=entry())
    answer = world.plugin.check(news, urn=LEDGER)
    assert not answer.failures
    assert plain(answer.inputs) == news


@pytest.mark.parametrize(
    ("guardrails", "problem"),
    [
        ("massRemoval", "guardrails: a mapping is expected"),
        ({"exceptions": ["expireAfter"]}, "guardrails.exceptions[0]: expireAfter is about the objects of one bucket"),
        ({"maxKeys": 0}, "guardrails.maxKeys: "),
        ({"maxKeys": 1.5}, "guardrails.maxKeys: a whole number is expected"),
        ({"a": 1}, "guardrails.a: is not known"),
        ({"groupsOnly": None}, "guardrails.groupsOnly: has no value; leave it out for its default"),
    ],
)
def test_what_is_no_setting_is_refused_as_text(world, guardrails, problem):
    (reason,) = reasons(world, ledger(guardrails, pay=entry()))
    assert reason.startswith(problem)


def test_what_is_not_known_yet_is_refused(world):
    assert reasons(world, ledger({"maxKeys": UNKNOWN}, pay=entry())) == [
        "its inputs must be known before the update; give names and roles as plain text"
    ]


def test_a_change_of_what_is_allowed_is_a_difference(world):
    before, after = ledger(pay=entry()), ledger({"exceptions": ["massRemoval"]}, pay=entry())
    answer = world.plugin.diff(before, {}, after, urn=LEDGER)
    assert sorted(answer.detailedDiff) == ["guardrails"]


def test_an_end_by_date_that_leaves_no_admin_is_a_warning(world):
    dates = {"user:bob": [{"role": "admin", "until": "2024-11-23"}]}
    olds = ledger(pay=entry((), grants={"user:bob": "admin"}, dates=dates))
    assert reasons(world, ledger(pay=entry((), dates=dates)), olds) == []
    assert [text for text in world.engine.texts("warning") if "it has no admin any more" in text]


def test_access_tests_are_evaluated_without_a_file(world):
    tests = {"never": [{"who": "user:bob", "role": "edit"}], "always": [{"who": "user:alice", "role": "admin"}]}
    assert reasons(world, ledger(tests, pay=entry(grants={"user:bob": "view"}))) == []
    broken = ledger(tests, pay=entry(owners=["user:carol"], grants={"user:bob": "edit"}))
    assert [reason.partition(";")[0] for reason in reasons(world, broken, olds=broken)] == [
        "workspace 'pay': user:bob has edit in pay, which breaks the access test never {who: user:bob, role: edit}",
        "workspace 'pay': user:alice does not have admin from now on and without an end, which breaks the access test "
        "always {who: user:alice, role: admin}",
    ]
    (reason,) = reasons(world, ledger({"never": [{"who": "user:bob", "can": "fly"}]}, pay=entry()))
    assert reason.startswith("guardrails.never[0].can: 'fly' is not a path or ability")
