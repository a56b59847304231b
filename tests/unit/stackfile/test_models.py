import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ambient_components.access.guardrail_names import GUARDRAILS, STACK_GUARDRAILS, WORKSPACE_GUARDRAILS
from ambient_components.errors import hints_of
from ambient_components.platform.contract import PodSecurity
from ambient_components.rules.buckets import BucketDriver, OnDelete
from ambient_components.rules.durations import DAY, HOUR, YEAR, format_seconds
from ambient_components.rules.lifetimes import NEVER, Policy, Rotate, misfit
from ambient_components.rules.limits import Protocol
from ambient_components.rules.secrets import DriftPolicy
from ambient_components.rules.settings import IDLE_TIMEOUT_MAX, McpType
from ambient_components.rules.states import BucketState, WorkspaceState
from ambient_components.stackfile import (
    Bucket,
    BucketCredentials,
    ContainerLimits,
    Defaults,
    Guardrail,
    GuardrailException,
    Guardrails,
    KeyDefaults,
    Limits,
    McpServer,
    Network,
    NetworkPeer,
    OnDrift,
    SecretRef,
    Settings,
    Source,
    StackFile,
    Storage,
    Workspace,
)
from ambient_components.stackfile.messages import explain
from ambient_components.stackfile.models.stack import Included

SOURCES = "allowed: exactly one of them, such as {config: NAME} or {env: NAME}"
IDLE = "allowed: never, or durations up to 68y, a whole number and a unit of s, m, h, d or y (365 days), such as 12h"
QUANTITIES = "allowed: a number and a unit of m, k, M, G, T, P, E, Ki, Mi, Gi, Ti, Pi or Ei, such as 500m, 2 or 512Mi"
NETWORKS = "allowed: an address and a mask, such as 10.0.0.0/8 or 2001:db8::/32"
PEERS = "allowed: exactly one of them, as {cidr: 10.0.0.0/8} or {namespace: NAME}"
SERVERS = "allowed: exactly one of them, as {url: https://…} or {command: PROGRAM}"
SECRET_REMEDY = (
    "put the value into the stack's encrypted config with `pulumi config set --secret {0}` and write {{config: {0}}}"
)
OR_PLAIN = "; what is no secret is written {value: TEXT}"


def workspace(**fields):
    return StackFile.model_validate({"workspaces": {"pay": fields}}).workspaces["pay"]


def problems_of(data):
    """Path within the workspace, problem and remedy of each fault."""
    with pytest.raises(ValidationError) as caught:
        StackFile.model_validate(data)
    items = caught.value.errors(include_url=False, include_input=False)
    found = [(".".join(map(str, item["loc"])), *explain(item, data)) for item in items]
    return [(path, problem, "; ".join(hints_of(remedy))) for path, problem, remedy in found]


def in_workspace(**fields):
    return [
        (path.removeprefix("workspaces.pay."), *rest) for path, *rest in problems_of({"workspaces": {"pay": fields}})
    ]


def test_a_workspace_with_everything():
    got = workspace(
        template="team",
        secrets={
            "runner": {"ANTHROPIC_API_KEY": {"config": "pay/anthropic"}},
            "integrations": {
                "GITHUB_TOKEN": {"env": "PAY_GITHUB_TOKEN"},
                "NPM_TOKEN": {"file": "secrets/npm"},
                "JUMP_TOKEN": {"secret": {"namespace": "vault-sync", "name": "pay", "key": "jump"}},
                "LOG_LEVEL": {"value": "debug"},
            },
            "onDrift": {"integrations": "keep"},
        },
        settings={
            "idleTimeout": "12h",
            "mcpServers": {"custom": {"search": {"url": "https://mcp.example.com"}}, "disabled": ["webfetch"]},
            "featureFlags": {"jira-write": True},
            "caBundle": {"file": "ca.pem"},
        },
        limits={
            "containers": {"defaultRequest": {"cpu": "1000m", "memory": "1024Mi"}, "max": {"cpu": 4}},
            "quota": {"pods": 50, "requests.cpu": 0.5},
            "network": {
                "allow": [{"cidr": "10.0.0.0/8", "ports": [443]}, {"namespace": "db", "ports": [53], "protocol": "UDP"}]
            },
        },
        labels={"team": "pay"},
        annotations={"example.com/note": "a b"},
        podSecurity="baseline",
        state="released",
        adopt=True,
    )
    assert (got.template, got.labels, got.annotations) == ("team", {"team": "pay"}, {"example.com/note": "a b"})
    assert (got.pod_security, got.state, got.adopt) == (PodSecurity.BASELINE, WorkspaceState.RELEASED, True)
    assert got.secrets.on_drift == OnDrift(integrations=DriftPolicy.KEEP)
    assert got.secrets.integrations == {
        "GITHUB_TOKEN": Source(env="PAY_GITHUB_TOKEN"),
        "NPM_TOKEN": Source(file="secrets/npm"),
        "JUMP_TOKEN": Source(secret=SecretRef(namespace="vault-sync", name="pay", key="jump")),
        "LOG_LEVEL": Source(value="debug"),
    }
    assert (got.settings.idle_timeout, got.settings.feature_flags) == (43_200, {"jira-write": True})
    assert got.limits == Limits(
        containers=ContainerLimits(defaultRequest={"cpu": "1", "memory": "1Gi"}, max={"cpu": "4"}),
        quota={"pods": "50", "requests.cpu": "500m"},
        network=Network(
            allow=[
                NetworkPeer(cidr="10.0.0.0/8", ports=[443]),
                NetworkPeer(namespace="db", ports=[53], protocol=Protocol.UDP),
            ]
        ),
    )
    assert (got.limits.network.isolate, got.limits.network.allow[0].protocol) == (True, Protocol.TCP)


