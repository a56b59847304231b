"""The stack's object store out of its config: what the providers get, and that its secret is encrypted."""

import json

import pulumi
import pytest
import yaml

from tests.program.conftest import CLUSTER
from tests.support.registrations import Secret

STACK = {"workspaces": {"payments": {"storage": {"bucket": {"name": "sessions"}}}}}
KEYS = {"accessKey": "root", "secretKey": "v-root"}
PLAIN = "objectStore.secretKey: is in the stack's config in plain text; encrypt it, and give the store another one if"


def run(run_fleet, store, *, secret=True, **more):
    text = store if isinstance(store, str) else json.dumps(store)
    config = {"vertex": "true", **CLUSTER, **more, **({} if secret else {"objectStore": text})}
    return {"config": config, "secrets": {"objectStore": text} if secret else {}}


@pytest.mark.parametrize(
    ("store", "settings"),
    [
        ({"region": "eu-west-1"}, {"storeRegion": "eu-west-1", "storeCredentials": "iam"}),
        (
            {"endpoint": "http://x:1/"},
            {"storeEndpoint": "http://x:1", "storeRegion": "us-east-1", "storeCredentials": "iam"},
        ),
        (
            {"endpoint": "http://x:1", "credentials": "minio", **KEYS},
            {
                "storeEndpoint": "http://x:1",
                "storeRegion": "us-east-1",
                "storeCredentials": "minio",
                "storeAccessKey": "root",
                "storeSecretKey": Secret("v-root"),
            },
        ),
    ],
    ids=str,
)
def test_the_plugin_gets_what_the_config_says(run_fleet, store, settings):
    recording = run_fleet(STACK, **run(run_fleet, store, secret="secretKey" in store))
    assert recording.named("ambient", "cluster").inputs == {**CLUSTER, **settings}
    assert "v-root" not in recording.plain_text()


def test_the_region_is_pulumi_awss_where_the_store_has_none(run_fleet):
    given = run(run_fleet, {"credentials": "iam"}, secret=False, **{"aws:region": "eu-west-3"})
    assert run_fleet(STACK, **given).named("ambient", "cluster").inputs["storeRegion"] == "eu-west-3"
    given = run(run_fleet, {"region": "eu-west-1"}, secret=False, **{"aws:region": "eu-west-3"})
    assert run_fleet(STACK, **given).named("ambient", "cluster").inputs["storeRegion"] == "eu-west-1"


def test_nothing_of_a_store_is_in_the_state_of_a_stack_that_names_none(run_fleet):
    recording = run_fleet({"workspaces": {"payments": {}}}, config={"vertex": "true", **CLUSTER})
    assert recording.named("ambient", "cluster").inputs == CLUSTER


def test_a_secret_in_plain_text_is_refused_in_previews_too(run_fleet):
    for preview in (True, False):
        (line,) = run_fleet.refusal(STACK, **run(run_fleet, KEYS, secret=False), preview=preview)
        assert line.startswith(PLAIN)
        assert "v-root" not in line


HALF = {"accessKey": {"secure": "v1:x"}, "secretKey": "v-root"}
"""Of an object the engine says only that something in it is encrypted."""


def config_file(store, key="ambient-components:objectStore"):
    return yaml.safe_dump({"config": {key: store}})


@pytest.mark.parametrize("key", ["ambient-components:objectStore", "objectStore"])
@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ("stackConfigDir: stacks", "stacks/Pulumi.dev.yaml"),
        ("stackConfigDir: conf", "conf/Pulumi.dev.yaml"),
        ("config: conf", "conf/Pulumi.dev.yaml"),
        ("description: of a project whose configs lie beside Pulumi.yaml", "Pulumi.dev.yaml"),
    ],
)
def test_a_plain_secret_beside_an_encrypted_name_is_seen_in_the_file(run_fleet, settings, path, key):
    project = f"name: ambient-components\nruntime: python\n{settings}\n"
    files = {"stacks/Pulumi.dev.yaml": None, "Pulumi.yaml": project, path: config_file(HALF, key)}
    (line,) = run_fleet.refusal(STACK, **run(run_fleet, KEYS), files=files)
    assert line.startswith(PLAIN)
    assert "v-root" not in line
    files[path] = config_file({**HALF, "secretKey": {"secure": "v1:y"}}, key)
    assert run_fleet(STACK, **run(run_fleet, KEYS), files=files).of("S3Bucket")


