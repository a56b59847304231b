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


def run(store, *, secret=True):
    text = json.dumps(store)
    config = {"vertex": "true", **CLUSTER, **({} if secret else {"objectStore": text})}
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
    recording = run_fleet(STACK, **run(store, secret="secretKey" in store))
    assert recording.named("ambient", "cluster").inputs == {**CLUSTER, **settings}
    assert "v-root" not in recording.plain_text()


def test_a_secret_in_plain_text_is_refused_in_previews_too(run_fleet):
    for preview in (True, False):
        (line,) = run_fleet.refusal(STACK, **run(KEYS, secret=False), preview=preview)
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
    (line,) = run_fleet.refusal(STACK, **run(KEYS), files=files)
    assert line.startswith(PLAIN)
    assert "v-root" not in line
    files[path] = config_file({**HALF, "secretKey": {"secure": "v1:y"}}, key)
    assert run_fleet(STACK, **run(KEYS), files=files).of("S3Bucket")


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
    (line,) = run_fleet.refusal(STACK, **run(KEYS), files={"stacks/Pulumi.dev.yaml": content})
    assert line.startswith(f"stacks/Pulumi.dev.yaml: {received}")
    assert "v-root" not in line


@pytest.mark.parametrize("store", [None, {"endpoint": "http://x:1"}])
def test_a_secret_of_an_environment_is_in_no_file(run_fleet, store):
    """Pulumi ESC: the file names the environment that has the value."""
    content = yaml.safe_dump({"environment": ["prod/store"], "config": {"ambient-components:objectStore": store}})
    assert run_fleet(STACK, **run(KEYS), files={"stacks/Pulumi.dev.yaml": content}).of("S3Bucket")


def test_a_broken_store_is_refused_once_and_not_by_every_bucket(run_fleet):
    (line,) = run_fleet.refusal(STACK, **run({"endpiont": "https://x"}, secret=False))
    assert "objectStore.endpiont: is not a field of the store; did you mean 'endpoint'?" in line


def test_an_error_quotes_no_secret(run_fleet):
    broken = {**KEYS, "secretKey": "v-root\nv-more", "region": "v-region"}
    with pytest.raises(pulumi.RunError) as caught:
        run_fleet(STACK, **run(broken))
    assert "v-" not in str(caught.value)
