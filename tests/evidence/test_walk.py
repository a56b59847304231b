"""Every field of the stack file, walked on the real engine and API server: all ways between three of its values.

Each field has three workspaces, which begin with one of its values each. Two runs take each of them to another value
and back: with three workspaces these are all six ways. A field that is added to the schema is walked with the others.

After each run: a second one is empty; a workspace has what one has that began with this value; who has access is who
the file says; no token is live that no state knows; and the scan of `tests.support.machine` finds no secret.
"""

import json
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from ambient_components.shards import CHECKPOINTS_VARIABLE
from ambient_components.stackfile.loader import review_stack
from ambient_components.stackfile.schema import stack_schema
from sandbox.store import Store
from tests.support.buckets import sweep, with_store
from tests.support.evidence import FILE, count
from tests.support.evidence_data import NOT_WALKED
from tests.support.stacks import Result, Stack
from tests.support.walk import KINDS, PAIRS, Spot, Walk, Walker
from tests.support.walk_world import (
    BASE,
    STRANGERS,
    Connection,
    Objects,
    Snapshot,
    accounts_of,
    differences,
    file_of,
    furnish,
    questions,
    roles_of,
)

BATCHES = 14
SAMPLE = slice(9, None, 34)


@dataclass
class Cell:
    """A workspace of the walk."""

    name: str
    walk: Walk
    began: str
    value: str
    trail: list[str] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        return dict(self.walk.entries[self.value])