def test_what_is_left_out_is_not_set():
    got = workspace()
    assert (got.settings, got.limits, got.pod_security, got.adopt) == (Settings(), Limits(), None, False)
    assert (got.settings.idle_timeout, got.settings.mcp_servers, got.settings.ca_bundle) == (None, None, None)
    assert (got.limits.containers, got.limits.network) == (None, None)


def test_defaults_say_what_they_say_and_no_more():
    file = StackFile.model_validate(
        {"include": ["a.yaml"], "defaults": {"keys": {"lifetime": "30d"}}, "templates": {"team": {"protect": False}}}
    )
    assert file.defaults == Defaults(keys=KeyDefaults(lifetime="30d"))
    assert (file.defaults.keys.lifetime, file.defaults.keys.role, file.defaults.protect) == (2_592_000, None, None)
    assert (file.include, file.templates["team"].protect, file.workspaces) == ([Included(path="a.yaml")], False, {})


@pytest.mark.parametrize("section", ["defaults", "templates.team"])
@pytest.mark.parametrize("field", ["displayName", "description", "template", "state", "adopt", "storage", "exceptions"])
def test_what_belongs_to_one_workspace_is_no_default(section, field):
    first, _, name = section.partition(".")
    data = {first: {name: {field: "x"}} if name else {field: "x"}}
    ((path, problem, remedy),) = problems_of(data)
    assert (path, problem) == (f"{section}.{field}", f"{field!r} is not a field")
    assert remedy.startswith("allowed: owners, reviewers, grants, keys, secrets, settings, limits, labels, ")


def test_defaults_know_every_other_field_of_a_workspace():
    assert set(Workspace.model_fields) - set(Defaults.model_fields) == {
        "template",
        "display_name",
        "description",
        "state",
        "adopt",
        "storage",
        "exceptions",
        "shard",
    }


# Secrets