UNCHECKED = "so whether it is encrypted can't be checked; set it there: pulumi config set --secret --path objectStore."


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (None, f"objectStore.secretKey: there is no such file, {UNCHECKED}"),
        ("", f"objectStore.secretKey: is not in this file, {UNCHECKED}"),
        ("config: {}", f"objectStore.secretKey: is not in this file, {UNCHECKED}"),
        ("config: {ambient-components:objectStore: x}", f"objectStore.secretKey: is not in this file, {UNCHECKED}"),
        ("config: {ambient-components:objectStore: {accessKey: a}}", "objectStore.secretKey: is not in this file, "),
        ("config: [", "can't be read: while parsing a flow node; fix it, or restore it from Git"),
        ("config: [v-root]", "config: is no mapping; fix it, or restore it from Git"),
        ("v-root", "is no mapping; fix it, or restore it from Git"),
        ("config: {a: 2026-99-99}", "can't be read: month must be in 1..12; fix it"),
    ],
)
def test_a_secret_that_cannot_be_checked_is_refused(run_fleet, content, received):
    """As with `--config-file`, which the engine names to no program: a secret in plain text must not pass there."""
    (line,) = run_fleet.refusal(STACK, **run(run_fleet, KEYS), files={"stacks/Pulumi.dev.yaml": content})
    assert line.startswith(f"stacks/Pulumi.dev.yaml: {received}")
    assert "v-root" not in line


@pytest.mark.parametrize("store", [None, {"endpoint": "http://x:1"}])
def test_a_secret_of_an_environment_is_in_no_file(run_fleet, store):
    """Pulumi ESC: the file names the environment that has the value."""
    content = yaml.safe_dump({"environment": ["prod/store"], "config": {"ambient-components:objectStore": store}})
    assert run_fleet(STACK, **run(run_fleet, KEYS), files={"stacks/Pulumi.dev.yaml": content}).of("S3Bucket")


@pytest.mark.parametrize(
    ("store", "received"),
    [
        ("https://minio", "objectStore: is not an object with fields; set its fields one by one"),
        ({"endpiont": "https://x"}, "objectStore.endpiont: is not a field of the store; did you mean 'endpoint'?"),
        ({"endpoint": "minio:9000"}, "objectStore.endpoint: has no scheme that a store is reached by"),
        ({"credentials": "iam", "accessKey": "a"}, "objectStore.secretKey: is missing beside accessKey"),
    ],
    ids=str,
)
def test_a_broken_store_is_refused_once(run_fleet, store, received):
    lines = run_fleet.refusal(STACK, **run(run_fleet, store, secret=False))
    # And not a second time, by every bucket that then has none.
    assert [line for line in lines if line.startswith("objectStore")] == lines
    assert received in lines[0]


def test_a_store_can_be_set_in_one_line_as_well(run_fleet):
    text = json.dumps({"endpoint": "http://x:1", **KEYS})
    recording = run_fleet(STACK, **run(run_fleet, text))
    assert recording.named("ambient", "cluster").inputs["storeEndpoint"] == "http://x:1"


def test_an_error_quotes_no_secret(run_fleet):
    broken = {**KEYS, "secretKey": "v-root\nv-more", "region": "v-region"}
    with pytest.raises(pulumi.RunError) as caught:
        run_fleet(STACK, **run(run_fleet, broken))
    assert "v-" not in str(caught.value)
