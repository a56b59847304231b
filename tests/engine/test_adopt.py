"""`ambient adopt` on the real engine: existing workspaces as files, the proof, the first run, and the way back."""

import difflib
import json
import subprocess
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox.ui_style import UiKey, UiWorkspace, binding, grant
from tests.support.attacks import CORE, PLATFORM, Bearer
from tests.support.gate import MARK, Moment, dies
from tests.support.life import Workspace
from tests.support.machine import Machine
from tests.support.stacks import Stack

DUMPED = (
    "/api/v1/namespaces/{}",
    "/api/v1/namespaces/{}/serviceaccounts",
    "/api/v1/namespaces/{}/limitranges",
    "/api/v1/namespaces/{}/configmaps",
    "/api/v1/namespaces/{}/resourcequotas",
    "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings",
    "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "/apis/vteam.ambient-code/v1alpha1/namespaces/{}/projectsettings",
)
_SERVERS = ("managedFields", "resourceVersion", "generation")
_OURS = ("ambient-components/", "pulumi.com/")
"""Prefixes of annotations that a run writes: ownership, and the engine's note on server-side apply."""


def make(machine: Machine, workspace: UiWorkspace) -> None:
    for path, body in workspace.objects():
        machine.create(path, body)


def dump(machine: Machine, workspace: str) -> list[dict[str, Any]]:
    """All objects of a workspace, without what the server counts and what tools note of themselves."""
    found = []
    for path in DUMPED:
        answer = machine.get(path.format(workspace))
        assert answer is not None
        for item in answer.get("items", [answer]):
            metadata = {key: value for key, value in item["metadata"].items() if key not in _SERVERS}
            notes = {k: v for k, v in (metadata.pop("annotations", None) or {}).items() if not k.startswith(_OURS)}
            found.append({**item, "metadata": {**metadata, "annotations": notes}})
    return found


def differences(after: list[dict[str, Any]], before: list[dict[str, Any]]) -> list[str]:
    """The lines that differ, of objects in the same order."""
    return [line for line in difflib.unified_diff(lines(before), lines(after), n=0) if line[:3] not in ("---", "+++")]


def lines(objects: list[dict[str, Any]]) -> list[str]:
    return json.dumps(objects, indent=1, sort_keys=True).splitlines()


@pytest.fixture
def made(stack: Stack) -> Iterator[list[UiWorkspace]]:
    """Three workspaces of the UI, each with another history."""
    workspaces = [
        UiWorkspace(f"{stack.w}-a", creator="alice@example.com"),
        UiWorkspace(
            f"{stack.w}-b",
            keys=(UiKey("Nightly build", "view", "for the nightly build"), UiKey("ci", "admin", suffix="00c0ffee")),
            grants=(("group", "research-devs", "edit"), ("user", "Bob@example.com", "view")),
            settings={"inactivityTimeoutSeconds": 3600, "mcpServers": {"disabled": ["webfetch"]}},
            flags={"jira-write": "true"},
        ),
        UiWorkspace(f"{stack.w}-c", creator="", grants=(("group", "system:authenticated", "view"),)),
    ]
    for one in workspaces:
        make(stack.machine, one)
    yield workspaces
    for one in workspaces:
        stack.machine.delete(f"/api/v1/namespaces/{one.name}")


