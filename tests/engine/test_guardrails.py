"""The guardrails in plain `pulumi preview` and `pulumi up`: a refused change changes nothing.

What each guardrail evaluates is in tests/unit/access/test_guardrails_*.py; here are a few on the real engine.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.stacks import Stack

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
PEOPLE = ", ".join(f"{{user: {name}@example.com}}" for name in ("bob", "dora", "eve", "fred"))
OWNED = "owners: [user:alice@example.com]"
FULL = f"{OWNED}, grants: [{PEOPLE}], keys: {{ci: {{role: view}}}}"


def file_of(entry: str, top: str = "") -> str:
    return f"{top}workspaces:\n  THIS: {{protect: false, {entry}}}\n"


def held(stack: Stack, *workspaces: str) -> dict[str, list[str]]:
    """All access in the cluster, and all keys, by workspace; None where there is no namespace."""
    found = {}
    for name in workspaces or (stack.w,):
        bindings = stack.machine.get(f"{RBAC}/{name}/rolebindings") or {"items": []}
        uids = [f"{item['metadata']['name']} {item['metadata']['uid']}" for item in bindings["items"]]
        there = stack.machine.get(f"/api/v1/namespaces/{name}") is not None
        found[name] = sorted([*uids, *stack.token_secrets(name)]) if there else ["no namespace"]
    return found


def refused(stack: Stack, *received: str) -> None:
    """It is, by a preview and by runs of every kind, and all is as it was."""
    before = held(stack)
    for result in (stack.preview(), stack.up(), stack.up("--continue-on-error"), stack.up("--refresh")):
        result.refused(*received)
    assert held(stack) == before


CROSSINGS = {
    "adminKey": (f"{OWNED}, keys: {{ci: {{role: view}}, boss: {{role: admin}}}}", "key 'boss' is of role admin"),
    "nonExpiringKey": (f"{OWNED}, keys: {{ci: {{role: view, lifetime: never}}}}", "key 'ci' never expires"),
    "publicAccess": (
        f"{OWNED}, grants: [{{group: 'system:authenticated'}}], keys: {{ci: {{role: view}}}}",
        "group:system:authenticated has view, and that is everyone with any login of the cluster",
    ),
    "noAdmin": (f"grants: [{PEOPLE}], keys: {{ci: {{role: view}}}}", "it would have no admin any more"),
}
ALIKE = {"nonExpiringKey", "publicAccess"}
"""Refused in the same way as the others; unit tests have each."""


@pytest.mark.parametrize(
    "guardrail", [pytest.param(name, marks=pytest.mark.slow) if name in ALIKE else name for name in CROSSINGS]
)
def test_what_a_guardrail_refuses_changes_nothing_and_a_reason_lets_it_pass(stack: Stack, guardrail: str) -> None:
    entry, received = CROSSINGS[guardrail]
    # What is there before holds nothing that leaves by itself.
    few = FULL.replace(f"grants: [{PEOPLE}], ", "") if guardrail != "noAdmin" else FULL
    stack.write(file_of(few))
    stack.up().ok()
    stack.write(file_of(entry))
    refused(
        stack,
        f"workspace '{stack.w}': {received}",
        f"if that is meant, write in the workspace's entry: exceptions: [{{guardrail: {guardrail}, reason: WHY}}]",
    )
    stack.write(file_of(f"{entry}, exceptions: [{{guardrail: {guardrail}, reason: a test}}]"))
    plan = stack.preview().ok().text
    assert re.search(rf'\+ exceptions *: \[\n *\+ +\[0\]: "{guardrail}"', plan), plan
    stack.up().ok()
    assert stack.preview("--expect-no-changes").unchanged
    # It was let in: from now on nobody is asked again.
    stack.write(file_of(entry))
    stack.up().ok()


def test_a_removal_of_many_grants_is_refused_and_allowed_for_a_day(stack: Stack) -> None:
    stack.write(file_of(FULL))
    stack.up().ok()
    token = stack.token("ci")
    less = f"{OWNED}, keys: {{ci: {{role: view}}}}"
    stack.write(file_of(less))
    refused(stack, "4 of the 5 grants of this stack end in this run, and 3 are the most that may")
    assert stack.sessions(token) == 200
    today = datetime.now(UTC).date()
    stack.write(
        file_of(less, f"exceptions: [{{guardrail: massRemoval, reason: the team has a group now, until: {today}}}]\n")
    )
    stack.up(offset="2d").refused("4 of the 5 grants of this stack end in this run")
    stack.up().ok()
    assert [name.partition(" ")[0] for name in held(stack)[stack.w] if "permission" in name] == []
    # The line has done its work; that it is over stops no later run.
    assert stack.up(offset="2d").ok()


def test_the_night_goes_on_when_an_allowance_has_ended(stack: Stack) -> None:
    today = datetime.now(UTC).date()
    keys = "keys: {boss: {role: admin, lifetime: 30d}}"
    stack.write(
        file_of(f"{OWNED}, {keys}, exceptions: [{{guardrail: adminKey, reason: a week of trial, until: {today}}}]")
    )
    stack.up().ok()
    old = stack.token("boss")
    night = stack.up(offset="23d").ok()
    assert (
        "exceptions[0].until: has ended, and what it let through is still deployed: key 'boss' is of role admin"
        in night.text
    )
    assert stack.token("boss") != old
    assert stack.preview("--expect-no-changes", offset="23d").unchanged


# Slips.

STACK = """\
include: [teams/*.yaml]
defaults: {protect: false}
templates:
  shared:
    owners: [group:platform]
    grants: [{group: readers}, {group: writers, role: edit}]
workspaces:
  THIS-a:
    template: shared
    keys:
      ci: {role: view}
  THIS-b:
    template: shared
"""
TEAM = """\
workspaces:
  THIS-c:
    template: shared
    keys:
      ci: {role: view}
"""


@pytest.fixture
def several(stack: Stack) -> Stack:
    """Three workspaces of two files, deployed."""
    restore(stack)
    stack.up().ok()
    return stack


def restore(stack: Stack) -> None:
    """The files as they were, and no others."""
    for left in (stack.folder / "stacks").glob("**/*.y*ml"):
        if not left.name.startswith("Pulumi."):
            left.unlink()
    put(stack, "teams/one.yaml", TEAM)
    put(stack, "teams/two.yaml", "workspaces: {}\n")
    stack.write(STACK)


def put(stack: Stack, name: str, text: str) -> Path:
    path = stack.folder / "stacks" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.replace("THIS", stack.w))
    return path


