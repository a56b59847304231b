"""A shard whose run meets faults: nothing is lost, no token is without a record, and the next run makes up for it.

Runs without checkpoints die with their state unwritten (docs/internals/adr/0018); the API server throttles, refuses,
hangs up, answers late and starts anew; the disk is full when the state is written. One shard for all, each test with
workspaces of its own beside those of the others.
"""

import resource
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ambient_components.shards import RUN_VARIABLE
from ambient_components.shards.records import recorded
from tests.support.faults import Fate, Proxy, Rule
from tests.support.gate import FIRST_GRANT, LAST, Moment, held
from tests.support.ledgers import object_names
from tests.support.life import RBAC, Workspace
from tests.support.machine import Machine
from tests.support.shard import Shard

pytestmark = pytest.mark.slow

BASE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: view}]
    keys: {ci: {role: view}}
"""
MORE = """
workspaces:
  THIS:
    protect: false
    owners: [user:alice@example.com]
    grants: [{group: devs, role: edit}, {user: bob@example.com}]
    keys: {ci: {role: edit}, two: {role: view}}
"""
BEGUN = """
  THIS-b:
    protect: false
    grants: [{group: devs, role: view}]
    keys: {ci: {role: view}}
"""


@pytest.fixture(scope="module")
def proxy(machine: Machine) -> Iterator[Proxy]:
    with Proxy(machine.cluster) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def shard(machine: Machine, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shard]:
    shard = Shard(machine, "faults", tmp_path_factory.mktemp("faults"))
    shard.environment["KUBECONFIG"] = str(proxy.kubeconfig(shard.folder / "kubeconfig"))
    shard.write(BASE)
    shard.up_once().ok()
    shard.whole()
    yield shard
    shard.remove()


def bound(shard: Shard, name: str) -> bool:
    return shard.machine.get(f"{RBAC}/{shard.w}/rolebindings/{name}") is not None


def test_what_a_lost_run_gave_and_the_files_no_longer_say_ends(shard: Shard) -> None:
    shard.write(MORE + BEGUN)
    begun = Workspace(shard, f"{shard.w}-b")
    his = "ambient-permission-view-bob-example-com-user"

    def all_is_made() -> bool:
        new = "ambient-permission-edit-devs-group"
        return reached() and len(shard.token_secrets()) == 2 and bound(shard, his) and bound(shard, new)

    with held(LAST, begun) as reached:
        shard.killed_at(all_is_made, "all is made, and nothing of it recorded")
    assert shard.ledger().keys() == {shard.w}
    assert shard.ledger()[shard.w]["grants"] == {"group:devs": "view"}

    # Without the entry of what it began: refused, and nothing is changed.
    before = [shard.access_there(name) for name in (shard.w, begun.name)]
    shard.write(BASE)
    shard.up().refused(f"workspace '{begun.name}' is gone from the files, and an interrupted run may have begun it")
    assert [shard.access_there(name) for name in (shard.w, begun.name)] == before

    # A grant, a key and two roles are taken back: all of that ends, by name.
    shard.write(BASE + BEGUN)
    text = shard.up("--refresh").ok().text
    assert "ended access that an interrupted run gave, and that neither the files nor a state have" in text
    for name in (his, "ambient-permission-edit-devs-group", "ServiceAccount", "ambient-key-edit-ci", "ambient-key-two"):
        assert name in text, name
    shard.whole()
    assert shard.record.lost == {}


@pytest.mark.parametrize("moment", [FIRST_GRANT, LAST], ids=str)
def test_the_same_files_again_take_over_what_was_made(shard: Shard, moment: Moment) -> None:
    name = made(shard, "cd"[moment is LAST])
    with held(moment, Workspace(shard, name)) as reached:
        shard.killed_at(reached, str(moment))
    assert name not in shard.ledger()
    assert name in (shard.record.declared or {})
    shard.up_once("--refresh").ok()
    shard.whole()


def made(shard: Shard, suffix: str) -> str:
    """One more workspace in the shard's file; those of the tests before stay."""
    name = f"{shard.w}-{suffix}"
    now = (shard.folder / "stacks" / f"{shard.fleet}.yaml").read_text()
    shard.write(now + BEGUN.replace("THIS-b", name))
    return name


