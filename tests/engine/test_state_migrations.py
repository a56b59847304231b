"""How a later release can rename a resource type and a property: docs/internals/adr/0023 rests on these.

The state is made older by hand: its AccessToken is a KeyToken, and the input and output `key` is `keyId`. The program
and the plugin are today's, with what a release would add to them.
"""

import json
from typing import Any

import pytest

from tests.support.stacks import REPOSITORY, Stack

pytestmark = pytest.mark.slow

NEW, OLD = "ambient:index:AccessToken", "ambient:index:KeyToken"

FILE = "workspaces:\n  THIS: {protect: false, owners: [user:alice@example.com], keys: {ci: {role: view}}}\n"

RENAMING = """\
def renamed(values):
    return {"key" if name == "keyId" else name: value for name, value in (values or {}).items()}
"""

PROGRAM = f"""\
import pulumi
from ambient_components.resources.access import AccessToken

{RENAMING}
def migrate(args):
    root, *rest = args.old_state
    new = {{**root, "type": "{NEW}", "urn": args.urn}}
    for part in ("inputs", "outputs", "propertyDependencies"):
        new[part] = renamed(root.get(part))
    if new == root:
        return None
    return pulumi.StateMigrationResult([new, *rest], {{root["urn"]: args.urn}})

declare = AccessToken.__init__
def declare_with_former_names(self, name, args, opts=None):
    more = pulumi.ResourceOptions(%s)
    declare(self, name, args, pulumi.ResourceOptions.merge(opts, more))
AccessToken.__init__ = declare_with_former_names
"""

ALIAS = f'aliases=[pulumi.Alias(type_="{OLD}")]'
MIGRATION = "state_migrations=[migrate]"

PLUGIN = f"""\
#!{REPOSITORY}/.venv/bin/python
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from dataclasses import replace
from ambient_components.provider import __main__ as plugin, servicer

{RENAMING}
class WithFormerNames(type(servicer.RESOURCES["{NEW}"])):
    def check(self, context, olds, news):
        return super().check(context, renamed(olds), news)
    def diff(self, context, inputs, state, news):
        return super().diff(context, renamed(inputs), renamed(state), news)
    def read(self, context, identity, inputs, state):
        found = super().read(context, identity, renamed(inputs), renamed(state))
        return found and replace(found, inputs=renamed(inputs))
    def update(self, context, identity, state, news):
        return super().update(context, identity, renamed(state), news)
    def delete(self, context, identity, state):
        super().delete(context, identity, renamed(state))

servicer.RESOURCES["{NEW}"] = servicer.RESOURCES["{OLD}"] = WithFormerNames()
plugin.main()
"""


@pytest.fixture
def token(stack: Stack) -> str:
    """The token of a stack that an earlier release deployed."""
    stack.write(FILE)
    stack.up().ok()
    make_older(stack)
    return stack.token("ci")


def make_older(stack: Stack) -> None:
    def change(deployment: dict[str, Any]) -> None:
        for resource in deployment["resources"]:
            if resource["type"] == NEW:
                for part in ("inputs", "outputs", "propertyDependencies"):
                    resource[part]["keyId"] = resource[part].pop("key")
        deployment["resources"] = json.loads(json.dumps(deployment["resources"]).replace(NEW, OLD))

    stack.edit_state(change)


def use_program(stack: Stack, *options: str) -> None:
    main = (REPOSITORY / "__main__.py").read_text(encoding="utf-8")
    assert main.count("\ntry:\n") == 1
    text = main.replace("\ntry:\n", f"\n{PROGRAM % ', '.join(options)}\ntry:\n")
    (stack.folder / "__main__.py").write_text(text, encoding="utf-8")


def use_plugin_with_former_names(stack: Stack) -> None:
    (stack.folder / "plugin").unlink()
    (stack.folder / "plugin").mkdir()
    launcher = stack.folder / "plugin" / "pulumi-resource-ambient"
    launcher.write_text(PLUGIN, encoding="utf-8")
    launcher.chmod(0o755)
    stack.forks = False  # the fork server has the repository's plugin


def names(stack: Stack) -> list[str]:
    """Type, input and output by which the state has the token."""
    (found,) = [resource for resource in stack.export() if resource["type"] in (NEW, OLD)]
    values = [name for part in ("inputs", "outputs") for name in found[part] if name.startswith("key")]
    return [found["type"], *values]


def test_without_an_alias_a_renamed_type_would_be_another_token(stack: Stack, token: str) -> None:
    use_program(stack, MIGRATION)
    preview = stack.preview().ok()
    assert "+ 1 to create" in preview.text
    assert "- 1 to delete" in preview.text


def test_a_migration_renames_in_an_update_and_not_in_a_refresh_or_with_exclusions(stack: Stack, token: str) -> None:
    use_program(stack, ALIAS, MIGRATION)
    assert stack.preview().unchanged
    stack.preview("--exclude", "**::nothing").refused("cannot change state during a targeted or excluded update")
    stack.up("--refresh").refused(f"{OLD} is no resource of the ambient plugin")
    assert names(stack) == [OLD, "keyId", "keyId"]
    assert stack.up().unchanged
    assert names(stack) == [NEW, "key", "key"]
    assert stack.token("ci") == token
    use_program(stack)
    assert stack.up("--refresh").unchanged


def test_an_alias_and_a_plugin_with_the_former_names_do_it_in_every_command(stack: Stack, token: str) -> None:
    use_program(stack, ALIAS)
    use_plugin_with_former_names(stack)
    assert stack.preview("--exclude", "**::nothing").unchanged
    assert stack.up().unchanged
    assert names(stack) == [NEW, "key", "keyId"]
    assert stack.up("--refresh").unchanged
    assert names(stack) == [NEW, "key", "key"]
    assert stack.token("ci") == token
    make_older(stack)
    stack.destroy().ok()
    stack.ended(token, "the token")
