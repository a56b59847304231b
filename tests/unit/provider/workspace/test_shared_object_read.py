"""Settings that the platform writes as well, over real gRPC: how they are read, compared and checked."""

import pytest

from tests.support.fake_plugin import CONTAINERS, FLAGS, SETTINGS, UNKNOWN, plain, secret
from tests.support.parts import (
    EACH,
    KIND,
    LIMITS,
    MAP,
    NONE,
    OPERATORS_LIMITS,
    PODS,
    PROJECT,
    RANGE,
    SEARCH,
    SERVERS,
    WANTED,
)

CREDENTIAL = "sk-ant-api03-" + "x" * 40


# Read.


def read(world, inputs, urn):
    answer = world.plugin.read(inputs, inputs, urn=urn, identity="pay/x")
    return plain(answer.inputs) if answer.id else None


@EACH
def test_what_is_as_it_was_declared_is_read_so(world, urn, desired, path, name):
    world.plugin.create(desired, urn=urn)
    assert read(world, desired, urn) == desired
    assert world.plugin.diff(desired, desired, desired, urn=urn).changes == NONE


@pytest.mark.parametrize(
    ("urn", "desired", "path", "patch", "changes"),
    [
        (
            SETTINGS,
            WANTED,
            PROJECT,
            {"spec": {"inactivityTimeoutSeconds": 60}},
            {"inactivityTimeoutSeconds": KIND.UPDATE},
        ),
        (SETTINGS, WANTED, PROJECT, {"spec": {"mcpServers": None}}, {"mcpServers": KIND.ADD}),
        (
            SETTINGS,
            WANTED,
            PROJECT,
            {"spec": {"mcpServers": {"custom": {"search": {"url": "https://b"}, "new": SEARCH}}}},
            {"mcpServers.custom.search.url": KIND.UPDATE, "mcpServers.custom.new": KIND.DELETE},
        ),
        (SETTINGS, {"namespace": "pay", "mcpServers": SERVERS}, PROJECT, {"spec": {"inactivityTimeoutSeconds": 9}}, {}),
        (SETTINGS, WANTED, PROJECT, {"spec": {"repositories": ["r"]}, "status": {"x": 1}}, {}),
        (
            FLAGS,
            {"namespace": "pay", "flags": {"a": True, "b": False, "c.d": True, "e": True}},
            MAP,
            {"data": {"a": "false", "b": None, "c.d": "TRUE", "theirs": "true"}},
            {"flags.a": KIND.UPDATE, "flags.b": KIND.ADD, 'flags["c.d"]': KIND.UPDATE},
        ),
        (
            CONTAINERS,
            LIMITS,
            RANGE,
            {"spec": {"limits": [PODS, {**OPERATORS_LIMITS, "min": {"cpu": "10m"}}]}},
            {
                "default.cpu": KIND.UPDATE,
                "default.memory": KIND.UPDATE,
                "defaultRequest.cpu": KIND.UPDATE,
                "max": KIND.ADD,
                "min": KIND.DELETE,
            },
        ),
    ],
    ids=[
        "timeout",
        "servers gone",
        "servers",
        "a timeout that is not ours",
        "what is not ours",
        "flags",
        "limits",
    ],
)
def test_drift_of_what_is_ours_shows_in_the_next_diff_and_ends_with_the_update(
    world, urn, desired, path, patch, changes
):
    world.plugin.create(desired, urn=urn)
    right = world.api.objects[path]
    world.api.change(path, patch)
    inputs = read(world, desired, urn)
    answer = world.plugin.diff(inputs, inputs, desired, urn=urn)
    assert {where: one.kind for where, one in answer.detailedDiff.items()} == changes
    world.plugin.update(inputs, desired, urn=urn)
    assert read(world, desired, urn) == desired
    section = "data" if urn == FLAGS else "spec"
    if urn != CONTAINERS:
        others = {key: value for key, value in patch[section].items() if key in ("theirs", "repositories")}
        assert world.api.objects[path][section].items() >= others.items()
    else:
        assert world.api.objects[path][section]["limits"] == [PODS, *right[section]["limits"]]


