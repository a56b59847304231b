"""Two at once: nothing is lost, and the one that loses says what happened.

Runs on several machines with one state, and a reshard that meets a lock, are in tests/engine/test_fleet_machines.py.
"""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.api import ApiError
from tests.support.evidence import count
from tests.support.machine import Machine
from tests.support.stacks import Result, Stack
from tests.support.together import Fleet, end, start

pytestmark = pytest.mark.slow

WORKSPACES = 12
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"


def entry(**more: Any) -> dict[str, Any]:
    return {"protect": False, "owners": ["user:alice@example.com"], "keys": {"ci": {}}, **more}


def file_of(stack: Stack, **more: Any) -> None:
    workspaces = {f"{stack.w}-{number}": entry(**more) for number in range(WORKSPACES)}
    stack.write(json.dumps({"workspaces": workspaces}))


def bindings(machine: Machine, workspace: str) -> set[str]:
    """Who has the platform's roles in a workspace."""
    listed = machine.get(f"{RBAC}/{workspace}/rolebindings") or {"items": []}
    return {
        f"{one['roleRef']['name'].rpartition('-')[2]} {subject['kind']}"
        for one in listed["items"]
        for subject in one["subjects"]
    }


def begun(machine: Machine, workspace: str, process: Any) -> None:
    """Wait until a run writes."""
    path = f"/api/v1/namespaces/{workspace}"
    machine.until(lambda: process.poll() is not None or machine.get(path) is not None, "the run writes", seconds=120)


def said(loser: Result, *texts: str) -> None:
    """It failed in words of a person, and named what it met."""
    assert loser.code in (1, 3), loser.text
    assert "Traceback" not in loser.text
    assert any(text in loser.flat for text in texts), loser.text


def test_two_runs_of_one_stack(stack: Stack) -> None:
    file_of(stack)
    running = [start(stack, "up", stack.name, "--yes") for _ in range(2)]
    ended = [end(stack, process) for process in running]
    losers = [one for one in ended if one.code]
    assert len(losers) == 1, [one.text for one in ended]
    # The loser met the lock, or found after its plan that the other one had deployed.
    said(losers[0], "is locked by", "deployed or refreshed since")
    again = stack.ambient("up", stack.name, "--yes")
    assert again.code == 0, again.text
    stack.up("--expect-no-changes").ok()
    for number in range(WORKSPACES):
        name = f"{stack.w}-{number}"
        assert bindings(stack.machine, name) == {"admin User", "edit ServiceAccount"}
        assert len(stack.token_secrets(name)) == 1
    count("together", "pairs of runs of one stack", 1)


@pytest.fixture
def fleet(machine: Machine, tmp_path: Path) -> Iterator[Fleet]:
    found = Fleet(machine, tmp_path / "one")
    yield found
    found.remove()


def of_fleet(fleet: Fleet, **more: Any) -> dict[str, dict[str, Any]]:
    return {f"{fleet.w}-{number}": entry(shard=number % 2, **more) for number in range(4)}


def whole(fleet: Fleet) -> None:
    """A further run of all shards changes nothing, and each workspace has its access and one token."""
    again = fleet.ambient("up", fleet.name, "--yes", "--all", "--format", "json")
    last = json.loads(again.text.strip().splitlines()[-1])
    assert (again.code, last["created"], last["updated"]) == (0, 0, 0), again.text
    for number in range(4):
        name = f"{fleet.w}-{number}"
        assert bindings(fleet.machine, name) == {"admin User", "edit ServiceAccount"}
        assert len(fleet.token_secrets(name)) == 1


def test_two_runs_of_one_fleet(fleet: Fleet) -> None:
    fleet.declare(of_fleet(fleet))
    first = start(fleet, "up", fleet.name, "--yes", "--jobs", "1")
    begun(fleet.machine, f"{fleet.w}-0", first)
    second = start(fleet, "up", fleet.name, "--yes", "--jobs", "1")
    ended = [end(fleet, second), end(fleet, first)]
    # Each shard has a lock of its own: each of the two may lose one.
    for one in ended:
        if one.code:
            said(one, "locked", "another run")
    assert fleet.ambient("up", fleet.name, "--yes").code == 0
    whole(fleet)
    count("together", "pairs of runs of one fleet", 1)


def test_two_fleets_with_one_cluster(machine: Machine, fleet: Fleet, tmp_path: Path) -> None:
    other = Fleet(machine, tmp_path / "two")
    try:
        fleet.declare(of_fleet(fleet))
        contested = f"{fleet.w}-3"
        other.declare({**of_fleet(other), contested: entry(shard=1)})
        running = [start(one, "up", one.name, "--yes") for one in (fleet, other)]
        ended = [end(one, process) for one, process in zip((fleet, other), running, strict=True)]
        # What both declare is one's alone, and the other one says so; all else is made.
        lost = [one for one in ended if one.code]
        assert len(lost) == 1, [one.text for one in ended]
        said(lost[0], f"workspace '{contested}'", contested)
        assert "belongs to" in lost[0].flat or "was not made by" in lost[0].flat, lost[0].text
        found = machine.get(f"/api/v1/namespaces/{contested}") or {}
        owner = found["metadata"]["annotations"]["ambient-components/owner"]
        kept, loser = (fleet, other) if fleet.name in owner else (other, fleet)
        assert ended[0 if kept is fleet else 1].code == 0
        without = {f"{loser.w}-{number}": entry(shard=number % 2) for number in range(4)}
        without.pop(contested, None)
        loser.declare(without)
        assert loser.ambient("up", loser.name, "--yes").code == 0
        for name in without:
            assert bindings(machine, name) == {"admin User", "edit ServiceAccount"}
        count("together", "pairs of runs of two fleets with one cluster", 1)
    finally:
        other.remove()


