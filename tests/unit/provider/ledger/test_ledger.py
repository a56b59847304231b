"""`ambient:index:AccessLedger` over real gRPC, with a real HTTP server for a cluster."""

import pytest
from pulumi.runtime import proto

from ambient_components.access import RIGHTS
from ambient_components.errors import refusal
from ambient_components.platform.naming import key_service_account, key_suffix
from tests.support.fake_plugin import LEDGER, UNKNOWN, RefusedError, output, plain, running, secret

OWNER = "app/dev"
MINE = {"ambient-components/owner": OWNER}
KIND = proto.PropertyDiff


def entry(state="active", owners=("user:alice",), grants=None, keys=None):
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": keys or {}}


def ledger(**workspaces):
    return {"owner": OWNER, "workspaces": workspaces}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        yield all_of_it


def reasons(world, news, olds=None):
    answer = world.plugin.check(news, olds, urn=LEDGER)
    assert all(not failure.property for failure in answer.failures)
    return [failure.reason for failure in answer.failures]


# Check.


def test_a_ledger_in_order_passes_and_comes_back_unchanged(world):
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    world.api.add("/api/v1/namespaces", "of-others", annotations={"ambient-components/owner": "other/one"})
    news = ledger(pay=entry(grants={"group:devs": "edit"}, keys={"ci": {"role": "edit", "generation": 1}}), new=entry())
    answer = world.plugin.check(news, urn=LEDGER)
    assert not answer.failures
    assert plain(answer.inputs) == news


def test_every_right_is_asked_for_and_nothing_is_changed(world):
    assert reasons(world, ledger()) == []
    reviews = [one.body["spec"]["resourceAttributes"] for one in world.api.seen("POST")]
    asked = {
        (
            one["group"],
            "/".join(filter(None, (one["resource"], one.get("subresource")))),
            one["verb"],
            one.get("name", ""),
        )
        for one in reviews
    }
    assert asked == {(right.group, right.resource, right.verb, right.name) for right in RIGHTS}
    assert len(reviews) == len(RIGHTS)
    assert world.writes() == []


def test_a_vanished_workspace_is_refused_whatever_else_is_wrong(world):
    world.api.denied.add(("watch", "namespaces", ""))
    vanished, right = reasons(world, ledger(), ledger(pay=entry()))
    assert "workspace 'pay' is gone from the files, but it was not closed" in vanished
    assert "no right to watch namespaces" in right


def test_a_closed_workspace_may_leave(world):
    assert reasons(world, ledger(), ledger(pay=entry("closed"))) == []


@pytest.mark.parametrize("right", RIGHTS, ids=str)
def test_a_missing_right_is_named_with_its_use_and_the_remedy(world, right):
    world.api.denied.add((right.verb, right.resource, right.name))
    (reason,) = reasons(world, ledger(pay=entry()))
    assert f"the deployer has no right to {right}, needed for {right.why}; apply deploy/deployer-rbac.yaml" in reason


def test_all_missing_rights_are_named_at_once(world):
    world.api.denied |= {(right.verb, right.resource, right.name) for right in RIGHTS}
    assert len(reasons(world, ledger())) == len(RIGHTS)


@pytest.mark.parametrize(
    ("annotations", "told"),
    [
        ({"ambient-components/owner": "other/one"}, "it belongs to the stack other/one"),
        ({}, "it was not made by this tool"),
    ],
)
def test_a_namespace_of_somebody_else_is_refused(world, annotations, told):
    world.api.add("/api/v1/namespaces", "pay", annotations=annotations)
    (reason,) = reasons(world, ledger(pay=entry()))
    assert f"namespace 'pay' exists, and {told}: it is not touched" in reason


OTHERS = {"ambient-components/owner": "other/one"}
ADOPT = {"adopt": True}
TAKEN = None


