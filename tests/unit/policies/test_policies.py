"""The policy pack's rules, as functions and as policies of pulumi-policy, which hands out data in proxies."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulumi_policy import EnforcementLevel, PolicyResource, ResourceValidationArgs, StackValidationArgs
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from ambient_components import clock
from ambient_components.access.guardrail_names import GUARDRAILS, GuardrailSettings
from ambient_components.engine.urns import ACCESS_LEDGER
from ambient_components.policies import ADVICE, STATE_GUARDRAILS, PolicyConfig, Resource, unguarded, violations
from ambient_components.policies.advice import Given
from ambient_components.policies.pack import plain, policies
from tests.support.ledgers import refusals

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
EDIT = {"role": "edit", "generation": 1}


def entry(**fields):
    return {"state": "active", "owners": ["user:o"], "grants": {}, "keys": {}, **fields}


def ledger(guardrails=None, **workspaces):
    return {"owner": "p/s", "workspaces": workspaces, **({"guardrails": guardrails} if guardrails else {})}


def crossed(inputs, reported=None):
    """The guardrails that a ledger crosses, each with its first sentence."""
    reported = reported or PolicyConfig()
    return {
        guardrail: found for guardrail in STATE_GUARDRAILS if (found := violations(inputs, guardrail, reported, NOW))
    }


# The guardrails.

CROSSING = {
    "publicAccess": entry(grants={"group:system:authenticated": "view"}),
    "adminKey": entry(keys={"ci": {"role": "admin", "generation": 1}}),
    "nonExpiringKey": entry(keys={"ci": {**EDIT, "never": True}}),
    "actingKey": entry(keys={"ci": {**EDIT, "actsAs": "alice"}}),
    "actingSchedule": entry(schedules={"s": {"schedule": "0 9 * * *", "runAs": "alice"}}),
    "tooManyKeys": entry(keys={f"k{number}": EDIT for number in range(11)}),
    "individualGrant": entry(grants={"user:bob": "view"}),
    "adminKeyWithEditors": entry(
        grants={"group:devs": "edit"}, keys={"ci": {"role": "admin", "generation": 1}}, exceptions=["adminKey"]
    ),
}
STRICT = {"groupsOnly": True, "isolateAdminKeys": True}


@pytest.mark.parametrize("guardrail", STATE_GUARDRAILS)
def test_each_guardrail_speaks_of_what_is_there(guardrail):
    inputs = ledger(STRICT, pay=CROSSING[guardrail], other=entry())
    (found,) = crossed(inputs).items()
    assert found[0] == guardrail
    (text,) = found[1]
    assert text.startswith("workspace 'pay': ")
    assert text.endswith(f"if that is meant, write in its entry: exceptions: [{{guardrail: {guardrail}, reason: WHY}}]")
    assert "0 before" not in text


@pytest.mark.parametrize("guardrail", STATE_GUARDRAILS)
def test_what_is_allowed_passes_unless_the_pack_says_otherwise(guardrail):
    allowed = {**CROSSING[guardrail], "exceptions": [guardrail, *CROSSING[guardrail].get("exceptions", [])]}
    inputs = ledger(STRICT, pay=allowed)
    assert crossed(inputs) == {}
    found = violations(inputs, guardrail, PolicyConfig(honour_exceptions=False), NOW)
    assert (len(found), "if that is meant" in found[0]) == (1, False)
    of_stack = ledger({**STRICT, "exceptions": [guardrail]}, pay=CROSSING[guardrail])
    assert crossed(of_stack) == {}


def test_a_pack_can_be_stricter_than_the_stack():
    inputs = ledger(pay=entry(grants={"user:bob": "view"}, keys={"a": EDIT, "b": EDIT}))
    assert crossed(inputs) == {}
    assert crossed(inputs, PolicyConfig(everywhere=True)).keys() == {"individualGrant"}
    assert crossed(inputs, PolicyConfig(max_keys=1)).keys() == {"tooManyKeys"}
    assert crossed(ledger({"maxKeys": 1}, **inputs["workspaces"]), PolicyConfig(max_keys=2)) == {}


def test_closed_workspaces_are_left_alone():
    assert crossed(ledger(pay=entry(state="closed", owners=["group:system:masters"]))) == {}


def test_it_has_every_guardrail_that_a_state_can_cross():
    assert set(GUARDRAILS) - set(STATE_GUARDRAILS) == {"massRemoval", "noAdmin", "expireAfter"}


SUBJECTS = st.sampled_from(["user:bob", "group:devs", "group:system:authenticated", "group:system:serviceaccounts:ns"])
ROLES = st.sampled_from(["view", "edit", "admin"])
KEYS = st.fixed_dictionaries({"role": ROLES, "generation": st.just(1)}, optional={"never": st.just(True)})
ENTRIES = st.builds(
    lambda grants, keys, allow: entry(grants=grants, keys=keys, exceptions=sorted(allow)),
    st.dictionaries(SUBJECTS, ROLES),
    st.dictionaries(st.sampled_from(["a", "b", "c"]), KEYS),
    st.sets(st.sampled_from(sorted(STATE_GUARDRAILS))),
)


@given(st.dictionaries(st.sampled_from(["pay", "lab"]), ENTRIES), st.integers(1, 3), st.booleans(), st.booleans())
def test_of_a_new_stack_pack_and_ledger_say_the_same(workspaces, most, groups, apart):
    """Where there is nothing before, what is there is what a run introduces."""
    settings = GuardrailSettings(frozenset(), most, groups, apart)
    inputs = ledger({"maxKeys": most, "groupsOnly": groups, "isolateAdminKeys": apart}, **workspaces)
    found = [text for texts in crossed(inputs).values() for text in texts]
    refused = refusals({}, workspaces, settings, NOW)
    assert len(found) == len(refused)
    assert {text.partition("; ")[0] for text in found} == {
        text.partition(": nothing is changed")[0].replace(", 0 before", "") for text in refused
    }


# Advice.


def advised(rule, *resources, **more):
    return [item.text for item in ADVICE[rule][1](Given(tuple(resources), NOW, **more))]


def of_ledger(**workspaces):
    return Resource(ACCESS_LEDGER, ledger(**workspaces), "urn:ledger")


def account(days=0, used=None, role="edit", description="for CI", **more):
    """The ServiceAccount of a key that was made so many days ago, and last used so many."""
    notes = {
        "ambient-code.io/key-name": "ci",
        "ambient-code.io/description": description,
        "ambient-code.io/role": role,
        **more,
    }
    times = {"createdAt": (NOW - timedelta(days=days)).isoformat().replace("+00:00", "Z")}
    if used is not None:
        times["lastUsedAt"] = (NOW - timedelta(days=used)).isoformat().replace("+00:00", "Z")
    metadata = {"name": "sa", "namespace": "pay", "labels": {"app": "ambient-access-key"}, "annotations": notes}
    return Resource("ambient:index:ServiceAccount", {"metadata": metadata, **times}, "urn:sa")


def test_idle_timeouts():
    def settings(name, **props):
        return Resource("ambient:index:ProjectSettings", {"namespace": name, **props})

    resources = [
        of_ledger(none=entry(), never=entry(), good=entry(), other=entry(), gone=entry(state="closed")),
        settings("never", inactivityTimeoutSeconds=0.0),
        settings("good", inactivityTimeoutSeconds=3600.0),
        settings("other", mcpServers={}),
    ]
    assert advised("idleTimeout", *resources) == [
        "workspace 'never': idleTimeout: never: a forgotten session holds its pod for ever",
        "workspace 'none': no idleTimeout: a forgotten session runs for the platform's 24h",
        "workspace 'other': no idleTimeout: a forgotten session runs for the platform's 24h",
    ]


def test_descriptions():
    def namespace(**notes):
        metadata = {"name": "pay", "annotations": {f"openshift.io/{key}": text for key, text in notes.items()}}
        return Resource("kubernetes:core/v1:Namespace", {"metadata": metadata})

    plain_account = Resource("ambient:index:ServiceAccount", {"metadata": {"name": "x"}})
    # On other clusters neither is anywhere: there is nothing to tell.
    assert advised("described", namespace(), account(), plain_account) == []
    assert advised("described", namespace(**{"display-name": "Pay", "description": "x"})) == []
    assert advised("described", namespace(**{"display-name": "pay"})) == [
        "workspace 'pay': no displayName and no description"
    ]
    assert advised("described", account(description="")) == [
        "workspace 'pay': key 'ci': no description: who finds it in a log can't tell what it is for"
    ]


def test_non_expiring_keys_are_told_of_though_they_are_allowed():
    keys = {"a": {**EDIT, "never": True}, "b": {**EDIT, "static": True, "never": True}, "c": EDIT}
    assert advised("nonExpiringKeys", of_ledger(pay=entry(keys=keys, exceptions=["nonExpiringKey"]))) == [
        "workspace 'pay': key 'a': it never expires: leave lifetime out for 90d",
        "workspace 'pay': key 'b': every session can read it, and it never expires: leave lifetime out for 90d",
    ]


ASK = "ask its users whether they need it, as the platform does not see requests to the Kubernetes API"


@pytest.mark.parametrize(
    ("key", "text"),
    [
        (account(days=200, used=1), None),
        (account(days=89), None),
        (account(days=200, used=91), f"no use seen for 91 days, and may edit: {ASK}"),
        (account(days=200, used=91, role="view"), f"no use seen for 91 days: {ASK}"),
        (
            account(days=90),
            f"made 90 days ago, and no use of it was seen (`pulumi refresh` reads the last one), and may edit: {ASK}",
        ),
        (account(**{"ambient-code.io/created-at": "yesterday"}), None),
    ],
)
def test_unused_keys(key, text):
    assert advised("unusedKeys", key) == ([] if text is None else [f"workspace 'pay': key 'ci': {text}"])
    assert advised("unusedKeys", key, idle=timedelta(days=10_000)) == []


def test_workspaces_without_a_ledger():
    workspace = Resource("ambient:index:Workspace", {})
    assert unguarded([workspace])
    assert not unguarded([workspace, of_ledger()])
    assert not unguarded([])


# As policies.


def policy(name):
    return next(one for one in policies() if one.name == name)


def on_resource(name, props, config=None, kind=ACCESS_LEDGER):
    found = []
    args = ResourceValidationArgs(kind, unknown_checking_proxy(props), "urn", "access", None, None, config)
    policy(name).validate(args, lambda text, urn: found.append((text, urn)))
    return found


@pytest.fixture(autouse=True)
def _now(monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


def on_stack(name, *resources, config=None):
    found = []
    given = [
        PolicyResource(one.type, unknown_checking_proxy(one.props), one.urn, "x", None, None, None, [], {})
        for one in resources
    ]
    policy(name).validate(StackValidationArgs(given, config), lambda text, urn: found.append((text, urn)))
    return found


def test_guardrails_are_mandatory_and_best_practices_advice():
    levels = {one.name: one.enforcement_level for one in policies()}
    assert levels == {
        **dict.fromkeys([*STATE_GUARDRAILS, "ledger"], EnforcementLevel.MANDATORY),
        **dict.fromkeys(ADVICE, EnforcementLevel.ADVISORY),
    }


@pytest.mark.parametrize("guardrail", STATE_GUARDRAILS)
def test_a_policy_judges_the_ledger_and_nothing_else(guardrail):
    # Numbers of the wire are floats.
    inputs = plain(unknown_checking_proxy(ledger({**STRICT, "maxKeys": 10.0}, pay=CROSSING[guardrail])))
    (found,) = on_resource(guardrail, inputs)
    assert found == (violations(inputs, guardrail, PolicyConfig(), NOW)[0], None)
    assert on_resource(guardrail, inputs, kind="kubernetes:core/v1:Secret") == []


@pytest.mark.parametrize(
    ("guardrail", "config", "count"),
    [
        ("adminKey", {"honourExceptions": False}, 1),
        ("adminKey", {"honourExceptions": True}, 0),
        ("tooManyKeys", {"max": 1.0}, 1),
        ("tooManyKeys", {}, 0),
        ("individualGrant", {"everywhere": True}, 1),
        ("individualGrant", None, 0),
    ],
)
def test_the_packs_configuration(guardrail, config, count):
    keys = {"ci": {"role": "admin", "generation": 1.0}, "b": EDIT}
    inputs = ledger(pay=entry(keys=keys, grants={"user:bob": "view"}, exceptions=["adminKey"]))
    assert len(on_resource(guardrail, inputs, config)) == count


def test_advice_names_the_resource_and_takes_its_time():
    assert on_stack("unusedKeys", account(days=40, used=35)) == []
    ((text, urn),) = on_stack("unusedKeys", account(days=40, used=35), config={"days": 30})
    assert (urn, "no use seen for 35 days" in text) == ("urn:sa", True)
    ((text, urn),) = on_stack("ledger", Resource("ambient:index:Workspace", {}))
    assert urn is None
    assert on_stack("ledger", of_ledger()) == []


def test_what_is_not_known_yet_silences_nothing():
    props = {"namespace": UNKNOWN_STRING_VALUE, "list": [1, UNKNOWN_STRING_VALUE], "deep": {"a": [{"b": "c"}]}}
    assert plain(unknown_checking_proxy(props)) == {"list": [1], "deep": {"a": [{"b": "c"}]}}
    unknown = Resource("ambient:index:AccessToken", {"token": UNKNOWN_STRING_VALUE})
    assert len(on_stack("idleTimeout", unknown, of_ledger(pay=entry()))) == 1