class Watch:
    """Polls requests of a workspace's keys and of a stranger: no answer may change while it is entered."""

    def __init__(self, machine: Machine, workspace: UiWorkspace) -> None:
        self.machine = machine
        path = f"{PLATFORM}/{workspace.name}/agenticsessions"
        tokens = {key.name: machine.mint(workspace.name, key.account, user="sandbox-admin") for key in workspace.keys}
        self.requests = {
            "view by Nightly build": (tokens["Nightly build"], path, 200),
            "secrets by Nightly build": (tokens["Nightly build"], f"{CORE}/{workspace.name}/secrets", 403),
            "secrets by ci": (tokens["ci"], f"{CORE}/{workspace.name}/secrets", 200),
            "view by a stranger": (machine.mint("default", "default", user="sandbox-admin"), path, 403),
        }
        self.wrong: list[str] = []
        self.rounds = 0
        self._stop = threading.Event()

    def __enter__(self) -> None:
        for what in self.requests:
            self.machine.until(lambda what=what: self._answers(what), what)
        self._stop.clear()
        self._thread = threading.Thread(target=self._poll)
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        assert self.wrong == []
        assert self.rounds > 3

    def _poll(self) -> None:
        while not self._stop.wait(0.2):
            self.wrong += [what for what in self.requests if not self._answers(what)]
            self.rounds += 1

    def _answers(self, what: str) -> bool:
        token, path, status = self.requests[what]
        return Bearer(self.machine, token).send("GET", path)[0] == status


def text(stack: Stack) -> str:
    """The stack file."""
    return (stack.folder / "stacks" / f"{stack.name}.yaml").read_text()


def adopt(stack: Stack, *arguments: str) -> Any:
    return stack.ambient("adopt", stack.name, *arguments)


def test_three_commands_bring_workspaces_under_management(stack: Stack, made: list[UiWorkspace]) -> None:
    names = [one.name for one in made]
    before = {name: dump(stack.machine, name) for name in names}
    watch = Watch(stack.machine, made[1])
    with watch:
        said = adopt(stack, *names)
        assert said.code == 0, said.text
        assert "Checked: a run changes nothing but ownership (17 objects)" in said.text
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
        assert differences(dump(stack.machine, name), before[name]) == []


def odd(stack: Stack) -> list[UiWorkspace]:
    """Workspaces that were not made by the UI alone."""
    machine, w = stack.machine, stack.w
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
    edited = UiWorkspace(f"{w}-edited", grants=(("group", "devs", "edit"),), labels={"cost-center": "4711"})
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
    print(json.dumps(document, indent=1)[:6000])
    assert document["check"]["clean"]
    rules = {(one["workspace"].rpartition("-")[2], one["rule"]) for one in document["notes"]}
    assert rules >= {
        ("edited", "otherBinding"), ("edited", "severalSubjects"), ("edited", "otherRole"),
        ("half", "keyWithoutRole"), ("half", "otherOwner"),
    }  # fmt: skip
    entry = (stack.folder / "stacks" / stack.name / f"{names[0]}.yaml").read_text()
    assert "  # - RoleBinding by-kubectl gives admin to user:carol" in entry
    stack.up().ok()
    for name in names:
        assert differences(dump(stack.machine, name), before[name]) == []
    assert stack.preview("--expect-no-changes").unchanged
    again = json.loads(adopt(stack, *names, "--format", "json", "--layout", "per-workspace").ok().text)
    assert (again["files"], again["adopted"], again["declared"]) == ([], {}, names)


@pytest.mark.parametrize("moment", [MARK, Moment("before a binding is adopted", "UPDATE", "rolebindings")], ids=str)
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


# Files and refusals.


@pytest.fixture
def one(stack: Stack) -> Iterator[str]:
    """A workspace of the UI, and a Git repository for the project."""
    workspace = UiWorkspace(stack.w, grants=(("group", "devs", "edit"),), labels={"team": "data"})
    make(stack.machine, workspace)
    git(stack, "init", "--quiet")
    git(stack, "add", "Pulumi.yaml")
    git(stack, "commit", "--quiet", "--message", "Begin")
    yield stack.w
    stack.machine.delete(f"{CORE}/{stack.w}")


def git(stack: Stack, *arguments: str) -> str:
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.com"}
    who |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in who.items()}
    stack.environment |= who
    return subprocess.run(
        ["git", *arguments], cwd=stack.folder, env=stack.environment, check=True, capture_output=True, text=True
    ).stdout


def files(stack: Stack) -> dict[str, str]:
    return {str(path.relative_to(stack.folder)): path.read_text() for path in stack.folder.glob("stacks/**/*.yaml")}


