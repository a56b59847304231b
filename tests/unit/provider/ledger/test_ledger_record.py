"""What a ledger records, and what is a difference of it; it makes nothing."""

from pulumi.runtime import proto

from tests.support.access_ledger import OWNER, entry, ledger
from tests.support.fake_plugin import LEDGER, plain

KIND = proto.PropertyDiff


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


# The rest: it makes nothing.


def test_a_refresh_finds_what_was_declared(world):
    news = ledger(pay=entry())
    answer = world.plugin.read(news, news, urn=LEDGER, identity=OWNER)
    assert answer.id == OWNER
    assert plain(answer.inputs) == plain(answer.properties) == news
