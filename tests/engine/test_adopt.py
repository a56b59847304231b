"""`ambient adopt` on the real engine: existing workspaces as files, the proof, the first run, and the way back."""

import json
import secrets
from collections.abc import Iterator

import pytest
import yaml

from sandbox.ui_style import UiKey, UiWorkspace, binding, grant
from tests.support.adoption import RELEASED, Watch, adopt, differences, dump, files, make, text
from tests.support.attacks import CORE, PLATFORM, Bearer
from tests.support.gate import MARK, Moment, dies
from tests.support.life import Workspace
from tests.support.stacks import Stack


@pytest.fixture
def made(stack: Stack) -> Iterator[list[UiWorkspace]]:
    """Three workspaces of the UI, each with another history."""
    value = stack.machine.keep_secret(f"jira-{secrets.token_urlsafe(24)}", "a value that was set in the UI")
    workspaces = [
        UiWorkspace(f"{stack.w}-a", creator="alice@example.com"),
        UiWorkspace(
            f"{stack.w}-b",
            creator="carol@example.com",
            keys=(UiKey("Nightly build", "view", "for the nightly build"), UiKey("ci", "admin", suffix="00c0ffee")),
            grants=(
                ("group", "payments-devs", "edit"),
                ("user", "alice@example.com", "view"),
                ("user", "Bob@example.com", "view"),
            ),
            settings={"inactivityTimeoutSeconds": 3600, "mcpServers": {"disabled": ["webfetch"]}},
            flags={"jira-write": "true"},
            integrations={"JIRA_API_TOKEN": value},
        ),
        UiWorkspace(f"{stack.w}-c", creator="", grants=(("group", "system:authenticated", "view"),)),
    ]
    for one in workspaces:
        make(stack.machine, one)
    yield workspaces
    for one in workspaces:
        stack.machine.delete(f"/api/v1/namespaces/{one.name}")


def test_three_commands_bring_workspaces_under_management(stack: Stack, made: list[UiWorkspace]) -> None:
    names = [one.name for one in made]
    before = {name: dump(stack.machine, name) for name in names}
    watch = Watch(stack.machine, made[1])
    with watch:
        said = adopt(stack, *names)
        assert said.code == 0, said.text
        assert "Checked: a run changes nothing but ownership (18 objects)" in said.text
        named = [line.strip() for line in text(stack).splitlines() if "JIRA_API_TOKEN" in line]
        assert [line[:2] for line in named] == ["# "]
        values = [*made[1].integrations.values()]
        assert [path for path, written in files(stack).items() for value in values if value in written] == []
        stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name), before[name]) == []
    assert stack.preview("--expect-no-changes").unchanged

    with watch:
        stack.write(text(stack).replace("adopt: true", "adopt: true\n    state: released"))
        stack.up().ok()
        stack.write("workspaces: {}\n")
        stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name, RELEASED), before[name]) == []


NO_STRINGS = ("null", "no", "2026-01-01", "- a", "b #c")
"""Names of groups that YAML reads as null, a boolean, a date, a list and a comment unless they are quoted."""


def odd(stack: Stack) -> list[UiWorkspace]:
    """Workspaces that were not made by the UI alone."""
    machine, w = stack.machine, stack.w
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
    groups = tuple(("group", name, "edit") for name in NO_STRINGS)
    edited = UiWorkspace(f"{w}-edited", grants=groups, labels={"cost-center": "4711"})
    half = UiWorkspace(f"{w}-half", creator="", grants=(("user", "a.b", "view"), ("user", "a-b", "edit")))
    many = UiWorkspace(f"{w}-many", grants=tuple(("user", f"user-{n}@example.com", "view") for n in range(100)))
    for one in (edited, half, many):
        make(machine, one)
    person = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "carol"}
    machine.create(rbac.format(edited.name), binding("by-kubectl", "admin", person))
    machine.create(
        rbac.format(edited.name), {**binding("two", "view", person), "subjects": [person, {**person, "name": "dan"}]}
    )
    other = binding("cluster-view", "view", person)
    machine.create(rbac.format(edited.name), {**other, "roleRef": {**other["roleRef"], "name": "view"}})
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team"}, "spec": {"hard": {"pods": "7"}}}
    machine.create(f"{CORE}/{edited.name}/resourcequotas", quota)
    applied = {
        **grant("group", "ops", "view"),
        "metadata": {**grant("group", "ops", "view")["metadata"], "namespace": half.name},
    }
    path = f"{rbac.format(half.name)}/{applied['metadata']['name']}?fieldManager=argocd-controller"
    assert Bearer(machine, machine.cluster.token_of("sandbox-admin")).can(
        "PATCH", path, applied, "application/apply-patch+yaml"
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
        "name": "ambient-key-lost-0badf00d", "labels": {"app": "ambient-access-key"},
        "annotations": {"ambient-code.io/key-name": "lost"},
    }}  # fmt: skip
    machine.create(f"{CORE}/{half.name}/serviceaccounts", account)
    machine.delete(f"{PLATFORM}/{half.name}/projectsettings/projectsettings")
    return [edited, half, many]


