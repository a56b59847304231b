"""`Workspaces`: one mapping becomes what the same words in a stack file become."""

import re
from datetime import date, timedelta

import pulumi
import pytest

from ambient_components import ClusterProviders, Workspace, Workspaces
from tests.program.conftest import CLUSTER
from tests.support.certificates import CERTIFICATE
from tests.support.recorder import Recorder

YAML = """\
guardrails: {maxKeys: 3}
workspaces:
  payments:
    owners: [user:alice@example.com]
    grants: [{group: payments-devs, role: edit}]
    keys: {ci: {lifetime: 30d, rotateBefore: 7d}}
    secrets: {runner: {ANTHROPIC_API_KEY: {config: payments/anthropic}}}
    settings: {idleTimeout: 12h}
    protect: false
  research: {}
"""
PAYMENTS = {
    "owners": ["user:alice@example.com"],
    "grants": [{"group": "payments-devs", "role": "edit"}],
    "keys": {"ci": {"lifetime": "30d", "rotate_before": timedelta(days=7)}},
    "settings": {"idle_timeout": timedelta(hours=12)},
    "protect": False,
}
EXISTING = {"driver": "existing", "access_key": "id", "secret_key": "not-a-real-key"}
SECRET = {"payments/anthropic": "sk-ant-not-a-real-key"}


def run(program, preview=False, config=CLUSTER):
    return Recorder(config, SECRET, preview=preview).run(program)


def declared(more=None, **sections):
    secret = pulumi.Config().require_secret("payments/anthropic")
    entry = PAYMENTS | {"secrets": {"runner": {"ANTHROPIC_API_KEY": secret}}} | (more or {})
    return Workspaces({"payments": entry, "research": {}}, **sections)


def inputs(recording):
    return {item.urn: (item.inputs, item.depends_on, item.parent, item.protect) for item in recording}


@pytest.mark.parametrize("preview", [False, True])
def test_a_program_declares_what_the_stack_file_declares(run_fleet, preview):
    from_yaml = run_fleet(YAML, secrets=SECRET, preview=preview)
    from_python = run(lambda: declared(guardrails={"max_keys": 3}) and None, preview)
    one, other = inputs(from_yaml), inputs(from_python)
    ledger = from_python.named("AccessLedger", "access").urn
    assert one[ledger][0]["workspaces"]["payments"].pop("secrets") == {
        "runner": {"ANTHROPIC_API_KEY": "config payments/anthropic"}
    }
    assert other[ledger][0]["workspaces"]["payments"].pop("secrets") == {"runner": {"ANTHROPIC_API_KEY": "the program"}}
    assert one == other


def test_a_file_may_be_declared_beside_other_things(run_fleet, tmp_path):
    (tmp_path / "other.yaml").write_text(YAML)

    def program():
        made = Workspaces.from_file("other.yaml")
        assert [*made] == ["payments", "research"]
        pulumi.export("ci", made["payments"].keys["ci"].token)

    assert run(program).of("Namespace")


def test_all_problems_are_one_error_with_the_path_of_each():
    entry = {
        "grants": [{"group": "x", "rol": "view"}],
        "keys": {"ci": {"lifetme": "30d", "role": "viewer"}},
        "settings": {"idleTimeout": "12h"},
    }
    with pytest.raises(ValueError, match="workspaces") as refused:
        run(lambda: Workspaces({"payments": entry, "a": {}}, guardrails={"maxKeys": 3}))
    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [
        "guardrails.maxKeys",
        "workspaces.payments.grants[0].rol",
        "workspaces.payments.keys.ci.role",
        "workspaces.payments.keys.ci.lifetme",
        "workspaces.payments.settings.idleTimeout",
        "workspaces.a",
    ]
    assert "did you mean 'lifetime'?" in lines[3]
    with pytest.raises(ValueError, match=r"^workspaces\.payments\.owners\[0\]: is an Output"):
        run(lambda: Workspaces({"payments": {"owners": [pulumi.Output.from_input("user:x")]}}))
    with pytest.raises(ValueError, match=r"^workspaces\.a: "):
        run(lambda: Workspaces({"a": {}}))


