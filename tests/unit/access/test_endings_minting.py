"""Whose access ends, of those who could mint tokens of other accounts, and which identities they may have tokens of."""

import pytest

from ambient_components.access.endings import Ended
from tests.support.ledgers import ended


def entry(owners=(), grants=None, keys=None):
    """A ledger's entry; a key by its role, its generation and the one that lives on beside it."""
    written = {}
    for key_id, (role, generation, *overlapping) in (keys or {}).items():
        written[key_id] = {"role": role, "generation": generation}
        if overlapping:
            written[key_id]["overlapping"] = overlapping[0]
    return {"state": "active", "owners": list(owners), "grants": grants or {}, "keys": written}


CI, REPORT = {"ci": ("edit", 1)}, {"report": ("view", 1)}


@pytest.mark.parametrize(
    ("before", "after", "who"),
    [
        pytest.param(entry(grants={"user:bob": "edit"}), entry(), ["edit of user:bob"], id="an edit grant"),
        pytest.param(entry(grants={"group:g": "admin"}), entry(), ["admin of group:g"], id="an admin grant"),
        pytest.param(
            entry(grants={"user:bob": "edit"}),
            entry(grants={"user:bob": "view"}),
            ["edit of user:bob"],
            id="an edit grant becomes one to view",
        ),
        pytest.param(entry(["user:o"]), entry(), ["ownership of user:o"], id="an owner"),
        pytest.param(
            entry(["user:o"]),
            entry(grants={"user:o": "view"}),
            ["ownership of user:o"],
            id="an owner who may still view",
        ),
        pytest.param(entry(keys=CI), entry(), ["the edit key ci"], id="an edit key"),
        pytest.param(entry(keys={"root": ("admin", 3)}), entry(), ["the admin key root"], id="an admin key"),
        pytest.param(
            entry(keys=CI), entry(keys={"ci": ("edit", 2)}), ["generation 1 of the edit key ci"], id="a generation"
        ),
        pytest.param(
            entry(keys=CI), entry(keys={"ci": ("view", 2)}), ["generation 1 of the edit key ci"], id="and another role"
        ),
        pytest.param(
            entry(["user:o"], {"user:b": "edit", "group:a": "admin"}, {**CI, "deploy": ("edit", 1)}),
            entry(),
            ["ownership of user:o", "admin of group:a", "edit of user:b", "the edit key ci", "the edit key deploy"],
            id="all of it",
        ),
    ],
)
def test_access_to_mint_that_ends_is_told(before, after, who):
    assert list(ended("pay", before, after).who) == who


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({}, {}, id="nothing at all"),
        pytest.param({}, entry(["user:o"], {"user:b": "edit"}, CI), id="a new workspace"),
        pytest.param(
            entry(["user:o"], {"user:b": "edit"}, CI), entry(["user:o"], {"user:b": "edit"}, CI), id="the same"
        ),
        pytest.param(entry(grants={"user:b": "view"}), entry(), id="view may not mint"),
        pytest.param(entry(grants={"user:b": "view"}), entry(grants={"user:b": "edit"}), id="more"),
        pytest.param(entry(grants={"user:b": "admin"}), entry(grants={"user:b": "edit"}), id="less, and still enough"),
        pytest.param(entry(["user:o"]), entry(grants={"user:o": "edit"}), id="an owner who may still edit"),
        pytest.param(entry(grants={"user:o": "admin"}), entry(["user:o"]), id="an admin who becomes an owner"),
        pytest.param(entry(["user:o", "user:p"]), entry(["user:p", "user:o"]), id="another order"),
        pytest.param(entry(keys=REPORT), entry(), id="a view key"),
        pytest.param(entry(keys=REPORT), entry(keys={"report": ("view", 2)}), id="a generation of a view key"),
        pytest.param(entry(keys=CI), entry(keys={"ci": ("edit", 2, 1)}), id="the generation before lives on"),
    ],
)
def test_nothing_is_told_where_nobody_loses_it(before, after):
    assert ended("pay", before, after) is None


@pytest.mark.parametrize(
    ("before", "after", "keys"),
    [
        pytest.param({}, {}, [], id="no key"),
        pytest.param({**CI, **REPORT}, {**CI, **REPORT}, ["ci", "report"], id="all as they were, a view key too"),
        pytest.param({**CI, **REPORT}, {"ci": ("edit", 2), **REPORT}, ["report"], id="one is made anew"),
        pytest.param({**CI, **REPORT}, {"ci": ("edit", 2), "report": ("view", 2)}, [], id="all are made anew"),
        pytest.param(CI, {"ci": ("edit", 2, 1)}, [], id="made anew, with the one before beside it"),
        pytest.param(CI, {**CI, "new": ("edit", 1)}, ["ci"], id="a new one was not there to be taken"),
        pytest.param({**CI, "gone": ("view", 1)}, CI, ["ci"], id="one that ends needs no rotation"),
        pytest.param(CI, {"ci": ("admin", 1)}, ["ci"], id="another role is the same identity"),
    ],
)
def test_the_keys_that_were_not_made_anew_may_be_shared(before, after, keys):
    outcome = ended("pay", entry(grants={"user:bob": "edit"}, keys=before), entry(keys=after))
    assert "edit of user:bob" in outcome.who
    assert list(outcome.keys) == keys


def test_an_identity_whose_overlap_ends_is_told():
    outcome = ended("pay", entry(keys={"ci": ("edit", 2, 1)}), entry(keys={"ci": ("edit", 2)}))
    assert outcome == Ended("pay", ("generation 1 of the edit key ci",), ("ci",))


def test_a_key_that_may_mint_no_longer_is_told():
    assert (
        ended("pay", entry(keys={"ci": ("edit", 1), **REPORT}), entry(keys={"ci": ("view", 1), **REPORT})) is not None
    )


def test_generations_come_as_numbers_of_the_wire():
    outcome = ended("pay", entry(keys={"ci": ("edit", 1.0)}), entry(keys={"ci": ("edit", 2.0)}))
    assert outcome == Ended("pay", ("generation 1 of the edit key ci",), ())


@pytest.mark.parametrize("empty", [{}, {"owners": None, "grants": None, "keys": None}])
def test_an_entry_without_anything_has_nobody(empty):
    assert ended("pay", entry(grants={"user:b": "edit"}), empty).who == ("edit of user:b",)
    assert ended("pay", empty, empty) is None