@pytest.mark.parametrize(
    ("secrets", "problems"),
    [
        (
            {"runner": {"ANTHROPIC_API_KEY": "hunter2"}},
            [
                (
                    "runner.ANTHROPIC_API_KEY",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/anthropic"),
                )
            ],
        ),
        (
            {"integrations": {"GITHUB_TOKEN": "hunter2", "A": None}},
            [
                (
                    "integrations.GITHUB_TOKEN",
                    "is a plain value, and secrets don't belong in this file",
                    SECRET_REMEDY.format("pay/github-token") + OR_PLAIN,
                ),
                ("integrations.A", "is empty", SECRET_REMEDY.format("pay/name") + OR_PLAIN),
            ],
        ),
        (
            {"integrations": {"A": {}, "B": {"config": "x", "env": "hunter2"}}},
            [
                ("integrations.A", "has none of config, env, file, secret, value", SOURCES),
                ("integrations.B", "has config and env", SOURCES),
            ],
        ),
        (
            {"integrations": {"A": {"hunter2": ""}}},
            [
                (
                    "integrations.A.hunter2",
                    "is a field that doesn't exist",
                    "allowed: config, env, file, secret, value",
                )
            ],
        ),
        ({"integrations": {"A": {"config": None}}}, [("integrations.A.config", "is empty", "allowed: text")]),
        (
            {"integrations": {"A": {"secret": None}}},
            [("integrations.A.secret", "is empty", "allowed: a mapping; write {} for an empty one")],
        ),
        (
            {"integrations": {"A": {"env": "ghp_hunter2"}}},
            [
                (
                    "integrations.A.env",
                    "looks like a credential, not like the name of a variable",
                    "write where the value is found; if it is a credential, revoke it",
                )
            ],
        ),
        (
            {"integrations": {"A": {"env": "hunter2!"}}},
            [
                (
                    "integrations.A.env",
                    "is not the name of a variable",
                    "allowed: A-Z a-z 0-9 _, no digit first, such as PAYMENTS_GITHUB_TOKEN",
                )
            ],
        ),
        (
            {"integrations": {"A": {"file": "sk-hunter2"}, "B": {"file": "-----BEGIN\nhunter2"}, "C": {"file": ""}}},
            [
                (
                    "integrations.A.file",
                    "looks like a credential, not like a path",
                    "write the path of a file; if it is a credential, revoke it",
                ),
                *(
                    (
                        f"integrations.{name}.file",
                        "is not a path",
                        "allowed: the path of a file, relative to the file that says it",
                    )
                    for name in "BC"
                ),
            ],
        ),
        (
            {"integrations": {"A": {"value": "Bearer ghp_hunter2hunter2"}}},
            [
                (
                    "integrations.A.value",
                    "looks like a credential",
                    "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed",
                )
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"namespace": "Hunter2", "name": "hunter2!", "key": "hunter 2"}}}},
            [
                (
                    "integrations.A.secret.namespace",
                    "is not the name of a namespace",
                    "allowed: 1-63 of a-z 0-9 -, no dash at either end",
                ),
                ("integrations.A.secret.name", "is not the name of a Secret", "allowed: 1-253 of a-z 0-9 - ."),
                (
                    "integrations.A.secret.key",
                    "is not a key of a Secret",
                    "allowed: 1-253 of A-Z a-z 0-9 . _ -, such as token",
                ),
            ],
        ),
        (
            {"integrations": {"A": {"secret": {"name": "hunter2"}}}},
            [
                ("integrations.A.secret.namespace", "is missing", "add it"),
                ("integrations.A.secret.key", "is missing", "add it"),
            ],
        ),
        (
            {"onDrift": {"runner": "keeep"}},
            [
                (
                    "onDrift.runner",
                    "'keeep' is not a drift policy",
                    "allowed: overwrite, keep; did you mean 'keep'?",
                )
            ],
        ),
    ],
)
def test_faults_of_secrets_are_named_and_never_quoted(secrets, problems):
    got = in_workspace(secrets=secrets)
    assert got == [(f"secrets.{path}", problem, remedy) for path, problem, remedy in problems]
    assert "hunter" not in str([(problem, remedy) for _, problem, remedy in got]).lower()


@pytest.mark.parametrize(
    ("data", "reference"),
    [
        ({"defaults": {"secrets": {"runner": {"ANTHROPIC_API_KEY": "x"}}}}, "shared/anthropic"),
        ({"templates": {"team": {"secrets": {"runner": {"GEMINI_API_KEY": "x"}}}}}, "team/gemini"),
    ],
)
def test_a_secret_in_the_defaults_is_brought_in_under_a_fitting_name(data, reference):
    ((_, _, remedy),) = problems_of(data)
    assert remedy == SECRET_REMEDY.format(reference)


# Storage

CREDENTIAL_LIVES = (
    "allowed: never, or durations from 1d to 1y, a whole number and a unit of s, m, h, d or y (365 days), "
    "such as 30d or 12h"
)
OVERLAPS = "allowed: durations from 1h, a whole number and a unit of s, m, h, d or y, such as 7d or 12h"
AGES = "allowed: whole days from 1d to 100y, a whole number and a unit of d or y (365 days), such as 90d"
ADDRESSES = "allowed: https://HOST or http://HOST, with :PORT if it needs one, and nothing behind it"
BUCKET_NAMES = "allowed: 3-63 of a-z 0-9 - and single dots, a letter or digit at both ends, such as payments-sessions"


def bucket(**fields):
    return workspace(storage={"bucket": {"name": "pay-sessions", **fields}}).storage.bucket


def test_a_bucket_needs_a_name_alone():
    got = bucket()
    assert got == Bucket(name="pay-sessions")
    assert (got.driver, got.state, got.on_delete) == (BucketDriver.S3, BucketState.ACTIVE, OnDelete.KEEP)
    assert (got.shared, got.adopt, got.force, got.object_lock, got.protect) == (False, False, False, False, True)
    assert (got.versioning, got.expire_after, got.expire_after_days, got.encryption) == (None, None, None, None)
    assert got.credentials == BucketCredentials(lifetime="90d", generation=1)
    assert (workspace().storage, workspace(storage={}).storage.bucket) == (Storage(), None)