def test_the_cluster_may_be_the_programs_own():
    def program():
        store = {"endpoint": "https://s3.example.com"}
        bucket = {"name": "sessions", **EXISTING}
        made = Workspaces(
            {"payments": {"storage": {"bucket": bucket}}}, cluster=ClusterProviders.of("mine", store=store)
        )
        assert made["payments"].bucket is not None

    recording = run(program, config={})
    assert {item.provider for item in recording.of("AccessLedger")} == {"mine"}
    values = recording.named("WorkspaceSecret", "payments/secret/integrations").inputs["values"]
    assert values["S3_ENDPOINT"].value == "https://s3.example.com"


@pytest.mark.parametrize(("bucket", "remedy"), [({}, "name it in cluster: store"), (EXISTING, "add endpoint")])
def test_the_configs_store_is_not_that_of_the_programs_cluster(bucket, remedy):
    """No provider of the cluster would have it, and the ledger and the sessions would."""
    entry = {"storage": {"bucket": {"name": "sessions", **bucket}}}

    def program(**cluster):
        return lambda: Workspaces({"payments": entry}, cluster=ClusterProviders.of("mine", **cluster)) and None

    config = {"objectStore": '{"endpoint": "https://s3.example.com"}'}
    with pytest.raises(ValueError, match=f"has no store; {remedy}"):
        run(program(), config=config)
    values = run(program(store={}), config=config).named("WorkspaceSecret", "payments/secret/integrations").inputs
    assert values["values"]["S3_ENDPOINT"].value == "https://s3.us-east-1.amazonaws.com"


def with_bundle(file):
    return lambda: Workspaces({"payments": {"settings": {"ca_bundle": {"file": file}}}}) and None


def test_a_ca_bundle_is_certificates_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ca.pem").write_text(f"# v-text\n{CERTIFICATE}")
    recording = run(with_bundle("ca.pem"))
    assert recording.named("ConfigMap", "payments/ca-bundle").inputs["data"]["ca-bundle.crt"] == CERTIFICATE
    (warning,) = [line for line in recording.warnings if "certificate" in line]
    assert "workspaces.payments.settings.ca_bundle.file: has 1 certificate" in warning


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("missing.pem", "there is no file 'missing.pem'; a file of PEM certificates is expected"),
        ("key.pem", "the file 'key.pem' holds a private key"),
        ("../ca.pem", "leads out of the project"),
        ("/proc/self/environ", "may hold credentials of the run"),
    ],
)
def test_a_file_that_is_no_ca_bundle_is_an_error_with_its_path(tmp_path, monkeypatch, file, problem):
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    (tmp_path / "ca.pem").write_text(CERTIFICATE)
    (project / "key.pem").write_text("-----BEGIN PRIVATE KEY-----\nMIIEsecret\n-----END PRIVATE KEY-----\n")
    with pytest.raises(ValueError, match=r"^workspaces\.payments\.settings\.ca_bundle\.file: ") as refused:
        run(with_bundle(file))
    assert problem in str(refused.value)
    assert "MIIEsecret" not in str(refused.value)


def test_a_source_in_place_of_a_value_is_refused():
    sources = {"runner": {"ANTHROPIC_API_KEY": {"env": "KEY"}}, "integrations": {"LOG_LEVEL": {"value": "debug"}}}
    with pytest.raises(ValueError, match="is a source") as refused:
        run(lambda: Workspaces({"payments": {"secrets": sources}}))
    problem = "is a source, which only a stack file has; give the value itself, such as config.require_secret(NAME)"
    assert str(refused.value).splitlines() == [
        f"workspaces.payments.secrets.runner.ANTHROPIC_API_KEY: {problem}",
        f"workspaces.payments.secrets.integrations.LOG_LEVEL: {problem}",
    ]


@pytest.mark.parametrize("wrong", ["payments", [{}]])
def test_what_is_no_mapping_is_refused_as_one(wrong):
    with pytest.raises(ValueError, match=r"^workspaces: "):
        run(lambda: Workspaces(wrong, exceptions=None, guardrails=None))


def test_a_text_does_not_switch_guardrails_off():
    with pytest.raises(ValueError, match="unguarded: is text; allowed: true or false"):
        run(lambda: ClusterProviders.of("cluster", unguarded="false"))


