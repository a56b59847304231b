"""States that earlier releases left, opened with today's code: nothing changes, keys rotate, and all can be removed.

The recorded runs are at fixed times, so that the dates in the stack file and the ages of keys mean the same every day.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ambient_components._version import VERSION
from sandbox.store import Store
from tests.support.buckets import exists, variables, with_store
from tests.support.kept_states import (
    BUCKET,
    PAYMENTS,
    at,
    objects_of,
    of_the_cluster,
    of_the_store,
    record,
    restore,
    restore_stored,
    stored_of,
)
from tests.support.machine import Machine
from tests.support.shard import Shard
from tests.support.stacks import Stack

STATES = Path(__file__).parents[1] / "states"
EARLIER = pytest.mark.parametrize("folder", sorted(STATES.iterdir()), ids=lambda folder: folder.name)
FIRST, LAST = datetime(2026, 1, 1, 12, tzinfo=UTC), datetime(2026, 1, 26, 12, tzinfo=UTC)
"""The two recorded runs."""

BEFORE = (
    ("state: closed", "state: active"),
    ("state: released", "state: active"),
    ("generation: 2, overlapUntil: 2026-02-10", "generation: 1"),
)
"""What the stack file has now, and what it had in the first run."""

NAMESPACES = ("kept-ci", "kept-closed", PAYMENTS, "kept-released")
SHARD = "kept-shard"


@pytest.fixture
def stack(machine: Machine, store: Store, tmp_path: Path) -> Iterator[Stack]:
    stack = Stack(machine, "kept", tmp_path)
    with_store(stack, store)
    yield stack
    remove(stack, *NAMESPACES)


@pytest.fixture
def shard(machine: Machine, tmp_path: Path) -> Iterator[Shard]:
    shard = Shard(machine, "kept-fleet", tmp_path)
    yield shard
    remove(shard, SHARD)


def remove(stack: Stack, *namespaces: str) -> None:
    """Each version has the same names."""
    paths = [f"/api/v1/namespaces/{name}" for name in namespaces]
    for path in paths:
        if stack.machine.get(path):
            stack.machine.delete(path)
    stack.machine.until(lambda: not any(stack.machine.get(path) for path in paths), "the namespaces are gone")
    stack._cli("stack", "rm", "--yes", "--force").ok()


def file_of(request: pytest.FixtureRequest, name: str, folder: Path) -> Path:
    """Where a record of this version goes."""
    return (STATES / VERSION if request.config.getoption("--keep-state") else folder) / name


def is_up_to_date_and_goes_on(stack: Stack, workspace: str) -> None:
    now = at(LAST + timedelta(hours=1))
    preview = stack.preview(offset=now)
    assert preview.unchanged, preview.text
    warnings = [line for line in preview.text.splitlines() if "warning" in line]
    assert [line for line in warnings if "AMBIENT_CLOCK_OFFSET is set" not in line] == []
    refresh = stack.refresh(offset=now)
    assert refresh.unchanged, refresh.text
    assert stack.up(offset=now).unchanged
    before = stack.token("ci", workspace)
    stack.up(offset=at(LAST + timedelta(days=80))).ok()
    token = stack.token("ci", workspace)
    assert token != before
    assert stack.status(f"apis/vteam.ambient-code/v1alpha1/namespaces/{workspace}/agenticsessions", token) == 200
    stack.destroy().ok()


@EARLIER
def test_a_stack_of_an_earlier_release(folder: Path, stack: Stack, store: Store) -> None:
    file = folder / "kept.json"
    stack.write((folder / "kept.yaml").read_text(encoding="utf-8"))
    values = of_the_cluster(stack.machine, stack.secret("anthropic")) | of_the_store(store)
    restore(file, stack, values | restore_stored(file, store))
    variables(stack, PAYMENTS)  # for the scan
    is_up_to_date_and_goes_on(stack, PAYMENTS)
    assert not exists(store, BUCKET)


@EARLIER
def test_a_shard_of_an_earlier_release(folder: Path, shard: Shard) -> None:
    shard.write((folder / "kept-fleet.yaml").read_text(encoding="utf-8"))
    restore(folder / "kept-fleet.json", shard, of_the_cluster(shard.machine, shard.secret("anthropic")))
    is_up_to_date_and_goes_on(shard, SHARD)


@pytest.mark.slow
def test_a_stack_of_this_version(stack: Stack, store: Store, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What is recorded at a release: with `--keep-state` it is written to tests/states."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kept-ci"}}
    stack.machine.create("/api/v1/namespaces", namespace)
    text = (STATES / VERSION / "kept.yaml").read_text(encoding="utf-8")
    earlier = text
    for now, before in BEFORE:
        assert earlier.count(now) == 1, now
        earlier = earlier.replace(now, before)
    values = of_the_cluster(stack.machine, stack.secret("anthropic")) | of_the_store(store)
    stack.write(earlier)
    stack.up(offset=at(FIRST)).ok()
    stack.write(text)
    stack.up(offset=at(LAST)).ok()
    data = variables(stack, PAYMENTS)
    values |= {"<access key>": data["S3_ACCESS_KEY"], "<secret access key>": data["S3_SECRET_KEY"]}
    file = file_of(request, "kept.json", tmp_path)
    record(file, stack, values, objects_of(stack.machine, *NAMESPACES), stored_of(store))
    is_up_to_date_and_goes_on(stack, PAYMENTS)


@pytest.mark.slow
def test_a_shard_of_this_version(shard: Shard, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """What is recorded of a fleet."""
    values = of_the_cluster(shard.machine, shard.secret("anthropic"))
    shard.write((STATES / VERSION / "kept-fleet.yaml").read_text(encoding="utf-8"))
    shard.up(offset=at(LAST)).ok()
    objects = [*objects_of(shard.machine, SHARD), shard.record_object()]
    record(file_of(request, "kept-fleet.json", tmp_path), shard, values, objects, None)
    is_up_to_date_and_goes_on(shard, SHARD)