def emptied(stack: Stack) -> None:
    stack.write("")


def holding_nothing(stack: Stack) -> None:
    stack.write("workspaces: {}\n")


def include_deleted(stack: Stack) -> None:
    (stack.folder / "stacks/teams/one.yaml").unlink()


def all_includes_deleted(stack: Stack) -> None:
    include_deleted(stack)
    (stack.folder / "stacks/teams/two.yaml").unlink()


def include_line_deleted(stack: Stack) -> None:
    stack.write(STACK.replace("include: [teams/*.yaml]\n", ""))


def file_renamed(stack: Stack) -> None:
    (stack.folder / "stacks/teams/one.yaml").rename(stack.folder / "stacks/teams/one.yml")


def stack_file_renamed(stack: Stack) -> None:
    (stack.folder / f"stacks/{stack.name}.yaml").rename(stack.folder / f"stacks/{stack.name}-old.yaml")


def entry_moved_in(stack: Stack) -> None:
    stack.write(STACK.replace("  THIS-b:\n    template: shared\n", "    THIS-b:\n      template: shared\n"))


def keys_moved_out(stack: Stack) -> None:
    put(stack, "teams/one.yaml", TEAM.replace("    keys:\n      ci: {role: view}\n", "keys:\n  ci: {role: view}\n"))


def grants_dropped(stack: Stack) -> None:
    stack.write(STACK.replace("    grants: [{group: readers}, {group: writers, role: edit}]\n", ""))


def owners_dropped(stack: Stack) -> None:
    stack.write(STACK.replace("    owners: [group:platform]\n", ""))


def cut_short(stack: Stack) -> None:
    stack.write(STACK[: STACK.index("  THIS-b:")])


SLIPS: dict[Callable[[Stack], None], str] = {
    emptied: "the file is empty",
    holding_nothing: "is gone from the files, but it was not closed",
    include_deleted: "is gone from the files, but it was not closed",
    all_includes_deleted: "'teams/*.yaml' matches no file",
    include_line_deleted: "is gone from the files, but it was not closed",
    file_renamed: "is gone from the files, but it was not closed",
    stack_file_renamed: "can't be read: No such file or directory",
    entry_moved_in: "is not a field",
    keys_moved_out: "'keys' is not a field",
    grants_dropped: "6 of the 9 grants of this stack end in this run, and 3 are the most that may",
    owners_dropped: "it would have no admin any more (it had group:platform)",
    cut_short: "is gone from the files, but it was not closed",
}


