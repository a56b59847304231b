"""What is told while shards run, and of a lock."""

import io
import re
import sys
import time
from pathlib import Path

import pytest

from ambient_components import activity
from ambient_components.errors import refusal
from ambient_components.fleet.jobs import Job, Phase, Request
from ambient_components.fleet.progress import View
from ambient_components.fleet.run_events import Failure
from ambient_components.fleet.summary import exit_code, outcome, summary_lines, ways_out
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import Fleet

FLEET = Fleet(Project(Path("/p"), "p", "stacks"), "prod", 3, {})

FORBIDDEN = refusal("forbidden", "see who may")


def job(number: int, phase: Phase, *, errors: int = 0, done: int = 0, created: int = 0) -> Job:
    found = Job(FLEET, number, f"prod-{number:02d}", 25, 2, "its inputs changed", expected=275, phase=phase)
    found.reported.done, found.reported.created = done, created
    for error in range(errors):
        found.reported.failures[Failure(f"team-{error}", f"team-{error}/grant/user:b", FORBIDDEN)] = None
    return found


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_on_a_terminal_shows_what_runs_and_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(activity, "_DELAY", 0.0)
    monkeypatch.setattr(activity, "_TICK", 0.01)
    jobs = [job(0, Phase.RUNNING, done=40), job(1, Phase.FAILED, errors=2), job(2, Phase.SKIPPED), job(3, Phase.DONE)]
    jobs[0].reported.step = "create team-1/grant/group:[red]x"
    with View(Request("up", "prod"), jobs) as view:
        view.ended(jobs[1])
        view.ended(jobs[3])
        line = (
            "Deploying prod: 2 of 3 shards, 1 failed, 1 running; "
            "prod-00: 40/275 create team-1/grant/group:[red]x ... 0s"
        )
        until = time.monotonic() + 10
        while not terminal.getvalue().endswith(line) and time.monotonic() < until:
            view.tick()
            time.sleep(0.02)
    text = terminal.getvalue()
    assert line in text
    assert "prod-01  failed: 2 errors, nothing changed, 0.0 s\n" in text
    assert "prod-03" not in text
    assert text.endswith("\r\x1b[K")
    assert set(re.findall(r"\x1b\[[0-9;?]*[A-Za-z]", text)) == {"\x1b[K"}


def test_without_a_terminal_a_shard_has_a_line_when_it_takes_long_and_one_when_it_ends(
    capsys: pytest.CaptureFixture[str],
) -> None:
    slow, quick = job(0, Phase.RUNNING), job(1, Phase.RUNNING, created=3)
    slow.began, quick.began = 1.0, 0.0
    with View(Request("up", "prod"), [slow, quick]) as view:
        for _ in range(2):
            view.tick()
        quick.phase = Phase.DONE
        view.ended(quick)
        view.ended(job(2, Phase.SKIPPED))
    assert capsys.readouterr().err.splitlines() == [
        "prod-00  running: its inputs changed",
        "prod-01  done: 3 created, 0.0 s",
    ]


def test_how_a_shard_ended() -> None:
    assert outcome(job(0, Phase.FAILED, errors=1, created=2)) == "failed: 1 error, 2 created, 0.0 s"
    assert outcome(job(0, Phase.INTERRUPTED)) == "interrupted, nothing changed, 0.0 s"
    locked = job(0, Phase.FAILED)
    locked.locked = True
    assert outcome(locked) == "locked by another run, 0.0 s"


def test_the_summary_says_what_failed_and_what_to_run_again() -> None:
    jobs = [job(0, Phase.DONE, created=3), job(1, Phase.FAILED, errors=1), job(2, Phase.SKIPPED)]
    lines = summary_lines(jobs, Request("up", "prod"), 4.2)
    assert lines[0] == "3 shards in 4.2 s: 1 skipped: nothing to do, 1 changed, 1 failed"
    at = lines.index("  prod-01: team-0 (team-0/grant/user:b): forbidden")
    assert lines[at + 1] == "    hint: see who may"
    assert lines[-1] == "  again: ambient up prod --shard 1"
    # In a namespace that was deleted, each run fails until one refreshes.
    jobs[1].reported.warnings[refusal("gone", rule="namespaceGone", workspaces=["team-0"])] = None
    assert summary_lines(jobs, Request("up", "prod"), 4.2)[-1] == "  again: ambient up prod --shard 1 --refresh"


@pytest.mark.parametrize(
    ("phases", "interrupted", "code"),
    [([Phase.DONE, Phase.SKIPPED], False, 0), ([Phase.DONE, Phase.FAILED], False, 1), ([Phase.DONE], True, 130)],
)
def test_the_exit_code(phases: list[Phase], interrupted: bool, code: int) -> None:
    assert exit_code([job(number, phase) for number, phase in enumerate(phases)], interrupted=interrupted) == code


LOCKED = (
    "error: the stack is currently locked by 2 lock(s). Either wait for the other process(es) to end or delete the "
    "lock file with `pulumi cancel`.\n  file:///s/1.json: created by eve@here (pid 12) at 2026-11-25T19:00:00Z\n"
    "  file:///s/2.json: created by bob@there (pid 13) at 2026-11-25T19:01:00Z"
)


@pytest.mark.parametrize(("alive", "way"), [(True, "which is at work: wait"), (False, "which is dead: pulumi cancel")])
def test_a_lock_is_told_with_whose_it_is_and_the_way_out(alive: bool, way: str) -> None:
    mine, other = ways_out("prod-03", "stacks/Pulumi.prod.yaml", [LOCKED], "here", lambda _: alive)
    assert mine.startswith("prod-03 is locked by eve on here, process 12, since 2026-11-25T19:00:00Z, " + way)
    assert "if that is dead: pulumi cancel --stack prod-03 --yes" in other


def test_pending_creates_have_a_way_out() -> None:
    reported = ["Attempting to deploy or update resources with 1 pending operations from previous deployment."]
    (way,) = ways_out("prod-03", "stacks/Pulumi.prod.yaml", reported)
    assert "pulumi refresh --stack prod-03 --config-file stacks/Pulumi.prod.yaml --yes --clear-pending-creates" in way
