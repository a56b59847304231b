"""The ledger of a shard: its run record, and what it does about interrupted runs."""

import pytest

from ambient_components.platform.naming import key_account
from ambient_components.provider.ledger.run_record import CHECKPOINTS_VARIABLE
from ambient_components.shards import RUN_VARIABLE
from ambient_components.shards.records import Done, Record, Run, begin, done, fleet_label, record_name, recorded
from tests.support.fake_plugin import LEDGER, RefusedError, running
from tests.support.ledgers import declare
from tests.support.ledgers import entry as typed
from tests.support.ledgers import ledger as typed_ledger

OWNER = "app/prod"
MINE = {"ambient-components/owner": OWNER}
MAPS = "/api/v1/namespaces/ambient-code/configmaps"
NAME = record_name(OWNER, 3)
BOB = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
HIS = "ambient-permission-edit-bob-user"


def entry(grants=None, keys=None, **rest):
    return {"state": "active", "owners": [], "grants": grants or {}, "keys": keys or {}, **rest}


def ledger(**workspaces):
    return {"owner": OWNER, "workspaces": workspaces, "record": f"ambient-code/{NAME}"}


@pytest.fixture
def world(monkeypatch):
    for name in (CHECKPOINTS_VARIABLE, RUN_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    with running(monkeypatch) as one:
        one.api.add("/api/v1/namespaces", "ambient-code")
        yield one


def put(world, record, number=3):
    """A record as somebody wrote it."""
    world.api.add(
        MAPS,
        record_name(OWNER, number),
        labels={"ambient-components/fleet": fleet_label(OWNER)},
        annotations={"ambient-components/stack": f"prod-{number:02d}"},
        data=record.data(),
    )


def lost(world, **workspaces):
    """A run without checkpoints declared this, and died."""
    run = Run("dead", "2026-01-01T00:00:00Z", checkpoints=False)
    put(world, declare(begin(Record(), run), workspaces, run))


def record(world):
    return Record.parse(world.api.objects[f"{MAPS}/{NAME}"].get("data"))


def bob(world):
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    world.api.add(BOB, HIS)


def reasons(world, news, olds=None):
    return [failure.reason for failure in world.plugin.check(news, olds, urn=LEDGER).failures]


GIVEN = {"pay": entry({"user:bob": "edit"})}

# The record.


def test_a_plain_stack_has_none(world):
    news = {"owner": OWNER, "workspaces": {}}
    assert world.plugin.create(news, urn=LEDGER) == (OWNER, news)
    assert world.api.log == []


@pytest.mark.parametrize("text", ["", "a", "a/b/c", "/b", 3])
def test_a_record_must_have_a_place(world, text):
    assert reasons(world, {**ledger(), "record": text}) == [
        "record: NAMESPACE/NAME of the shard's run record is expected"
    ]


def test_what_is_declared_is_written_before_anything_is_made(world):
    news = ledger(**GIVEN)
    _, outputs = world.plugin.create(news, urn=LEDGER)
    assert outputs == news
    made = world.api.objects[f"{MAPS}/{NAME}"]
    assert made["metadata"]["labels"] == {"ambient-components/fleet": fleet_label(OWNER)}
    assert made["metadata"]["annotations"] == {**MINE, "ambient-components/stack": "prod-03"}
    assert record(world).declared == typed_ledger(GIVEN)
    assert record(world).run.checkpoints
    assert world.plugin.update(outputs, ledger(), urn=LEDGER)["workspaces"] == {}
    assert record(world).declared == {}


def test_a_run_of_ambient_up_goes_on_with_its_own_record(world, monkeypatch):
    monkeypatch.setenv(CHECKPOINTS_VARIABLE, "true")
    monkeypatch.setenv(RUN_VARIABLE, "mine")
    put(world, begin(Record(), Run("mine", "2026-01-01T00:00:00Z", checkpoints=False)))
    world.plugin.create(ledger(**GIVEN), urn=LEDGER)
    assert record(world).run == Run("mine", "2026-01-01T00:00:00Z", checkpoints=False)
    assert record(world).declared == typed_ledger(GIVEN)


def test_somebody_else_who_writes_meanwhile_is_not_overwritten(world):
    put(world, Record())
    run = Run("other", "2026-01-01T00:00:00Z", checkpoints=True)

    def first_a_rival(request):
        world.api.change(f"{MAPS}/{NAME}", {"data": begin(Record(), run).data()})

    world.api.rule("PATCH", NAME, first_a_rival, times=1)
    world.plugin.create(ledger(**GIVEN), urn=LEDGER)
    assert record(world).declared == typed_ledger(GIVEN)
    assert len(world.api.seen("PATCH", NAME)) == 2


@pytest.mark.parametrize("broken", ["refused", "not understood"])
def test_a_record_that_can_not_be_used_stops_a_run_without_checkpoints_alone(world, monkeypatch, broken):
    if broken == "refused":
        world.api.fail("GET", NAME, 403, "forbidden")
    else:
        world.api.add(MAPS, NAME, data={"run": "{"})
    news = ledger(**GIVEN)
    assert reasons(world, news) == []
    world.plugin.create(news, urn=LEDGER)
    assert "the shard's run record can't be used" in world.engine.texts("warning")[0]
    monkeypatch.setenv(CHECKPOINTS_VARIABLE, "true")
    (reason,) = reasons(world, news)
    assert "no run without checkpoints may begin" in reason
    with pytest.raises(RefusedError, match="no run without checkpoints may begin"):
        world.plugin.create(news, urn=LEDGER)
    assert world.writes() == []


# What a lost run left.


def test_its_access_ends_and_is_named_before_this_run_is_recorded(world):
    bob(world)
    lost(world, **GIVEN)
    news = ledger(pay=entry())
    diff = world.plugin.diff(news, news, news, urn=LEDGER)
    assert list(diff.diffs) == ["record"]
    world.plugin.update(news, news, urn=LEDGER, preview=True)
    assert [HIS in text for text in world.engine.texts("info")] == [True]
    assert world.writes() == []
    world.plugin.update(news, news, urn=LEDGER)
    assert world.writes() == [f"PATCH {BOB}/{HIS}", f"DELETE {BOB}/{HIS}", f"PATCH {MAPS}/{NAME}"]
    assert f"neither the files nor a state have: RoleBinding pay/{HIS}" in world.engine.texts("warning")[0]
    assert (record(world).declared, record(world).lost) == (typed_ledger(news["workspaces"]), {})
    assert not world.plugin.diff(news, news, news, urn=LEDGER).diffs


def test_a_key_ends_with_the_handles_of_its_tokens(world):
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    account = key_account("pay", "ci", 1)
    world.api.add("/api/v1/namespaces/pay/serviceaccounts", account)
    secrets = "/api/v1/namespaces/pay/secrets"
    for name, holder in (("his", account), ("others", "another")):
        notes = {**MINE, "ambient-components/service-account": holder}
        world.api.add(secrets, name, labels={"ambient-components/handle": "true"}, annotations=notes)
    lost(world, pay=entry(keys={"ci": {"role": "edit", "generation": 1}}))
    world.plugin.create(ledger(pay=entry()), urn=LEDGER)
    assert world.api.names("/api/v1/namespaces/pay/serviceaccounts") == []
    assert world.api.names(secrets) == ["others"]


def test_what_can_not_be_ended_holds_back_nothing_and_is_tried_again(world):
    bob(world)
    world.api.add(BOB, "ambient-permission-view-eve-user")
    lost(world, pay=entry({"user:bob": "edit", "user:eve": "view"}))
    world.api.fail("DELETE", HIS, 403, "no")
    news = ledger(pay=entry())
    state = world.plugin.create(news, urn=LEDGER)[1]
    assert world.api.names(BOB) == [HIS]
    assert record(world).lost == {"pay": (typed(entry({"user:bob": "edit", "user:eve": "view"})),)}
    world.api.heal()
    assert list(world.plugin.diff(news, state, news, urn=LEDGER).diffs) == ["record"]
    world.plugin.update(state, news, urn=LEDGER)
    assert world.api.names(BOB) == []
    assert record(world).lost == {}


# A lost state.


def with_account(world):
    """A workspace of the fleet with the ServiceAccount of a key."""
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    world.api.add("/api/v1/namespaces/pay/serviceaccounts", key_account("pay", "ci", 1))
    return entry(keys={"ci": {"role": "edit", "generation": 1}})


def ended(deployed, run="good", **workspaces):
    """A shard's record after a run that deployed these, and whether another one has begun since."""
    first = Run("good", "2026-01-01T00:00:00Z", checkpoints=False)
    record = declare(begin(Record(), first), workspaces, first)
    record = recorded(record, "good")
    if deployed:
        record = done(record, Done("good", "2026-01-01T00:00:00Z", "", "", "", dict.fromkeys(workspaces, ""), 1))
    return record if run == "good" else begin(record, Run(run, "2026-01-02T00:00:00Z", checkpoints=False))


@pytest.mark.parametrize("deployed", [True, False])
@pytest.mark.parametrize("run", ["good", "refused"])
def test_accounts_of_a_lost_state_are_not_ended(world, monkeypatch, deployed, run):
    pay = with_account(world)
    put(world, ended(deployed, run, pay=typed(pay)))
    monkeypatch.setenv(RUN_VARIABLE, run)
    (failure,) = world.plugin.check(ledger(pay=pay), urn=LEDGER).failures
    assert "this stack has no record of them, so nothing is changed" in failure.reason
    assert "ambient adopt prod --keys" in failure.reason
    # The next run comes after the refused one, which recorded no end.
    monkeypatch.setenv(RUN_VARIABLE, "next")
    assert bool(reasons(world, ledger(pay=pay))) == (deployed or run == "good")
    # A state without this workspace may be an older one.
    assert bool(reasons(world, ledger(pay=pay, ops=entry()), ledger(ops=entry()))) == deployed


def test_accounts_are_not_ended_where_no_record_is(world):
    pay = with_account(world)
    (reason,) = reasons(world, ledger(pay=pay))
    assert "this stack has no record of them" in reason


def test_accounts_of_an_interrupted_run_are_no_sign_of_a_lost_state(world):
    pay = with_account(world)
    lost(world, pay=typed(pay))
    assert reasons(world, ledger(pay=pay)) == []
    assert ["this run ends them" in text for text in world.engine.texts("warning")] == [True]


def test_what_another_shard_has_is_not_lost(world):
    pay = with_account(world)
    put(world, ended(True, pay=typed(pay)), number=1)
    (reason,) = reasons(world, ledger(pay=pay))
    assert "workspace 'pay' is deployed by shard prod-01" in reason


# What must not be hidden.


def test_a_workspace_that_a_lost_run_began_can_not_vanish(world):
    bob(world)
    lost(world, **GIVEN)
    (reason,) = reasons(world, ledger())
    assert "workspace 'pay' is gone from the files, and an interrupted run may have begun it" in reason
    assert reasons(world, ledger(**GIVEN)) == []


def test_one_that_was_never_begun_or_is_somebody_else_s_may(world):
    lost(world, **GIVEN)
    assert reasons(world, ledger()) == []
    world.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": "other/one"})
    assert reasons(world, ledger()) == []


def test_its_bucket_may_be_there_without_its_namespace(world):
    bucket = {"name": "data", "driver": "s3", "generation": 1}
    lost(world, pay=entry(bucket=bucket))
    assert "may have begun it" in reasons(world, ledger())[0]
    assert "may have made bucket 'data'" in reasons(world, ledger(pay=entry()))[0]


def test_what_is_not_declared_now_stays_known(world):
    """A workspace that this run leaves as it is: its entry is in no ledger, and what a lost run began of it may be."""
    bob(world)
    lost(world, **GIVEN)
    world.plugin.create(ledger(dev=entry()), urn=LEDGER)
    assert record(world).lost == {"pay": (typed(GIVEN["pay"]),)}
    assert world.api.names(BOB) == [HIS]


@pytest.mark.parametrize("was_lost", [False, True])
def test_what_another_shard_deploys_is_not_made_a_second_time(world, was_lost):
    bob(world)
    run = Run("theirs", "2026-01-01T00:00:00Z", checkpoints=not was_lost)
    put(world, declare(begin(Record(), run), GIVEN, run), number=5)
    world.api.add(
        MAPS, record_name(OWNER, 6), labels={"ambient-components/fleet": fleet_label(OWNER)}, data={"run": "["}
    )
    (reason,) = reasons(world, ledger(**GIVEN))
    assert "workspace 'pay' is deployed by shard prod-05: nothing is changed" in reason
    assert reason.endswith("run: ambient reshard prod")
    # What this shard's state has already is its own, and what is not there yet is nobody's.
    assert reasons(world, ledger(**GIVEN), ledger(**GIVEN)) == []
    assert reasons(world, ledger(dev=entry())) == []


# The end.


def test_what_a_lost_run_began_is_without_access_then_and_is_named(world):
    bob(world)
    lost(world, **GIVEN)
    world.plugin.delete(ledger(), urn=LEDGER)
    assert world.api.names(BOB) == []
    assert "may have begun pay, and the state knows nothing of it" in world.engine.texts("warning")[-1]
    assert world.api.names(MAPS) == []


def test_what_a_lost_run_gave_in_a_workspace_of_the_state_ends_with_the_shard(world):
    """An adopted namespace stays, so its access would as well."""
    bob(world)
    lost(world, **GIVEN)
    world.plugin.delete(ledger(pay=entry(adopt=True)), urn=LEDGER)
    assert world.api.names(BOB) == []
    (text,) = world.engine.texts("warning")
    assert f"RoleBinding pay/{HIS}" in text


def test_neither_somebody_else_s_nor_what_was_released_ends_with_the_shard(world):
    bob(world)
    state = {**ledger(pay=entry({"user:bob": "edit"}, state="released"))}
    lost(world, **GIVEN)
    world.plugin.delete(state, urn=LEDGER)
    assert world.api.names(BOB) == [HIS]
    lost(world, **GIVEN)
    namespace = world.api.objects["/api/v1/namespaces/pay"]
    namespace["metadata"]["annotations"] = {"ambient-components/owner": "other/one"}
    world.plugin.delete({**state, **ledger(pay=entry())}, urn=LEDGER)
    assert world.api.names(BOB) == [HIS]
    assert world.engine.texts("warning") == []


def test_a_record_whose_access_can_not_be_ended_stays(world):
    bob(world)
    lost(world, **GIVEN)
    world.api.fail("DELETE", HIS, 403, "no")
    with pytest.raises(RefusedError, match="could not be ended; run pulumi destroy again"):
        world.plugin.delete(ledger(), urn=LEDGER)
    assert world.api.names(MAPS) == [NAME]


def test_nobody_is_told_that_it_stays(world):
    bob(world)
    binding = world.api.objects[f"{BOB}/{HIS}"]
    binding["metadata"]["labels"] = {"app": "ambient-permission"}
    news = ledger(pay=entry())
    assert reasons(world, news, news) == []
    assert ["in no file" in text for text in world.engine.texts("warning")] == [True]
    lost(world, **GIVEN)
    assert reasons(world, news, news) == []
    assert len(world.engine.texts("warning")) == 1


@pytest.mark.parametrize("state", ["active", "released"])
def test_a_closing_that_was_interrupted_refuses_no_access_later(world, state):
    quotas = "/api/v1/namespaces/pay/resourcequotas"
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    for closing in ({}, ledger(pay=entry(state="closed"))):
        world.api.add(quotas, "ambient-components-closing")
        if not closing:
            lost(world, pay=typed(entry(state="closed")))
        world.plugin.update(closing or ledger(pay=entry()), ledger(pay=entry(state=state)), urn=LEDGER)
        assert world.api.names(quotas) == []
    world.api.add(quotas, "ambient-components-closing")
    world.plugin.update(ledger(pay=entry(state="closed")), ledger(pay=entry(state="closed")), urn=LEDGER)
    assert world.api.names(quotas) == ["ambient-components-closing"]
