"""Outputs as arguments: once their values are known, the rules of a plain value hold for them."""

import logging

import pulumi
import pytest

from ambient_components import ApiKey, ClusterProviders, Grant, Workspace, Workspaces
from tests.program.conftest import CLUSTER
from tests.support.recorder import Recorder

KEY = {"namespace": "payments", "id": "ci", "owner": "project/fleet"}
LONG = "x" * 300


@pytest.fixture(autouse=True)
def _as_pulumi_runs_programs(monkeypatch):
    monkeypatch.setattr(logging.getLogger("asyncio"), "level", logging.CRITICAL)


def later(value):
    return pulumi.Output.from_input("").apply(lambda _: value)


def secret(value):
    return pulumi.Output.secret(value)


def workspaces(entry):
    return Workspaces({"payments": {"secrets": {"runner": {"ANTHROPIC_API_KEY": "made-up"}}, **entry}})


PROGRAMS = {
    "a number for a secret": (
        lambda opts: Workspace("payments", secrets={"runner": {"ANTHROPIC_API_KEY": later(5)}}, opts=opts),
        "workspace 'payments': secrets.runner.ANTHROPIC_API_KEY: is a number",
    ),
    "no quantity": (
        lambda opts: Workspace("payments", limits={"quota": {"pods": later("many")}}, opts=opts),
        "workspace 'payments': limits.quota.pods: 'many' is not a quantity",
    ),
    "a fraction of a pod": (
        lambda opts: Workspace("payments", limits={"quota": {"pods": later("500m")}}, opts=opts),
        "workspace 'payments': limits.quota.pods: 500m is a fraction",
    ),
    "a secret quantity": (
        lambda opts: Workspace("payments", limits={"quota": {"pods": secret("v-many")}}, opts=opts),
        "workspace 'payments': limits.quota.pods: is a secret with a value that is not allowed here",
    ),
    "a long description": (
        lambda opts: ApiKey("ci", **KEY, description=later(LONG), opts=opts),
        "key 'ci': description: has 300 characters",
    ),
    "a namespace": (
        lambda opts: Grant("bob", namespace=later("Pay ments"), user="bob", opts=opts),
        "grant 'bob': namespace: is not the name of a namespace",
    ),
    "a key of a mapping's workspace": (
        lambda _: workspaces({"keys": {"ci": {"description": later(LONG)}}}),
        "workspaces.payments.keys.ci.description: has 300 characters",
    ),
    "a secret of a mapping's workspace": (
        lambda _: workspaces({"secrets": {"integrations": {"GITHUB_TOKEN": later(True)}}}),
        "workspaces.payments.secrets.integrations.GITHUB_TOKEN: is true",
    ),
    "a secret of another kind": (
        lambda _: workspaces({"limits": {"quota": {"pods": secret(1.25)}}}),
        "workspaces.payments.limits.quota.pods: is a secret with a value that is not allowed here",
    ),
    "a credential in a prompt": (
        lambda _: workspaces(
            {
                "schedules": {
                    "review": {
                        "schedule": "0 9 * * 1-5",
                        "session_template": {"initial_prompt": later("use ghp_0123456789abcdefABCDEF0123456789abcd")},
                    }
                }
            }
        ),
        "workspaces.payments.schedules.review.session_template.initial_prompt: has a credential in it",
    ),
}


def run(program, preview):
    def declare():
        program(pulumi.ResourceOptions(providers=ClusterProviders.of("own", unguarded=True).both))

    return Recorder(CLUSTER, preview=preview).run(declare)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize("case", PROGRAMS)
def test_a_later_value_is_refused_by_the_rule_of_a_plain_one(case, preview):
    program, problem = PROGRAMS[case]
    with pytest.raises(pulumi.RunError) as refused:
        run(program, preview)
    assert str(refused.value).startswith(problem)
    assert "\n" not in str(refused.value)
    assert not any(value in str(refused.value) for value in ("v-many", "1.25"))
    assert "ghp_" not in str(refused.value)


def test_a_later_value_is_used_as_a_plain_one():
    def program(opts):
        Workspace("payments", limits={"quota": {"cpu": later("1000m"), "pods": "50"}}, opts=opts)

    recording = run(program, preview=False)
    assert recording.named("ResourceQuota", "payments/quota").inputs["spec"]["hard"] == {"cpu": "1", "pods": "50"}


def test_an_unknown_value_passes_a_preview():
    def program(opts):
        ApiKey("ci", **KEY, description=pulumi.Output.from_input(pulumi.runtime.rpc.UNKNOWN), opts=opts)

    recording = run(program, preview=True)
    assert recording.of("ServiceAccount")
