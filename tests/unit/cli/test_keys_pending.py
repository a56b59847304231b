"""What counts as of_keys besides the change of some keys, of plans as the engine prints them."""

from typing import Any

import pytest

from ambient_components.access.entries import changed_paths
from ambient_components.cli.edits.pending import Pending, of_keys
from ambient_components.engine.steps import Preview

KEYS = [("pay", "ci"), ("my-team", "nightly-report")]


def step(op: str, name: str, kind: str = "x:y:Z", **more: Any) -> dict[str, Any]:
    return {"op": op, "urn": f"urn:pulumi:dev::ambient-components::{kind}::{name}", **more}


def stack(op: str = "same") -> dict[str, Any]:
    return step(op, "ambient-components-dev", "pulumi:pulumi:Stack")


def ledger(*paths: str, op: str = "update") -> dict[str, Any]:
    diff = {path: {"kind": "update", "inputDiff": False} for path in paths}
    return step(op, "access", "ambient:index:AccessLedger", detailedDiff=diff)


def found(*steps: dict[str, Any]) -> tuple[list[str], list[str]]:
    return lines(of_keys(Preview.of({"steps": [stack(), *steps], "changeSummary": {"same": 1}}), KEYS))


def lines(pending: Pending) -> tuple[list[str], list[str]]:
    """What is the keys' own, and all else."""
    return [f"{step.op}  {step.name}" for step in pending.own], [*pending.others]


@pytest.mark.parametrize(
    "only",
    [
        step("replace", "pay/key/ci/g2", "ambient:index:Workspace$ambient:index:ApiKey$ambient:index:AccessToken"),
        step("create", "pay/key/ci/g1"),
        step("delete", "pay/key/ci"),
        step("delete", "pay/key/ci/g12"),
        step("update", "my-team/key/nightly-report/g1"),
        ledger("workspaces.pay.keys.ci"),
        ledger("workspaces.pay.keys.ci.generation", 'workspaces["my-team"].keys["nightly-report"].overlapUntil'),
        ledger('workspaces["pay"].keys["ci"].generation'),
    ],
)
def test_what_is_the_keys_own(only: dict[str, Any]) -> None:
    name = only["urn"].rpartition("::")[2]
    assert found(only) == ([f"{only['op']}  {name}"], [])


@pytest.mark.parametrize(
    "other",
    [
        step("create", "pay/key/cd/g1"),
        step("update", "pay/key/ci-2/g1"),
        step("update", "pay/key/ci/gx"),
        step("update", "pay/key/ci/g1/more"),
        step("delete", "lab/key/ci/g1"),
        step("update", "pay/settings"),
        step("update", "pay"),
        step("create", "pay/grant/user:eve"),
        # Named to look like a key to who cuts at the last colons.
        step("create", "pay/grant/user:x::pay/key/ci/g1"),
        step("update", "cluster", "pulumi:providers:kubernetes"),
        step("create", "cluster", "pulumi:providers:ambient"),
    ],
)
def test_what_is_none_of_the_keys(other: dict[str, Any]) -> None:
    name = other["urn"].split("::", 3)[3]
    assert found(other) == ([], [f"{other['op']}  {name}"])


@pytest.mark.parametrize(
    ("step", "others"),
    [
        (ledger("workspaces.pay.grants.x"), ["access workspaces.pay.grants.x"]),
        (
            ledger('workspaces.pay.grants["user:a"]', "workspaces.pay.keys.ci.generation", "workspaces.lab"),
            ['access workspaces.pay.grants["user:a"]', "access workspaces.lab"],
        ),
        (ledger("workspaces.pay.keys"), ["access workspaces.pay.keys"]),
        (ledger("workspaces.pay.keys.cd.role"), ["access workspaces.pay.keys.cd.role"]),
        (ledger("workspaces.lab.keys.ci"), ["access workspaces.lab.keys.ci"]),
        (ledger("owner"), ["access owner"]),
        (ledger("workspaces.pay.keys.ci*"), ["access workspaces.pay.keys.ci*"]),
        (ledger("x[0].pay.keys.ci"), ["access x[0].pay.keys.ci"]),
        (ledger(), ["access"]),
        (ledger("workspaces.pay.keys.ci", op="create"), ["access"]),
        (ledger("workspaces.pay.keys.ci", op="replace"), ["access"]),
        (step("update", "access", "ambient:index:AccessLedger"), ["access"]),
        (step("update", "access", "ambient:index:AccessLedger", detailedDiff=None), ["access"]),
    ],
)
def test_the_ledger_says_each_path_that_is_foreign(step: dict[str, Any], others: list[str]) -> None:
    assert found(step) == ([], [f"{step['op']}  {name}" for name in others])


@pytest.mark.parametrize("op", ["same", "read", "read-replacement", "refresh", "discard"])
def test_what_changes_nothing_is_quiet(op: str) -> None:
    state = {"protect": True}
    quiet = [step(op, "pay/namespace", oldState=state, newState=state), step(op, "cluster", "pulumi:providers:x")]
    assert found(*quiet) == ([], [])


@pytest.mark.parametrize(("old", "new"), [({"protect": True}, {}), ({}, {"protect": True}), (None, {"protect": True})])
def test_a_change_of_protection_is_called_the_same(old: Any, new: Any) -> None:
    changed = step("same", "pay/namespace", oldState=old, newState=new)
    assert found(changed) == ([], ["protect  pay/namespace"])


@pytest.mark.parametrize("op", ["create", "update", "same"])
def test_the_stack_itself_does_not_count(op: str) -> None:
    assert of_keys(Preview.of({"steps": [stack(op)]}), KEYS) == Pending((), ())


@pytest.mark.parametrize("plan", [{}, {"steps": None}, {"steps": [], "changeSummary": {"same": 3}}])
def test_an_empty_plan(plan: dict[str, Any]) -> None:
    assert of_keys(Preview.of(plan), KEYS) == Pending((), ())


def test_a_plan_that_lists_nothing_and_counts_something_is_not_empty() -> None:
    plan = {"changeSummary": {"same": 3, "create": 2, "delete": 1}}
    assert of_keys(Preview.of(plan), KEYS).others == ("create  2 resources", "delete  1 resources")


def test_paths_are_read_as_the_ledger_writes_them() -> None:
    def of(generation: int) -> dict[str, Any]:
        keys = {"ci": {"generation": generation}}
        return {"workspaces": {name: {"keys": keys} for name in ("pay", "my-team", 'a"b\\c')}}

    paths = [change.path for change in changed_paths(of(1), of(2))]
    selected = [(name, "ci") for name in of(1)["workspaces"]]
    assert of_keys(Preview.of({"steps": [ledger(*paths)]}), selected).others == ()
    assert len(of_keys(Preview.of({"steps": [ledger(*paths)]}), selected[:1]).others) == 2