def test_a_shard_declares_its_fleets_file_and_no_mapping():
    with pytest.raises(ValueError, match=r"this stack is a shard of a fleet; .*Workspaces\.from_file"):
        Recorder({**CLUSTER, "shards": "4"}, stack="prod-02").run(lambda: Workspaces({"payments": PAYMENTS}))


WARNED_YAML = """\
exceptions: [{guardrail: nonExpiringKey, reason: agreed, until: 2026-11-01}]
workspaces:
  payments:
    owners: [user:alice@example.com]
    grants:
      - {user: "oidc:bob", until: 2026-11-01}
      - {user: eve, until: 2026-11-30}
    keys: {ci: {lifetime: never}, cd: {generation: 2, overlapUntil: 2026-11-27}}
    acknowledge: [{rule: grantEnding, reason: known, date: 2026-11-01}]
"""
WARNED = {
    "owners": ["user:alice@example.com"],
    "grants": [{"user": "oidc:bob", "until": "2026-11-01"}, {"user": "eve", "until": date(2026, 11, 30)}],
    "keys": {"ci": {"lifetime": "never"}, "cd": {"generation": 2, "overlap_until": "2026-11-27"}},
    "acknowledge": [{"rule": "grantEnding", "reason": "known", "date": "2026-11-01"}],
}


def test_a_program_gets_the_warnings_of_a_stack_file(run_fleet):
    config = {**CLUSTER, "sso": "true"}
    from_yaml = run_fleet(WARNED_YAML, config=config).warnings
    exceptions = [{"guardrail": "nonExpiringKey", "reason": "agreed", "until": "2026-11-01"}]
    from_python = run(lambda: Workspaces({"payments": WARNED}, exceptions=exceptions) and None, config=config).warnings
    without_places = [re.sub(r"^\S+\.yaml:\d+:\d+: ", "", line) for line in from_yaml]
    in_python = [line.replace("overlapUntil", "overlap_until").partition(";")[0] for line in without_places]
    assert sorted(in_python) == sorted(line.partition(";")[0] for line in from_python)
    told = "\n".join(from_python)
    for text in (
        "no runner secret",
        "has ended, and what",
        "looks like a name with",
        "ended on",
        "generation 1 of the",
    ):
        assert text in told
    assert not any("user:eve" in line for line in from_python)


def test_an_acknowledgement_of_tomorrow_and_a_shared_namespace_are_errors():
    entry = {"acknowledge": [{"rule": "noRunnerSecret", "reason": "known", "date": "2027-01-01"}]}
    with pytest.raises(ValueError, match="future") as refused:
        run(lambda: Workspaces({"payments": entry, "acp": {}}), config={**CLUSTER, "platformNamespace": "acp"})
    assert [line.split(": ")[0] for line in str(refused.value).splitlines()] == [
        "workspaces.acp",
        "workspaces.payments.acknowledge[0].date",
    ]


def test_a_rule_about_several_fields_has_pythons_path():
    bucket = {"name": "sessions", "driver": "existing", "secret_key": ""}
    with pytest.raises(ValueError, match="is missing") as refused:
        run(lambda: Workspaces({"payments": {"storage": {"bucket": bucket}}}))
    assert str(refused.value).splitlines()[:2] == [
        f"workspaces.payments.storage.bucket.{field}: is missing: the driver is existing, and no credentials are made; "
        "add it"
        for field in ("access_key", "secret_key")
    ]


class Team(Workspace):
    def __init__(self, resource_name, **args):
        super().__init__(resource_name, **args)
        self.pager = "team@example.com"


class Teams(Workspaces):
    def __init__(self, workspaces, **sections):
        self.pager = "team@example.com"
        super().__init__(workspaces, **sections)


def test_a_subclass_is_made_by_its_own_constructor(run_fleet, tmp_path):
    (tmp_path / "other.yaml").write_text(YAML)

    def program():
        teams = Teams.from_file("other.yaml")
        assert (teams.pager, [*teams]) == ("team@example.com", ["payments", "research"])
        options = pulumi.ResourceOptions(providers=teams.cluster.both, depends_on=[teams.ledger])
        assert Team("research2", namespace="research", opts=options).pager == "team@example.com"

    assert run(program).of("Namespace")
