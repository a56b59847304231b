"""The facts of a plan out of the engine's preview, which must not differ."""

import pytest

from ambient_components.errors import Problem
from ambient_components.plan import facts
from ambient_components.plan.facts import Change, KeyChange
from ambient_components.problem_json import MINT, encode
from tests.support.plan_facts import online
from tests.support.plans import entry, key, ledger_step, step

TOKEN = "ambient:index:AccessToken"
LEDGER = {"pay": entry(keys={"ci": key()})}


def test_a_rotation_is_told_with_the_reason_of_the_plugin():
    urn = f"urn:pulumi:prod::p::ambient:index:Workspace${TOKEN}::pay/key/ci/g1"
    note = {
        "urn": urn,
        "severity": "info",
        "message": encode(
            Problem(None, "a new token would be minted", "the token expires on 2026-12-01T00:00:00Z", ("…",), MINT)
        ),
    }
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={"token": {}, "current": {}})
    token |= {state: {"inputs": {"generation": 1.0}} for state in ("oldState", "newState")}
    planned = online({"steps": [token], "diagnostics": [note]}, LEDGER)
    assert planned.keys == (
        KeyChange("pay", "ci", 1, facts.ROTATED, "edit", "the token expires on 2026-12-01T00:00:00Z"),
    )
    assert planned.changes


def test_an_old_token_that_ends_is_no_rotation():
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={"retiring": {}, "nextAction": {}})
    token |= {state: {"inputs": {"generation": 1}} for state in ("oldState", "newState")}
    assert [key.what for key in online({"steps": [token]}, LEDGER).keys] == [facts.ENDED]


@pytest.mark.parametrize(
    ("paths", "why"),
    [
        (["former"], None),
        (["released", "overlapping"], None),
        (["rotateBeforeSeconds", "former"], "rotateBeforeSeconds"),
        (["deliver.name"], "deliver"),
        (["undelivered"], "it is delivered again"),
    ],
)
def test_an_update_of_a_token_that_mints_nothing(paths, why):
    token = step("update", TOKEN, "pay/key/ci/g1", detailedDiff={path: {} for path in paths})
    token |= {state: {"inputs": {"generation": 1}} for state in ("oldState", "newState")}
    planned = online({"steps": [token]}, LEDGER)
    assert [(key.what, key.why) for key in planned.keys] == ([(facts.CHANGED, why)] if why else [])
    assert planned.changes


def test_what_the_engine_calls_the_same_is_nothing():
    same = step("same", "kubernetes:core/v1:Namespace", "pay/namespace")
    stack = {"op": "update", "urn": "urn:pulumi:prod::p::pulumi:pulumi:Stack::p-prod"}
    assert not online({"steps": [same, stack, step("read", "x:y:Z", "a")]}, LEDGER).changes
    protected = same | {"oldState": {"protect": True}, "newState": {"protect": False}}
    planned = online({"steps": [protected]}, LEDGER)
    assert [(taken.op, taken.name) for taken in planned.steps] == [("protect", "pay/namespace")]
    assert planned.changes


def test_what_is_forgotten_is_retained_and_not_revoked():
    released = {"pay": entry(state="released", keys={"ci": key()})}
    old = {"oldState": {"inputs": {"generation": 1}, "retainOnDelete": True}}
    gone = [ledger_step(released, {}), step("delete", TOKEN, "pay/key/ci/g1", **old)]
    planned = online({"steps": gone}, released)
    assert (planned.keys, planned.access.lost) == ((), ())
    assert [(taken.op, taken.name) for taken in planned.steps] == [("update", "access"), ("retain", "pay/key/ci/g1")]


def test_a_grant_to_a_service_account_keeps_its_name():
    (taken,) = online({"steps": [step("create", "x:y:Z", "pay/grant/serviceaccount:ci::bot")]}, LEDGER).steps
    assert taken.name == "pay/grant/serviceaccount:ci::bot"


def test_warnings_are_told_once_and_without_the_noise_of_plugins():
    reported = [
        {"severity": "warning", "message": "warning: a\n  b\n"},
        {"severity": "warning", "message": "warning: a b"},
        {"severity": "warning", "message": "warning: using pulumi-resource-kubernetes from $PATH at /x"},
        {"severity": "info", "message": "info: c"},
    ]
    assert [*map(str, online({"diagnostics": reported}, LEDGER).warnings)] == ["a b"]


def test_access_keys_of_buckets_by_the_steps():
    kind = "ambient:index:S3Credentials"
    after = {"pay": entry(bucket={"name": "b", "driver": "s3", "generation": 1})}
    document = {
        "steps": [ledger_step({}, after), step("create", kind, "pay/storage/credentials", newState={"inputs": {}})]
    }
    assert online(document, {}).buckets == (
        Change("pay", "b", facts.MADE),
        Change("pay", "b", facts.NEW_ACCESS_KEY, "the first one"),
    )


ACCOUNT = "ambient:index:ServiceAccount"
NIGHTLY = {"role": "edit", "generation": 1, "serviceAccount": "ambient-key-nightly-build-3f2a91bc"}


def account_step(op, of_platform=True, name="pay/key/ci/g1"):
    state = {"inputs": {"ofPlatform": True} if of_platform else {}}
    states = {"create": ["newState"], "delete": ["oldState"]}[op]
    return {**step(op, ACCOUNT, name), **dict.fromkeys(states, state)}


def test_an_identity_that_the_platform_made_is_adopted_and_ends_like_a_key():
    without, adopted = {"pay": entry()}, {"pay": entry(keys={"ci": NIGHTLY})}
    planned = online({"steps": [ledger_step(without, adopted), account_step("create")]}, without)
    assert [(key.what, key.generation, key.role) for key in planned.keys] == [(facts.ADOPTED, 1, "edit")]
    planned = online({"steps": [ledger_step(adopted, without), account_step("delete")]}, adopted)
    assert [(key.what, key.why) for key in planned.keys] == [(facts.REVOKED, "it is gone from the files")]
    # An account of ours is told by its token.
    planned = online({"steps": [ledger_step(without, LEDGER), account_step("create", of_platform=False)]}, without)
    assert planned.keys == ()
