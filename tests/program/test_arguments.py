"""A stack file with every field, as the components and the ledger get it."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ambient_components.model.derive import write as write_model
from ambient_components.model.grants import Grant
from ambient_components.model.keys import KeyRecord
from ambient_components.model.schedules import ScheduleRecord
from ambient_components.model.stack import Defaults, Workspace
from ambient_components.program.arguments import separate_workspace
from ambient_components.program.calendar import Calendar
from ambient_components.program.secret_values import WorkspaceValues
from ambient_components.program.stack_settings import StackSettings
from ambient_components.stackfile.loader import parse_stack
from tests.support.ledgers import recorded

CALENDAR = Calendar(datetime(2026, 12, 1, 12, tzinfo=UTC))
FULL = """\
workspaces:
  payments:
    displayName: Payments
    description: Services that move money
    owners: [user:zoe@example.com, group:break-glass, serviceaccount:ci:deployer]
    grants:
      - {user: bob@example.com}
      - {group: devs, role: edit}
    keys:
      nightly: {role: view, lifetime: 30d, generation: 2}
      ci: {name: GitHub Actions, description: deploys on merge}
    secrets:
      runner: {ANTHROPIC_API_KEY: {env: PAYMENTS_KEY}}
      integrations: {LOG_LEVEL: {value: debug}, FOO: {env: PAYMENTS_FOO}}
      onDrift: {runner: keep, integrations: overwrite}
    settings:
      idleTimeout: 12h
      mcpServers:
        custom:
          search: {url: https://search, headers: {Authorization: "Bearer ${FOO}"}}
          local: {command: uvx, args: [server], env: {LEVEL: debug}}
        disabled: [webfetch, deepwiki]
      featureFlags: {jira-write: true, advanced-sdk-options: false}
      caBundle: {file: ca.pem}
    limits:
      containers:
        defaultRequest: {cpu: 500m}
        default: {memory: 1024Mi}
        min: {cpu: 10m}
        max: {cpu: 4}
      quota: {requests.cpu: 20, pods: 50}
      network:
        allow:
          - {cidr: 10.20.0.0/16, ports: [5432]}
          - {namespace: databases, ports: [9953], protocol: UDP}
          - {namespace: mirror}
    schedules:
      review:
        schedule: "0 9 * * 1-5"
        displayName: Morning review
        suspend: true
        reuseLastSession: false
        runAs: ci-robot
        cronJob: schedule-0b9f6e0a-7c1e-4f7f-9d33-5a2d8c1e4b60
        sessionTemplate: {initialPrompt: Review., timeout: 10m, environmentVariables: {LEVEL: debug}}
    labels: {team: pay, cost-center: "4711"}
    annotations: {example.com/runbook: https://runbook}
    podSecurity: baseline
    protect: false
    state: active
    guard: {mode: deny, sharing: view, off: [ties]}
    onClose: {sessions: deletePods, wait: 30s}
    adopt: true
"""
SETTINGS = StackSettings(
    "project/fleet",
    {"cluster_uid": "u"},
    openshift=True,
    platform_namespace="acp",
    api_server=True,
    operator_image="a/b:1",
)
VALUES = WorkspaceValues({"ANTHROPIC_API_KEY": "one"}, {"LOG_LEVEL": "debug", "FOO": "two"})


def model(text=FULL, name="payments") -> Workspace:
    return parse_stack(text, "dev.yaml").file.workspaces[name]


def entry(text):
    return model(f"workspaces:\n  payments: {text}\n")


def test_the_file_has_every_field_that_there_is():
    given = model().model_fields_set
    # Storage and what it allows: test_storage_*.py. Nothing is made of reviewers, acknowledgements and shards.
    assert set(Workspace.model_fields) - given == {
        "template",
        "storage",
        "exceptions",
        "acknowledge",
        "reviewers",
        "shard",
    }
    for part in ("secrets", "settings", "limits"):
        fields = getattr(model(), part)
        assert set(type(fields).model_fields) == fields.model_fields_set, part


def test_what_a_run_knows_joins_the_file():
    workspace = separate_workspace("payments", model(), SETTINGS, VALUES, CALENDAR, "PEM")
    assert (workspace.namespace, workspace.owner, workspace.ca_bundle) == ("payments", "project/fleet", "PEM")
    assert (workspace.openshift, workspace.platform_namespace, workspace.ambient_api_server) == (True, "acp", True)
    assert workspace.grants == [Grant(group="devs", role="edit"), Grant(user="bob@example.com")]
    assert workspace.secrets.runner == {"ANTHROPIC_API_KEY": "one"}
    assert workspace.secrets.integrations == {"LOG_LEVEL": "debug", "FOO": "two"}
    assert workspace.operator_image == "a/b:1"
    same = {*Workspace.model_fields} - {"owners", "grants", "secrets", "storage"}
    assert {name: getattr(workspace, name) for name in same} == {name: getattr(model(), name) for name in same}


# The ledger.


def test_the_ledger_has_all_access_and_whether_to_adopt():
    assert recorded({"payments": model()}, CALENDAR) == {
        "payments": {
            "state": "active",
            "adopt": True,
            "owners": ["group:break-glass", "serviceaccount:ci:deployer", "user:zoe@example.com"],
            "grants": {"user:bob@example.com": "view", "group:devs": "edit"},
            "keys": {
                "nightly": {"role": "view", "lifetimeSeconds": 2_592_000, "generation": 2},
                "ci": {"role": "edit", "lifetimeSeconds": 7_776_000, "generation": 1},
            },
            # Names alone: of a released workspace nothing may vanish. Of a secret the source, and never its value.
            "secrets": {
                "runner": {"ANTHROPIC_API_KEY": "env PAYMENTS_KEY"},
                "integrations": {"FOO": "env PAYMENTS_FOO", "LOG_LEVEL": "value"},
            },
            "guard": {"mode": "deny", "sharing": "view", "off": ["ties"]},
            "settings": ["caBundle", "featureFlags", "idleTimeout", "mcpServers"],
            "limits": ["containers", "network", "quota"],
            "schedules": {
                "review": {
                    "schedule": "0 9 * * 1-5",
                    "runAs": "ci-robot",
                    "suspend": True,
                    "digest": ScheduleRecord.of(model().schedules["review"]).digest,
                    "cronJob": "schedule-0b9f6e0a-7c1e-4f7f-9d33-5a2d8c1e4b60",
                }
            },
        }
    }


def test_a_schedules_digest_is_of_all_that_the_ledger_does_not_show():
    def digest(**changes):
        return ScheduleRecord.of(model().schedules["review"].model_copy(update=changes)).digest

    assert (
        digest() == digest(suspend=None) == digest(run_as=None) == digest(schedule="0 8 * * *") == digest(cron_job=None)
    )
    assert len({digest(), digest(display_name="Other"), digest(reuse_last_session=True)}) == 3


@pytest.mark.parametrize(("state", "access"), [("active", True), ("released", True), ("closed", False)])
def test_the_ledger_of_a_closed_workspace_has_its_owners_alone(state, access):
    text = FULL.replace("state: active", f"state: {state}")
    ledger = recorded({"payments": model(text)}, CALENDAR)["payments"]
    assert ledger["state"] == state
    assert len(ledger["owners"]) == 3
    assert (bool(ledger["grants"]), bool(ledger["keys"]), "secrets" in ledger) == (access, access, access)
    assert ("settings" in ledger, "limits" in ledger) == (True, True)


def test_adopt_is_said_only_where_it_is_asked_for():
    assert "adopt" not in recorded({"payments": entry("{adopt: false}")}, CALENDAR)["payments"]


def test_what_lies_under_every_workspace_is_a_workspaces_own():
    """A field that defaults may have and a workspace can't would be lost without a word."""
    assert set(Defaults.model_fields) <= set(Workspace.model_fields)


# As a whole.


# Keys.

DAY = 86_400


def key_of(text, calendar=CALENDAR):
    """A key as its token and as the ledger get it."""
    key = entry(f"{{keys: {{ci: {text}}}}}").keys["ci"]
    return write_model(key.for_tokens(calendar.run_every), "token"), write_model(
        KeyRecord.of(key, overlaps=key.keeps_previous(calendar.now, calendar.zone)), "ledger"
    )


@pytest.mark.parametrize(
    ("text", "spec", "recorded"),
    [
        ("{}", {"lifetimeSeconds": 90 * DAY}, {"lifetimeSeconds": 90 * DAY}),
        ("{lifetime: never}", {"never": True}, {"never": True}),
        ("{lifetime: never, static: true}", {"never": True, "static": True}, {"never": True, "static": True}),
        (
            "{lifetime: 1d, rotate: manual}",
            {"lifetimeSeconds": DAY, "manual": True},
            {"lifetimeSeconds": DAY, "manual": True},
        ),
        ("{lifetime: never, rotate: auto}", {"never": True, "manual": False}, {"never": True}),
        (
            "{lifetime: 30d, rotateBefore: 10d, overlap: 0}",
            {"lifetimeSeconds": 30 * DAY, "rotateBeforeSeconds": 10 * DAY, "overlapSeconds": 0},
            {"lifetimeSeconds": 30 * DAY},
        ),
        (
            "{deliver: {secret: {namespace: ci, name: s, key: k}}, retain: none}",
            {
                "lifetimeSeconds": 90 * DAY,
                "deliver": {"namespace": "ci", "name": "s", "key": "k"},
                "retain": "none",
            },
            {"lifetimeSeconds": 90 * DAY, "deliver": "ci/s", "retain": "none"},
        ),
        (
            "{actsAs: ci-robot}",
            {"lifetimeSeconds": 90 * DAY},
            {"lifetimeSeconds": 90 * DAY, "actsAs": "ci-robot"},
        ),
    ],
)
def test_a_key_as_it_is_declared_and_recorded(text, spec, recorded):
    declared, entry_ = key_of(text)
    assert declared == spec
    assert entry_ == {"role": "edit", "generation": 1, **recorded}


@pytest.mark.parametrize(
    ("now", "zone", "in_force"),
    [
        (datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC), "UTC", True),
        (datetime(2027, 1, 1, tzinfo=UTC), "UTC", False),
        (datetime(2026, 12, 31, 22, 59, 59, tzinfo=UTC), "Europe/Berlin", True),
        (datetime(2026, 12, 31, 23, tzinfo=UTC), "Europe/Berlin", False),
        (datetime(2027, 1, 1, 7, 59, 59, tzinfo=UTC), "America/Los_Angeles", True),
        (datetime(2027, 1, 1, 8, tzinfo=UTC), "America/Los_Angeles", False),
    ],
)
def test_the_generation_before_lives_to_the_end_of_its_last_day_where_the_team_is(now, zone, in_force):
    calendar = Calendar(now, ZoneInfo(zone))
    workspace = entry("{keys: {ci: {generation: 2, overlapUntil: 2026-12-31}}}")
    assert workspace.keys["ci"].keeps_previous(calendar.now, calendar.zone) is in_force
    _, recorded = key_of("{generation: 2, overlapUntil: 2026-12-31}", calendar)
    assert recorded.get("overlapping") == (1 if in_force else None)
    assert recorded["overlapUntil"] == "2026-12-31"


def test_a_default_that_the_life_is_too_short_for_is_cut():
    text = "defaults: {keys: {rotateBefore: 14d, overlap: 7d}}\nworkspaces: {pay: {keys: {ci: {lifetime: 1d}}}}"
    key = parse_stack(text, "x.yaml").file.workspaces["pay"].keys["ci"]
    spec = write_model(key.for_tokens(), "token")
    assert (spec["rotateBeforeSeconds"], spec["overlapSeconds"]) == (DAY // 2, DAY // 2)


SSO = """
workspaces:
  payments:
    grants: [{user: "oidc:bob"}, {user: alice}]
    secrets: {runner: {ANTHROPIC_API_KEY: {env: PAYMENTS_KEY}}}
"""


def test_a_run_warns_of_names_that_single_sign_on_does_not_have(run_fleet, monkeypatch):
    monkeypatch.setenv("PAYMENTS_KEY", "v-one")
    (warning,) = run_fleet(SSO, config={"clusterUid": "u", "sso": "true"}).warnings
    assert "'user:oidc:bob'" in warning
    assert run_fleet(SSO, config={"clusterUid": "u"}).warnings == []


@pytest.mark.parametrize(
    ("config", "problem"),
    [({"sso": "yes"}, "sso: is neither true nor false"), ({"platformUrl": "http://acp"}, "platformUrl: is not enc")],
)
def test_what_the_config_says_of_the_platform_is_checked(run_fleet, config, problem):
    (line,) = run_fleet.refusal("workspaces: {}", config={"clusterUid": "u", **config})
    assert problem in line