@pytest.mark.parametrize("whole", [True, False])
def test_a_refresh_keeps_what_is_secret_a_secret(world, whole):
    """A program may give a header as a secret: what is read back is no less one, whatever it is now."""

    def servers(header):
        return {"custom": {"search": {**SEARCH, "headers": {"Authorization": header}}}}

    given = secret(servers("Bearer sk-1")) if whole else servers(secret("Bearer sk-1"))
    desired = {"namespace": "pay", "mcpServers": given}
    world.plugin.create(desired, urn=SETTINGS)
    answer = world.plugin.read(desired, desired, urn=SETTINGS)
    assert plain(answer.inputs) == plain(answer.properties) == desired
    world.api.change(PROJECT, {"spec": {"mcpServers": servers("Bearer sk-2")}})
    answer = world.plugin.read(desired, desired, urn=SETTINGS)
    assert plain(answer.inputs) == plain(answer.properties) == {**desired, "mcpServers": secret(servers("Bearer sk-2"))}


def test_what_somebody_saved_in_an_mcp_server_is_read_back_as_a_secret(world):
    """14: a credential in a header, an address or a variable would be in the state and in a diff in plain text."""
    declared = {"custom": {"search": {**SEARCH, "headers": {"X": "${TOKEN}"}, "args": ["a", "b"]}}}
    desired = {"namespace": "pay", "mcpServers": declared}
    world.plugin.create(desired, urn=SETTINGS)
    assert plain(world.plugin.read(desired, desired, urn=SETTINGS).properties) == desired
    saved = {
        **declared["custom"]["search"],
        "headers": {"X": "sk-1", "Y": "sk-2"},
        "args": ["a", "sk-3", "sk-4"],
        "n": 1,
    }
    new = {"url": "https://x?key=sk-5", "env": {"KEY": "sk-6"}, "on": True}
    world.api.change(PROJECT, {"spec": {"mcpServers": {"custom": {"search": saved, "new": new}}}})
    answer = world.plugin.read(desired, desired, urn=SETTINGS)
    custom = plain(answer.properties)["mcpServers"]["custom"]
    assert plain(answer.inputs) == plain(answer.properties)
    assert custom["search"]["headers"] == {"X": secret("sk-1"), "Y": secret("sk-2")}
    assert custom["search"]["args"] == ["a", secret("sk-3"), secret("sk-4")]
    assert custom["search"]["n"] == 1
    assert custom["search"]["url"] == SEARCH["url"]
    assert custom["new"] == {"url": secret("https://x?key=sk-5"), "env": {"KEY": secret("sk-6")}, "on": True}
    # The next refresh finds the same, and it stays what it is.
    recorded = plain(answer.inputs)
    assert plain(world.plugin.read(recorded, recorded, urn=SETTINGS).inputs) == recorded


# Check and diff.


@EACH
@pytest.mark.parametrize(
    ("namespace", "problem"), [(None, "is missing; add it"), ("", "is empty; allowed: text"), (3, "text is expected")]
)
def test_a_namespace_is_needed(world, urn, desired, path, name, namespace, problem):
    answer = world.plugin.check({**desired, "namespace": namespace}, urn=urn)
    assert [failure.reason for failure in answer.failures] == [f"namespace: {problem}"]
    assert not world.plugin.check({**desired, "namespace": UNKNOWN}, urn=urn).failures
    assert plain(world.plugin.check(desired, urn=urn).inputs) == desired


@pytest.mark.parametrize(
    ("urn", "inputs", "problem"),
    [
        (SETTINGS, {"mcpServers": {"custom": {"a__b": SEARCH}}}, "can't name an MCP server"),
        (
            SETTINGS,
            {"mcpServers": {"custom": {"a": {**SEARCH, "headers": {"K": CREDENTIAL}}}}},
            "looks like a credential",
        ),
    ],
)
def test_inputs_obey_the_rules_of_the_stack_file(world, urn, inputs, problem):
    answer = world.plugin.check({"namespace": "pay", **inputs}, urn=urn)
    assert problem in " / ".join(failure.reason for failure in answer.failures)
    assert CREDENTIAL not in str(answer.failures)


def test_unknown_parts_are_checked_once_they_are_known(world):
    servers = {"custom": {"a": {"url": UNKNOWN, "headers": UNKNOWN}}, "disabled": UNKNOWN}
    inputs = {"namespace": "pay", "mcpServers": servers, "inactivityTimeoutSeconds": UNKNOWN}
    answer = world.plugin.check(inputs, urn=SETTINGS)
    assert [failure.reason for failure in answer.failures] == []


@EACH
def test_another_namespace_is_another_resource(world, urn, desired, path, name):
    answer = world.plugin.diff(desired, desired, {**desired, "namespace": "other"}, urn=urn)
    assert list(answer.replaces) == ["namespace"]
    assert {where: one.kind for where, one in answer.detailedDiff.items()} == {"namespace": KIND.UPDATE_REPLACE}