@pytest.mark.parametrize(
    ("name", "annotations", "before", "after", "told"),
    [
        pytest.param("pay", {}, None, ADOPT, TAKEN, id="adopt: what nobody owns"),
        pytest.param("pay", MINE, None, {}, TAKEN, id="ours without a record: a lost state"),
        pytest.param("pay", MINE, {}, ADOPT, TAKEN, id="adopt stays in the file"),
        pytest.param("pay", {}, {}, {}, "it was not made by this tool", id="ours, and somebody took the mark off"),
        pytest.param("pay", OTHERS, None, ADOPT, "it belongs to the stack other/one", id="adopt: another's"),
        pytest.param("pay", {"ambient-components/owner": ""}, None, ADOPT, "it belongs to the stack", id="empty mark"),
        pytest.param("pay", {}, {"state": "released"}, {"state": "released"}, TAKEN, id="released, and still so"),
        pytest.param("pay", {}, {"state": "released"}, {}, TAKEN, id="released, and taken back"),
        pytest.param("pay", MINE, {}, {"state": "released"}, TAKEN, id="being released"),
        pytest.param("pay", {}, {"state": "closed"}, {}, "it was not made by this tool", id="closed is no release"),
        pytest.param(
            *("pay", OTHERS, {"state": "released"}, {"state": "released"}),
            "workspace 'pay' was released, and the stack other/one has adopted it; remove its entry",
            id="released, and adopted by another",
        ),
        pytest.param(
            *("pay", OTHERS, {"state": "released"}, {}),
            "workspace 'pay' was released, and the stack other/one has adopted it; remove its entry",
            id="taken back from another",
        ),
        pytest.param("kube-flannel", {}, None, ADOPT, "is a part of Kubernetes or OpenShift", id="adopt: kube-"),
        pytest.param("openshift-dns", {}, None, ADOPT, "is a part of Kubernetes or OpenShift", id="adopt: openshift-"),
        pytest.param("kube-flannel", {}, {"state": "released"}, {}, "is a part of Kubernetes", id="taken back: kube-"),
        pytest.param("openshifters", {}, None, ADOPT, TAKEN, id="adopt: a name that only begins alike"),
    ],
)
def test_whose_a_namespace_is_decides(world, name, annotations, before, after, told):
    world.api.add("/api/v1/namespaces", name, annotations=annotations)
    olds = None if before is None else {"owner": OWNER, "workspaces": {name: {**entry(owners=()), **before}}}
    found = reasons(world, {"owner": OWNER, "workspaces": {name: {**entry(owners=()), **after}}}, olds)
    if told is None:
        assert found == []
    else:
        (reason,) = found
        assert told in reason
    assert world.writes() == []


def test_a_namespace_that_is_not_declared_is_nobodys_business(world):
    for name, annotations in (("a", {}), ("b", OTHERS)):
        world.api.add("/api/v1/namespaces", name, annotations=annotations)
    assert reasons(world, ledger(pay=entry())) == []