class Batch:
    """Some fields in one stack."""

    def __init__(self, stack: Stack, walks: list[Walk]) -> None:
        self.stack, self.connection = stack, Connection(stack.machine)
        self.walks = walks
        self.cells = [
            Cell(f"{stack.w}-{number}{kind[0]}", walk, kind, kind)
            for number, walk in enumerate(walks)
            for kind in KINDS
        ]
        self.due = {str(walk): list(PAIRS) for walk in walks}
        self.refused: dict[str, str] = {}
        """What was refused, with the first line of why."""

        self.fresh: dict[tuple[str, str], Objects] = {}
        """What a workspace has that began with a value, by field and value."""

        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    def begin(self, *more: Cell) -> None:
        """Make workspaces, each with its first value; what is refused then is left out."""
        self.cells += more
        while (result := self._deploy()).code:
            for cell in self._named(result, {cell.name for cell in self.cells if not cell.trail}):
                self._refuse(cell, f"new: {cell.value}", result)
                self.cells.remove(cell)
        self._look()
        self.counts["workspaces made"] = len(self.cells)

    def walk(self) -> None:
        """Walk all ways; where a refusal ended a walk early, with one more workspace that begins there."""
        while self._step():
            pass
        left = [(walk, pair) for walk in self.walks for pair in self.due[str(walk)]]
        more = [
            Cell(f"{self.stack.w}-x{number}", walk, begins, begins)
            for number, (walk, (begins, _)) in enumerate(left)
            if f"{walk}: new: {begins}" not in self.refused
        ]
        if more:
            self.begin(*more)
            while self._step():
                pass

    def _step(self) -> bool:
        """Take each workspace to another value, as long as there is one that it should be taken to."""
        moves = {}
        for cell in self.cells:
            ways = [pair for pair in self.due[str(cell.walk)] if pair[0] == cell.value]
            if ways:
                # The circle first, then back: so each of the three workspaces goes there and back again.
                circle = dict(zip(KINDS, (*KINDS[1:], KINDS[0]), strict=True))
                pair = min(ways, key=lambda pair: pair[1] != circle[pair[0]])
                self.due[str(cell.walk)].remove(pair)
                moves[cell.name] = (cell, pair)
                cell.value = pair[1]
        if not moves:
            return False
        while (result := self._deploy()).code:
            for cell in self._named(result, moves):
                _, pair = moves.pop(cell.name)
                self._refuse(cell, " -> ".join(pair), result)
                cell.value = pair[0]
        self.counts["transitions walked"] += len(moves)
        self._look()
        return True

    def _deploy(self) -> Result:
        self.stack.write(file_of({cell.name: cell.entry for cell in self.cells}))
        return self.stack.up()

    def _named(self, result: Result, among: Iterable[str] | None = None) -> list[Cell]:
        """The workspaces that a refusal names. A refusal that names none of them has no excuse."""
        result.refused()
        allowed = {cell.name for cell in self.cells} if among is None else set(among)
        found = [cell for cell in self.cells if cell.name in allowed and self._reason(cell, result)]
        assert found, result.text
        return found

    def _reason(self, cell: Cell, result: Result) -> str:
        lines = [line.strip() for line in result.text.splitlines() if re.search(rf"{cell.name}(?![0-9a-z-])", line)]
        errors = [line for line in lines if "error: " in line]
        return errors[0].replace(cell.name, "WORKSPACE") if errors else ""

    def _refuse(self, cell: Cell, what: str, result: Result) -> None:
        self.refused[f"{cell.walk}: {what}"] = self._reason(cell, result)

    def _look(self) -> None:
        """Check everything that must be so after a run."""
        names = [cell.name for cell in self.cells]
        again = self.stack.up("--expect-no-changes")
        if again.code:
            self.problems.append(f"a second run is not empty: {again.text}")
        self.counts["workspaces of which a second run changed nothing"] += len(names)
        there = Snapshot(self.connection, names)
        recorded = self._recorded_tokens()
        for cell in self.cells:
            self._compare(cell, there)
            self._access(cell, there)
            if there.token_secrets[cell.name] != recorded.get(cell.name, set()):
                self._problem(cell, f"tokens {there.token_secrets[cell.name]}, recorded {recorded.get(cell.name)}")
            self.counts["live tokens with a record"] += len(there.token_secrets[cell.name])
            cell.trail.append(cell.value)

    def _compare(self, cell: Cell, there: Snapshot) -> None:
        objects = there.objects.get(cell.name, {})
        alike = self.fresh.setdefault((str(cell.walk), cell.value), objects) if not cell.trail else None
        if alike is objects or (cell.trail and cell.value == cell.trail[-1]):
            return
        if (str(cell.walk), cell.value) not in self.fresh:
            return
        what = "restored" if cell.trail and cell.value == cell.began else "equal to a new workspace"
        found = differences(self.fresh[str(cell.walk), cell.value], objects)
        if found:
            self._problem(cell, f"{cell.trail[-1:]} -> {cell.value} is not {what}: " + "; ".join(found))
        self.counts[f"workspaces {what}"] += 1

    def _access(self, cell: Cell, there: Snapshot) -> None:
        named = {subject: "" for entry in cell.walk.entries.values() for subject in roles_of(entry)}
        due = dict.fromkeys(STRANGERS, "") | named | roles_of(cell.entry)
        accounts = accounts_of(cell.name, cell.entry)
        if there.accounts[cell.name] != set(accounts):
            self._problem(cell, f"accounts {there.accounts[cell.name]}, due {set(accounts)}")
        due |= {f"serviceaccount:{cell.name}:{account}": role for account, role in accounts.items()}
        for subject, right, answer in questions(due):
            if self.connection.allowed(cell.name, subject, right) is not answer:
                self._problem(cell, f"{subject} {'has no' if answer else 'has the'} right to {right}")
            self.counts[f"SubjectAccessReviews that say {'yes' if answer else 'no'}"] += 1

    def _recorded_tokens(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for item in self.stack.export():
            if item["type"] == "ambient:index:AccessToken" and not item.get("delete"):
                outputs = item["outputs"]
                tokens = [outputs.get("current"), *(outputs.get("retiring") or [])]
                found.setdefault(outputs["namespace"], set()).update(one["handle"] for one in tokens if one)
        return found

    def _problem(self, cell: Cell, text: str) -> None:
        self.problems.append(f"{cell.walk} ({cell.name}, {[*cell.trail, cell.value]}): {text}")

    def end(self) -> None:
        """Close all workspaces, then remove their entries: nothing is left."""
        names = [cell.name for cell in self.cells]
        for more in ({"adopt": True}, {"state": "closed"}):
            self.stack.write(file_of({cell.name: {"protect": False, **more, **_leaving(cell)} for cell in self.cells}))
            self._ended()
        self.stack.write(file_of({}))
        self._ended()
        self.stack.machine.until(
            lambda: not Snapshot(self.connection, names).objects, "nothing is left of the workspaces", seconds=120
        )
        left = [item["urn"] for item in self.stack.export() if any(name in item["urn"] for name in names)]
        assert left == []
        self.counts["workspaces removed without a trace"] += len(names)

    def _ended(self) -> None:
        self.stack.up().ok()


def _leaving(cell: Cell) -> dict[str, Any]:
    """The bucket of a workspace that is to be removed: one of its own goes with it."""
    bucket = cell.entry.get("storage", {}).get("bucket")
    if bucket is None:
        return {}
    own = not bucket.get("shared") and bucket.get("driver", "s3") == "s3" and bucket.get("state") != "released"
    more = {"protect": False, "onDelete": "delete", "force": True} if own else {}
    return {"storage": {"bucket": {**bucket, **more}}}


@pytest.fixture
def world(stack: Stack, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack with all that the values of fields refer to; files of the values are below its folder."""
    monkeypatch.chdir(stack.folder)
    # Nothing is killed here, and a state that is written after each step takes most of a run's time.
    stack.environment[CHECKPOINTS_VARIABLE] = "true"
    furnish(stack)
    with_store(stack, store)
    yield stack
    sweep(store, stack)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(BATCHES))
def test_every_way_between_three_values_of_each_field(number: int, world: Stack) -> None:
    walk_all(world, spots()[number::BATCHES])


def test_a_sample_of_the_fields(world: Stack) -> None:
    """For `make test`: what all batches do, with a few fields."""
    if FILE in os.environ:
        pytest.skip("all batches count these fields")
    walk_all(world, spots()[SAMPLE])


def spots() -> list[Spot]:
    """The fields that are walked."""
    return [spot for spot in walker().spots() if str(spot) not in NOT_WALKED]


def walker() -> Walker:
    return Walker(stack_schema(), "Workspace", BASE, accepted)


def walk_all(stack: Stack, fields: list[Spot]) -> None:
    """Walk some fields in one stack, and count what was checked if all of it held."""
    batch = Batch(stack, [walked(walker(), spot) for spot in fields])
    batch.begin()
    batch.walk()
    print(json.dumps({"counts": batch.counts, "refused": batch.refused, "due": batch.due}, indent=1), flush=True)
    batch.end()
    assert batch.problems == [], "\n".join(batch.problems)
    batch.counts["fields walked"] = len(fields)
    batch.counts["transitions refused"] = sum("->" in one for one in batch.refused)
    batch.counts["transitions from a value that no workspace may have"] = sum(map(len, batch.due.values()))
    for what, n in batch.counts.items():
        count("walk", what, n)


def accepted(entry: Mapping[str, Any]) -> bool:
    """Whether `ambient validate` would take a workspace with this entry."""
    review = review_stack("stacks/walk.yaml", file_of({"walk": entry}))
    return all(problem.warning for problem in review.problems)


def walked(walker: Walker, spot: Spot) -> Walk:
    walk = walker.walk(spot)
    assert walk is not None, f"{spot}: no value is accepted; tests/support/walk_values.py may need one, or NOT_WALKED"
    return walk
