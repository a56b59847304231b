"""`ambient reshard`: who goes where, in which order it is written, and what a kill at any moment leaves."""

import copy
import itertools
from pathlib import Path
from typing import Any

import pytest

from ambient_components.access.entries import NOTHING
from ambient_components.cli import app, reshard
from ambient_components.engine.rewriting import items
from ambient_components.errors import Problem, refusal
from ambient_components.fleet.moves import parts_of
from ambient_components.fleet.resharding import Move, resharding
from ambient_components.shards.names import home
from ambient_components.shards.records import Record, Run
from ambient_components.stacks import pulumi as engine
from ambient_components.stacks.reading import ledger_from_state
from tests.support.fleet_engine import FleetEngine, KilledError
from tests.unit.fleet.test_moves import named, state

NAMES = ["aa", "bb", "cc", "dd", "ee", "ff"]


class Records:
    """The run records of the fleet, and every write in its order."""

    kept: dict[int, Record]
    trouble: Problem | None = None
    removed: list[int]

    def __init__(self, *_: object) -> None:
        pass

    def read(self) -> dict[int, Record]:
        return dict(self.kept)

    def change(self, number: int, change: Any) -> Record:
        self.kept[number] = change(self.kept.get(number, Record()))
        return self.kept[number]

    def remove(self, number: int) -> None:
        self.removed.append(number)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: ours\nruntime: python\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(reshard, "records_of", Records)
    monkeypatch.setattr(Records, "kept", {}, raising=False)
    monkeypatch.setattr(Records, "removed", [], raising=False)
    files(tmp_path, dict.fromkeys(NAMES))
    return tmp_path


def files(folder: Path, pins: dict[str, int | None], count: int | None = None) -> None:
    lines = [f"  {name}: {{{'' if pin is None else f'shard: {pin}'}}}" for name, pin in pins.items()]
    (folder / "stacks/prod.yaml").write_text("workspaces:\n" + "\n".join(lines) + "\n")
    config = folder / "stacks/Pulumi.prod.yaml"
    shards = "" if count is None else f'  ours:shards: "{count}"\n'
    config.write_text(f"encryptionsalt: v1:salt\nconfig:\n  ours:clusterUid: u\n{shards}")


def fleet(count: int) -> dict[str, Any]:
    """The states of a fleet that is as it should be."""
    return {
        f"prod-{number:02d}": state(
            f"prod-{number:02d}", {name: 1 for name in NAMES if home(name, count) == number}, record=f"r-{number}"
        )
        for number in range(count)
    }