def test_a_new_ledger_declares_all_that_the_stack_has(world):
    """14: its state was lost, or another ledger was deployed: what is not in it would leave without a question."""
    gone = world.api.add("/api/v1/namespaces", "gone", annotations=MINE)
    gone["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    world.api.add("/api/v1/namespaces", "lost", annotations=MINE)
    (reason,) = reasons(world, ledger(pay=entry()))
    assert "namespace 'lost' belongs to this stack, but is not in its new ledger" in reason
    assert reasons(world, ledger(pay=entry(), lost=entry())) == []
    # A deletion that failed is tried again, and blocks nothing until then.
    assert reasons(world, ledger(pay=entry()), ledger(pay=entry())) == []


@pytest.mark.parametrize(
    "place", ["ambient:index:AccessLedger::access2", "my:index:Team$ambient:index:AccessLedger::access"]
)
def test_a_ledger_under_another_name_is_refused(world, place):
    """14: its last deployment would not be compared."""
    answer = world.plugin.check(ledger(), urn=f"urn:pulumi:dev::app::{place}")
    (failure,) = answer.failures
    assert "a stack has one ledger, which is named 'access' and has no parent" in failure.reason


def test_what_a_shell_has_left_over_is_told_in_every_run(world, monkeypatch):
    """14: a moved clock issues and revokes, and Pulumi's log holds secrets."""
    assert reasons(world, ledger()) == []
    assert world.engine.texts("warning") == []
    world.later(86_400)
    monkeypatch.setenv("PULUMI_DEBUG_GRPC", "log.json")
    assert reasons(world, ledger()) == []
    moved, logged = world.engine.texts("warning")
    assert moved.startswith("AMBIENT_CLOCK_OFFSET is set to '86400s': the clock is moved by that")
    assert logged.startswith("PULUMI_DEBUG_GRPC is set: Pulumi writes every secret of this run in plain text")


def test_what_the_cluster_says_is_one_line_and_no_command(world):
    """13: in a message, in a refusal, in an error of the cluster."""
    evil = "\x1b]0;x\x07\n::error::\u202e"
    world.api.add("/api/v1/namespaces", "pay", annotations={"ambient-components/owner": f"o/{evil}"})
    (reason,) = reasons(world, ledger(pay=entry()))
    assert r"o/\x1b]0;x\x07\n::error::\u202e" in reason
    world.api.fail("GET", "/namespaces", 403, f"no{evil}")
    (reason,) = reasons(world, ledger(pay=entry()))
    assert reason.isprintable()
    world.plugin.servicer._engine.warning("urn", refusal(evil))
    assert world.engine.texts("warning")[-1].isprintable()


@pytest.mark.parametrize("mark", [MINE, {}, OTHERS])
def test_a_namespace_that_goes_is_told_as_that_whosever_it_is(world, mark):
    metadata = world.api.add("/api/v1/namespaces", "pay", annotations=mark)
    metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    (reason,) = reasons(world, ledger(pay={**entry(), **ADOPT}))
    assert "namespace 'pay' is still being deleted: nothing can be made in it" in reason


def test_a_deployed_namespace_that_is_being_deleted_stops_no_other_workspace(world):
    """Its users keep it so for as long as they like, by a finalizer of anything in it."""
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert reasons(world, ledger(pay=entry()), ledger(pay=entry())) == []
    (warning,) = [text for text in world.engine.texts("warning") if "being deleted" in text]
    assert warning.startswith("workspace 'pay': its namespace is being deleted: steps that make something in it fail")


def test_a_namespace_that_is_being_deleted_is_waited_for(world):
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    (reason,) = reasons(world, ledger(pay=entry()))
    assert "namespace 'pay' is still being deleted" in reason
    assert reasons(world, ledger()) == []


def test_a_namespace_on_a_later_page_is_found_too(world):
    world.api.page = 1
    world.api.add("/api/v1/namespaces", "zoo")
    assert len(reasons(world, ledger(zoo=entry()))) == 1


def test_another_cluster_is_refused_by_both_uids(world):
    world.plugin.configure(kubeconfig=world.api.kubeconfig(), clusterUid="another")
    (reason,) = reasons(world, ledger())
    assert "uid-of-the-cluster" in reason
    assert "another" in reason
    assert world.api.seen("POST") == []


def test_a_cluster_that_does_not_answer_is_a_reason_and_no_crash(world):
    world.plugin.configure(kubeconfig=world.api.kubeconfig().replace(world.api.url, "http://127.0.0.1:1"))
    vanished, reason = reasons(world, ledger(), ledger(pay=entry()))
    assert "'pay'" in vanished
    assert "does not answer" in reason


@pytest.mark.parametrize("unknown", [UNKNOWN, secret(UNKNOWN), output()])
def test_access_that_is_not_known_yet_is_refused(world, unknown):
    news = ledger(pay=entry(grants={"user:a": unknown}))
    assert reasons(world, news) == ["its inputs must be known before the update; give names and roles as plain text"]
    assert reasons(world, ledger(pay=entry(owners=[unknown])))
    assert world.api.log == []


@pytest.mark.parametrize("owner", [{}, {"owner": ""}, {"owner": 3}, {"owner": None}])
def test_a_ledger_without_an_owner_is_refused(world, owner):
    assert reasons(world, {"workspaces": {}, **owner}) == [
        "owner is missing: the project and the fleet that these workspaces belong to"
    ]


def test_workspaces_of_a_wrong_shape_are_refused_as_text(world):
    assert reasons(world, {"owner": OWNER, "workspaces": ["pay"]})


RELEASED_BY = "ambient-components/released-by"


@pytest.mark.parametrize(
    ("notes", "leaves"),
    [
        pytest.param({RELEASED_BY: OWNER}, True, id="released whole"),
        pytest.param({}, False, id="the last step did not come"),
        pytest.param({**MINE, RELEASED_BY: OWNER}, False, id="the mark is still on"),
        pytest.param(MINE, False, id="not begun"),
        pytest.param({RELEASED_BY: ""}, False, id="adopted once"),
        pytest.param({RELEASED_BY: "other/one"}, False, id="released by another"),
        pytest.param({"ambient-components/owner": "other/one"}, True, id="adopted by another since"),
    ],
)
def test_a_released_entry_leaves_only_after_the_last_step_of_its_release(world, notes, leaves):
    world.api.add("/api/v1/namespaces", "pay", annotations=notes)
    told = reasons(world, ledger(), ledger(pay=entry("released")))
    if leaves:
        assert told == []
    else:
        (reason,) = told
        assert "workspace 'pay' was not released whole" in reason
        assert "put the entry back with 'state: released'" in reason


def test_a_released_entry_whose_namespace_is_gone_leaves(world):
    assert reasons(world, ledger(), ledger(pay=entry("released"))) == []


def test_what_others_ended_in_a_released_workspace_stops_no_run(world):
    released = entry("released", owners=[], grants={"user:bob": "view"})
    world.api.add("/api/v1/namespaces", "pay", annotations={RELEASED_BY: OWNER})
    assert reasons(world, ledger(pay=released), ledger(pay=released)) == []
    (warning,) = world.engine.texts("warning")
    assert "was changed since (RoleBinding ambient-permission-view-bob-user is gone)" in warning
    assert "remove its entry" in warning


# The identity of the generation before, and what those who lose their access may have kept.


def key(generation=1, role="edit", overlapping=None):
    return {"role": role, "generation": generation, **({"overlapping": overlapping} if overlapping else {})}


def test_no_identity_can_live_on_in_a_workspace_that_is_made_in_this_run(world):
    told = reasons(
        world, ledger(pay=entry(keys={"ci": key(2, overlapping=1), "cd": key(2), "b": key(3, overlapping=2)}))
    )
    assert told == [
        f"workspace 'pay': key {name!r}: overlapUntil keeps the identity of generation {kept}, and the workspace is "
        "made in this run: there is none; remove overlapUntil"
        for name, kept in (("b", 2), ("ci", 1))
    ]


@pytest.mark.parametrize("lost", [True, False], ids=["after a lost state", "in every run"])
def test_in_one_that_is_there_it_may(world, lost):
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    one = ledger(pay=entry(keys={"ci": key(2, overlapping=1)}))
    assert reasons(world, one, None if lost else one) == []


def ends(world, before, after, accounts=(), **rest):
    """The warnings of a run that ends somebody's access, of those that tell of tokens that may be kept."""
    world.api.add("/api/v1/namespaces", "pay", annotations=MINE)
    for account, labels in accounts:
        world.api.add("/api/v1/namespaces/pay/serviceaccounts", account, labels=labels)
    old, new = ledger(pay=entry(owners=(), **before)), ledger(pay=entry(owners=(), **{**after, **rest}))
    assert reasons(world, new, old) == []
    assert world.writes() == []
    return [text for text in world.engine.texts("warning") if "could mint tokens of" in text]


BOB = {"user:bob": "edit"}
KEYS = {"ci": key(), "report": key(role="view")}
OF_A_KEY = {"app": "ambient-access-key"}
CI_ACCOUNT = key_service_account("ci", key_suffix("pay", "ci", 1))


def test_the_keys_that_were_not_made_anew_are_named_with_the_command_that_does_it(world):
    assert ends(world, {"grants": BOB, "keys": KEYS}, {"keys": KEYS}) == [
        "workspace 'pay': edit of user:bob ends in this run, and people who had it could mint tokens of the keys ci, "
        "report, and those outlive it; if that may have happened, rotate them: ambient keys rotate dev --workspace pay "
        "--leaked (docs/leaked-key.md)"
    ]


def test_a_key_that_is_made_anew_in_the_same_run_is_not_named(world):
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": {**KEYS, "ci": key(2)}})
    assert "edit of user:bob, generation 1 of the edit key ci ends in this run" in text
    assert "could mint tokens of the keys report, and those" in text


def test_other_accounts_of_the_namespace_are_named_too_and_those_of_keys_are_not(world):
    accounts = [("default", {}), ("ambient-session-runner", {"app": "other"}), (CI_ACCOUNT, OF_A_KEY)]
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": KEYS}, accounts)
    assert "tokens of the keys ci, report and the accounts ambient-session-runner, default, and those outlive" in text


def test_where_every_key_is_made_anew_other_accounts_are_left(world):
    bumped = {"ci": key(2), "report": key(2, "view")}
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": bumped}, [("default", {}), (CI_ACCOUNT, OF_A_KEY)])
    assert "could mint tokens of the accounts default, and those outlive it" in text
    assert "ambient keys rotate" not in text
    assert text.endswith("rotate them (docs/leaked-key.md)")


@pytest.mark.parametrize(
    ("before", "after", "accounts"),
    [
        pytest.param(
            {"grants": BOB, "keys": {"ci": key()}},
            {"keys": {"ci": key(2)}},
            [(CI_ACCOUNT, OF_A_KEY)],
            id="all made anew",
        ),
        pytest.param({"grants": BOB}, {}, [], id="nothing there to mint of"),
        pytest.param({"grants": {"user:bob": "view"}, "keys": KEYS}, {"keys": KEYS}, [("default", {})], id="view"),
        pytest.param(
            {"grants": BOB, "keys": KEYS}, {"grants": BOB, "keys": KEYS}, [("default", {})], id="nothing ends"
        ),
        pytest.param({"keys": KEYS}, {"keys": {"ci": key(), "new": key()}}, [("default", {})], id="a view key"),
        pytest.param({"grants": BOB, "keys": KEYS}, {"state": "closed", "keys": {}}, [("default", {})], id="closed"),
    ],
)
def test_nothing_is_told_where_nothing_may_be_kept(world, before, after, accounts):
    assert ends(world, before, after, accounts) == []


def test_a_key_that_somebody_made_in_the_ui_is_such_an_account(world):
    (text,) = ends(world, {"grants": BOB, "keys": KEYS}, {"keys": KEYS}, [("ambient-key-by-hand-0a1b2c3d", OF_A_KEY)])
    assert "ambient-key-by-hand-0a1b2c3d" in text


def test_who_has_access_in_a_workspace_that_was_never_there_has_no_tokens(world):
    old, new = ledger(pay=entry(grants=BOB, keys=KEYS)), ledger(pay=entry(keys=KEYS))
    assert reasons(world, new, old) == []
    assert "could mint tokens of" not in " ".join(world.engine.texts("warning"))


def test_many_accounts_are_counted(world):
    (text,) = ends(world, {"grants": BOB}, {}, [(f"account-{number:02}", {}) for number in range(14)])
    assert "account-00, account-01" in text
    assert "account-09 and 4 more, and those" in text


# Diff.


def test_the_same_access_is_no_difference(world):
    one = ledger(pay=entry(grants={"group:devs": "edit"}))
    answer = world.plugin.diff(one, one, one, urn=LEDGER)
    assert answer.changes == proto.DiffResponse.DIFF_NONE
    assert not answer.detailedDiff
    assert answer.hasDetailedDiff


def test_each_subject_is_a_difference_of_its_own(world):
    before = ledger(
        pay=entry(grants={"group:devs": "edit", "user:bob": "view"}, keys={"ci": {"role": "edit", "generation": 1}}),
        old=entry("closed"),
    )
    after = ledger(
        pay=entry(
            owners=["user:zoe"],
            grants={"group:devs": "admin", "user:eve": "view"},
            keys={"ci": {"role": "edit", "generation": 2}, "cd-2": {"role": "view"}},
        ),
        new=entry(),
    )
    answer = world.plugin.diff(before, before, after, urn=LEDGER)
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert {path: (one.kind, one.inputDiff) for path, one in answer.detailedDiff.items()} == {
        'workspaces.pay.grants["group:devs"]': (KIND.UPDATE, True),
        'workspaces.pay.grants["user:bob"]': (KIND.DELETE, True),
        'workspaces.pay.grants["user:eve"]': (KIND.ADD, True),
        "workspaces.pay.keys.ci.generation": (KIND.UPDATE, True),
        'workspaces.pay.keys["cd-2"]': (KIND.ADD, True),
        "workspaces.pay.owners": (KIND.UPDATE, True),
        "workspaces.new": (KIND.ADD, True),
        "workspaces.old": (KIND.DELETE, True),
    }
    assert list(answer.diffs) == ["workspaces"]
    assert not answer.replaces


def test_a_new_owner_is_an_update_and_no_replacement(world):
    one = ledger()
    answer = world.plugin.diff(one, one, {**one, "owner": "app/prod"}, urn=LEDGER)
    assert {path: change.kind for path, change in answer.detailedDiff.items()} == {"owner": KIND.UPDATE}
    assert not answer.replaces


def test_differences_that_the_user_ignores_are_none(world):
    answer = world.plugin.diff(ledger(), ledger(), {**ledger(), "owner": "x"}, urn=LEDGER, ignore=["owner"])
    assert answer.changes == proto.DiffResponse.DIFF_NONE


# The rest: it makes nothing.


def test_it_records_what_is_declared_and_makes_nothing(world):
    news = ledger(pay=entry())
    for preview in (True, False):
        assert world.plugin.create(news, urn=LEDGER, preview=preview) == (OWNER, news)
        assert world.plugin.update(ledger(), news, urn=LEDGER, preview=preview) == news
    world.plugin.delete(news, urn=LEDGER)
    assert world.api.log == []


def test_a_refresh_finds_what_was_declared(world):
    news = ledger(pay=entry())
    answer = world.plugin.read(news, news, urn=LEDGER, identity=OWNER)
    assert answer.id == OWNER
    assert plain(answer.inputs) == plain(answer.properties) == news


def test_it_cant_be_imported(world):
    with pytest.raises(RefusedError, match="app/dev can't be imported: a ledger is what a stack declares"):
        world.plugin.read({}, {}, urn=LEDGER, identity=OWNER)