def test_a_slip_of_the_files_takes_nothing_away(several: Stack) -> None:
    stack, names = several, [f"{several.w}-{end}" for end in "abc"]
    tokens = {name: stack.token("ci", name) for name in (names[0], names[2])}
    before = held(stack, *names)
    for slip, received in SLIPS.items():
        slip(stack)
        for result in (stack.up(), stack.up("--continue-on-error", plain=True)):
            result.refused(received)
        assert held(stack, *names) == before, slip.__name__
        restore(stack)
    for name, token in tokens.items():
        path = f"apis/vteam.ambient-code/v1alpha1/namespaces/{name}/agenticsessions"
        assert stack.status(path, token) == 200
    assert stack.preview("--expect-no-changes").unchanged


# Destroying.


def test_a_stack_is_destroyed_by_its_name_and_not_while_it_is_protected(stack: Stack) -> None:
    stack.write(f"workspaces:\n  THIS: {{{OWNED}, keys: {{ci: {{role: view}}}}}}\n")
    stack.up().ok()
    token, before = stack.token("ci"), held(stack)
    protected = stack.ambient("destroy", stack.name, "--confirm", stack.name)
    assert protected.code == 3, protected.text
    assert f"workspace '{stack.w}' is protected: a destroy would end all access to it" in protected.text
    assert (held(stack), stack.sessions(token)) == (before, 200)

    stack.write(file_of(f"{OWNED}, keys: {{ci: {{role: view}}}}"))
    stack.up().ok()
    requested = stack.ambient("destroy", stack.name)
    assert (requested.code, stack.ambient("destroy", stack.name, "--confirm", "prod").code) == (1, 1)
    assert f"give --confirm {stack.name}" in requested.text
    assert (held(stack), stack.sessions(token)) == (before, 200)

    destroyed = stack.ambient("destroy", stack.name, "--confirm", stack.name).ok()
    assert f"  {stack.w}  the namespace, 1 owner and 1 key" in destroyed.text
    assert held(stack) == {stack.w: ["no namespace"]}
    assert stack.export() == []
    assert "nothing to destroy" in stack.ambient("destroy", stack.name).ok().text


def test_an_access_test_holds_in_previews_and_runs(stack: Stack) -> None:
    test = 'accessTests: {never: [{who: "user:bob@*", role: admin}]}\n'
    stack.write(
        file_of(f"{OWNED}, grants: [{{user: bob@example.com, role: edit}}], keys: {{ci: {{role: view}}}}", test)
    )
    stack.up().ok()
    entry = f"{OWNED}, grants: [{{user: bob@example.com, role: edit}}], keys: {{ci: {{role: admin}}}}"
    stack.write(file_of(f"{entry}, exceptions: [{{guardrail: adminKey, reason: a test}}]", test))
    way = f"edit in {stack.w} -> adminKey -> admin in {stack.w}"
    refused(stack, f"user:bob@example.com has {way}, which breaks the access test never")
    stack.write(file_of(f"{entry}, exceptions: [{{guardrail: adminKey, reason: a test}}]"))
    plan = stack.preview().ok().text
    assert re.search(r"- never *: \[", plan), plan


def test_access_without_a_review_is_refused_where_the_stack_says_so_and_reviews_change_no_object(stack: Stack) -> None:
    day = datetime.now(UTC).date() + timedelta(days=30)
    old, new = ("grants: [{user: bob@example.com%s}]", "grants: [{user: bob@example.com%s}, {user: eve@example.com%s}]")
    stack.write(file_of(f"{OWNED}, {old % ''}, keys: {{ci: {{role: view}}}}"))
    stack.up().ok()
    before, rule = held(stack), "guardrails: {unreviewedAccess: refuse}\n"
    review = f", reviewBy: {day}, reason: on call"
    stack.write(file_of(f"{OWNED}, {old % review}, keys: {{ci: {{role: view}}}}", rule))
    plan = stack.preview().ok().text
    assert f'reviewBy: "{day}"' in plan
    assert "RoleBinding" not in plan
    stack.up().ok()
    assert held(stack) == before
    stack.write(file_of(f"{OWNED}, {new % (review, '')}, keys: {{ci: {{role: view}}}}", rule))
    refused(stack, "user:eve@example.com is view, and has no reviewBy: a review holds 1y (guardrails.reviews)")
    stack.write(file_of(f"{OWNED}, {new % (review, review)}, keys: {{ci: {{role: view}}}}", rule))
    stack.up().ok()
    # A review that is overdue warns, and ends nothing.
    night = stack.up(offset="32d").ok()
    assert f"the review of user:eve@example.com, view, was due after {day}: the access stays" in night.text
    assert len([name for name in held(stack)[stack.w] if "permission" in name]) == 2