def test_a_bucket_with_everything():
    got = bucket(
        driver="aws",
        versioning=True,
        expireAfter="1y",
        tags={"team": "payments", "cost center": ""},
        objectLock=True,
        encryption="aws:kms",
        adopt=True,
        protect=False,
        onDelete="delete",
        force=True,
        credentials={"lifetime": "30d", "rotateBefore": "7d", "overlap": "1h", "rotate": "auto", "generation": 3},
    )
    assert (got.driver, got.own, got.expire_after_days, got.encryption) == ("aws", True, 365, "aws:kms")
    assert (got.versioning, got.object_lock, got.adopt, got.protect) == (True, True, True, False)
    assert (got.on_delete, got.force, got.tags) == ("delete", True, {"team": "payments", "cost center": ""})
    assert got.credentials == BucketCredentials(
        lifetime="30d", rotateBefore="7d", overlap="1h", rotate=Rotate.AUTO, generation=3
    )


def test_a_bucket_by_reference():
    got = bucket(
        driver="existing",
        endpoint="https://s3.example.com/",
        accessKey={"value": "pay-sessions"},
        secretKey={"config": "pay/s3"},
    )
    assert (got.own, got.endpoint) == (False, "https://s3.example.com")
    assert (got.access_key, got.secret_key) == (Source(value="pay-sessions"), Source(config="pay/s3"))


@pytest.mark.parametrize(
    ("fields", "own"),
    [({}, True), ({"driver": "aws"}, True), ({"shared": True}, False), ({"driver": "existing"}, False)],
)
def test_whose_a_bucket_is(fields, own):
    assert bucket(**fields).own is own


@pytest.mark.parametrize(
    ("text", "days"), [("1d", 1), ("90d", 90), ("1y", 365), ("48h", 2), ("1d24h", 2), ("100y", 36_500)]
)
def test_ages_are_days(text, days):
    assert bucket(expireAfter=text).expire_after_days == days


@pytest.mark.parametrize(
    ("fields", "path", "problem", "remedy"),
    [
        ({"expireAfter": "12h"}, "expireAfter", "12h is not a number of whole days, which is how stores count", AGES),
        ({"expireAfter": "1d1s"}, "expireAfter", "1d1s is not a number of whole days, which is how stores count", AGES),
        ({"expireAfter": 90}, "expireAfter", "90 has no unit", AGES),
        ({"expireAfter": "0d"}, "expireAfter", "'0d' is not a duration", AGES),
        ({"expireAfter": "never"}, "expireAfter", "'never' is not a duration", AGES),
        ({"expireAfter": ["90d"]}, "expireAfter", "is a list", AGES),
        ({"expireAfter": None}, "expireAfter", "is empty", AGES),
        (
            {"expireAfter": "101y"},
            "expireAfter",
            "101y is too long",
            f"{AGES}; leave it out to keep objects for ever",
        ),
        ({"driver": "minio"}, "driver", "'minio' is not a driver", "allowed: s3, aws, existing"),
        (
            {"state": "closed"},
            "state",
            "'closed' is not a state of a bucket",
            "allowed: active, released",
        ),
        (
            {"onDelete": "destroy"},
            "onDelete",
            "'destroy' is not a way to leave",
            "allowed: keep, delete",
        ),
        (
            {"encryption": "kms"},
            "encryption",
            "'kms' is not a way of encryption",
            "allowed: AES256, aws:kms; did you mean 'aws:kms'?",
        ),
        ({"versioning": "Suspended"}, "versioning", "is text", "allowed: true or false"),
        ({"tags": ["team"]}, "tags", "is a list", "allowed: a mapping, such as {team: NAME}"),
        ({"tags": {"cost": 4711}}, "tags.cost", "is a number", "allowed: text; put it in quotes"),
        ({"endpoint": "s3.example.com"}, "endpoint", "has no scheme that a store is reached by", ADDRESSES),
        (
            {"endpoint": "https://bob:hunter2@s3.example.com"},
            "endpoint",
            "has credentials in it",
            "give them by accessKey and secretKey, and revoke these if they were committed",
        ),
        (
            {"secretKey": "hunter2"},
            "secretKey",
            "is a plain value, and secrets don't belong in this file",
            SECRET_REMEDY.format("pay/secret-key"),
        ),
        (
            {"accessKey": "hunter2"},
            "accessKey",
            "is a plain value, and secrets don't belong in this file",
            SECRET_REMEDY.format("pay/access-key") + OR_PLAIN,
        ),
        ({"secretKey": None}, "secretKey", "is empty", "allowed: a mapping; write {} for an empty one"),
        ({"secretKey": {}}, "secretKey", "has none of config, env, file, secret, value", SOURCES),
        ({"accessKey": {"env": "A", "config": "b"}}, "accessKey", "has config and env", SOURCES),
        (
            {"accessKey": {"value": "AKIAHUNTER2HUNTER2"}},
            "accessKey.value",
            "looks like a credential",
            "give it by config, env, file or secret, such as {config: NAME}; revoke it if it was committed",
        ),
        (
            {"accessKey": {"hunter2": "x"}},
            "accessKey.hunter2",
            "is a field that doesn't exist",
            "allowed: config, env, file, secret, value",
        ),
        ({"credentials": "30d"}, "credentials", "is text", "allowed: a mapping, such as {lifetime: 90d}"),
        ({"credentials": {"lifetime": "12h"}}, "credentials.lifetime", "12h is too short", CREDENTIAL_LIVES),
        ({"credentials": {"lifetime": "2y"}}, "credentials.lifetime", "2y is too long", CREDENTIAL_LIVES),
        (
            {"credentials": {"lifetime": "nevr"}},
            "credentials.lifetime",
            "'nevr' is not a duration",
            f"{CREDENTIAL_LIVES}; did you mean 'never'?",
        ),
        (
            {"credentials": {"overlap": 0}},
            "credentials.overlap",
            "0 would end the access key that running sessions keep from their start",
            OVERLAPS,
        ),
        (
            {"credentials": {"overlap": "0"}},
            "credentials.overlap",
            "0 would end the access key that running sessions keep from their start",
            OVERLAPS,
        ),
        (
            {"credentials": {"overlap": "59m"}},
            "credentials.overlap",
            "59m is too short for running sessions, which keep the access key of their start",
            OVERLAPS,
        ),
        ({"credentials": {"overlap": False}}, "credentials.overlap", "is false", OVERLAPS),
        ({"credentials": {"overlap": 7}}, "credentials.overlap", "7 has no unit", OVERLAPS),
        (
            {"credentials": {"rotate": "manul"}},
            "credentials.rotate",
            "'manul' is not a way of rotation",
            "allowed: auto, manual; did you mean 'manual'?",
        ),
        ({"credentials": {"generation": 0}}, "credentials.generation", "0 is too low", "allowed: whole numbers from 1"),
        (
            {"credentials": {"role": "edit"}},
            "credentials.role",
            "'role' is not a field",
            "allowed: lifetime, rotateBefore, overlap, rotate, generation; did you mean 'rotate'?",
        ),
    ],
    ids=str,
)
def test_faults_of_a_bucket(fields, path, problem, remedy):
    got = in_workspace(storage={"bucket": {"name": "pay-sessions", **fields}})
    assert got == [(f"storage.bucket.{path}", problem, remedy)]
    assert "hunter2" not in str([(problem, remedy) for _, problem, remedy in got]).lower()


