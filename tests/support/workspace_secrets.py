"""`ambient:index:WorkspaceSecret` in a world with a cluster; every value begins with ``sk-``."""

import base64
import json

import pytest
from pulumi.runtime import proto

from tests.support.fake_plugin import WORKSPACE_SECRET, plain, running, secret

NAMESPACE = "/api/v1/namespaces/pay"
SECRETS = f"{NAMESPACE}/secrets"
RUNNER = f"{SECRETS}/ambient-runner-secrets"
SHOWN = "Secret pay/ambient-runner-secrets"
KIND = proto.PropertyDiff
KEEP = {"onDrift": "keep"}
GONE = pytest.mark.parametrize("gone", [[RUNNER], [RUNNER, NAMESPACE]])


def desired(values=None, **more):
    """Inputs as the engine sends them: each value marked."""
    marked = {key: secret(value) for key, value in (values or {"ANTHROPIC_API_KEY": "sk-a"}).items()}
    return {"namespace": "pay", "secret": "ambient-runner-secrets", "values": marked, **more}


def encoded(values):
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay")
        yield all_of_it
        reported = json.dumps([(line.severity, line.urn, line.text) for line in all_of_it.engine.lines])
        for form in ("sk-", "c2st"):
            assert form not in reported, "a value was told to the engine"


def there(world, name="ambient-runner-secrets", **values):
    """Somebody, such as the UI, has saved it."""
    notes = {"annotations": {"ambient-code.io/runner-secret": "true"}, "labels": {"app": name}}
    return world.api.add(SECRETS, name, type="Opaque", data=encoded(values), **notes)


def saved(world, **values):
    """A save in the UI replaces all data."""
    data = world.api.objects[RUNNER].get("data") or {}
    world.api.change(RUNNER, {"data": {**dict.fromkeys(data), **encoded(values)}})


def held(world, path=RUNNER):
    """The values in the cluster."""
    return {key: base64.b64decode(value).decode() for key, value in world.api.objects[path]["data"].items()}


def warnings(world):
    return world.engine.texts("warning")


def refreshed(world, state):
    """State after a refresh, and what it says of drift."""
    inputs = {name: value for name, value in state.items() if name != "drift"}
    answer = world.plugin.read(inputs, state, urn=WORKSPACE_SECRET)
    assert plain(answer.inputs) == inputs
    return plain(answer.properties)


def diff(world, inputs, state, news):
    answer = world.plugin.diff(inputs, state, news, urn=WORKSPACE_SECRET)
    return {path: one.kind for path, one in answer.detailedDiff.items()}


def create(world, news):
    return world.plugin.create(news, urn=WORKSPACE_SECRET)[1]


def update(world, state, news, **more):
    return world.plugin.update(state, news, urn=WORKSPACE_SECRET, **more)
