"""Which locks are those of dead runs, who takes one over, and what a run over a fleet then does."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ambient_components.cluster.client import ApiError
from ambient_components.cluster.guard import Guard
from ambient_components.engine.texts import Lock
from ambient_components.errors import AmbientError
from ambient_components.fleet import machine_notes
from ambient_components.fleet.locks import NoNote, Note, in_job, note_of, run_despite_dead
from ambient_components.fleet.machine_notes import MachineNote
from ambient_components.fleet.pod_notes import PodNote
from ambient_components.fleet.processes import Ended, carry_out
from ambient_components.stacks.pulumi import PulumiEngine
from tests.support.fake_pulumi import FakePulumi
from tests.support.fake_records import FakeCluster, FakeGuard
from tests.support.fleet_runs import ENTRY, Fleet, fleet, up

__all__ = ["fleet"]

HOST = socket.gethostname()
SLEEPS = "import sys, time; print(flush=True); time.sleep(60)"

linux = pytest.mark.skipif(sys.platform != "linux", reason="processes are read from /proc")


def iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def lock(pid: int, *, since: float | None = None, host: str = HOST) -> Lock:
    return Lock("ci", host, pid, iso(time.time() if since is None else since))


def reported(*found: Lock) -> str:
    lines = [
        f"  s3://b/{each.pid}.json: created by {each.who}@{each.host} (pid {each.pid}) at {each.since}"
        for each in found
    ]
    return "\n".join([f"error: the stack is currently locked by {len(found)} lock(s).", *lines])


@pytest.fixture
def engine() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPS], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def noted(folder: Path, pid: int, stack: str = "org/prod-03") -> MachineNote:
    note = MachineNote(stack, folder / "notes")
    note.begin()
    note.started(pid)
    return note


# On a machine.


@linux
def test_a_lock_is_of_a_dead_run_once_its_process_is_gone(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    note = noted(tmp_path, engine.pid)
    assert not note.is_of_dead(lock(engine.pid))
    engine.kill()
    os.waitid(os.P_PID, engine.pid, os.WEXITED | os.WNOWAIT)
    assert note.is_of_dead(lock(engine.pid))  # its parent has not taken note of it yet
    engine.wait()
    assert note.is_of_dead(lock(engine.pid))
    assert MachineNote("prod-03", tmp_path / "notes").is_of_dead(lock(engine.pid))  # another run finds it
    assert note.settled([lock(engine.pid)])
    note.forget([lock(engine.pid)])
    assert not note.is_of_dead(lock(engine.pid))


@linux
@pytest.mark.parametrize(
    "other",
    [
        lambda pid: lock(pid, host="elsewhere"),
        lambda pid: lock(pid + 1),
        lambda pid: lock(pid, since=time.time() - 60),
        lambda pid: lock(pid, since=time.time() + 3600),
        lambda pid: Lock("ci", HOST, pid, "yesterday"),
    ],
    ids=["host", "process", "before", "long after", "no time"],
)
def test_a_lock_that_the_noted_run_did_not_make_is_of_no_dead_one(
    tmp_path: Path, engine: subprocess.Popen[str], other: Callable[[int], Lock]
) -> None:
    note = noted(tmp_path, engine.pid)
    engine.kill()
    engine.wait()
    assert note.is_of_dead(lock(engine.pid))
    assert not note.is_of_dead(other(engine.pid))
    assert not MachineNote("prod-04", tmp_path / "notes").is_of_dead(lock(engine.pid))


@linux
def test_a_process_number_that_is_used_again(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    """One that lives has the number of the noted one. It may be the holder, unless it is younger than the lock."""
    note = noted(tmp_path, engine.pid)
    path = tmp_path / "notes" / f"{engine.pid}.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "started": fields["started"] - 7, "begun": time.time() - 300}))
    assert not note.is_of_dead(lock(engine.pid))
    assert note.is_of_dead(lock(engine.pid, since=time.time() - 200))


@linux
@pytest.mark.parametrize("change", [{"boot": "another"}, {"stack": 7}, {"sessions": None}, {"more": 1}])
def test_a_note_of_another_start_of_the_machine_or_of_another_form_counts_for_nothing(
    tmp_path: Path, engine: subprocess.Popen[str], change: dict[str, Any]
) -> None:
    note = noted(tmp_path, engine.pid)
    engine.kill()
    engine.wait()
    path = tmp_path / "notes" / f"{engine.pid}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert not note.is_of_dead(lock(engine.pid))


@linux
def test_a_folder_that_others_can_write_to_is_not_used(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    (tmp_path / "notes").mkdir(mode=0o777)
    (tmp_path / "notes").chmod(0o777)
    noted(tmp_path, engine.pid)
    assert [*(tmp_path / "notes").iterdir()] == []
    (tmp_path / "link").symlink_to(tmp_path)
    note = MachineNote("prod-03", tmp_path / "link")
    note.started(engine.pid)
    assert not [*tmp_path.glob("*.json")]


@linux
@pytest.mark.parametrize(
    ("play", "left"),
    [
        ({}, 0),
        ({"code": 255, "stderr": "error: update failed"}, 0),
        ({"die": 9}, 1),
        ({"stderr": "error: there was a problem deleting the lock at s3://b/1.json: 503"}, 1),
        ({"code": 2, "stderr": "panic: runtime error: invalid memory address or nil pointer dereference"}, 1),
    ],
)
def test_an_engine_that_may_have_left_a_lock_stays_noted(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, play: dict[str, Any], left: int
) -> None:
    monkeypatch.setattr("ambient_components.fleet.locks.sees_machine", lambda: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    fleet.pulumi.play({"prod-01": [play]})
    up()
    notes = [*(tmp_path / f"ambient-runs-{os.getuid()}").glob("*.json")]
    assert [json.loads(note.read_text())["stack"] for note in notes] == ["prod-01"] * left


@linux
def test_what_is_left_of_a_dead_engine_is_waited_for_and_then_ended(
    tmp_path: Path, engine: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plugin in the engine's session ends; the fork server of a command that goes on does not."""
    monkeypatch.setattr(machine_notes, "_ENDING", 0.5)
    leaves = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]); {SLEEPS}"
    with subprocess.Popen(
        [sys.executable, "-c", leaves], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as dead:
        assert dead.stdout is not None
        assert [dead.stdout.readline() for _ in range(2)] == ["\n", "\n"]
        note = MachineNote("prod-03", tmp_path / "notes")
        note.begin()
        note.started(dead.pid, engine.pid)
        dead.kill()
        dead.wait()
        assert note.is_of_dead(lock(dead.pid))
        begun = time.monotonic()
        assert note.settled([lock(dead.pid)])
        assert time.monotonic() - begun >= 0.5
        assert dead.stdout.read() == ""  # its plugin has ended, which also had the pipe
    assert engine.poll() is None
    assert note.settled([lock(dead.pid)])


@linux
def test_another_process_with_the_number_of_a_dead_engine_is_not_ended(
    tmp_path: Path, engine: subprocess.Popen[str]
) -> None:
    noted(tmp_path, engine.pid)
    path = tmp_path / "notes" / f"{engine.pid}.json"
    fields = json.loads(path.read_text())
    path.write_text(json.dumps({**fields, "started": fields["started"] - 1}))
    assert MachineNote("prod-03", tmp_path / "notes").settled([lock(engine.pid)])
    assert engine.poll() is None


@linux
def test_only_one_takes_over(tmp_path: Path, engine: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_notes, "_WAITING", 0.2)
    note = noted(tmp_path, engine.pid)
    with note.alone() as first, MachineNote("prod-03", tmp_path / "notes").alone() as second:
        assert (first, second) == (True, False)
    with note.alone() as again:
        assert again


# In pods.


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    cluster = FakeCluster()
    monkeypatch.setattr(Guard, "of_config", lambda _: FakeGuard(cluster))
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\nstackConfigDir: stacks\n")
    return cluster


def pod(folder: Path, name: str, job: str = "deploy/1", index: str = "3") -> PodNote:
    return PodNote(folder, "prod-03", job, index, name)


def test_the_next_pod_of_an_index_takes_over_and_no_other(tmp_path: Path, cluster: FakeCluster) -> None:
    pod(tmp_path, "a/1").begin()
    (path,) = cluster.objects
    assert path.startswith("/api/v1/namespaces/ambient-code/configmaps/ambient-components-")
    made = lock(12)
    time.sleep(1.1)
    following = pod(tmp_path, "b/2")
    assert following.is_of_dead(made)
    following.begin()
    assert following.is_of_dead(made)
    assert not pod(tmp_path, "a/1").is_of_dead(made)  # another run in the same pod
    assert not pod(tmp_path, "c/3", index="4").is_of_dead(made)
    assert not pod(tmp_path, "c/3", job="deploy/2").is_of_dead(made)  # a Job of the same name
    assert not following.is_of_dead(lock(12, host="elsewhere"))
    assert not following.is_of_dead(lock(12))  # after its own begin, it may be its own
    assert following.settled([made])
    following.forget([made])
    assert not following.is_of_dead(made)
    following.ended()
    assert cluster.objects[path]["data"] == {}


def exists(cluster: FakeCluster, name: str, phase: str = "Running") -> None:
    pod, _, uid = name.partition("/")
    cluster.objects[f"/api/v1/namespaces/runs/pods/{pod}"] = {"metadata": {"uid": uid}, "status": {"phase": phase}}


def of_job(folder: Path, number: int) -> PodNote:
    """A pod of a Job that another Job follows, as those of a CronJob."""
    return PodNote(folder, "prod-03", f"deploy/{number}", "3", f"pod-{number}/{number}", "runs")


def test_a_pod_of_another_job_takes_over_once_the_cluster_knows_the_death(tmp_path: Path, cluster: FakeCluster) -> None:
    exists(cluster, "pod-1/1")
    of_job(tmp_path, 1).begin()
    made = lock(12)
    time.sleep(1.1)
    second, third = of_job(tmp_path, 2), of_job(tmp_path, 3)
    assert not second.is_of_dead(made)
    assert not second.settled([made])
    for there in (partial(exists, cluster, "pod-1/1", "Failed"), partial(exists, cluster, "pod-1/9"),
                  partial(cluster.objects.pop, "/api/v1/namespaces/runs/pods/pod-1")):  # fmt: skip
        there()
        assert second.is_of_dead(made)
    # The second one has it, until it dies too.
    exists(cluster, "pod-2/2")
    before = third._read()
    assert second.settled([made])
    assert not third.is_of_dead(made)
    assert not third.settled([made])
    third._read = lambda: before  # as if both had looked at the same time
    assert third.is_of_dead(made)
    assert not third.settled([made])
    exists(cluster, "pod-2/2", "Failed")
    fourth = of_job(tmp_path, 4)
    assert fourth.is_of_dead(made)
    assert fourth.settled([made])
    fourth.forget([made])
    assert not fourth.is_of_dead(made)


def test_a_pod_that_the_stacks_cluster_never_had_is_not_asked_for(tmp_path: Path, cluster: FakeCluster) -> None:
    of_job(tmp_path, 1).begin()
    time.sleep(1.1)
    assert not of_job(tmp_path, 2).is_of_dead(lock(12))


def test_two_that_may_have_made_it_are_one_too_many(tmp_path: Path, cluster: FakeCluster) -> None:
    """The CronJobs of two clusters: pods of the same host name at the same minute."""
    pod(tmp_path, "a/1").begin()
    pod(tmp_path, "z/9", job="deploy/2").begin()
    time.sleep(1.1)
    assert not pod(tmp_path, "b/2").is_of_dead(lock(12))


def test_a_killed_engine_stays_noted_and_its_pods_first_time_counts(tmp_path: Path, cluster: FakeCluster) -> None:
    first = pod(tmp_path, "a/1")
    first.begin()
    (item,) = cluster.objects.values()
    second = pod(tmp_path, "a/1")
    second.begin()
    second.ended()
    assert [*cluster.objects.values()] == [item]


@pytest.fixture
def runs(tmp_path: Path, cluster: FakeCluster) -> Callable[..., Ended]:
    """Runs the stack in a pod, where the engine's runs end as a play says."""
    pulumi = FakePulumi(tmp_path, "prod-03")

    def run(name: str, job: str = "deploy/1", **play: Any) -> Ended:
        exists(cluster, name)
        names = {"JOB": job, "INDEX": "3", "POD": name, "PAGE": "runs/page"}
        environ = {f"AMBIENT_RUN_{key}": text for key, text in names.items()}
        pulumi.play({"prod-03": [{"lines": [{"resourcePreEvent": {"metadata": {}}}], **play}]})
        engine = PulumiEngine(tmp_path, {**environ, "PATH": f"{pulumi.bin}:{os.environ['PATH']}"})
        return carry_out(engine, "up", "prod-03")

    return run


def test_no_engine_starts_in_a_pod_that_is_not_noted(
    tmp_path: Path, cluster: FakeCluster, runs: Callable[..., Ended]
) -> None:
    """Its lock would pass for that of the pod before it, which had its host name and is still noted."""
    runs("pod-1/1", die=9)
    exists(cluster, "pod-1/1", "Failed")
    cluster.down = True
    with pytest.raises(AmbientError, match=r"no run of p/prod-03 begins, .* https://c does not answer; if a"):
        runs("pod-9/9")
    assert len((tmp_path / "calls.jsonl").read_text().splitlines()) == 1
    assert not of_job(tmp_path, 2).is_of_dead(lock(12))
    of_job(tmp_path, 2).forget([])
    cluster.down = False
    assert of_job(tmp_path, 2).is_of_dead(lock(12))  # as it is: no engine runs
    runs("pod-9/9", die=9)
    assert not of_job(tmp_path, 2).is_of_dead(lock(12))  # the second pod has not ended
    before = [*cluster.objects.values()]
    assert not of_job(tmp_path, 2).settled([lock(12)])
    assert not of_job(tmp_path, 2).settled([lock(12, host="elsewhere")])
    assert [*cluster.objects.values()] == before
    exists(cluster, "pod-9/9", "Failed")
    assert of_job(tmp_path, 2).is_of_dead(lock(12))


def test_a_run_that_had_the_lock_forgets_the_pods_that_have_ended(
    cluster: FakeCluster, runs: Callable[..., Ended]
) -> None:
    for number in (1, 2, 3):
        runs(f"pod-{number}/{number}", f"deploy/{number}", die=9)
    for number in (1, 2):
        exists(cluster, f"pod-{number}/{number}", "Failed")
    refused = {"code": 255, "stderr": reported(lock(1)), "lines": []}
    for ended, left in ((refused, ["pod-1_1", "pod-2_2", "pod-3_3"]), ({"code": 1}, ["pod-3_3"])):
        runs("pod-4/4", "deploy/4", **ended)
        notes = next(item["data"] for path, item in cluster.objects.items() if path.endswith("-lock"))
        assert [*notes] == left


def test_who_may_not_list_pods_is_noted_without_its_namespace(
    tmp_path: Path, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with a smaller role. Then the next pod of the index alone takes over."""

    def each(path: str, *, name: str) -> Iterator[dict[str, Any]]:
        raise ApiError(status, "no")

    status = 403
    exists(cluster, "pod-1/1")
    monkeypatch.setattr(cluster, "each", each)
    of_job(tmp_path, 1).begin()
    assert pod(tmp_path, "b/2").is_of_dead(lock(12))
    assert not of_job(tmp_path, 2).is_of_dead(lock(12))
    status = 500
    with pytest.raises(AmbientError):
        of_job(tmp_path, 2).begin()


def test_where_runs_are_noted(tmp_path: Path, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {"AMBIENT_RUN_JOB": "j/1", "AMBIENT_RUN_INDEX": "0", "AMBIENT_RUN_POD": "p/2"}
    assert in_job(variables)
    assert isinstance(note_of(tmp_path, "prod", variables), PodNote)
    assert not in_job({**variables, "AMBIENT_RUN_INDEX": ""})
    monkeypatch.setattr("ambient_components.fleet.locks.sees_machine", lambda: True)
    assert isinstance(note_of(tmp_path, "prod", {}), MachineNote)
    monkeypatch.setattr("ambient_components.fleet.locks.sees_machine", lambda: False)
    assert isinstance(note_of(tmp_path, "prod", {}), NoNote)


# Taking over.


class Sure(NoNote):
    """Sure of the death of the holders on the host `dead`."""

    def __init__(self, *, settled: bool = True) -> None:
        self._settled = settled

    def settled(self, locks: Sequence[Lock]) -> bool:
        return self._settled and bool(locks)

    def is_of_dead(self, lock: Lock) -> bool:
        return lock.host == "dead"


def after(note: Note, *outputs: str, unlocks: bool = True) -> tuple[list[str], list[str]]:
    """What is done, and said, if the engine's runs end with these outputs."""
    did: list[str] = []
    said: list[str] = []
    given = iter(outputs)

    def attempt() -> str:
        did.append("run")
        return next(given)

    def unlock() -> bool:
        did.append("unlock")
        return unlocks

    run_despite_dead(note, attempt, unlock, said.append)
    return did, said


DEAD, ALIVE = reported(lock(1, host="dead")), reported(lock(2, host="alive"))
BOTH = reported(lock(1, host="dead"), lock(2, host="alive"))
OTHER = reported(lock(3, host="dead"))
NOT_LOCKED = DEAD.partition("\n")[2]
SERVICE = "error: [409] Conflict: Another update is currently in progress."


def test_a_dead_runs_lock_is_taken_off_after_a_second_look() -> None:
    did, said = after(Sure(), DEAD, DEAD, "")
    assert did == ["run", "run", "unlock", "run"]
    (text,) = said
    assert text.startswith("took over the lock of a dead run, of ci on dead, process 1, since 20")


@pytest.mark.parametrize("output", ["", "error: roles is forbidden", NOT_LOCKED, ALIVE, BOTH, SERVICE], ids="abcdef")
def test_nothing_else_is_taken_off(output: str) -> None:
    assert after(Sure(), output) == (["run"], [])


def test_it_waits_before_the_second_look_as_a_lock_may_be_another_ones_after_it() -> None:
    assert after(Sure(settled=False), DEAD) == (["run"], [])
    assert after(Sure(), DEAD, DEAD, unlocks=False) == (["run", "run", "unlock"], [])


@pytest.mark.parametrize("second", ["", ALIVE, BOTH, OTHER], ids=["none", "alive", "both", "another dead"])
def test_a_lock_that_is_another_ones_by_now_stays(second: str) -> None:
    assert after(Sure(), DEAD, second) == (["run", "run"], [])


@linux
def test_of_two_at_once_one_takes_over(tmp_path: Path, engine: subprocess.Popen[str]) -> None:
    """Both have found the lock. While one removes it and begins, a third run, of another machine, locks the stack."""
    noted(tmp_path, engine.pid)
    engine.kill()
    engine.wait()
    found: set[Lock] = {lock(engine.pid)}
    both = threading.Barrier(2)
    removed: list[set[Lock]] = []

    def run() -> None:
        met = False

        def attempt() -> str:
            nonlocal met
            seen = set(found)
            if not met:
                met = True
                both.wait(10)
            return reported(*seen) if seen else ""

        def unlock() -> bool:
            removed.append(set(found))
            found.clear()
            found.add(lock(1, host="elsewhere"))
            return True

        run_despite_dead(MachineNote("prod-03", tmp_path / "notes"), attempt, unlock, lambda _: None)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [{each.pid for each in those} for those in removed] == [{engine.pid}]


# A fleet.


@linux
def test_a_fleet_takes_over_and_refreshes(
    fleet: Fleet, tmp_path: Path, engine: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("ambient_components.fleet.locks.sees_machine", lambda: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert up() == 0
    note = MachineNote("prod-01")
    note.begin()
    note.started(engine.pid)
    engine.kill()
    engine.wait()
    fleet.write(team_4=ENTRY.format(shard=1, more=", keys: {ci: {}}"))
    locked = {"stderr": reported(lock(engine.pid)), "code": 255}
    fleet.pulumi.play({"prod-01": [locked, locked, {}, {}]})
    fleet.pulumi.forget()
    assert up() == 0
    captured = capsys.readouterr()
    assert f"prod-01: took over the lock of a dead run, of ci on {HOST}, process {engine.pid}" in captured.err
    assert "locked" not in captured.out
    began = [call["words"] for call in fleet.pulumi.calls() if "pid" in call]
    assert [words[0] for words in began] == ["up", "up", "cancel", "up"]
    assert ["--refresh" in words for words in began] == [False, False, False, True]
    assert fleet.cluster.record(1).done is not None
    fleet.pulumi.forget()
    assert up() == 0
    assert fleet.pulumi.ran() == []


@linux
@pytest.mark.parametrize(
    ("verb", "reviewed", "after_look"),
    [
        ("up", False, ["up", "cancel", "up"]),
        ("refresh", False, ["refresh", "cancel", "refresh"]),
        ("up", True, []),
        ("destroy", False, []),
    ],
)
def test_one_stack_is_taken_over_too(
    tmp_path: Path, engine: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], verb: str, reviewed: bool, after_look: list[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("ambient_components.fleet.locks.sees_machine", lambda: True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: python\n")
    pulumi = FakePulumi(tmp_path, "dev")
    note = MachineNote("dev")
    note.begin()
    note.started(engine.pid)
    engine.kill()
    engine.wait()
    locked = {"stderr": reported(lock(engine.pid)), "code": 255}
    pulumi.play({"dev": [locked, locked, {}, {}]})
    run = PulumiEngine(tmp_path, {"PATH": f"{pulumi.bin}:{os.environ['PATH']}"})
    ended = carry_out(run, verb, "dev", reviewed=reviewed)
    took_over = f"ambient: dev: took over the lock of a dead run, of ci on {HOST}" in capsys.readouterr().err
    assert (ended.code == 0, ended.interrupted, took_over) == (bool(after_look), False, bool(after_look))
    began = [call["words"] for call in pulumi.calls() if "pid" in call]
    assert [words[0] for words in began] == [verb, *after_look]
    assert ("--refresh" in began[-1]) == (after_look[-1:] == ["up"])
    assert bool([*tmp_path.glob("*.log")]) != took_over
