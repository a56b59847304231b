"""`ambient validate` with the config of a stack: what the cluster, the store and the shards allow."""

import pytest

from ambient_components.cli.app import run
from ambient_components.cli.validate.validation import validate_stacks
from tests.support.validated import CONFIG, Write

KEYS = (
    "workspaces:\n  pay:\n    keys:\n      ci: {}\n      job: {lifetime: 1d}\n      old: {lifetime: never}\n"
    "    exceptions: [{guardrail: nonExpiringKey, reason: it is old}]\n"
)


def test_what_the_cluster_would_cut_short_is_found_without_it(write: Write) -> None:
    write(Pulumi=CONFIG, stacks__dev=KEYS, **{"stacks__Pulumi.dev": "config: {'p:maxTokenLifetime': 24h}\n"})
    validation = validate_stacks(["stacks/dev.yaml"])
    cap = "is longer than the cluster grants: maxTokenLifetime is 1d; allowed: up to 1d"
    assert [str(problem) for problem in validation.problems] == [
        f"stacks/dev.yaml:4:11: workspaces.pay.keys.ci.lifetime: 90d {cap}",
        f"stacks/dev.yaml:6:23: workspaces.pay.keys.old.lifetime: never {cap}",
    ]


@pytest.mark.parametrize(
    ("config", "problems"),
    [
        ("config: {'p:maxTokenLifetime': 1d}\n", 2),
        ("config: {'p:maxTokenLifetime': soon}\n", 1),
        ("config: {'p:maxTokenLifetime': {secure: v1:x}}\n", 1),
        ("config: {'other:maxTokenLifetime': 1d}\n", 0),
        ("config: {}\n", 0),
        ("[", 1),
    ],
)
def test_a_config_is_read_as_far_as_it_can_be(write: Write, config: str, problems: int) -> None:
    write(Pulumi=CONFIG, stacks__dev=KEYS, **{"stacks__Pulumi.dev": config})
    assert len(validate_stacks(["stacks/dev.yaml"]).problems) == problems


BUCKET = "workspaces:\n  pay:\n    storage: {bucket: {name: sessions}}\n"
NO_STORE = "needs an object store, and the stack's config has no objectStore"


@pytest.mark.parametrize(
    ("store", "received"),
    [
        ("{region: eu-west-1}", []),
        ("{endpoint: 'https://x', accessKey: a, secretKey: {secure: v1:x}}", []),
        ("{secure: v1:x}", []),
        ('\'{"endpoint": "https://x"}\'', []),
        ("null", [NO_STORE]),
        ("{endpiont: 'https://x'}", ["objectStore.endpiont: is not a field of the store; did you mean 'endpoint'?"]),
        (
            "{accessKey: {secure: v1:x}, secretKey: hunter2}",
            ["objectStore.secretKey: is in the stack's config in plain text; encrypt it"],
        ),
    ],
    ids=str,
)
def test_the_object_store_of_the_config_is_checked_with_the_buckets(
    write: Write, store: str, received: list[str]
) -> None:
    config = f"config: {{'p:clusterUid': u, 'p:objectStore': {store}}}\n"
    write(Pulumi=CONFIG, stacks__dev=BUCKET, **{"stacks__Pulumi.dev": config})
    problems = [str(problem) for problem in validate_stacks(["stacks/dev.yaml"]).problems]
    assert len(problems) == len(received)
    assert all(text in line for text, line in zip(received, problems, strict=True))
    assert "hunter2" not in "".join(problems)


def test_what_driver_aws_can_not_do_is_found_as_well(write: Write) -> None:
    bucket = BUCKET.replace("sessions}", "sessions, driver: aws, adopt: true}")
    config = "config: {'p:clusterUid': u, 'p:objectStore': {endpoint: 'https://x', credentials: minio}}\n"
    write(Pulumi=CONFIG, stacks__dev=bucket, **{"stacks__Pulumi.dev": config})
    driver, adopt = validate_stacks(["stacks/dev.yaml"]).problems
    assert "bucket.driver: is aws, which makes users by IAM, and the store's API for them is minio; wr" in str(driver)
    assert "bucket.adopt: is true, and with driver aws nothing is taken over" in str(adopt)