def test_an_api_server_that_starts_anew_in_the_middle_of_a_run(shard: Shard) -> None:
    name = made(shard, "e")
    run = shard.run_unrecorded()
    with shard.running(run) as process:
        shard.machine.until(lambda: Workspace(shard, name).namespace() is not None, "the workspace is begun")
        shard.machine.cluster.restart_api_server()
        shard.end_of(process)
    shard.change_record(lambda record: recorded(record, run[RUN_VARIABLE]))
    shard.up().ok()
    shard.whole()


def test_a_disk_that_is_full_when_the_state_is_written(shard: Shard) -> None:
    """By a limit of the process, which needs no rights and no disk: no file of the engine may grow any more."""
    name = made(shard, "g")
    written = shard.export()
    with shard.running(shard.run_unrecorded()) as process:
        shard.machine.until(lambda: name in (shard.record.declared or {}), "what is to be made is declared")
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0))
        assert process.wait(timeout=120) != 0
    shard.restore_state()
    shard._cli("cancel", "--yes")  # where the engine could not take its lock off
    assert shard.export() == written
    assert len(shard.token_secrets(name)) == 1
    shard.up_once("--refresh").ok()
    shard.whole()


# The engine's client makes an object by POST or by PATCH, as its version will have it.
MADE = "POST|PATCH"
BINDING, ACCOUNT = "/rolebindings(/[^/?]*)?([?]|$)", "/serviceaccounts(/[^/?]*)?([?]|$)"
BOUND_OBJECT, TOKEN = "/secrets$", "/serviceaccounts/.*/token$"
FAULTS = {
    "throttled": (
        Rule("POST", BOUND_OBJECT, Fate.REFUSED, 429, {"Retry-After": "1"}, times=2),
        Rule(MADE, ACCOUNT, Fate.REFUSED, 429, {"Retry-After": "1"}),
    ),
    "conflict": (Rule(MADE, BINDING, Fate.REFUSED, 409),),
    "conflict-token": (Rule("POST", BOUND_OBJECT, Fate.REFUSED, 409),),
    "away": (Rule(MADE, BINDING, Fate.REFUSED, 503),),
    "away-token": (Rule("POST", BOUND_OBJECT, Fate.REFUSED, 503, times=9),),
    "dropped": (Rule(MADE, ACCOUNT, Fate.DROPPED),),
    "dropped-token": (Rule("POST", TOKEN, Fate.DROPPED),),
    "unanswered": (Rule(MADE, ACCOUNT, Fate.UNANSWERED),),
    "unanswered-grant": (Rule(MADE, BINDING, Fate.UNANSWERED),),
    "unanswered-token": (Rule("POST", BOUND_OBJECT, Fate.UNANSWERED),),
    "late": (Rule("POST", TOKEN, Fate.LATE),),
    "bad": (Rule(MADE, BINDING, Fate.REFUSED, 403, times=float("inf")),),
}
"""By what becomes of a workspace: what happens to its requests, the first ones of each kind."""


def test_each_fault_is_its_own_workspace_s_and_the_next_run_makes_up_for_it(shard: Shard, proxy: Proxy) -> None:
    names = {fault: made(shard, f"f-{fault}") for fault in (*FAULTS, "good")}
    rules = [
        replace(rule, pattern=f"/{names[fault]}{rule.pattern}") for fault, of_it in FAULTS.items() for rule in of_it
    ]
    with proxy.failing(*rules):
        ended = shard.up_once()
    ended.refused(names["bad"], "a fault that was asked for")
    for name in (names["good"], names["throttled"]):
        assert shard.access_there(name) == object_names(name, shard.ledger()[name])
        assert len(shard.token_secrets(name)) == 1
    shard.up_once().ok()
    shard.whole()