def test_a_change_request_has_the_files_and_what_was_found(stack: Stack, one: str) -> None:
    before = files(stack)
    diff = adopt(stack, one, "--dry-run", "--layout", "per-team-label").ok().text
    assert f"+++ stacks/{stack.name}/data.yaml\n" in diff
    assert files(stack) == before
    adopt(stack, one, "--layout", "per-team-label", "--branch", "adopt-one").ok()
    assert git(stack, "branch", "--show-current") == "adopt-one\n"
    changed = git(stack, "show", "--name-only", "--format=%B").splitlines()
    assert changed[0] == f"Adopt 1 workspace into stack {stack.name}"
    assert "Found: 1 workspace, 1 owner, 1 grant, 0 keys." in changed
    assert "Checked: a run changes nothing but ownership (4 objects)" in changed
    assert changed[-2:] == [f"stacks/{stack.name}.yaml", f"stacks/{stack.name}/data.yaml"]
    adopt(stack, one, "--branch", "adopt-one").refused("the branch 'adopt-one' exists")


def test_existing_entries_and_files_stay_unless_told(stack: Stack, one: str) -> None:
    stack.write("# ours\nworkspaces:\n  THIS: {adopt: true, grants: [{group: devs, role: admin}]}\n")
    before = files(stack)
    said = adopt(stack, one)
    assert (said.code, files(stack)) == (2, before)
    assert "RoleBinding ambient-permission-admin-devs-group: does not exist, and the run creates it" in said.text
    adopt(stack, one, "--overwrite").ok()
    assert text(stack).startswith(f"# ours\nworkspaces:\n  {one}:\n    adopt: true\n")
    assert "role: edit" in text(stack)


def test_what_cannot_be_adopted_is_refused_and_nothing_is_written(stack: Stack, one: str) -> None:
    before = files(stack)
    stack.machine.create(CORE, {"metadata": {
        "name": f"{one}-theirs", "labels": {"ambient-code.io/managed": "true"},
        "annotations": {"ambient-components/owner": "other/prod"},
    }})  # fmt: skip
    refusals = {
        f"{one}-theirs": "belongs to the stack other/prod; release it there first",
        f"{one}-none": "there is no workspace",
    }
    for name, reason in refusals.items():
        adopt(stack, one, name).refused("nothing is written", reason)
    adopt(stack, one, "--branch", "no such name").refused("can't name a branch")
    stack.config("clusterUid", "00000000-0000-0000-0000-000000000000")
    adopt(stack, one).refused("this is another cluster than the stack's")
    stack.machine.delete(f"{CORE}/{one}-theirs")
    assert {name: each for name, each in files(stack).items() if "Pulumi" not in name} == {
        name: each for name, each in before.items() if "Pulumi" not in name
    }


def test_without_the_right_to_list_it_is_said_which(stack: Stack, one: str) -> None:
    before = files(stack)
    stack.environment["KUBECONFIG"] = str(stack.machine.cluster.kubeconfig_of("alice@example.com"))
    adopt(stack, one).refused('"alice@example.com" cannot get', "use the kubeconfig of the deployer")
    assert files(stack) == before


def test_a_fleet_adopts_into_its_shards(stack: Stack) -> None:
    workspaces = [UiWorkspace(f"{stack.w}-{number:02}", grants=(("group", "devs", "edit"),)) for number in range(6)]
    names = [one.name for one in workspaces]
    for one in workspaces:
        make(stack.machine, one)
    stack.write("workspaces: {}\n")
    stack.ambient("reshard", stack.name, "--shards", "2", "--yes").ok()
    assert "Checked: a run changes nothing but ownership (24 objects)" in adopt(stack, *names).ok().text
    assert "grants" not in text(stack).partition("workspaces:")[0]
    stack.ambient("up", stack.name, "--yes").ok()
    assert "Checked: a run changes nothing but ownership (0 objects)" in adopt(stack, *names).ok().text