@pytest.mark.parametrize(
    ("store", "libraries", "extra"),
    [("", "boto3, which is", "s3"), (", credentials: minio", "boto3 and minio, which are", "minio")],
)
def test_a_library_that_is_not_installed_is_a_warning_that_never_fails(
    write: Write, monkeypatch: pytest.MonkeyPatch, store: str, libraries: str, extra: str
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    config = f"config: {{'p:clusterUid': u, 'p:objectStore': {{endpoint: 'https://x'{store}}}}}\n"
    write(Pulumi=CONFIG, stacks__dev=BUCKET, **{"stacks__Pulumi.dev": config})
    validation = validate_stacks(["stacks/dev.yaml"])
    (problem,) = validation.problems
    place = "stacks/dev.yaml:3:15: workspaces.pay.storage.bucket"
    assert str(problem).startswith(f"{place}: needs {libraries} not installed; pip install 'boto3")
    assert str(problem).endswith(f"(the extra {extra})")
    assert (problem.warning, validation.fails(strict=True)) == (True, False)


FLEET = "workspaces:\n  aa: {shard: 1}\n  bb: {shard: 3}\n  cc: {shard: 1}\n"


def configured(shards: str) -> dict[str, str]:
    return {"Pulumi": CONFIG, "stacks__prod": FLEET, "stacks__Pulumi.prod": f"config: {{'p:shards': {shards}}}\n"}


def test_a_pin_must_be_on_a_shard_that_there_is(write: Write) -> None:
    write(**configured("'3'"))
    validation = validate_stacks(["stacks/prod.yaml"])
    assert [str(problem) for problem in validation.problems] == [
        "stacks/prod.yaml:3:15: workspaces.bb.shard: there is no shard 3; allowed: 0 to 2, as the stack's config has "
        "shards: 3; or leave it out"
    ]
    assert validation.shards == {}


@pytest.mark.parametrize("shards", ["many", "0", "{secure: v1:x}"])
def test_what_is_no_number_of_shards_is_an_error(write: Write, shards: str) -> None:
    write(**configured(shards))
    (problem,) = validate_stacks(["stacks/prod.yaml"]).problems
    assert (problem.path, problem.hints) == ("shards", ("allowed: 1 to 999",))


def test_how_many_workspaces_each_shard_has_is_said(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    write(**configured("'4'"))
    assert run(["validate"]) == 0
    assert capsys.readouterr() == (
        "",
        "stacks/prod.yaml: 4 shards, of 0, 2, 0, 1 workspaces\nOK: 3 workspaces in 1 file\n",
    )


def test_a_shard_has_no_config_of_its_own(write: Write) -> None:
    write(**configured("'4'"), **{"stacks__Pulumi.prod-03": "config: {}\n", "stacks__Pulumi.prod-04": "config: {}\n"})
    assert [str(problem) for problem in validate_stacks(["stacks/prod.yaml"]).problems] == [
        "stacks/Pulumi.prod-03.yaml: is the config of a single shard, and shards have that of their fleet; set what it "
        "says with --config-file stacks/Pulumi.prod.yaml, and remove it"
    ]


PREFIXED = """\
workspaces:
  pay:
    owners: [user:root@example.com]
    grants: [{user: "oidc:bob", role: view}]
    secrets: {runner: {ANTHROPIC_API_KEY: {config: x}}}
"""
ACKNOWLEDGED = PREFIXED + "    acknowledge: [{rule: prefixedName, reason: he uses kubectl, date: 2026-01-01}]\n"


@pytest.mark.parametrize(
    ("config", "rules"), [("{'p:sso': 'true'}", ["prefixedName"]), ("{'p:sso': true}", ["prefixedName"]), ("{}", [])]
)
def test_names_that_single_sign_on_does_not_have(write: Write, config: str, rules: list[str]) -> None:
    write(Pulumi=CONFIG, stacks__dev=PREFIXED, **{"stacks__Pulumi.dev": f"config: {config}\n"})
    validation = validate_stacks(["stacks/dev.yaml"])
    assert [problem.rule for problem in validation.problems] == rules
    assert validation.fails(strict=True) is bool(rules)
    assert not validation.fails(strict=False)


@pytest.mark.parametrize("config", ["{'p:sso': 'true'}", "{}"])
def test_such_a_name_is_acknowledged_for_every_stack_of_the_file(write: Write, config: str) -> None:
    write(Pulumi=CONFIG, stacks__dev=ACKNOWLEDGED, **{"stacks__Pulumi.dev": f"config: {config}\n"})
    validation = validate_stacks(["stacks/dev.yaml"])
    assert validation.warnings == 0
    assert not validation.fails(strict=True)


def test_the_platforms_address_is_checked(write: Write) -> None:
    write(Pulumi=CONFIG, stacks__dev=PREFIXED, **{"stacks__Pulumi.dev": "config: {'p:platformUrl': acp}\n"})
    (problem,) = validate_stacks(["stacks/dev.yaml"]).problems
    assert str(problem) == (
        "platformUrl: is not an address of the web; allowed: https://HOST, with a port or a path where needed"
    )


def test_the_operators_image_is_checked(write: Write) -> None:
    config = "config: {'p:operatorImage': 'https://quay.io/a'}\n"
    write(Pulumi=CONFIG, stacks__dev=PREFIXED, **{"stacks__Pulumi.dev": config})
    (problem,) = validate_stacks(["stacks/dev.yaml"]).problems
    assert str(problem).startswith("operatorImage: is not the name of an image; allowed: ")
