"""One shard's record between its two writers: what the plugin wrote in a run is what the next `ambient up` goes by."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from ambient_components.access.entries import read_ledger
from ambient_components.cluster.guard import Guard
from ambient_components.engine.backend import Stack
from ambient_components.errors import StepError
from ambient_components.fleet.decisions import is_run, job_of
from ambient_components.fleet.inputs import ShardInputs
from ambient_components.fleet.jobs import Job, Phase, Request
from ambient_components.fleet.recorder import Recorder
from ambient_components.provider.ledger import interrupted_runs
from ambient_components.provider.ledger.run_record import CHECKPOINTS_VARIABLE, RunRecord
from ambient_components.provider.protocol.resource import Context
from ambient_components.shards import RUN_VARIABLE
from ambient_components.shards.cluster_records import Records
from ambient_components.shards.records import Record, Run, begin, needs_refresh, record_name
from ambient_components.stacks.project import Project
from ambient_components.stacks.selection import Fleet
from tests.support.fake_records import FakeCluster, FakeGuard

FLEET = Fleet(Project(Path("/p"), "p", "stacks"), "prod", 1, {})
STACK = "prod-00"
LEDGER = "ambient:index:AccessLedger"
BOB = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings/ambient-permission-edit-bob-user"
BEGUN = "2026-01-01T00:00:00Z"
INPUTS = ShardInputs({"pay": "digest of pay"}, "digest of all")
MANY = ShardInputs({f"team-{number}": "digest" for number in range(10)}, "digest of all")


def ledger(**grants: str) -> dict[str, Any]:
    given = {f"user:{name}": role for name, role in grants.items()}
    return {"pay": {"state": "active", "owners": [], "grants": given, "keys": {}}}


class Engine:
    def warning(self, urn: str, text: str) -> None: ...

    info = warning


class Seam:
    """The shard, and its two writers."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.cluster = FakeCluster()
        guard = cast("Guard", FakeGuard(self.cluster))
        self.records = Records(guard, "ambient-code", FLEET.owner, FLEET.name, FLEET.count)
        self.state = Stack("", None)
        self._place = RunRecord("ambient-code", record_name(FLEET.owner, 0), FLEET.owner, FLEET.stack(0))
        self._patch = patch

    @property
    def record(self) -> Record:
        return self.cluster.record(0)

    def begins(self, run_id: str, *, checkpoints: bool = True) -> Run:
        """As `ambient up` begins a run; one that is not told how it ended was killed."""
        run = Run(run_id, BEGUN, checkpoints=checkpoints)
        self.records.change(0, lambda record: begin(record, run))
        return run

    def provider(self, desired: Mapping[str, Any], run_id: str = "", *, checkpoints: bool = True) -> None:
        """The plugin's part of a run; without an id that of `pulumi up` by hand."""
        self._patch.setenv(RUN_VARIABLE, run_id)
        self._patch.setenv(CHECKPOINTS_VARIABLE, "" if checkpoints else "true")
        context = Context("urn", Engine(), FakeGuard(self.cluster), None, datetime.now(UTC))  # type: ignore[arg-type]
        interrupted_runs.settle(context, self._place, {}, read_ledger(desired))

    def lost(self, desired: Mapping[str, Any]) -> None:
        self.begins("lost", checkpoints=False)
        self.provider(desired, "lost", checkpoints=False)

    def up(self, run_id: str, desired: Mapping[str, Any], *, late: float = 0, **how: bool) -> Job:
        """A whole run that ends well; `late` seconds after its end the state is written."""
        run = self.begins(run_id)
        self.provider(desired, run_id)
        job = self.job(Phase.DONE, **how)
        job.run = run
        self.write_down("up", job, resources=20, late=late)
        return job

    def job(self, phase: Phase, **how: bool) -> Job:
        return Job(FLEET, 0, STACK, 1, 1, "", inputs=INPUTS, records=self.records, phase=phase, **how)

    def write_down(self, verb: str, job: Job, *, resources: int, late: float = 0) -> None:
        before, self.state = self.state, Stack((datetime.now(UTC) + timedelta(seconds=late)).isoformat(), resources)
        recorder = Recorder(verb, lambda: {STACK: self.state}, {STACK: before})
        recorder.ended(job)
        recorder.close()

    def next(self, inputs: ShardInputs = INPUTS, state: Stack | None = None) -> Job:
        """What the next `ambient up` does with it."""
        request, now = Request(), datetime.now(UTC)
        job = job_of(FLEET, 0, inputs, self.record, state or self.state, request, now)
        assert not (job.skip and is_run(inputs, self.record, request, now))
        return job


