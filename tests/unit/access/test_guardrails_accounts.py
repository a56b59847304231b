"""Guardrails of accounts: owners and grants that are ServiceAccounts of keys, or that an editor can mint a token of."""

import pytest

from ambient_components.access.guardrails import existing_violations
from ambient_components.model.guardrails import GuardrailsRecord
from ambient_components.platform.naming import key_account
from ambient_components.platform.subjects import is_key_account
from tests.support.guardrails import ADMIN, COMING, ENDED, entry, guardrails_of, key, of_pay
from tests.support.ledgers import crossed, ledger

CI = key_account("pay", "ci", 1)
NEXT = key_account("pay", "ci", 2)
OTHERS = key_account("research", "ci", 1)
NAMES = [
    pytest.param(f"pay:{CI}", id="this generation"),
    pytest.param(f"pay:{NEXT}", id="the next generation"),
    pytest.param("pay:ambient-key-ci-deadbeef", id="one that the platform made"),
    pytest.param(f"pay:{key_account('pay', 'not-yet', 1)}", id="a key that is not declared yet"),
    pytest.param(f"research:{OTHERS}", id="a key of another workspace"),
    pytest.param(f"elsewhere:{OTHERS}", id="a key of another shard"),
]
SPELLINGS = ["serviceaccount:", "user:system:serviceaccount:"]
KEYS = {"ci": key()}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", NAMES)
def test_a_keys_account_gets_no_role_but_the_keys(spelling, name):
    who = f"{spelling}{name}"
    assert of_pay(None, entry([*ADMIN, who], keys=KEYS)) == ["adminKey"]
    assert of_pay(entry(ADMIN, keys=KEYS), entry([*ADMIN, who], keys=KEYS)) == ["adminKey"]
    for role in ("view", "edit", "admin"):
        assert of_pay(entry(ADMIN), entry(ADMIN, grants={who: role})) == ["adminKey"]
        assert of_pay(entry(ADMIN), entry(ADMIN, dates={who: [{"role": role, "from": COMING}]})) == ["adminKey"]
        assert of_pay(entry(ADMIN), entry(ADMIN, dates={who: [{"role": role, "until": ENDED}]})) == []


@pytest.mark.parametrize(
    "who",
    [
        "serviceaccount:ci:workspace-admin",
        "user:system:serviceaccount:ci:bot",
        "serviceaccount:ambient-key-ci:bot",
        "user:ambient-key-ci-17a5b2bc",
        "group:ambient-key-ci-17a5b2bc",
        # Kubernetes compares names byte by byte: none of these is an account.
        f"user:System:serviceaccount:pay:{CI}",
        f"user: system:serviceaccount:pay:{CI}",
        f"user:system:serviceaccounts:pay:{CI}",
        f"group:system:serviceaccount:pay:{CI}",
    ],
)
def test_other_names_are_no_accounts_of_keys(who):
    assert not is_key_account(who)
    assert of_pay(None, entry([who])) == []


def test_a_deployed_one_is_not_refused_again():
    who = f"serviceaccount:pay:{CI}"
    assert of_pay(entry([who]), entry([who], keys=KEYS)) == []
    assert of_pay(entry(grants={who: "view"}), entry(grants={who: "edit"})) == ["adminKey"]
    assert of_pay(entry(grants={who: "edit"}), entry(grants={who: "view"})) == []


def test_the_text_says_what_to_write():
    (violation,) = crossed({}, {"pay": entry([f"serviceaccount:pay:{CI}"])})
    assert (violation.path, violation.what) == (
        ("owners", f"serviceaccount:pay:{CI}"),
        f"serviceaccount:pay:{CI} is an owner, and that is the ServiceAccount of a key: a key has the role that is "
        "written under keys, and no other",
    )
    assert violation.remedy == "write the role that the key needs under keys, in each workspace a key of its own"


def isolated(before, after):
    return guardrails_of(before, after, GuardrailsRecord.model_construct(isolate_admin_keys=True))


EDITORS = {"group:devs": "edit"}
APART = ["adminKeyWithEditors"]


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("name", ["default", "ambient-session-trigger", "bot"])
def test_an_admin_account_beside_editors_is_an_admin_key_by_another_name(spelling, name):
    who = f"{spelling}pay:{name}"
    assert isolated({}, {"pay": entry([who], grants=EDITORS)}) == APART
    assert isolated({}, {"pay": entry(ADMIN, grants={**EDITORS, who: "admin"})}) == APART
    assert isolated({}, {"pay": entry([who], keys=KEYS)}) == APART
    assert isolated({}, {"pay": entry([who], dates={"group:devs": [{"role": "edit", "from": COMING}]})}) == APART
    assert isolated({}, {"pay": entry(grants=EDITORS, dates={who: [{"role": "admin", "from": COMING}]})}) == APART
    assert guardrails_of({}, {"pay": entry([who], grants=EDITORS)}) == []
    assert isolated({}, {"pay": entry([who], grants={"group:devs": "view"})}) == []
    assert isolated({}, {"pay": entry([who, "group:devs"], grants=EDITORS)}) == []
    assert isolated({}, {"pay": entry(ADMIN, grants={**EDITORS, who: "view"})}) == []


def test_an_account_of_another_workspace_counts_where_its_editors_are_no_admins():
    who = "serviceaccount:home:default"
    pay = entry([who, "group:leads"])
    assert isolated({}, {"pay": pay, "home": entry(["group:leads"])}) == []
    assert isolated({}, {"pay": pay, "home": entry(["group:other"])}) == APART
    assert isolated({}, {"pay": pay, "home": entry(keys=KEYS)}) == APART
    assert isolated({}, {"pay": pay}) == []
    # Editors who come to the account's own workspace later count as well.
    before = {"pay": pay, "home": entry(["group:leads"])}
    assert isolated(before, {**before, "home": entry(["group:leads"], grants=EDITORS)}) == APART
    assert isolated({**before, "home": entry(grants=EDITORS)}, {**before, "home": entry(grants=EDITORS)}) == []


def test_the_group_of_all_accounts_counts_in_each_workspace_with_editors():
    pay = entry(["group:system:serviceaccounts", "group:leads"], exceptions=["publicAccess"])
    assert isolated({}, {"pay": pay, "home": entry(["group:leads"])}) == []
    assert isolated({}, {"pay": pay, "home": entry(["group:other"])}) == APART
    beside = entry(ADMIN, grants={**EDITORS, "group:system:serviceaccounts": "admin"}, exceptions=["publicAccess"])
    assert isolated({}, {"pay": beside}) == APART


def test_an_exception_for_admin_keys_keeps_a_keys_account_apart_from_editors():
    pay = entry([f"serviceaccount:pay:{CI}"], keys=KEYS, exceptions=["adminKey"])
    assert isolated({}, {"pay": pay}) == APART
    found = {
        violation.guardrail
        for violation in existing_violations(
            ledger({"pay": pay}), GuardrailsRecord.model_construct(isolate_admin_keys=True)
        )
    }
    assert found == {"adminKey", *APART}
