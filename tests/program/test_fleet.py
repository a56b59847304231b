import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from tests.program.conftest import RUNNER_VALUE
from tests.support.ledgers import refusals
from tests.support.quick import examples
from tests.support.registrations import Secret

SECRETS = {"payments/anthropic": RUNNER_VALUE}

STACK = {
    "workspaces": {
        "payments": {
            "displayName": "Payments",
            "owners": ["user:alice@example.com", "group:break-glass"],
            "grants": [
                {"group": "devs", "role": "edit"},
                {"user": "bob@example.com"},
                {"user": "carol@example.com", "role": "admin"},
            ],
            "keys": {"ci": {"role": "edit", "lifetime": "30d", "generation": 2}, "nightly": {"role": "view"}},
            "secrets": {
                "runner": {
                    "ANTHROPIC_API_KEY": {"config": "payments/anthropic"},
                    "GEMINI_API_KEY": {"config": "payments/gemini"},
                }
            },
        },
        "research": {"owners": ["serviceaccount:ci:admin"], "grants": [{"group": "science"}], "protect": False},
        "archive": {"state": "closed", "owners": ["user:alice@example.com"], "keys": {"old": {}}},
    }
}
STACK_SECRETS = {**SECRETS, "payments/gemini": "AIza-not-a-real-key"}


@pytest.fixture
def recording(run_fleet):
    return run_fleet(STACK, secrets=STACK_SECRETS)


def test_everything_waits_for_the_ledger(recording):
    ledger = recording.named("AccessLedger", "access")
    others = [item for item in recording if item is not ledger and not item.type.startswith("pulumi:providers:")]
    assert [item.name for item in others if ledger.urn not in recording.reaches(item)] == []
    for namespace in recording.of("Namespace"):
        assert namespace.depends_on == {ledger.urn}


def test_the_ledger_is_the_ambient_plugins_and_every_resource_has_a_provider_of_ours(recording):
    custom = [item for item in recording if item.custom and not item.type.startswith("pulumi:providers:")]
    assert {item.provider for item in custom} == {"cluster"}
    assert recording.names("kubernetes") == recording.names("ambient") == ["cluster"]


def test_each_key_is_an_output_and_a_secret(recording):
    assert recording.exports == {
        "payments/ci": Secret("token-of-payments/key/ci/g2"),
        "payments/nightly": Secret("token-of-payments/key/nightly/g1"),
    }


def test_no_secret_leaves_unmarked(recording):
    text = recording.plain_text()
    for secret in (*STACK_SECRETS.values(), "c2stYW50LW5vdC1hLXJlYWwta2V5", "token-of-"):
        assert secret not in text
    assert recording.named("WorkspaceSecret", "payments/secret/runner").inputs["values"] == {
        "ANTHROPIC_API_KEY": Secret(RUNNER_VALUE),
        "GEMINI_API_KEY": Secret("AIza-not-a-real-key"),
    }


def test_a_closed_workspace_needs_no_secrets_and_exports_no_key(run_fleet):
    closed = {"workspaces": {"payments": STACK["workspaces"]["payments"] | {"state": "closed"}}}
    recording = run_fleet(closed, secrets={})
    assert recording.exports == {}
    assert (recording.of("WorkspaceSecret"), recording.of("ApiKey"), recording.of("Grant")) == ([], [], [])
    assert recording.names("RoleBinding") == [
        "payments/owner/group:break-glass",
        "payments/owner/user:alice@example.com",
    ]
    assert not recording.named("Namespace", "payments/namespace").protect


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_the_order_in_the_file_means_nothing(run_fleet, chance):
    before = run_fleet(STACK, secrets=STACK_SECRETS)
    after = run_fleet(_shuffled(STACK, chance), secrets=STACK_SECRETS)
    assert after.registrations == before.registrations
    assert after.outputs == before.outputs


@pytest.mark.parametrize("openshift", ["true", "false"])
def test_openshift_is_said_by_the_config(run_fleet, openshift):
    config = {"clusterUid": "uid-1", "openshift": openshift}
    recording = run_fleet(STACK, config=config, secrets=STACK_SECRETS)
    annotations = recording.named("Namespace", "payments/namespace").metadata["annotations"]
    assert ("openshift.io/display-name" in annotations) == (openshift == "true")


def test_the_context_reaches_both_providers(run_fleet):
    recording = run_fleet({"workspaces": {}}, config={"clusterUid": "uid-1", "context": "prod"})
    assert recording.named("kubernetes", "cluster").inputs["context"] == "prod"
    assert recording.named("ambient", "cluster").inputs == {"clusterUid": "uid-1", "context": "prod"}


def test_a_stack_without_workspaces_still_has_its_ledger(run_fleet):
    recording = run_fleet({"workspaces": {}})
    assert recording.tree() == {"stack": ["AccessLedger access", "ambient cluster", "kubernetes cluster"]}