@pytest.mark.parametrize(
    ("name", "problem", "remedy"),
    [
        ("Pay_Sessions", "is not a name for a bucket", f"{BUCKET_NAMES}; did you mean 'pay-sessions'?"),
        ("pay sessions", "is not a name for a bucket", f"{BUCKET_NAMES}; did you mean 'pay-sessions'?"),
        ("x", "is not a name for a bucket", BUCKET_NAMES),
        ("a..b", "has a dot beside a dot or a dash", BUCKET_NAMES),
        ("10.0.0.1", "is an IP address, and no store takes that for a bucket", BUCKET_NAMES),
        ("Minio", "is not a name for a bucket", BUCKET_NAMES),
        ("minio", "is a name that MinIO keeps for itself", "choose another name"),
        ("sk-Ant-hunter2hunter2", "is not a name for a bucket", BUCKET_NAMES),
    ],
)
def test_names_of_buckets_that_some_store_refuses(name, problem, remedy):
    assert in_workspace(storage={"bucket": {"name": name}}) == [("storage.bucket.name", f"{name!r} {problem}", remedy)]


@pytest.mark.parametrize(
    ("storage", "path", "problem", "remedy"),
    [
        ("pay-sessions", "", "is text", "allowed: a mapping, such as {bucket: {name: payments-sessions}}"),
        ({"bucket": "pay"}, ".bucket", "is text", "allowed: a mapping, such as {name: payments-sessions}"),
        ({"bucket": {}}, ".bucket.name", "is missing", "add it"),
        ({"bucket": None}, ".bucket", "is empty", "allowed: a mapping; write {} for an empty one"),
        (
            {"name": "pay-sessions"},
            ".name",
            "'name' is not a field",
            "allowed: bucket; did you mean 'bucket.name'?",
        ),
    ],
)
def test_storage_of_another_form(storage, path, problem, remedy):
    assert in_workspace(storage=storage) == [(f"storage{path}", problem, remedy)]


