"""The role that `ambient rbac STACK` prints is enough for all that the stack declares, and for its removal."""

from collections.abc import Collection

import pytest
import yaml

from ambient_components.access.deployer import RIGHTS, Feature, Right, rights_for
from tests.support.deployer import rules_of
from tests.support.stacks import Stack

GRANTS = "grants: [{group: devs, role: edit}]"
DECLARED = {
    "nothing but grants": ("", ()),
    "keys": ("keys: {ci: {role: view, deliver: {secret: {namespace: default, name: THIS}}}}", (Feature.KEYS,)),
    "secrets": ("secrets: {runner: {ANTHROPIC_API_KEY: {config: a-value}}}", (Feature.SECRETS,)),
    "settings": (
        "settings: {idleTimeout: 12h, mcpServers: {disabled: [webfetch]}, featureFlags: {a-flag: true}}",
        (Feature.SETTINGS, Feature.CONFIG_MAPS),
    ),
    "limits": (
        "limits: {quota: {pods: 5}, network: {}, containers: {default: {memory: 1Gi}}}",
        (Feature.QUOTA, Feature.NETWORK, Feature.CONTAINERS),
    ),
    "schedules": (
        'schedules: {review: {schedule: "0 9 * * 1-5", sessionTemplate: {initialPrompt: Review.}}}',
        (Feature.SCHEDULES,),
    ),
}


def entry(*fields: str) -> str:
    return f"workspaces:\n  THIS: {{{', '.join(filter(None, ('protect: false', GRANTS, *fields)))}}}\n"


def role(stack: Stack) -> list[dict[str, object]]:
    """The rules that the command prints for the stack's files."""
    printed = stack.ambient("rbac", stack.name)
    assert printed.code == 0, printed.text
    rules: list[dict[str, object]] = next(yaml.safe_load_all(printed.text))["rules"]
    return rules


def not_in(needed: Collection[Right]) -> Right:
    """A right that these do not give. One of a single object may be part of theirs."""
    return next(right for right in RIGHTS if right not in needed and not right.name)


@pytest.mark.parametrize(
    "declared",
    [
        pytest.param(name, marks=[pytest.mark.slow] if name in {"secrets", "settings", "limits"} else [])
        for name in DECLARED
    ],
)
def test_the_role_is_enough_to_make_refresh_and_remove(stack: Stack, declared: str) -> None:
    fields, features = DECLARED[declared]
    stack.secret("a-value")
    stack.write(entry(fields))
    needed = rights_for(features)
    missing = not_in(needed)
    with rules_of(stack.machine, role(stack), needed[-1], missing):
        stack.up().ok()
        assert stack.up("--refresh").unchanged
        stack.write(entry())
        stack.up().ok()
        assert stack.preview("--refresh").unchanged


def test_the_role_is_enough_to_close_and_to_open_again(stack: Stack) -> None:
    stack.write(entry())
    stack.up().ok()
    stack.write(entry("state: closed"))
    needed = rights_for({Feature.CLOSING})
    missing = not_in(needed)
    with rules_of(stack.machine, role(stack), needed[-1], missing):
        stack.up().ok()
        stack.write(entry())
        stack.up("--refresh").ok()
        assert stack.preview("--refresh").unchanged


def test_a_feature_without_its_rights_is_refused_before_anything_changes(stack: Stack) -> None:
    stack.write(entry())
    stack.up().ok()
    needed = rights_for(())
    missing = not_in(needed)
    with rules_of(stack.machine, role(stack), needed[-1], missing):
        stack.write(entry("keys: {ci: {role: view}}"))
        stack.up().refused("no right to create serviceaccounts/token, needed for minting", "ambient rbac STACK")
        assert stack.accounts() == []