def run(pulumi: FleetEngine, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(engine, "PulumiEngine", lambda *_: pulumi)
    return app.run(["reshard", "prod", *words])


def where(pulumi: FleetEngine) -> dict[str, list[str]]:
    return {name: [stack for stack, one in pulumi.states.items() if name in ledger_from_state(one)] for name in NAMES}


def settled(pulumi: FleetEngine, count: int) -> None:
    assert where(pulumi) == {name: [f"prod-{home(name, count):02d}"] for name in NAMES}
    for stack, one in pulumi.states.items():
        assert all(len(parts_of(one, name)) == 4 for name in ledger_from_state(one))
        number = int(stack.rpartition("-")[2]) if stack != "prod" else None
        if number in Records.kept and number not in Records.removed:
            assert set(Records.kept[number].declared or {}) == set(ledger_from_state(one))


@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (1, 4), (4, 1)])
def test_another_number_moves_the_fewest(
    before: int, after: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(folder, dict.fromkeys(NAMES), before)
    pulumi = FleetEngine(fleet(before))
    assert run(pulumi, monkeypatch, "--shards", str(after), "--yes") == 0
    settled(pulumi, after)
    assert f'shards: "{after}"' in (folder / "stacks/Pulumi.prod.yaml").read_text()
    touched = {f"prod-{home(name, count):02d}" for name in NAMES if home(name, before) != home(name, after)
               for count in (before, after)} | {f"prod-{number:02d}" for number in range(after, before)}  # fmt: skip
    assert set(pulumi.imports) == touched
    assert Records.removed == list(range(after, before))
    assert not list((folder / "stacks").glob("Pulumi.prod-*"))
    pulumi.imports.clear()
    assert run(pulumi, monkeypatch, "--dry-run") == 0
    assert pulumi.imports == []


def test_a_plain_stack_becomes_a_fleet(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = FleetEngine({"prod": state("prod", dict.fromkeys(NAMES, 1)), "other": state("other", {})})
    assert run(pulumi, monkeypatch, "--shards", "3", "--dry-run") == 2
    assert pulumi.imports == []
    assert "shards" not in (folder / "stacks/Pulumi.prod.yaml").read_text()
    assert run(pulumi, monkeypatch, "--shards", "3", "--yes", "--remove-empty") == 0
    del pulumi.states["other"]
    settled(pulumi, 3)
    assert set(pulumi.states) == {"prod-00", "prod-01", "prod-02"}
    # The shards' stacks are made where nothing of it stays, with the fleet's own salt.
    assert pulumi.made_in[0] == ["Pulumi.prod-00.yaml", "Pulumi.yaml"]
    ledger = named(pulumi.states["prod-01"], "::access")
    assert ledger["inputs"]["record"].startswith("ambient-code/ambient-components-")
    assert ledger["inputs"]["record"].endswith("-01")
    assert "prod is removed" in capsys.readouterr().out
    assert (folder / "stacks/Pulumi.prod.yaml").read_text().count("fleetKey") == 1


def test_a_stack_that_is_no_longer_needed_ends_empty_and_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files(folder, dict.fromkeys(NAMES), 3)
    pulumi = FleetEngine(fleet(3))
    assert run(pulumi, monkeypatch, "--shards", "2", "--yes") == 0
    assert items(pulumi.states["prod-02"]) == []
    assert "pulumi stack rm prod-02 --preserve-config --yes" in capsys.readouterr().out
    assert run(pulumi, monkeypatch, "--yes", "--remove-empty") == 0
    assert set(pulumi.states) == {"prod-00", "prod-01"}


def test_a_pin_moves_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(folder, {**dict.fromkeys(NAMES), "aa": 1 - home("aa", 2)}, 2)
    pulumi = FleetEngine(fleet(2))
    assert run(pulumi, monkeypatch, "--yes") == 0
    assert where(pulumi)["aa"] == [f"prod-{1 - home('a', 2):02d}"]
    assert len(pulumi.imports) == 2


def test_the_target_is_written_first_and_its_record_before_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes = 1 - home("aa", 2)
    files(folder, {**dict.fromkeys(NAMES), "aa": goes}, 2)
    pulumi = FleetEngine(fleet(2))
    source, target = f"prod-{1 - goes:02d}", f"prod-{goes:02d}"
    order: list[str] = []
    monkeypatch.setattr(Records, "change", lambda _, number, __: order.append(f"record-{number}") or Record())
    real = pulumi._import
    monkeypatch.setattr(pulumi, "_import", lambda stack, value: (order.append(stack), real(stack, value)))
    assert run(pulumi, monkeypatch, "--yes") == 0
    assert order == [f"record-{goes}", target, f"record-{1 - goes}", source]


@pytest.mark.parametrize("moment", range(1, 9))
@pytest.mark.parametrize("remove", [[], ["--remove-empty"]], ids=["stay", "removed"])
def test_killed_before_any_import_nothing_is_lost_and_the_next_one_mends(
    moment: int, remove: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(folder, dict.fromkeys(NAMES), 3)
    before = fleet(3)
    monkeypatch.setattr(
        Records,
        "kept",
        {number: Record(declared=ledger_from_state(before[f"prod-{number:02d}"])) for number in range(3)},
    )
    pulumi = FleetEngine(before)
    pulumi.die_before_import = moment
    words = ("--shards", "1", "--yes", *remove)
    try:
        code = run(pulumi, monkeypatch, *words)
    except KilledError:
        assert all(where(pulumi).values())
        assert all(
            len(parts_of(export, name)) == 4 for export in pulumi.states.values() for name in ledger_from_state(export)
        )
        pulumi.die_before_import = 0
        # The config says already where to: nobody has to know the number again.
        code = run(pulumi, monkeypatch, *words[2:])
    assert code == 0
    settled(pulumi, 1)


def test_of_two_copies_the_one_that_a_run_changed_since_stays(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files(folder, dict.fromkeys(NAMES), 2)
    own, other = f"prod-{home('a', 2):02d}", f"prod-{1 - home('a', 2):02d}"
    states = fleet(2)
    twin = {name: 1 for name in NAMES if f"prod-{home(name, 2):02d}" == other} | {"aa": 1}
    states[other] = state(other, twin)
    for export in states.values():
        named(export, "aa/namespace")["modified"] = "2026-01-01T00:00:00Z"
    named(states[other], "aa/key/k0/g1")["modified"] = "2026-02-01T00:00:00Z"
    named(states[other], "aa/key/k0/g1")["outputs"]["mark"] = "newer"
    pulumi = FleetEngine(states)
    assert run(pulumi, monkeypatch, "--yes") == 0
    assert named(pulumi.states[own], "aa/key/k0/g1")["outputs"]["mark"] == "newer"
    assert f"{own}: forgets aa" in capsys.readouterr().out
    settled(pulumi, 2)


def test_copies_that_are_alike_stay_at_home() -> None:
    twins = {stack: state(stack, {"aa": 1}) for stack in ("prod-00", "prod-01")}
    for home_ in twins:
        plan = resharding(twins, {"aa": home_}, list(twins), lambda name: name)
        other = next(stack for stack in twins if stack != home_)
        assert plan.twice == (Move(other, home_, ("aa",)),)
        assert plan.moves == ()


def test_what_is_in_no_file_stays_unless_its_stack_goes() -> None:
    states = {"prod-00": state("prod-00", {"aa": 0}), "prod-01": state("prod-01", {"bb": 0})}
    assert resharding(states, {}, ["prod-00", "prod-01"], lambda _: "prod-00").moves == ()
    assert resharding(states, {}, ["prod-00"], lambda _: "prod-00").moves == (Move("prod-01", "prod-00", ("bb",)),)


def refused(pulumi: FleetEngine, monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str) -> str:
    before = copy.deepcopy(pulumi.states)
    assert run(pulumi, monkeypatch, *words) == 1
    assert pulumi.states == before
    assert pulumi.imports == []
    return str(capsys.readouterr().err)


def test_a_state_that_somebody_writes_meanwhile_is_not_overwritten(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for stack in ("prod-00", "prod-01"):
        pulumi = FleetEngine(fleet(2))
        files(folder, {**dict.fromkeys(NAMES), "aa": 1 - home("aa", 2)}, 2)
        changed = copy.deepcopy(pulumi.states[stack])
        named(changed, "::access")["modified"] = "now"
        pulumi.deploys[stack] = changed
        assert run(pulumi, monkeypatch, "--yes") == 1
        assert f"stack '{stack}' was deployed meanwhile" in capsys.readouterr().err
        assert pulumi.states[stack] == changed
        assert pulumi.imports == []


def test_what_can_not_be_moved_is_refused_before_anything_is_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    files(folder, dict.fromkeys(NAMES), 3)
    states = fleet(3)
    named(states["prod-02"], "kubernetes::cluster")["inputs"]["clusterUid"] = "another"
    reported = refused(FleetEngine(states), monkeypatch, capsys, "--shards", "1", "--yes")
    assert "is set up otherwise in prod-02 than in prod-00" in reported
    assert 'shards: "3"' in (folder / "stacks/Pulumi.prod.yaml").read_text()


def test_a_lost_run_comes_first(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    files(folder, dict.fromkeys(NAMES), 2)
    monkeypatch.setattr(Records, "kept", {1: Record(Run("x", "2026-01-01T00:00:00Z", checkpoints=False))})
    reported = refused(FleetEngine(fleet(2)), monkeypatch, capsys, "--shards", "3", "--yes")
    assert "a run of prod-01 is under way" in reported
    assert "ambient up prod --shard 1" in reported
    ended = Run("y", "2026-01-01T00:00:00Z", checkpoints=True, recorded=True)
    monkeypatch.setattr(Records, "kept", {1: Record(ended, lost={"aa": (NOTHING,)})})
    reported = refused(FleetEngine(fleet(2)), monkeypatch, capsys, "--shards", "3", "--yes")
    assert "an interrupted run of prod-01 left access that is not ended yet" in reported
    assert "ambient up prod --shard 1" in reported


def test_a_cluster_that_is_not_reached_a_dead_run_and_another_fleets_state_are_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    files(folder, dict.fromkeys(NAMES), 2)
    states = fleet(2)
    named(states["prod-01"], "::access")["inputs"]["owner"] = "ours/other"
    assert "belongs to ours/other" in refused(FleetEngine(states), monkeypatch, capsys, "--shards", "3", "--yes")
    states = fleet(2)
    urn = named(states["prod-01"], "::access")["urn"]
    states["prod-01"]["deployment"]["pending_operations"] = [{"type": "updating", "resource": {"urn": urn}}]
    reported = refused(FleetEngine(states), monkeypatch, capsys, "--shards", "3", "--yes")
    assert "pulumi cancel --stack prod-01 --yes" in reported
    monkeypatch.setattr(Records, "trouble", refusal("no cluster"))
    assert "no cluster" in refused(FleetEngine(fleet(2)), monkeypatch, capsys, "--shards", "3", "--yes")


def test_wrong_questions(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pulumi = FleetEngine(fleet(2))
    assert run(pulumi, monkeypatch, "--yes") == 1
    assert "ambient reshard prod --shards N" in capsys.readouterr().err
    assert run(pulumi, monkeypatch, "--yes", "--shards", "1000") == 64
    capsys.readouterr()
    assert run(pulumi, monkeypatch, "4") == 64
    assert "Did you mean --shards 4?" in capsys.readouterr().err
    files(folder, {"aa": 5}, 2)
    assert run(pulumi, monkeypatch, "--yes") == 1
    assert "there is no shard 5" in capsys.readouterr().err
    files(folder, {"aa": None}, 2)
    assert run(pulumi, monkeypatch) == 1
    assert "--yes" in capsys.readouterr().err
    (folder / "stacks/Pulumi.prod-01.yaml").write_text("config: {}\n")
    assert run(pulumi, monkeypatch, "--yes") == 1
    assert "has a config of its own" in capsys.readouterr().err


def test_records_that_an_interruption_left_are_mended(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    files(folder, dict.fromkeys(NAMES), 2)
    pulumi = FleetEngine(fleet(2))
    everything = {name: {"state": "active"} for name in NAMES}
    monkeypatch.setattr(Records, "kept", {0: Record(declared=everything), 1: Record(declared=everything)})
    assert run(pulumi, monkeypatch, "--yes") == 0
    settled(pulumi, 2)
    assert "repaired" in capsys.readouterr().out


def test_every_order_of_names_gives_the_same_plan() -> None:
    states = fleet(3)
    plans = {
        resharding(dict(order), {}, ["prod-00"], lambda _: "prod-00")
        for order in itertools.permutations(states.items())
    }
    assert len(plans) == 1