@pytest.mark.parametrize(
    ("field", "meant"),
    [
        ("bucket", "storage.bucket"),
        ("versioning", "storage.bucket.versioning"),
        ("expireAfter", "storage.bucket.expireAfter"),
    ],
)
def test_a_field_of_storage_in_a_wrong_place_is_known(field, meant):
    ((_, _, remedy),) = in_workspace(**{field: "x"})
    assert remedy.endswith(f"; did you mean {meant!r}?")


@pytest.mark.parametrize("field", ["lifetime", "rotate", "generation", "credentials", "name"])
def test_what_is_a_field_of_more_than_storage_is_not_guessed(field):
    ((_, _, remedy),) = in_workspace(**{field: "x"})
    assert "storage" not in remedy.replace("secrets, storage, settings", "")


# Access keys live and are renewed like tokens, by the same rules.


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ({}, Policy(90 * DAY, 14 * DAY, 7 * DAY)),
        ({"lifetime": "1d"}, Policy(DAY, 6 * HOUR, 3 * HOUR)),
        ({"lifetime": "30d", "rotateBefore": "10d"}, Policy(30 * DAY, 10 * DAY, 5 * DAY)),
        ({"overlap": "1h"}, Policy(90 * DAY, 14 * DAY, HOUR)),
        ({"lifetime": "30d", "rotateBefore": "30d"}, Policy(30 * DAY, 15 * DAY, 15 * DAY // 2)),
        ({"rotateBefore": "100d"}, Policy(90 * DAY, 45 * DAY, 45 * DAY // 2)),
        ({"lifetime": "never"}, Policy(NEVER, 14 * DAY, 7 * DAY, manual=True)),
        ({"lifetime": "never", "rotate": "auto"}, Policy(NEVER, 14 * DAY, 7 * DAY)),
        ({"rotate": "manual"}, Policy(90 * DAY, 14 * DAY, 7 * DAY, manual=True)),
    ],
    ids=str,
)
def test_policies_of_access_keys(fields, policy):
    credentials = BucketCredentials(**fields)
    assert credentials.policy() == policy
    assert credentials.manual is policy.manual


def test_what_an_entry_says_itself_is_not_cut():
    credentials = BucketCredentials(lifetime="2d", rotateBefore="3d")
    assert misfit(credentials.policy()) is None
    assert misfit(credentials.policy(0, {"rotateBefore"})) is not None


@given(st.integers(DAY, YEAR), st.integers(0, 3 * DAY))
def test_access_keys_and_tokens_are_renewed_alike(lifetime, run_every):
    text = format_seconds(lifetime)
    key = workspace(keys={"ci": {"lifetime": text}}).keys["ci"]
    assert BucketCredentials(lifetime=text).policy(run_every) == key.policy(run_every)


# Guardrails


def test_an_exception():
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "agreed", "until": "2026-12-31"}]).exceptions
    assert got == GuardrailException(guardrail=Guardrail.EXPIRE_AFTER, reason="agreed", until="2026-12-31")
    (got,) = workspace(exceptions=[{"guardrail": "expireAfter", "reason": "x" * 200}]).exceptions
    assert got.until is None


@pytest.mark.parametrize(
    ("fields", "path", "problem", "remedy"),
    [
        (
            {"guardrail": "expireafter"},
            ".guardrail",
            "'expireafter' is not a guardrail",
            f"allowed: {', '.join(WORKSPACE_GUARDRAILS)}; did you mean 'expireAfter'?",
        ),
        ({"reason": ""}, ".reason", "is empty", "allowed: text"),
        ({"reason": " \n"}, ".reason", "is blank", "allowed: text that tells a reviewer why"),
        ({"reason": "x" * 201}, ".reason", "has 201 characters", "allowed: up to 200"),
        ({"reason": 5}, ".reason", "is a number", "allowed: text; put it in quotes"),
        ({"until": "soon"}, ".until", "'soon' is not a day", "allowed: a day as YYYY-MM-DD, such as 2026-12-31"),
        ({"until": None}, ".until", "is empty", "allowed: a day as YYYY-MM-DD, such as 2026-12-31"),
    ],
)
def test_faults_of_an_exception(fields, path, problem, remedy):
    got = in_workspace(exceptions=[{"guardrail": "expireAfter", "reason": "agreed", **fields}])
    assert got == [(f"exceptions.0{path}", problem, remedy)]


@pytest.mark.parametrize("missing", ["guardrail", "reason"])
def test_an_allowance_says_what_and_why(missing):
    fields = {"guardrail": "expireAfter", "reason": "agreed"}
    del fields[missing]
    assert in_workspace(exceptions=[fields]) == [(f"exceptions.0.{missing}", "is missing", "add it")]


def test_allowances_are_a_list():
    assert in_workspace(exceptions="expireAfter") == [
        ("exceptions", "is text", "allowed: a list, such as [{guardrail: adminKey, reason: TEXT}]")
    ]


