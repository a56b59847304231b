"""A run that dies in the middle of a workspace's life: nothing is lost, and the next run ends what it began.

Each path is walked by runs that die at one moment after the other (tests/support/gate.py), the last one lives. Always
side by side: a workspace made here, and one adopted. These runs have no preview; those of the other modules have.
"""

from dataclasses import dataclass

import pytest

from tests.support import gate
from tests.support.gate import Moment, dies
from tests.support.life import (
    EMPTY,
    ENTRY,
    RBAC,
    Workspace,
    add,
    brought_to,
    forgotten,
    is_closed,
    is_open,
    is_released,
    quiet,
    recorded,
    side_by_side,
    write,
)
from tests.support.stacks import Stack

pytestmark = pytest.mark.slow

Pair = tuple[Workspace, Workspace]
GRANT = ", {user: bob@example.com}"


@dataclass(frozen=True)
class Attempt:
    """What somebody might do after a run that died, and must not."""

    state: str
    """Empty: without the entries."""
    refused: str
    less: str = ""
    """What is removed from the entries."""

    def refuse(self, stack: Stack, pair: Pair) -> None:
        """It is, and nothing is lost by it."""
        before = [one.everything() for one in pair]
        if self.state:
            write(stack, pair, self.state, ENTRY.replace(self.less, ""))
        else:
            stack.write(EMPTY)
        stack.up().refused(*(f"workspace '{one.name}' {self.refused}" for one in pair))
        assert [one.everything() for one in pair] == before


VANISHED = Attempt("", "is gone from the files")
LET_GO = Attempt("", "was not released whole")
RELEASED_AGAIN = Attempt("released", "was taken back by a run that did not end")
GRANT_REMOVED = Attempt("active", RELEASED_AGAIN.refused, less=GRANT)


@dataclass(frozen=True)
class Path:
    """From one state to another, by runs that die."""

    name: str
    before: tuple[str, ...]
    state: str
    moments: tuple[Moment, ...]
    attempts: tuple[Attempt, ...] = ()
    """After the last of them."""
    then_removed: bool = False
    """From the files, by a last run: what was released lives on."""

    def __str__(self) -> str:
        return self.name


PATHS = (
    Path("made or adopted", (), "active", (gate.FIRST_GRANT, gate.LAST), (VANISHED,)),
    Path("closed", ("active",), "closed", (gate.SWEEP, gate.THAW, gate.LAST)),
    Path("opened", ("closed",), "active", (gate.LAST,), (VANISHED,)),
    Path("released", ("active",), "released", (gate.MARK, gate.KEY, gate.LAST_OF_RELEASE), (LET_GO,), True),
    Path(
        "taken back", ("active", "released"), "active", (gate.MARK, gate.LAST),
        (VANISHED, RELEASED_AGAIN, GRANT_REMOVED),
    ),
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=str)
def test_runs_that_die(stack: Stack, path: Path) -> None:
    pair = side_by_side(stack)
    brought_to(stack, pair, *path.before)
    data = [one.data() for one in pair]
    tokens = [one.token() if "closed" not in path.before and path.before else "" for one in pair]
    for moment in path.moments:
        write(stack, pair, path.state)
        dies(stack, moment, *pair)
    for attempt in path.attempts:
        attempt.refuse(stack, pair)
    write(stack, pair, path.state)
    stack.up().ok()
    quiet(stack.preview("--expect-no-changes"))
    if path.then_removed:
        stack.write(EMPTY)
        stack.up().ok()
        assert forgotten(stack)
    for one, token, before in zip(pair, tokens, data, strict=True):
        {"active": is_open, "closed": is_closed, "released": is_released}[path.state](one, token)
        assert before.items() <= one.data().items()


def test_a_closing_that_dies_and_is_taken_back(stack: Stack) -> None:
    """The quota of the closing refuses nothing in a workspace that stays open."""
    pair = side_by_side(stack)
    brought_to(stack, pair, "active")
    write(stack, pair, "closed")
    dies(stack, gate.THAW, *pair)
    assert all(quotas(one) for one in pair)
    write(stack, pair)
    stack.up("--refresh").ok()
    for one in pair:
        is_open(one)
        assert quotas(one) == []
    quiet(stack.preview("--expect-no-changes"))


def quotas(workspace: Workspace) -> list[str]:
    found = workspace.machine.get(f"{workspace.path}/resourcequotas")
    return [item["metadata"]["name"] for item in found["items"]]


def test_a_deletion_that_dies(stack: Stack) -> None:
    pair = side_by_side(stack)
    brought_to(stack, pair, "closed")
    for one in pair:  # with these in it, it stays half deleted
        add(stack.machine, f"{one.path}/configmaps", "stays", kind="ConfigMap", metadata={"finalizers": ["test/stays"]})
    stack.write(EMPTY)
    stack.kill_up(lambda: all("deletionTimestamp" in one.namespace()["metadata"] for one in pair), "half deleted")
    write(stack, pair)
    stack.up().refused(*(f"namespace '{one.name}' is still being deleted" for one in pair))
    for one in pair:
        free(one, "stays")
    stack.write(EMPTY)
    stack.up().ok()
    assert [one.namespace() for one in pair] == [None, None]
    assert forgotten(stack)


def free(workspace: Workspace, name: str) -> None:
    """Takes the finalizers off a ConfigMap."""
    path = f"{workspace.path}/configmaps/{name}"
    body = workspace.machine.get(path)
    body["metadata"]["finalizers"] = []
    token = workspace.machine.cluster.token_of("sandbox-admin")
    assert workspace.machine.request("PUT", path, token=token, body=body) == 200


def test_a_forgetting_that_dies_and_then_another_release_that_dies(stack: Stack) -> None:
    pair = side_by_side(stack)
    brought_to(stack, pair, "active", "released")
    lived_on = [(one, one.token(), one.everything()) for one in pair]
    stack.write(EMPTY)
    known = recorded(stack)
    stack.kill_up(lambda: recorded(stack) < known, "the first of it is forgotten")
    stack.up().ok()
    assert forgotten(stack)
    for one, token, before in lived_on:
        assert one.everything() == before
        is_released(one, token)

    # The same stack takes them again. What it noted of the first release says nothing of a second one.
    taken = tuple(Workspace(stack, one.name, adopted=True) for one in pair)
    write(stack, taken)
    stack.up().ok()
    write(stack, taken, "released")
    dies(stack, gate.KEY, *taken)
    LET_GO.refuse(stack, taken)
    # Access is ended meanwhile. What was not released whole can't leave; it goes back, or is released further.
    for one in taken:
        stack.machine.delete(f"{RBAC}/{one.name}/rolebindings/ambient-permission-edit-devs-group")
    write(stack, taken)
    stack.up("--refresh").ok()
    write(stack, taken, "released")
    stack.up().ok()
    stack.write(EMPTY)
    stack.up().ok()
    for one, token, before in lived_on:
        assert one.everything().keys() >= before.keys()
        is_released(one, token)
