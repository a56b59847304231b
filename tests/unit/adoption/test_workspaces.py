"""Which workspaces can be adopted, and that no object of a workspace user stops the reading."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ambient_components.adoption.workspaces import Reader, existing_workspaces
from tests.support.existing import (
    OWNER,
    binding,
    flags,
    gathered,
    key,
    limit_range,
    made,
    namespace,
    of_pay,
    plain,
    replaced,
    secret,
    settings,
    shared,
)
from tests.support.hostile import JSON, VALUES, paths
from tests.support.hostile import replaced as with_value
from tests.support.quick import examples

NOTE = "ambient-components/owner"


def refused(*objects, **reader):
    (workspace,) = existing_workspaces(gathered(objects), Reader(OWNER, **reader))
    return workspace.rule, workspace.problem, workspace.hint


def test_the_workspace_of_another_stack_names_it():
    rule, problem, hint = refused(namespace("pay", annotations={NOTE: "other/prod"}))
    assert (rule, problem) == ("otherStack", "'pay' belongs to the stack other/prod")
    assert "state: released" in hint


def test_a_workspace_of_this_stack_is_read_as_any_other_and_says_so():
    assert of_pay(namespace("pay", annotations={NOTE: OWNER})).owned
    assert not of_pay().owned


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("default", "reserved"), ("kube-system", "reserved"), ("openshift-monitoring", "reserved"),
        ("kube-team", "reserved"),
        ("ambient-code", "platform"), ("1st", "name"), ("a", "name"), ("9" * 63, "name"),
    ],
)  # fmt: skip
def test_namespaces_that_no_stack_file_can_name_are_refused(name, rule):
    assert refused(namespace(name))[0] == rule


def test_the_platforms_namespace_of_the_config_is_refused_and_the_default_one_too():
    assert refused(namespace("acp"), platform_namespace="acp")[0] == "platform"
    assert refused(namespace("ambient-code"), platform_namespace="acp")[0] == "platform"


def test_a_namespace_in_deletion_is_refused():
    rule, _, hint = refused(namespace("pay", deletionTimestamp="2026-11-28T10:00:00Z"))
    assert rule == "ending"
    assert "kubectl get namespace pay" in hint


def everything():
    """A workspace with an object of each kind that a workspace user can write."""
    return replaced(
        plain("pay"), shared("pay", "group:devs", "edit"), *key("pay", "ci", used="2026-11-01T08:00:00Z"),
        binding("pay", "by-hand", "admin", "user:mallory"), settings("pay", inactivityTimeoutSeconds=60, mcpServers={
            "custom": {"a": {"type": "http", "url": "https://a", "headers": {"B": "c"}}}, "disabled": ["webfetch"]}),
        flags("pay", **{"jira-write": "true"}), limit_range("pay", max={"cpu": "4"}),
        made("ConfigMap", "pay", "trusted-ca-bundle", data={"ca-bundle.crt": "PEM"}),
        made("ResourceQuota", "pay", "workspace-quota", spec={"hard": {"pods": "50"}}),
        made("NetworkPolicy", "pay", "workspace-isolation", spec={"egress": [{"to": [{"ipBlock": {"cidr": "x"}}]}]}),
        secret("pay", "ambient-runner-secrets", ANTHROPIC_API_KEY="x"),
    )  # fmt: skip


def read(objects):
    return existing_workspaces(gathered(objects), Reader(OWNER, openshift=True))


PLACES = [(index, at) for index, one in enumerate(everything()) for at in paths(one) if at[:1] not in ((), ("kind",))]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_value_in_any_field_stops_the_reading(value):
    for index, at in PLACES:
        if at[:2] in (("metadata",), ("metadata", "name"), ("metadata", "namespace"), ("data",)):
            continue  # the API server has these as names and mappings
        objects = everything()
        objects[index] = with_value(objects[index], at, copy.deepcopy(value))
        (workspace,) = read(objects)
        assert workspace.name == "pay"
        assert len(repr(workspace)) < 200_000


@examples(200)
@given(st.sampled_from(PLACES), JSON)
def test_nothing_that_an_api_server_could_answer_stops_the_reading(place, value):
    index, at = place
    if at[:2] in (("metadata",), ("metadata", "name"), ("metadata", "namespace"), ("data",)):
        return
    objects = everything()
    objects[index] = with_value(objects[index], at, value)
    assert read(objects)[0].name == "pay"
