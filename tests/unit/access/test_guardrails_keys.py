"""Guardrails of keys: what each may, how many there are, and admin keys apart from edit."""

from datetime import UTC, datetime

import pytest

from ambient_components.model.guardrails import GuardrailsRecord
from tests.support.guardrails import ADMIN, BOSS, COMING, ENDED, NOW, dated, entry, guardrails_of, key, keys, of_pay
from tests.support.ledgers import refusals


@pytest.mark.parametrize(
    ("before", "after", "guardrails"),
    [
        pytest.param({}, {"k": key("admin")}, ["adminKey"], id="a new one"),
        pytest.param({"k": key()}, {"k": key("admin")}, ["adminKey"], id="a role that is raised"),
        pytest.param({"k": key("admin")}, {"k": key("admin")}, [], id="it was there"),
        pytest.param({"k": key("admin")}, {"k": {**key("admin"), "generation": 2}}, [], id="another generation"),
        pytest.param({"k": key("admin")}, {"j": key("admin")}, ["adminKey"], id="another key"),
        pytest.param({}, {"k": key(never=True)}, ["nonExpiringKey"], id="a new one without an end"),
        pytest.param({"k": key(lifetimeSeconds=600)}, {"k": key(never=True)}, ["nonExpiringKey"], id="its end goes"),
        pytest.param({"k": key(never=True)}, {"k": key(never=True)}, [], id="it had none"),
        pytest.param(
            {"k": key(never=True)}, {"k": key(never=True, static=True)}, ["nonExpiringKey"], id="it gets static"
        ),
        pytest.param({"k": key(never=True)}, {"k": key(lifetimeSeconds=600)}, [], id="it gets an end"),
        pytest.param({}, {"k": key("admin", never=True)}, ["adminKey", "nonExpiringKey"], id="both"),
        pytest.param({}, {"k": key(actsAs="alice")}, ["actingKey"], id="it acts for a user"),
        pytest.param({"k": key()}, {"k": key(actsAs="alice")}, ["actingKey"], id="it gets a user"),
        pytest.param({"k": key(actsAs="alice")}, {"k": key(actsAs="bob")}, ["actingKey"], id="another user"),
        pytest.param({"k": key(actsAs="alice")}, {"k": key("view", actsAs="alice")}, [], id="the same user"),
        pytest.param({"k": key(actsAs="alice")}, {"k": key()}, [], id="its user goes"),
        pytest.param({}, {"k": key("view")}, [], id="a key"),
    ],
)
def test_keys_that_are_worth_a_reason(before, after, guardrails):
    assert of_pay(entry(keys=before), entry(keys=after)) == guardrails
    if not before:
        assert of_pay(None, entry(keys=after)) == guardrails


@pytest.mark.parametrize(
    ("before", "after", "most", "refused"),
    [
        (0, 10, 10, False),
        (0, 11, 10, True),
        (10, 11, 10, True),
        (11, 11, 10, False),
        (12, 11, 10, False),
        (11, 12, 10, True),
        (0, 3, 2, True),
        (0, 12, 12, False),
    ],
)
def test_a_workspace_has_so_many_keys(before, after, most, refused):
    got = of_pay(entry(keys=keys(before)), entry(keys=keys(after)), max_keys=most)
    assert got == (["tooManyKeys"] if refused else [])


def test_what_a_key_may_is_told():
    texts = refusals({}, {"pay": entry(keys={"ci": key("admin", never=True, static=True), **keys(10)})})
    assert [text.partition(": nothing is changed; ")[0] for text in texts] == [
        "workspace 'pay': key 'ci' is of role admin, and anyone with it may share the workspace and read its secrets",
        "workspace 'pay': key 'ci' never expires and is one that every session can read",
        "workspace 'pay': it has 11 keys, and 10 are the most (guardrails.maxKeys)",
    ]


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        pytest.param(entry(keys=BOSS), entry(keys=BOSS, grants={"user:bob": "edit"}), True, id="an edit grant"),
        pytest.param(entry(keys=BOSS), entry(keys={**BOSS, "ci": key()}), True, id="an edit key"),
        pytest.param(
            entry(keys=BOSS), entry(keys=BOSS, dates={"user:bob": dated(COMING)}), True, id="a grant yet to begin"
        ),
        pytest.param(
            entry(keys=BOSS, dates={"user:bob": [{"role": "edit", "from": ENDED}]}),
            entry(keys=BOSS, grants={"user:bob": "edit"}, dates={"user:bob": [{"role": "edit", "from": ENDED}]}),
            False,
            id="one that begins on its day",
        ),
        pytest.param(
            entry(keys=BOSS, grants={"user:bob": "edit"}),
            entry(keys=BOSS, grants={"user:bob": "edit", "user:eve": "edit"}),
            False,
            id="it was so",
        ),
        pytest.param(entry(keys=BOSS), entry(keys=BOSS, grants={"user:bob": "view"}), False, id="view"),
        pytest.param(
            entry(["user:bob"], keys=BOSS),
            entry(["user:bob"], keys=BOSS, grants={"user:bob": "edit"}),
            False,
            id="owner",
        ),
    ],
)
def test_admin_keys_are_kept_apart_where_that_is_wanted(before, after, refused):
    assert of_pay(before, after, isolate_admin_keys=True) == (["adminKeyWithEditors"] if refused else [])
    assert of_pay(before, after) == []


@pytest.mark.parametrize(
    ("first", "then"), [("2026-11-26", "2026-11-27"), ("2026-11-26T18:00:00Z", "2026-11-26T18:00:00Z")]
)
def test_a_day_that_passes_puts_no_edit_beside_an_admin_key(first, then):
    """An admin until then, with edit from then on: refused as it is written, and no night is."""
    dates = {"user:bob": [{"role": "admin", "until": first}, {"role": "edit", "from": then}]}
    was = entry(ADMIN, grants={"user:bob": "admin"}, keys={"deploy": key("admin")}, dates=dates)
    night = {**was, "grants": {"user:bob": "edit"}}
    settings = GuardrailsRecord.model_construct(isolate_admin_keys=True)
    without = {**was, "dates": {}, "exceptions": ["adminKey"]}
    assert guardrails_of({"pay": without}, {"pay": was}, settings) == ["adminKeyWithEditors"]
    for now in (NOW, datetime(2026, 11, 28, 3, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)):
        assert guardrails_of({"pay": was}, {"pay": night}, settings, now) == []