def test_removing_one_workspace_leaves_every_name_of_the_others(run_fleet):
    before = run_fleet(STACK, secrets=STACK_SECRETS)
    rest = {name: entry for name, entry in STACK["workspaces"].items() if name != "archive"}
    after = run_fleet({"workspaces": rest}, secrets=STACK_SECRETS)
    gone = {urn.split("::")[3] for urn in before.registrations.keys() - after.registrations.keys()}
    assert after.registrations.keys() <= before.registrations.keys()
    assert gone == {
        *("archive", "archive/namespace", "archive/listed", "archive/closed"),
        "archive/owner/user:alice@example.com",
    }


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"grants": [{"user": "Bob@example.com"}]}, {"grants": [{"user": "bob@example.com"}]}),
        ({"owners": ["user:a@b"]}, {"owners": ["user:a-b"]}),
        (
            {"grants": [{"user": "a@b", "role": "view"}, {"user": "a-b", "role": "edit"}]},
            {"grants": [{"user": "a@b", "role": "edit"}, {"user": "a-b", "role": "view"}]},
        ),
    ],
)
def test_one_subject_may_not_take_anothers_object_in_the_same_run(run_fleet, old, new):
    before, after = (run_fleet({"workspaces": {"payments": entry}}) for entry in (old, new))
    taken = {item.object_name: item.urn for item in before.of("RoleBinding")}
    assert any(taken.get(item.object_name, item.urn) != item.urn for item in after.of("RoleBinding"))
    ledgers = (recording.named("AccessLedger", "access").inputs["workspaces"] for recording in (before, after))
    assert refusals(*ledgers)


@pytest.mark.parametrize(
    ("entry", "vertex", "warned"),
    [
        ({}, "false", True),
        ({}, "true", False),
        ({"state": "closed"}, "false", False),
        ({"state": "released"}, "false", False),
        ({"secrets": {"integrations": {"LOG_LEVEL": {"value": "debug"}}}}, "false", True),
        ({"secrets": {"runner": {"ANTHROPIC_API_KEY": {"config": "payments/anthropic"}}}}, "false", False),
    ],
)
def test_a_workspace_in_which_no_session_would_start_is_a_warning(run_fleet, entry, vertex, warned):
    config = {"clusterUid": "uid-1", "vertex": vertex}
    recording = run_fleet({"workspaces": {"payments": entry}}, config=config, secrets=SECRETS)
    received = [line for line in recording.warnings if "workspaces.payments: has no runner secret" in line]
    assert len(received) == warned


@pytest.mark.parametrize("name", ["openshift", "vertex"])
@pytest.mark.parametrize(
    ("value", "remedy"),
    [
        ("yes", "pulumi config set NAME true"),
        ("ture", "did you mean 'true'? pulumi config set NAME true"),
        ("Flase", "did you mean 'false'? pulumi config set NAME false"),
    ],
)
def test_a_flag_of_the_config_that_is_none_is_refused(run_fleet, name, value, remedy):
    (line,) = run_fleet.refusal({"workspaces": {}}, config={"clusterUid": "uid-1", name: value})
    assert line == f"{name}: is neither true nor false; {remedy.replace('NAME', name)}"


def test_the_platforms_own_namespace_is_no_workspace_wherever_it_is(run_fleet):
    config = {"clusterUid": "uid-1", "platformNamespace": "acp"}
    (line,) = run_fleet.refusal("workspaces:\n  acp: {}\n", config=config)
    assert line == (
        "stacks/dev.yaml:2:3: workspaces.acp: is the platform's own namespace, as the stack's config says; "
        "choose another name"
    )


@pytest.mark.parametrize("life", ["90d", "never"])
def test_a_life_that_the_cluster_would_cut_short_is_refused_with_its_line(run_fleet, life):
    config = {"clusterUid": "uid-1", "maxTokenLifetime": "24h"}
    text = f"workspaces:\n  pay:\n    keys:\n      ci: {{lifetime: {life}}}\n      job: {{lifetime: 1d}}\n"
    (line,) = run_fleet.refusal(text, config=config)
    assert line == (
        f"stacks/dev.yaml:4:22: workspaces.pay.keys.ci.lifetime: {life} is longer than the cluster grants: "
        "maxTokenLifetime is 1d; allowed: up to 1d"
    )


def test_a_cap_that_is_no_duration_is_refused(run_fleet):
    config = {"clusterUid": "uid-1", "maxTokenLifetime": "24"}
    (line,) = run_fleet.refusal({"workspaces": {}}, config=config)
    assert line.startswith("maxTokenLifetime: '24' is not a duration; allowed: ")
    assert line.endswith("pulumi config set maxTokenLifetime 24h")


def test_a_key_that_is_not_retained_is_no_output(run_fleet):
    deliver = "{secret: {namespace: c, name: d}}"
    text = f"workspaces:\n  pay:\n    keys:\n      a: {{}}\n      b: {{retain: none, deliver: {deliver}}}\n"
    recording = run_fleet(text, config={"clusterUid": "uid-1"})
    assert set(recording.exports) == {"pay/a"}


def _shuffled(value, chance: random.Random):
    if isinstance(value, dict):
        items = [(key, _shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(items)
        return dict(items)
    if isinstance(value, list):
        items = [_shuffled(item, chance) for item in value]
        chance.shuffle(items)
        return items
    return value