def test_the_guardrails_are_those_that_the_ledger_holds():
    assert tuple(Guardrail) == GUARDRAILS
    assert {*STACK_GUARDRAILS} | {*WORKSPACE_GUARDRAILS} == {*GUARDRAILS}


@pytest.mark.parametrize("guardrail", GUARDRAILS)
def test_a_guardrail_is_allowed_at_its_levels_alone(guardrail):
    line = {"guardrail": guardrail, "reason": "agreed"}
    for allowed, data in (
        (guardrail in WORKSPACE_GUARDRAILS, {"workspaces": {"pay": {"exceptions": [line]}}}),
        (guardrail in STACK_GUARDRAILS, {"workspaces": {}, "exceptions": [line]}),
    ):
        if allowed:
            StackFile.model_validate(data)
        else:
            with pytest.raises(ValidationError):
                StackFile.model_validate(data)


def test_guardrails_are_as_built_in_where_nothing_is_said():
    assert StackFile.model_validate({"workspaces": {}}).guardrails == Guardrails(maxKeys=10)
    assert (Guardrails().groups_only, Guardrails().isolate_admin_keys) == (False, False)


# Settings


@pytest.mark.parametrize(("text", "seconds"), [("12h", 43_200), ("never", 0), ("1s", 1), ("68y", IDLE_TIMEOUT_MAX)])
def test_idle_timeouts_are_seconds(text, seconds):
    assert workspace(settings={"idleTimeout": text}).settings.idle_timeout == seconds


@given(st.integers(1, IDLE_TIMEOUT_MAX))
def test_every_duration_of_32_bits_is_an_idle_timeout(seconds):
    assert Settings(idleTimeout=format_seconds(seconds)).idle_timeout == seconds


@pytest.mark.parametrize(
    ("value", "problem", "never"),
    [
        (0, "0 has no unit", True),
        (3600, "3600 has no unit", False),
        ("0h", "'0h' is not a duration", True),
        ("Never", "'Never' is not a duration", True),
        ("69y", "69y is too long", False),
        ([], "is a list", False),
    ],
)
def test_what_is_no_idle_timeout(value, problem, never):
    remedy = f"{IDLE}; did you mean 'never'?" if never else IDLE
    assert in_workspace(settings={"idleTimeout": value}) == [("settings.idleTimeout", problem, remedy)]


@pytest.mark.parametrize(
    ("server", "platform"),
    [
        ({"url": "https://x.org/mcp"}, {"type": "http", "url": "https://x.org/mcp"}),
        (
            {"url": "http://x", "type": "sse", "headers": {"A": "${B}"}},
            {"type": "sse", "url": "http://x", "headers": {"A": "${B}"}},
        ),
        ({"command": "uvx"}, {"type": "stdio", "command": "uvx"}),
        (
            {"command": "uvx", "args": ["x"], "env": {"A": "b"}},
            {"type": "stdio", "command": "uvx", "args": ["x"], "env": {"A": "b"}},
        ),
    ],
)
def test_an_mcp_server_as_the_platform_takes_it(server, platform):
    assert McpServer.model_validate(server).as_platform() == platform


def test_the_type_follows_from_what_is_given():
    assert McpServer(url="https://x").transport is McpType.HTTP
    assert McpServer(command="x").transport is McpType.STDIO


@pytest.mark.parametrize(
    ("server", "path", "problem", "remedy"),
    [
        ({}, "", "has neither a url nor a command", SERVERS),
        ({"url": "https://x", "command": "x"}, "", "has a url and a command", SERVERS),
        (
            {"type": "stdio", "url": "https://x"},
            "",
            "is of type stdio and has a url",
            "allowed: url with http or sse, command with stdio",
        ),
        (
            {"type": "sse", "command": "x"},
            "",
            "is of type sse and has a command",
            "allowed: url with http or sse, command with stdio",
        ),
        (
            {"url": "https://x", "args": [], "env": {}},
            "",
            "has a url and args and env",
            "allowed: headers with url, args and env with command",
        ),
        (
            {"command": "x", "headers": {}},
            "",
            "has a command and headers",
            "allowed: headers with url, args and env with command",
        ),
        ({"url": "ftp://hunter2"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"url": "https://"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"url": "https://[hunter2"}, ".url", "is not an address of the web", "allowed: http://… or https://…"),
        ({"command": " "}, ".command", "is empty", "allowed: text"),
        ({"command": ""}, ".command", "is empty", "allowed: text"),
        ({"command": "x", "env": {"A": 1}}, ".env.A", "is a number", "allowed: text; put it in quotes"),
        (
            {"type": "websocket", "url": "https://x"},
            ".type",
            "'websocket' is not a type of MCP server",
            "allowed: http, sse, stdio",
        ),
    ],
)
def test_faults_of_mcp_servers(server, path, problem, remedy):
    got = in_workspace(settings={"mcpServers": {"custom": {"a": server}}})
    assert got == [(f"settings.mcpServers.custom.a{path}", problem, remedy)]
    assert "hunter2" not in str(got)