def test_workspaces_that_others_edited_are_adopted_without_a_change(stack: Stack) -> None:
    names = [one.name for one in odd(stack)]
    before = {name: dump(stack.machine, name) for name in names}
    document = json.loads(adopt(stack, *names, "--format", "json", "--layout", "per-workspace").ok().text)
    assert document["check"]["clean"]
    rules = {(one["workspace"].rpartition("-")[2], one["rule"]) for one in document["notes"]}
    assert rules >= {
        ("edited", "otherBinding"), ("edited", "severalSubjects"), ("edited", "otherRole"),
        ("half", "keyWithoutRole"), ("half", "otherOwner"),
    }  # fmt: skip
    entry = (stack.folder / "stacks" / stack.name / f"{names[0]}.yaml").read_text()
    assert "  # - RoleBinding by-kubectl gives admin to user:carol" in entry
    grants = yaml.safe_load(entry)["workspaces"][names[0]]["grants"]
    assert sorted(one["group"] for one in grants) == sorted(NO_STRINGS)
    stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name), before[name]) == []
    assert stack.preview("--expect-no-changes").unchanged
    again = json.loads(adopt(stack, *names, "--format", "json", "--layout", "per-workspace").ok().text)
    assert (again["files"], again["adopted"], again["declared"]) == ([], {}, names)


BINDING = Moment("before a binding is adopted", "UPDATE", "rolebindings")


@pytest.mark.parametrize("moment", [MARK, pytest.param(BINDING, marks=pytest.mark.slow)], ids=str)
def test_an_adoption_that_died_is_completed_by_the_next_run(stack: Stack, moment: Moment) -> None:
    workspace = UiWorkspace(stack.w, grants=(("group", "devs", "edit"),), keys=(UiKey("ci"),))
    make(stack.machine, workspace)
    before = dump(stack.machine, stack.w)
    adopt(stack, stack.w).ok()
    written = files(stack)
    dies(stack, moment, Workspace(stack, stack.w))
    assert differences(dump(stack.machine, stack.w), before) == []
    adopt(stack, stack.w).ok()
    assert files(stack) == written
    stack.up().ok()
    assert differences(dump(stack.machine, stack.w), before) == []
    assert stack.preview("--expect-no-changes").unchanged


@pytest.mark.slow
def test_a_fleet_adopts_into_its_shards(stack: Stack) -> None:
    devs = (("group", "devs", "edit"),)
    workspaces = [UiWorkspace(f"{stack.w}-{n:02}", grants=devs, labels={"team": "data"}) for n in range(6)]
    names = [one.name for one in workspaces]
    for one in workspaces:
        make(stack.machine, one)
    stack.write("workspaces: {}\n")
    stack.ambient("reshard", stack.name, "--shards", "2", "--yes").ok()
    (stack.folder / "stacks" / f"{stack.name}.yaml").unlink()
    assert "Checked: a run changes nothing but ownership (24 objects)" in adopt(stack, *names).ok().text
    assert text(stack).count("{group: devs, role: edit}") == len(names)
    stack.ambient("up", stack.name, "--yes").ok()
    shards = [json.loads(stack.ambient("access", f"{stack.name}-{n}", "--format", "json").text) for n in ("00", "01")]
    there = [{row["workspace"] for row in shard["access"]} for shard in shards]
    assert (all(there), sorted([*there[0], *there[1]])) == (True, names)
    assert "Checked: a run changes nothing but ownership (0 objects)" in adopt(stack, *names).ok().text
