"""Ctrl-C over a fleet, in a process of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.fake_pulumi import ended
from tests.support.fleet_runs import BINDING, Fleet

OURS = """
import sys
sys.path.insert(0, {root!r})
from ambient_components.cli.app import run
from ambient_components.cluster.guard import Guard
from tests.support.fake_records import FakeCluster, FakeGuard
cluster = FakeCluster()
Guard.of_config = lambda _: FakeGuard(cluster)
def runs():
    return [item.get("data", dict()).get("run") for item in cluster.objects.values()]
{first}
before = runs()
code = run(["up", "prod", "--yes", "--jobs", "2", *{words}])
print("RUNS", runs())
print("SAME", runs() == before)
sys.exit(code)
"""


def wait_for(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def interrupted(fleet: Fleet, times: int, verb: str = "up", **play: Any) -> tuple[int, str]:
    """Interrupt two runs of three, or two refreshes of shards without changes."""
    lines = [ended("create", BINDING, f"team-0/grant/user:{number}") for number in range(200)]
    played = [*([{}] if verb == "refresh" else []), {"lines": lines, "sleep": 30, **play}]
    fleet.pulumi.play({f"prod-0{number}": played for number in range(3)})
    first, words = ('run(["up", "prod", "--yes"])', ["--refresh"]) if verb == "refresh" else ("", [])
    code = OURS.format(root=str(Path(__file__).parents[3]), first=first, words=words)
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=fleet.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        wait_for(lambda: len(fleet.pulumi.ran(verb)) == 2)
        os.killpg(process.pid, signal.SIGINT)
        for _ in range(times - 1):
            time.sleep(1)
            os.killpg(process.pid, signal.SIGINT)
        text, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, text


def test_an_interrupt_lets_every_engine_end_its_step_and_begins_nothing(fleet: Fleet) -> None:
    code, text = interrupted(fleet, 1)
    assert code == 130, text
    assert len(fleet.pulumi.ran()) == 2
    assert [call["interrupts"] for call in fleet.pulumi.calls("up") if call.get("ended")] == [1, 1]
    assert "waiting for 2 shards" in text
    assert "3 interrupted" in text
    # Their states were written: nothing is lost.
    assert text.count('"recorded":true') == 2


def test_the_second_one_tells_and_the_third_one_kills(fleet: Fleet) -> None:
    code, text = interrupted(fleet, 3, deaf=9)
    assert code == 130, text
    assert "still waiting for 2 shards" in text
    assert "killed: 2 shards" in text
    assert [call for call in fleet.pulumi.calls("up") if call.get("ended")] == []
    assert text.count('"recorded":false') == 2


def test_an_interrupt_during_refreshes_begins_no_run(fleet: Fleet) -> None:
    code, text = interrupted(fleet, 1, "refresh")
    assert code == 130, text
    assert "3 interrupted" in text
    assert (len(fleet.pulumi.ran("refresh")), len(fleet.pulumi.ran())) == (2, 3)
    assert "SAME True" in text


def test_an_interrupt_between_a_refresh_and_its_run_does_not_count_as_the_run(fleet: Fleet) -> None:
    drift = {"summaryEvent": {"result": "succeeded", "resourceChanges": {"update": 1}}}
    code, text = interrupted(fleet, 1, "refresh", lines=[drift], sleep=3, deaf=9)
    assert code == 130, text
    assert "3 interrupted" in text
    assert [call["interrupts"] for call in fleet.pulumi.calls("refresh") if call.get("ended")] == [1, 1]
    assert len(fleet.pulumi.ran()) == 3
    assert "SAME True" in text