@pytest.fixture
def seam(monkeypatch: pytest.MonkeyPatch) -> Iterator[Seam]:
    return Seam(monkeypatch)


def test_a_run_that_ended_well_is_skipped(seam: Seam) -> None:
    seam.up("one", ledger(bob="edit"))
    assert seam.next().skip
    assert not needs_refresh(seam.record)


# Access of a lost run that could not be ended.


def test_access_that_could_not_be_ended_is_tried_again_by_the_next_run(
    seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    seam.up("one", ledger())
    seam.lost(ledger(bob="edit"))
    seam.cluster.objects[BOB] = {"metadata": {"name": "his", "uid": "uid-of-his", "labels": {}}}

    def refuse(*_: Any) -> bool:
        msg = "forbidden"
        raise StepError(msg)

    with monkeypatch.context() as broken:
        broken.setattr(seam.cluster, "delete", refuse)
        seam.up("two", ledger(), refresh=True)
    assert "pay" in seam.record.lost
    assert seam.record.done is not None
    assert seam.record.done.id == "one"
    assert not seam.next().skip
    seam.up("three", ledger(), refresh=True)
    assert BOB not in seam.cluster.objects
    assert seam.record.lost == {}
    assert seam.next().skip


# A state that may name what a lost run deleted.


def test_a_run_by_hand_does_not_make_up_for_what_a_lost_run_deleted(seam: Seam) -> None:
    seam.up("one", ledger(bob="edit"))
    seam.lost(ledger())
    seam.provider(ledger())
    assert seam.record.lost == {}
    move = seam.next()
    assert (move.skip, move.refresh, move.checkpoints) == (False, True, True)
    # One that did not look is not enough.
    seam.up("two", ledger())
    assert (seam.next().skip, seam.next().refresh) == (False, True)
    seam.up("three", ledger(), refresh=True)
    assert (seam.next().skip, seam.next().refresh) == (True, False)


@pytest.mark.parametrize(("resources", "refresh"), [(0, False), (3, True), (200, True)])
def test_only_an_empty_state_names_nothing(seam: Seam, resources: int, refresh: bool) -> None:
    seam.lost(ledger(bob="edit"))
    move = seam.next(MANY, Stack(BEGUN, resources))
    assert not move.skip
    assert move.refresh is refresh
    assert move.checkpoints is (resources == 200)


def test_a_first_run_that_was_lost_is_made_up_for_by_one(seam: Seam) -> None:
    seam.lost(ledger(bob="edit"))
    seam.up("two", ledger(bob="edit"))
    assert seam.next().skip


# States that others wrote.


@pytest.mark.parametrize(("late", "ours"), [(0.0, True), (30.0, False)])
def test_a_state_that_was_written_after_the_end_is_no_proof_of_it(seam: Seam, late: float, ours: bool) -> None:
    job = seam.up("one", ledger(), late=late)
    assert job.recorded is ours
    assert (seam.record.done is not None) is ours
    assert seam.next().skip is ours


# The end of a shard.


def destroyed(seam: Seam, resources: int, phase: Phase = Phase.DONE) -> bool:
    """Whether a destroy that left so many resources took the record along."""
    seam.write_down("destroy", seam.job(phase), resources=resources)
    return not seam.cluster.objects


def test_the_record_of_a_shard_without_a_ledger_goes_with_it(seam: Seam) -> None:
    seam.up("one", ledger())
    assert not destroyed(seam, 0, Phase.FAILED)
    assert not destroyed(seam, 3)
    assert destroyed(seam, 0)


def test_the_record_of_a_lost_run_stays(seam: Seam) -> None:
    seam.begins("lost", checkpoints=False)
    assert not destroyed(seam, 0)
    seam.lost(ledger(bob="edit"))
    assert not destroyed(seam, 0)


def test_a_record_that_somebody_writes_meanwhile_stays(seam: Seam) -> None:
    seam.up("one", ledger())

    def meanwhile(_: Record) -> bool:
        seam.begins("theirs", checkpoints=False)
        return True

    seam.records.remove(0, meanwhile)
    assert seam.record.run is not None
    assert seam.record.run.id == "theirs"
