"""The identity of the generation before, and what those who lose their access may have kept."""

import pytest

from ambient_components.platform.naming import key_account
from tests.support.access_ledger import MINE, entry, ledger, reasons


def key(generation=1, role="edit", overlapping=None):
    return {"role": role, "generation": generation, **({"overlapping": overlapping} if overlapping else {})}


def test_no_identity_can_live_on_in_a_workspace_that_is_made_in_this_run(world):
    received = reasons(
        world, ledger(pay=entry(keys={"ci": key(2, overlapping=1), "cd": key(2), "b": key(3, overlapping=2)}))
    )
    assert received == [
        f"workspace 'pay': key {name!r}: overlapUntil keeps the identity of generation {kept}, and the workspace is "
        "made in this run: there is none; remove overlapUntil"
        for name, kept in (("b", 2), ("ci", 1))
    ]


def ends(world, before, after, accounts=(), **rest):
    """The warnings of a run that ends somebody's access, of those that tell of tokens that may be kept."""
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    for account, labels in accounts:
        world.api.add("/api/v1/namespaces/pay/serviceaccounts", account, labels=labels)
    old, new = ledger(pay=entry(owners=(), **before)), ledger(pay=entry(owners=(), **{**after, **rest}))
    assert reasons(world, new, old) == []
    assert world.writes() == []
    return [text for text in world.engine.texts("warning") if "could mint tokens of" in text]


BOB = {"user:bob": "edit"}
KEYS = {"ci": key(), "report": key(role="view")}
OF_A_KEY = {"app": "ambient-access-key"}
CI_ACCOUNT = key_account("pay", "ci", 1)


def test_the_keys_that_were_not_made_anew_are_named_with_the_command_that_does_it(world):
    assert ends(world, {"grants": BOB, "keys": KEYS}, {"keys": KEYS}) == [
        "workspace 'pay': edit of user:bob ends in this run, and people who had it could mint tokens of the keys ci, "
        "report, and those outlive it; if that may have happened, rotate them: ambient keys rotate dev --workspace pay "
        "--leaked"
    ]


def test_a_key_that_is_made_anew_in_the_same_run_is_not_named(world):
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": {**KEYS, "ci": key(2)}})
    assert "edit of user:bob, generation 1 of the edit key ci ends in this run" in text
    assert "could mint tokens of the keys report, and those" in text


def test_other_accounts_of_the_namespace_are_named_too_and_those_of_keys_are_not(world):
    accounts = [("default", {}), ("ambient-session-runner", {"app": "other"}), (CI_ACCOUNT, OF_A_KEY)]
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": KEYS}, accounts)
    assert "tokens of the keys ci, report and the accounts ambient-session-runner, default, and those outlive" in text


@pytest.mark.parametrize(
    ("before", "after", "accounts"),
    [
        pytest.param(
            {"grants": BOB, "keys": {"ci": key()}},
            {"keys": {"ci": key(2)}},
            [(CI_ACCOUNT, OF_A_KEY)],
            id="all made anew",
        ),
        pytest.param({"grants": BOB}, {}, [], id="nothing there to mint of"),
        pytest.param({"grants": {"user:bob": "view"}, "keys": KEYS}, {"keys": KEYS}, [("default", {})], id="view"),
        pytest.param(
            {"grants": BOB, "keys": KEYS}, {"grants": BOB, "keys": KEYS}, [("default", {})], id="nothing ends"
        ),
        pytest.param({"keys": KEYS}, {"keys": {"ci": key(), "new": key()}}, [("default", {})], id="a view key"),
        pytest.param({"grants": BOB, "keys": KEYS}, {"state": "closed", "keys": {}}, [("default", {})], id="closed"),
    ],
)
def test_nothing_is_told_where_nothing_may_be_kept(world, before, after, accounts):
    assert ends(world, before, after, accounts) == []


def test_who_has_access_in_a_workspace_that_was_never_there_has_no_tokens(world):
    old, new = ledger(pay=entry(grants=BOB, keys=KEYS)), ledger(pay=entry(keys=KEYS))
    assert reasons(world, new, old) == []
    assert "could mint tokens of" not in " ".join(world.engine.texts("warning"))
