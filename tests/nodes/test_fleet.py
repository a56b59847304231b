"""A fleet that deploys itself: an Indexed Job over three nodes, whatever dies on the way."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ambient_components.shards.names import home
from sandbox.nodes import network
from sandbox.nodes.nodes import Nodes
from sandbox.store import Store
from sandbox.toolchain import Toolchain
from tests.support.git_host import git_host
from tests.support.in_cluster import CORE, InCluster, image_by_digest, objects
from tests.support.machine import Machine, started

SMALL = (40, 4)
"""Workspaces, and shards."""
LARGE = (1000, 20)

TOOK_OVER = "took over the lock of a dead run"

_INDEX = "batch.kubernetes.io/job-completion-index"


def entry(number: int) -> dict[str, Any]:
    return {
        "protect": False,
        "owners": ["user:alice@example.com"],
        "grants": [{"group": f"team-{number}", "role": "edit"}],
        "keys": {"ci": {"role": "edit", "lifetime": "30d"}},
    }


def entries(count: int, prefix: str) -> dict[str, dict[str, Any]]:
    return {f"{prefix}-{number:04d}": entry(number) for number in range(count)}


def tokens(made: dict[str, str]) -> int:
    return sum("/secrets/" in path for path in made)


@pytest.fixture
def deployed(
    machine: Machine, nodes: Nodes, store: Store, tmp_path: Path
) -> Iterator[Callable[[dict[str, Any], int], tuple[InCluster, Callable[..., dict[str, Any]]]]]:
    """Makes a fleet of these entries and shards; returns it, and what applies its objects."""
    namespaces: list[str] = []
    fleets: list[InCluster] = []
    name = f"fleet-{secrets.token_hex(2)}"
    with ExitStack() as undo:

        def make(file: dict[str, Any], shards: int) -> tuple[InCluster, Callable[..., dict[str, Any]]]:
            fleet = InCluster(machine, nodes, store, tmp_path, shards, name)
            fleets.append(fleet)
            namespaces.extend([fleet.namespace, *file])
            fleet.write(file)
            fleet.init()
            git = undo.enter_context(git_host(fleet.repositories, tmp_path / "git.crt", network.MACHINE))
            return fleet, lambda *flags: fleet.apply(image_by_digest(nodes), git, *flags)

        yield make
    for fleet in fleets:
        machine.outputs.append(fleet.logs())
        print(machine.outputs[-1][-20000:])
    for namespace in namespaces:
        if machine.get(f"{CORE}/{namespace}") is not None:
            machine.delete(f"{CORE}/{namespace}")


@pytest.fixture
def one_run(
    toolchain: Toolchain, store: Store, tmp_path: Path
) -> Callable[[InCluster, dict[str, Any]], dict[str, str]]:
    """What one `ambient up` on a machine makes of these entries for this fleet, in a cluster of its own."""

    def made(fleet: InCluster, file: dict[str, Any]) -> dict[str, str]:
        with started(tmp_path / "other", toolchain) as other:
            once = InCluster(other, fleet.nodes, store, tmp_path / "once", fleet.shards, fleet.name)
            once.write(file)
            once.init()
            (once.project / ".venv").symlink_to(Path(__file__).parents[2] / ".venv")
            once.ambient("up", once.name, "--yes").ok()
            return objects(other, file)

    return made


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(
    ("count", "shards"), [pytest.param(*SMALL, id="small"), pytest.param(*LARGE, id="large", marks=pytest.mark.slow)]
)
def test_shards_on_three_nodes_make_what_one_run_makes(
    deployed: Callable[..., Any], machine: Machine, one_run: Callable[..., dict[str, str]], count: int, shards: int
) -> None:
    file = entries(count, f"of-{count}")
    fleet, applied = deployed(file, shards)
    items = applied()

    def run(job: str) -> dict[str, Any]:
        begun = time.monotonic()
        fleet.start(items, job)
        status = fleet.ended(job, 3500)
        print(f"{count} workspaces in {shards} shards on three nodes, {job}: {time.monotonic() - begun:.0f} s")
        return status

    assert run("first").get("succeeded") == shards, fleet.pages()
    used = {pod["spec"]["nodeName"] for pod in fleet.pods("first")}
    assert used == {"node-1", "node-2", "node-3"}
    made = objects(machine, file)
    assert tokens(made) == count  # one key each

    assert run("second").get("succeeded") == shards
    for shard in range(shards):
        assert re.search(r"exit code 0, .*, Job second$", fleet.pages()[f"{shard:02d}.last"])
    assert objects(machine, file) == made
    assert one_run(fleet, file) == made

    # A change in each shard, one of which is refused.
    changed = {home(name, shards): name for name in file}
    for name in changed.values():
        file[name]["grants"].append({"group": "late", "role": "view"})
    file[changed[2]]["grants"][-1]["group"] = "system:authenticated"
    fleet.write(file)
    items = applied()
    status = run("third")
    assert (status.get("succeeded"), status.get("failedIndexes")) == (shards - 1, "2")
    assert "publicAccess" in fleet.pages()["02.page"]
    assert len(fleet.pods("third")) == shards  # no second try
    after = objects(machine, file)
    assert {path.split("/")[0] for path in after.keys() - made.keys()} == {*changed.values()} - {changed[2]}
    assert made.items() <= after.items()


def working(machine: Machine, fleet: InCluster, file: dict[str, Any]) -> list[dict[str, Any]]:
    """Pods of the first Job that have made a workspace of their shard, and run on."""
    there = {item["metadata"]["name"] for item in machine.admin().request("GET", CORE)["items"]}
    begun = {str(home(name, fleet.shards)) for name in file if name in there}
    running = [pod for pod in fleet.pods("first") if pod["status"]["phase"] == "Running"]
    return [pod for pod in running if pod["metadata"]["labels"][_INDEX] in begun]


@pytest.mark.timeout(1800)
def test_a_node_dies_and_its_shards_end_elsewhere(
    deployed: Callable[..., Any], machine: Machine, nodes: Nodes, one_run: Callable[..., dict[str, str]]
) -> None:
    file = entries(*SMALL[:1], "dies")
    fleet, applied = deployed(file, SMALL[1])
    fleet.start(applied(), "first")
    machine.until(lambda: bool(working(machine, fleet, file)), "a shard has its first workspace", 300)
    name = working(machine, fleet, file)[0]["spec"]["nodeName"]
    victim = next(node for node in nodes.all if node.name == name)
    victim.stop()
    # What the controller of a cloud does once the machine is gone.
    machine.delete(f"/api/v1/nodes/{victim.name}")
    try:
        status = fleet.ended("first", 900)
    finally:
        nodes.start()
    assert status.get("succeeded") == SMALL[1], fleet.pages()
    assert TOOK_OVER in fleet.logs()
    assert objects(machine, file) == one_run(fleet, file)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_pods_index_is_taken_over_by_the_next_pod_and_in_the_end_by_the_next_job(
    deployed: Callable[..., Any], machine: Machine, one_run: Callable[..., dict[str, str]], kills: int
) -> None:
    file = entries(*SMALL[:1], f"killed-{kills}")
    fleet, applied = deployed(file, SMALL[1])
    items = applied()
    fleet.start(items, "first")
    machine.until(lambda: bool(working(machine, fleet, file)), "a shard has its first workspace", 300)
    killed = working(machine, fleet, file)[0]
    index = killed["metadata"]["labels"][_INDEX]
    left = fleet.locks(index)
    fleet.kill(killed)
    if kills == 2:
        machine.until(lambda: bool(fleet.locks(index) - left), "the next pod has a lock of its own", 300)
        fleet.kill(next(pod for pod in working(machine, fleet, file) if pod["metadata"]["labels"][_INDEX] == index))
        assert fleet.ended("first", 900).get("failedIndexes") == index
        fleet.start(items, "second")
        assert fleet.ended("second", 900).get("succeeded") == SMALL[1], fleet.pages()
    else:
        assert fleet.ended("first", 900).get("succeeded") == SMALL[1], fleet.pages()
    tries = [pod["metadata"]["labels"][_INDEX] for pod in fleet.pods("first")]
    assert sorted(tries) == sorted([*map(str, range(SMALL[1])), index])
    assert fleet.logs().count(TOOK_OVER) == kills
    assert objects(machine, file) == one_run(fleet, file)


@pytest.mark.timeout(1200)
def test_the_cronjob_renews_a_key_ends_a_grant_and_then_finds_nothing_to_do(
    deployed: Callable[..., Any], machine: Machine
) -> None:
    soon = (datetime.now(UTC) + timedelta(days=10)).date().isoformat()
    file = {"dated": entry(0)}
    file["dated"]["grants"].append({"user": "bob@example.com", "role": "view", "until": soon})
    fleet, applied = deployed(file, 1)
    applied("--schedule", "* * * * *")

    def next_run(last: str) -> str:
        """What the next run has noted of its end."""
        machine.until(lambda: fleet.pages().get("00.last", "") not in {"", last}, "the CronJob runs again", 300)
        noted = fleet.pages()["00.last"]
        assert "exit code 0" in noted, fleet.pages()
        return str(noted)

    noted = next_run("")
    first = objects(machine, file)
    assert tokens(first) == 1
    assert any("bob@example.com" in made for made in first.values())

    # For the pods it is 25 days later from the next run on.
    fleet.keep_secret(f"ambient-{fleet.name}", {**fleet.run, "AMBIENT_CLOCK_OFFSET": "25d"})
    machine.until(lambda: objects(machine, file) != first, "a run of that time", 300)
    noted = next_run(noted)
    second = objects(machine, file)
    assert tokens(second) == 2  # both are good while they overlap
    assert not any("bob@example.com" in made for path, made in second.items() if "/rolebindings/" in path)
    page = fleet.pages()["00.page"]

    noted = next_run(noted)
    assert objects(machine, file) == second
    assert fleet.pages()["00.page"] == page  # it found nothing to do
