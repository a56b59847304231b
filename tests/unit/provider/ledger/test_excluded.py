"""The ledger's check where workspaces are excluded: over real gRPC, with a real HTTP server for a cluster."""

import pytest

from ambient_components.access.fleet_guardrails import APPROVED_VARIABLE
from ambient_components.shards.excluded import EXCLUDE_VARIABLE, excluded_text
from ambient_components.shards.records import Record, Run, record_name
from tests.support.fake_plugin import LEDGER, plain
from tests.support.ledgers import declare, object_names, removals_digest

OWNER = "app/dev"
NAMESPACES = "/api/v1/namespaces"
OTHERS = {"ambient-components/owner": "other/one"}


def entry(state="active", owners=("user:alice",), grants=None, keys=None):
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": keys or {}}


def ledger(excluded=None, **workspaces):
    more = {} if excluded is None else {"excluded": excluded}
    return {"owner": OWNER, "workspaces": workspaces, **more}


def checked(world, news, olds=None):
    answer = world.plugin.check(news, olds, urn=LEDGER)
    return [failure.reason for failure in answer.failures], plain(answer.inputs)


CHANGED = entry(grants={"group:devs": "edit"})
WIDE = entry(grants={"group:system:authenticated": "view"})


@pytest.mark.parametrize(
    ("was", "requested"),
    [
        pytest.param(entry(), WIDE, id="a guardrail is crossed"),
        pytest.param(entry(), None, id="it vanished"),
        pytest.param(None, WIDE, id="new"),
        pytest.param(None, {**entry(), "state": "open"}, id="misshapen"),
    ],
)
def test_what_is_excluded_keeps_its_entry_and_refuses_nothing(world, was, requested):
    olds = ledger(good=entry(), **({"bad": was} if was else {}))
    workspaces = {"good": CHANGED, **({"bad": requested} if requested else {})}
    assert len(checked(world, ledger(**workspaces), olds)[0]) == 1
    failures, inputs = checked(world, ledger(["bad"], **workspaces), olds)
    assert failures == []
    assert inputs == ledger(good=CHANGED, **({"bad": was} if was else {}))


def test_the_namespace_of_what_is_excluded_may_be_anybodys(world):
    """Also where it was ours: somebody has put another mark on it since."""
    world.api.add(NAMESPACES, "new", annotations=OTHERS)
    world.api.add(NAMESPACES, "old", annotations=OTHERS)
    olds, news = ledger(old=entry()), {"old": CHANGED, "new": entry(), "good": CHANGED}
    assert len(checked(world, ledger(**news), olds)[0]) == 2
    assert len(checked(world, ledger(["new"], **news), olds)[0]) == 1
    assert checked(world, ledger(["new", "old"], **news), olds) == ([], ledger(old=entry(), good=CHANGED))


def test_what_is_refused_of_others_and_of_the_whole_still_is(world):
    world.api.denied.add(("watch", "namespaces", ""))
    wide, right = checked(world, ledger(["bad"], bad=WIDE, wide=WIDE))[0]
    assert wide.startswith("workspace 'wide'")
    assert "no right to watch namespaces" in right


def test_a_judgement_of_the_fleet_holds_for_the_rest_of_what_it_judged(world, monkeypatch):
    """With a workspace excluded, less leaves than was judged, and the mark is of all of it."""
    olds = {f"w{number}": entry("closed") for number in range(8)} | {"bad": entry()}
    requested = {"bad": WIDE}
    mark = removals_digest(olds, requested)
    assert len(checked(world, ledger(["bad"], **requested), ledger(**olds))[0]) == 1
    monkeypatch.setenv(APPROVED_VARIABLE, mark)
    assert checked(world, ledger(["bad"], **requested), ledger(**olds)) == ([], ledger(bad=entry()))


def test_another_form_is_refused(world):
    assert checked(world, ledger("bad", good=entry()))[0] == ["excluded: a list of names of workspaces is expected"]


def test_what_a_lost_run_gave_in_what_is_excluded_waits(world, monkeypatch):
    """The namespace may be somebody else's by now; the next run knows of it still."""
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/rolebindings"
    run = Run("dead", "2026-01-01T00:00:00Z", checkpoints=False)
    given = {name: entry((), {"user:bob": "edit"}) for name in ("bad", "good")}
    name = record_name(OWNER, 0)
    world.api.add("/api/v1/namespaces", "ambient-code")
    world.api.add("/api/v1/namespaces/ambient-code/configmaps", name, data=declare(Record(), given, run).data())
    (binding,) = (name for _, name in object_names("bad", given["bad"]))
    for workspace in given:
        world.api.add(bindings.format(workspace), binding)
    news = {**ledger(bad=entry(()), good=entry(())), "record": f"ambient-code/{name}"}
    monkeypatch.setenv(EXCLUDE_VARIABLE, excluded_text({"bad": ()}))
    _, state = world.plugin.create(news, urn=LEDGER)
    assert [f"{bindings.format(one)}/{binding}" in world.api.objects for one in given] == [True, False]
    monkeypatch.delenv(EXCLUDE_VARIABLE)
    world.plugin.update(state, news, urn=LEDGER)
    assert f"{bindings.format('bad')}/{binding}" not in world.api.objects
