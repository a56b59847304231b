"""The lock of a dead run: the next run takes it over by itself, with all that a killed run needs. No other lock is.

Runs are killed at random moments: the command, its engine, or all that it started, as when a machine or a pod dies.
docs/tasks/killed-run.md.
"""

import secrets
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.support.killed_runs import WHO, Run, killable
from tests.support.machine import Machine
from tests.support.shard import Shard
from tests.support.stacks import Result

FIRST = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: ROLE}]
    keys: {ci: {role: view, generation: NUMBER}}
"""
OTHER = """
  THIS-OTHER:
    protect: false
    grants: [{group: devs, role: view}]
    keys: {ci: {role: view}, two: {role: ROLE}}
"""
TOOK_OVER = "took over the lock of a dead run"
AT_WORK = "which is at work: wait for it"
CUT_OFF = "failed to load checkpoint"


@pytest.fixture
def shard(machine: Machine, tmp_path: Path) -> Iterator[Shard]:
    shard = Shard(machine, f"dead-{secrets.token_hex(3)}", tmp_path)
    yield shard
    shard.remove()


def declare(shard: Shard, number: int) -> None:
    """Each round changes a grant and renews a key; each second one changes five workspaces, and so has no checkpoints.

    What was begun stays declared.
    """
    other = OTHER.replace("ROLE", ("view", "edit")[number // 2 % 2])
    text = FIRST.replace("ROLE", ("view", "edit")[number % 2]).replace("NUMBER", str(1 + number))
    shard.write(text + "".join(other.replace("OTHER", digit) for digit in "abcd"))


def pod(number: int, job: str = "deploy-1/6d0b1a3e", index: int = 0) -> dict[str, str]:
    """The variables of a pod, as `ambient pipeline kubernetes` sets them."""
    name = f"deploy-1-{index}-{number:05d}/{number}"
    return {"AMBIENT_RUN_JOB": job, "AMBIENT_RUN_INDEX": str(index), "AMBIENT_RUN_POD": name}


def locked(shard: Shard, run: Run) -> bool:
    """Tell whether a run has locked the state, or has ended."""
    locks = shard.machine.directory / "state" / ".pulumi" / "locks"
    return run.ended or any(path.parent.name == shard.name for path in locks.rglob("*.json"))


def next_runs(shard: Shard, count: int, more: dict[str, str]) -> list[Result]:
    """One run, or several at once, until one succeeds: an engine that outlived its command is waited for."""
    deadline = time.monotonic() + 600
    ended: list[Result] = []
    while not any(result.code == 0 for result in ended):
        assert time.monotonic() < deadline, ended[-1].text
        shard.restore_state()
        runs = [Run(shard, "up", shard.fleet, "--yes", more=more) for _ in range(count)]
        results = [run.end() for run in runs]
        ended += results
        for result in results:
            waits = AT_WORK in result.text or CUT_OFF in result.text or count > 1
            assert result.code == 0 or waits, result.text
    return ended


def rounds(shard: Shard, count: int, *, in_pods: bool) -> int:
    """Kill runs, and let the next one make up for it. Return how often a lock was taken over."""
    declare(shard, 0)
    began = time.monotonic()
    Run(shard, "up", shard.fleet, "--yes").end().ok()
    longest, taken = time.monotonic() - began, 0
    for number in range(1, count + 1):
        who = "all" if in_pods else WHO[number % len(WHO)]
        declare(shard, number)
        with killable(shard, "up", shard.fleet, "--yes", more=pod(number) if in_pods else {}) as run:
            moment = secrets.randbelow(100) / 100 * longest
            if number % 2:  # while it has the lock, most likely; the others at any moment, also before
                shard.machine.until(partial(locked, shard, run), "it is locked", seconds=120)
                moment /= 4
            time.sleep(moment)
            run.kill(who)
        ended = next_runs(shard, 1 if in_pods or number % 3 else 2, pod(1000 + number) if in_pods else {})
        took = sum(TOOK_OVER in result.text for result in ended)
        assert took <= 1
        taken += took
        print(f"round {number}: killed {who}, {len(ended)} runs after it, {took} took over", flush=True)
        shard.whole()
    return taken


@pytest.mark.parametrize("in_pods", [False, True], ids=["machine", "pods"])
def test_the_next_run_takes_over_the_lock_of_a_dead_one(shard: Shard, in_pods: bool) -> None:
    rounds(shard, 2, in_pods=in_pods)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("in_pods", [False, True], ids=["machine", "pods"])
def test_fifty_kills_at_random_moments(shard: Shard, in_pods: bool) -> None:
    assert rounds(shard, 50, in_pods=in_pods) > 10