def test_a_reshard_beside_a_run(fleet: Fleet) -> None:
    fleet.declare(of_fleet(fleet))
    fleet.ambient("up", fleet.name, "--yes").ok()
    more = {name: {**one, "grants": [{"user": "bob@example.com"}]} for name, one in of_fleet(fleet).items()}
    moved = f"{fleet.w}-0"
    more[moved]["shard"] = 1
    fleet.declare({**more, **{f"{fleet.w}-n{number}": entry(shard=0) for number in range(4)}})
    first = start(fleet, "up", fleet.name, "--yes")
    second = start(fleet, "reshard", fleet.name, "--yes")
    ended = [end(fleet, second), end(fleet, first)]
    for one in ended:
        assert "Traceback" not in one.text
    # Whichever came second: a reshard, and a run after it, bring all of it about.
    assert fleet.ambient("reshard", fleet.name, "--yes").code == 0
    last = fleet.ambient("up", fleet.name, "--yes")
    assert last.code == 0, last.text
    again = fleet.ambient("up", fleet.name, "--yes", "--all", "--format", "json")
    assert json.loads(again.text.strip().splitlines()[-1])["created"] == 0, again.text
    for name in more:
        assert bindings(fleet.machine, name) == {"admin User", "edit ServiceAccount", "view User"}
        assert len(fleet.token_secrets(name)) == 1
    count("together", "reshards beside a run", 1)


# The platform's UI saves while a run writes.


class Ui(threading.Thread):
    """Saves as the backend does: it reads an object, changes it, and writes it whole with the version that it read."""

    def __init__(self, machine: Machine, path: str, change: Any) -> None:
        super().__init__(daemon=True)
        self.machine, self.path, self.change = machine, path, change
        self.saved: list[int] = []
        self.conflicts = 0
        self.over = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.over.is_set():
            found = self.machine.get(self.path)
            if found is None:
                continue
            number += 1
            self.change(found, number)
            try:
                self.machine.admin().request("PUT", self.path, json.dumps(found).encode())
                self.saved.append(number)
            except ApiError as error:
                if error.status != 409:
                    raise
                self.conflicts += 1
            self.over.wait(0.02)

    def stop(self) -> None:
        self.over.set()
        self.join(timeout=30)


def flag(found: dict[str, Any], number: int) -> None:
    found["data"] = {**(found.get("data") or {}), f"ui-{number}": "true"}


def server(found: dict[str, Any], number: int) -> None:
    found["metadata"].setdefault("annotations", {})[f"ui-{number}"] = "saved"


def variable(found: dict[str, Any], number: int) -> None:
    found["data"] = {**(found.get("data") or {}), f"UI_{number}": "eA=="}


def test_saves_in_the_ui_during_a_run(stack: Stack) -> None:
    first = {"featureFlags": {"jira-write": True}, "idleTimeout": "12h"}
    keep = {"onDrift": {"integrations": "keep"}, "integrations": {"LOG_LEVEL": {"value": "info"}}}
    stack.write(json.dumps({"workspaces": {stack.w: entry(settings=first, secrets=keep)}}))
    stack.up().ok()
    base = f"/api/v1/namespaces/{stack.w}"
    places = {
        "flags": (f"{base}/configmaps/feature-flag-overrides", flag),
        "settings": (
            f"/apis/vteam.ambient-code/v1alpha1/namespaces/{stack.w}/projectsettings/projectsettings",
            server,
        ),
        "variables": (f"{base}/secrets/ambient-non-vertex-integrations", variable),
    }
    people = {name: Ui(stack.machine, path, change) for name, (path, change) in places.items()}
    for person in people.values():
        person.start()
    try:
        for number in range(3):
            on = number % 2 == 0
            changed = {"featureFlags": {"jira-write": not on, f"f{number}": True}, "idleTimeout": f"{number + 1}h"}
            saved = {**keep, "integrations": {"LOG_LEVEL": {"value": f"level{number}"}}}
            stack.write(json.dumps({"workspaces": {stack.w: entry(settings=changed, secrets=saved)}}))
            stack.up().ok()
    finally:
        for person in people.values():
            person.stop()
    flags = (stack.machine.get(places["flags"][0]) or {})["data"]
    assert {f"ui-{number}" for number in people["flags"].saved} <= flags.keys()
    assert (flags["jira-write"], flags["f2"]) == ("false", "true")
    settings = stack.machine.get(places["settings"][0]) or {}
    assert {f"ui-{number}" for number in people["settings"].saved} <= settings["metadata"]["annotations"].keys()
    assert settings["spec"]["inactivityTimeoutSeconds"] == 3 * 3600
    data = (stack.machine.get(places["variables"][0]) or {})["data"]
    assert {f"UI_{number}" for number in people["variables"].saved} <= data.keys()
    assert data["LOG_LEVEL"] == "bGV2ZWwy"
    stack.up("--expect-no-changes").ok()
    count("together", "saves in the UI during runs, none lost", sum(len(one.saved) for one in people.values()))
    count(
        "together",
        "saves that met another version and were answered 409",
        sum(one.conflicts for one in people.values()),
    )
