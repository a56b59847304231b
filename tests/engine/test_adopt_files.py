"""`ambient adopt` on the real engine: the files that it writes, the commit, and what it refuses."""

from collections.abc import Iterator

import pytest

from sandbox.ui_style import UiWorkspace
from tests.support.adoption import adopt, files, make, text
from tests.support.attacks import CORE, MERGE, Bearer
from tests.support.stacks import Stack


@pytest.fixture
def one(stack: Stack) -> Iterator[str]:
    """A workspace of the UI."""
    workspace = UiWorkspace(stack.w, grants=(("group", "devs", "edit"),))
    make(stack.machine, workspace)
    yield stack.w
    stack.machine.delete(f"{CORE}/{stack.w}")


def test_a_dry_run_shows_the_files_that_are_written_and_a_check_holds_them(stack: Stack, one: str) -> None:
    before = files(stack)
    diff = adopt(stack, one, "--dry-run", "--layout", "per-workspace").ok().text
    assert f"+++ stacks/{stack.name}/{one}.yaml\n" in diff
    assert files(stack) == before
    adopted = adopt(stack, one, "--layout", "per-workspace").ok().text
    assert f"Adopted 1 workspace, 1 owner, 1 grant, 0 keys into stacks/{stack.name}/{one}.yaml" in adopted
    assert "Checked: a run changes nothing but ownership (4 objects)" in adopted
    assert files(stack).keys() - before.keys() == {f"stacks/{stack.name}.yaml", f"stacks/{stack.name}/{one}.yaml"}
    checked = adopt(stack, one, "--check").ok().text
    assert "Entries that are checked: 1" in checked
    assert "Checked: a run changes nothing but ownership" in checked


@pytest.mark.slow
def test_existing_entries_stay_until_they_are_removed(stack: Stack, one: str) -> None:
    stack.write("# ours\nworkspaces:\n  THIS: {adopt: true, grants: [{group: devs, role: admin}]}\n")
    before = files(stack)
    said = adopt(stack, one)
    assert (said.code, files(stack)) == (2, before)
    assert "RoleBinding ambient-permission-admin-devs-group: does not exist, and the run creates it" in said.text
    stack.write("# ours\nworkspaces: {}\n")
    adopt(stack, one).ok()
    assert text(stack).startswith(f"# ours\nworkspaces:\n  {one}:\n    adopt: true\n")
    assert "role: edit" in text(stack)


@pytest.mark.slow
def test_what_cannot_be_adopted_is_refused_and_nothing_is_written(stack: Stack, one: str) -> None:
    before, admin = files(stack), Bearer(stack.machine, stack.machine.cluster.token_of("sandbox-admin"))
    others = {
        f"{one}-theirs": {"annotations": {"ambient-components/owner": "other/prod"}},
        f"{one}-ending": {"finalizers": ["example.com/kept"]},
        f"0{one}": {},
    }
    for name, metadata in others.items():
        labels = {"ambient-code.io/managed": "true"}
        stack.machine.create(CORE, {"metadata": {"name": name, "labels": labels, **metadata}})
    stack.machine.delete(f"{CORE}/{one}-ending")
    refusals = {
        f"{one}-theirs": "belongs to the stack other/prod; release it there first",
        f"{one}-none": "there is no workspace",
        f"{one}-ending": "is being deleted",
        f"0{one}": "can't name a workspace",
    }
    for name, reason in refusals.items():
        adopt(stack, one, name).refused("nothing is written", reason)
    stack.config("clusterUid", "00000000-0000-0000-0000-000000000000")
    adopt(stack, one).refused("this is another cluster than the stack's")
    assert admin.can("PATCH", f"{CORE}/{one}-ending", {"metadata": {"finalizers": None}}, MERGE)
    for name in (f"{one}-theirs", f"0{one}"):
        stack.machine.delete(f"{CORE}/{name}")
    assert files(stack) == before
