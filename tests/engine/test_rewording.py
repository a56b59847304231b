"""No decision of a whole run depends on the words of a message: with all of them translated, it comes to the same.

`tests/support/reworded` translates them in each of our processes: the command line, the Pulumi program and the plugin.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.life import RBAC
from tests.support.machine import Machine
from tests.support.reworded.sitecustomize import reworded
from tests.support.shard import Shard
from tests.support.stacks import REPOSITORY, Result, Stack

BEFORE = """
workspaces:
  THIS-missing: {protect: false, owners: [user:alice@example.com], keys: {ci: {}}}
  THIS-public: {protect: false, owners: [user:alice@example.com]}
  THIS-good: {protect: false, owners: [user:alice@example.com], grants: [{group: devs}], keys: {ci: {}}}
"""
BAD = """
guardrails: {secretSources: [{variables: WORDS_TOKEN}]}
workspaces:
  THIS-missing:
    protect: false
    owners: [user:bob@example.com]
    keys: {ci: {}}
    secrets: {integrations: {TOKEN: {env: WORDS_TOKEN}}}
  THIS-public: {protect: false, owners: [user:alice@example.com], grants: [{group: system:authenticated}]}
  THIS-foreign: {protect: false, owners: [user:alice@example.com]}
  THIS-good: {protect: false, owners: [user:alice@example.com], keys: {ci: {}}}
"""
MOMENTS = {"at", "now", "seconds"}
"""Fields that differ between two runs."""


@contextmanager
def translated(stack: Stack) -> Iterator[None]:
    before = stack.environment
    folder = REPOSITORY / "tests" / "support" / "reworded"
    stack.environment = before | {"PYTHONPATH": f"{folder}:{before['PYTHONPATH']}"}
    try:
        yield
    finally:
        stack.environment = before


def in_json(result: Result) -> list[dict[str, Any]]:
    """All JSON objects of its output, which end before what standard error has."""
    text, found = result.text[result.text.index("{") :], []
    while text.startswith("{"):
        one, end = json.JSONDecoder().raw_decode(text)
        found.append(one)
        text = text[end:].lstrip()
    return found


def in_words(data: Any) -> Any:
    """The data with all its texts translated: those that were translated before stay."""
    match data:
        case str():
            return reworded(data)
        case dict():
            return {name: in_words(value) for name, value in data.items() if name not in MOMENTS}
        case list():
            return [in_words(value) for value in data]
    return data


def same_in_other_words(stack: Stack, *words: str, code: int, translated_parts: set[str]) -> dict[str, Any]:
    """A verb that changes nothing comes to the same in both languages. Returns the JSON of the one without translation.

    Args:
        stack: Where it runs.
        words: The verb.
        code: Its exit code.
        translated_parts: Fields that hold a problem, and so differ.
    """
    plain = stack.ambient(*words, "--format", "json")
    with translated(stack):
        other = stack.ambient(*words, "--format", "json")
    assert (plain.code, other.code) == (code, code), f"{plain.text}\n{other.text}"
    (first,), (second,) = in_json(plain), in_json(other)
    assert in_words(first) == in_words(second)
    assert {name for name in first if first[name] != second[name]} - MOMENTS == translated_parts
    return first


@pytest.mark.slow
def test_a_plan_of_a_stack(stack: Stack) -> None:
    stack.write(BEFORE)
    stack.up().ok()
    bindings = f"{RBAC}/{stack.w}-good/rolebindings"
    for binding in (stack.machine.get(bindings) or {})["items"]:
        if binding["roleRef"]["name"].startswith("ambient-project-"):
            stack.machine.delete(f"{bindings}/{binding['metadata']['name']}")
    drifted = same_in_other_words(stack, "plan", stack.name, code=0, translated_parts={"warnings"})
    assert [f"{stack.w}-good"] in [one.get("workspaces") for one in drifted["warnings"]]
    stack.write("workspaces: {}\n")
    refused = same_in_other_words(stack, "plan", stack.name, code=3, translated_parts={"guardrails"})
    assert {one["rule"] for one in refused["guardrails"]} == {"notClosed"}
    before = stack.export()
    with translated(stack):
        assert stack.ambient("up", stack.name, "--yes").code == 3
    assert stack.export() == before


@pytest.fixture
def shard(machine: Machine, tmp_path) -> Iterator[Shard]:
    shard = Shard(machine, "words", tmp_path)
    shard.environment.pop("WORDS_TOKEN", None)
    yield shard
    shard.remove()


def up(shard: Shard, code: int) -> dict[str, Any]:
    """Deploys in other words. Returns the JSON of the shard."""
    with translated(shard):
        ended = shard.ambient("up", "words", "--yes", "--format", "json")
    shard._remember_tokens()
    assert ended.code == code, ended.text
    ran, summary = in_json(ended)
    assert summary["exitCode"] == code
    for one in ran["errors"]:
        assert one["problem"] == reworded(one["problem"])
    return ran


def test_a_fleet_with_refused_workspaces(shard: Shard) -> None:
    foreign, good, missing, public = (f"{shard.w}-{name}" for name in ("foreign", "good", "missing", "public"))
    shard.write(BEFORE)
    shard.ambient("up", "words", "--yes").ok()
    shard._remember_tokens()
    entries = shard.ledger()
    owner = {"ambient-components/owner": "somebody/else"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": foreign, "annotations": owner}}
    shard.machine.create("/api/v1/namespaces", body)

    shard.write(BAD)
    parts = {"errors", "guardrails", "warnings"}
    planned = same_in_other_words(shard, "plan", "words", code=3, translated_parts=parts)
    assert [one["rule"] for one in planned["guardrails"]] == ["publicAccess"]
    assert [one["rule"] for one in planned["errors"]] == ["missingSecret", "ownership"]
    # The plugin and the program are translated too: what `pulumi` itself prints is theirs.
    with translated(shard):
        previewed = shard.preview().text
    assert reworded(f"workspace '{public}': group:system:authenticated has view") in previewed
    assert reworded("the environment variable 'WORDS_TOKEN' is not set") in previewed
    # Three are refused, each for another reason; the fourth is deployed.
    ran = up(shard, 3)
    assert ran["excluded"] == sorted([foreign, missing, public])
    rules = {one["workspace"]: one["rule"] for one in ran["errors"]}
    assert rules == {foreign: "ownership", missing: None, public: "publicAccess"}
    assert shard.ledger() == {**entries, good: shard.ledger()[good]}
    assert shard.ledger()[good]["grants"] == {}

    # A missing secret alone is a failure, and no refusal.
    without = [line for line in BAD.splitlines(keepends=True) if "public" not in line and "foreign" not in line]
    shard.write(f"{''.join(without)}{BEFORE.splitlines(keepends=True)[3]}")
    ran = up(shard, 1)
    assert ran["excluded"] == [missing]
    assert {one["workspace"]: one["rule"] for one in ran["errors"]} == {missing: None}

    shard.environment["WORDS_TOKEN"] = shard.machine.keep_secret("a-value-of-the-environment-0815", "WORDS_TOKEN")
    pending = same_in_other_words(shard, "plan", "words", code=2, translated_parts={"warnings"})
    assert [one["subject"] for one in pending["access"]["gained"]] == ["user:bob@example.com"]
    shard.environment["AMBIENT_CLOCK_OFFSET"] = "200d"
    keys = same_in_other_words(shard, "keys", "list", "words", code=2, translated_parts=set())
    assert {one["state"] for one in keys["keys"]} == {"expired"}