# Limits


@pytest.mark.parametrize(
    ("limits", "path", "problem", "remedy"),
    [
        ({"quota": {"pods": "1gb"}}, "quota.pods", "'1gb' is not a quantity", f"{QUANTITIES}; did you mean '1Gi'?"),
        ({"quota": {"pods": -1}}, "quota.pods", "'-1' is not a quantity", QUANTITIES),
        ({"quota": {"pods": None}}, "quota.pods", "is empty", QUANTITIES),
        ({"network": None}, "network", "is empty", "allowed: a mapping; write {} for an empty one"),
        ({"network": {"allow": [{}]}}, "network.allow.0", "has neither a cidr nor a namespace", PEERS),
        (
            {"network": {"allow": [{"cidr": "::/0", "namespace": "x"}]}},
            "network.allow.0",
            "has a cidr and a namespace",
            PEERS,
        ),
        (
            {"network": {"allow": [{"cidr": "10.0.0.1/8"}]}},
            "network.allow.0.cidr",
            "'10.0.0.1/8' is an address within a network",
            f"{NETWORKS}; did you mean '10.0.0.0/8'?",
        ),
        (
            {"network": {"allow": [{"cidr": "10.0.0.1"}]}},
            "network.allow.0.cidr",
            "'10.0.0.1' has no mask",
            f"{NETWORKS}; did you mean '10.0.0.1/32'?",
        ),
        (
            {"network": {"allow": [{"cidr": "example.com/8"}]}},
            "network.allow.0.cidr",
            "'example.com/8' is not a network",
            NETWORKS,
        ),
        (
            {"network": {"allow": [{"namespace": "DB"}]}},
            "network.allow.0.namespace",
            "is not the name of a namespace",
            "allowed: 1-63 of a-z 0-9 -, no dash at either end",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [65536]}]}},
            "network.allow.0.ports.0",
            "65536 is too high",
            "allowed: whole numbers up to 65535",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [0]}]}},
            "network.allow.0.ports.0",
            "0 is too low",
            "allowed: whole numbers from 1",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "ports": [1], "protocol": "udp"}]}},
            "network.allow.0.protocol",
            "'udp' is not a protocol",
            "allowed: TCP, UDP; did you mean 'UDP'?",
        ),
        (
            {"network": {"allow": [{"namespace": "db", "protocol": "UDP"}]}},
            "network.allow.0",
            "has a protocol without ports",
            "name the ports; without them all are allowed, of TCP and UDP alike",
        ),
    ],
)
def test_faults_of_limits(limits, path, problem, remedy):
    assert in_workspace(limits=limits) == [(f"limits.{path}", problem, remedy)]


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.7/32", "2001:db8::/32", "::/0"])
def test_networks(cidr):
    assert NetworkPeer(cidr=cidr).cidr == cidr


# The namespace


@pytest.mark.parametrize(
    ("level", "problem", "remedy"),
    [
        (
            "restricted",
            "'restricted' would reject every session: the platform's pods run an init container as root",
            "allowed: privileged, baseline",
        ),
        (
            "base-line",
            "'base-line' is not a pod security level",
            "allowed: privileged, baseline; did you mean 'baseline'?",
        ),
        (None, "is empty", "allowed: privileged, baseline"),
    ],
)
def test_pod_security_levels_that_are_refused(level, problem, remedy):
    assert in_workspace(podSecurity=level) == [("podSecurity", problem, remedy)]


@pytest.mark.parametrize(
    ("given", "path", "problem", "remedy"),
    [
        ("deletePods", "onClose", "is text", "allowed: a mapping, such as {sessions: deletePods}"),
        (
            {"sessions": "delete"}, "onClose.sessions",
            "'delete' is not a way to end sessions", "allowed: stop, deletePods; did you mean 'deletePods'?",
        ),
        (
            {"wait": "2h"}, "onClose.wait",
            "2h is too long", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
        (
            {"wait": 30}, "onClose.wait",
            "30 has no unit", "allowed: durations up to 1h, a whole number and a unit of s, m or h, such as 30s",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_of_the_end_of_sessions(given, path, problem, remedy):
    assert in_workspace(onClose=given) == [(path, problem, remedy)]


def test_values_of_labels_are_text():
    got = in_workspace(labels={"cost-center": 4711})
    assert got == [("labels.cost-center", "is a number", "allowed: text; put it in quotes")]
