import pytest

from tests.support.ledgers import object_names, refusals


def entry(state="active", owners=(), grants=None, **generations):
    keys = {name: {"role": "edit", "generation": number} for name, number in generations.items()}
    return {"state": state, "owners": list(owners), "grants": grants or {}, "keys": keys}


def test_a_vanished_active_workspace_is_refused_by_name_with_the_way_out():
    (text,) = refusals({"payments": entry()}, {})
    assert "workspace 'payments'" in text
    assert "nothing is changed" in text
    assert "'state: closed'" in text
    assert "then remove the entry and deploy again" in text
    assert "put the entry back" in text


def test_an_entry_without_a_state_counts_as_active():
    assert refusals({"payments": {}}, {})


def test_a_closed_workspace_may_leave():
    assert refusals({"payments": entry("closed")}, {}) == []


def test_closing_in_the_same_run_as_leaving_is_no_way_around():
    assert refusals({"payments": entry()}, {"other": entry("closed")})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {}),
        ({}, {"a": entry()}),
        ({"a": entry()}, {"a": entry()}),
        ({"a": entry()}, {"a": entry("closed")}),
        ({"a": entry("closed")}, {"a": entry()}),
    ],
)
def test_what_stays_or_is_new_is_not_refused(before, after):
    assert refusals(before, after) == []


def test_every_vanished_workspace_is_named_at_once_and_sorted():
    texts = refusals({"b": entry(), "c": entry("closed"), "a": entry(), "d": entry()}, {"d": entry()})
    assert [text.split("'")[1] for text in texts] == ["a", "b"]


def test_a_workspace_in_a_state_that_nobody_knows_is_refused_too():
    assert refusals({"payments": entry("Active")}, {})


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        (
            {"grants": {"user:a.b@x.org": "view"}},
            {"grants": {"user:a-b@x.org": "view"}},
            "ambient-permission-view-a-b-x-org-user",
        ),
        ({"owners": ["user:a.b"]}, {"owners": ["user:a-b"]}, "ambient-admin-a-b"),
    ],
)
def test_a_subject_cant_take_the_object_of_another_in_one_run(before, after, name):
    (text,) = refusals({"pay": entry(**before)}, {"pay": entry(**after)})
    assert text.startswith("workspace 'pay': user:a-b")
    assert f"in an object called {name}; remove user:a.b" in text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"grants": {"user:a.b": "view"}}, {"grants": {"user:a-b": "edit"}}),
        ({"grants": {"user:a.b": "view"}}, {"grants": {"user:a.b": "edit"}}),
        ({"grants": {"user:a": "view"}}, {"grants": {"group:a": "view"}}),
        ({"grants": {"user:a.b": "view"}}, {}),
        ({"owners": ["user:a", "user:b"]}, {"owners": ["user:b", "user:a"]}),
        ({"owners": ["user:a"]}, {"grants": {"user:a": "admin"}}),
    ],
)
def test_subjects_with_objects_of_their_own_may_follow_each_other(before, after):
    assert refusals({"pay": entry(**before)}, {"pay": entry(**after)}) == []


def test_a_generation_only_goes_up():
    (text,) = refusals({"pay": entry(ci=3, cd=1)}, {"pay": entry(ci=2, cd=2, new=1)})
    assert text == (
        "workspace 'pay': key 'ci': generation 2 is behind the deployed 3, and generations only go up; "
        "write 4 for a new identity"
    )
    assert refusals({"pay": entry(ci=3)}, {"pay": entry()}) == []
    assert refusals({"pay": entry(ci=3)}, {"pay": entry(ci=3)}) == []


@pytest.mark.parametrize(
    "after",
    [
        {**entry(), "grants": {"user:a": "owner"}},
        {**entry(), "keys": {"ci": {"role": "edit"}}},
        {**entry(), "keys": {"ci": {"role": "edit", "generation": "2"}}},
    ],
    ids=["role", "no generation", "generation as text"],
)
def test_an_entry_of_a_wrong_shape_is_refused_as_text(after):
    assert refusals({"pay": entry(ci=1)}, {"pay": after})


# Release: before, after and whether anything else changes in the same run.

FINE = None
NOT_CLOSED = "is gone from the files, but it was not closed: nothing is changed"
NOTHING_TO_RELEASE = "there is nothing to release: this stack has not deployed it; remove the entry"
AT_ONCE = "at once; write 'state: active' and deploy"
ALONE = "leave the entry"

MATRIX = {
    # (before, after): what is said where nothing else changes, and where something does. None for no entry.
    (None, "active"): (FINE, FINE),
    (None, "closed"): (FINE, FINE),
    (None, "released"): (NOTHING_TO_RELEASE, NOTHING_TO_RELEASE),
    ("active", "active"): (FINE, FINE),
    ("active", "closed"): (FINE, FINE),
    ("active", "released"): (FINE, ALONE),
    ("active", None): (NOT_CLOSED, NOT_CLOSED),
    ("closed", "active"): (FINE, FINE),
    ("closed", "closed"): (FINE, FINE),
    ("closed", "released"): (AT_ONCE, AT_ONCE),
    ("closed", None): (FINE, FINE),
    ("released", "active"): (FINE, ALONE),
    ("released", "closed"): (AT_ONCE, AT_ONCE),
    ("released", "released"): (FINE, ALONE),
    ("released", None): (FINE, FINE),
}


@pytest.mark.parametrize("adopt", [False, True])
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize(("before", "after"), MATRIX, ids=lambda state: state or "absent")
def test_what_may_follow_on_what(before, after, changed, adopt):
    was = {} if before is None else {"pay": entry(before, grants={"user:a": "view"})}
    is_now = {} if after is None else {"pay": entry(after, grants={"user:b" if changed else "user:a": "view"})}
    if adopt and is_now:
        is_now["pay"]["adopt"] = True  # it says whose the namespace may be, and changes nothing else
    received = MATRIX[before, after][changed]
    texts = refusals(was, is_now)
    if received is FINE:
        assert texts == []
    else:
        (text,) = texts
        assert text.startswith("workspace 'pay'")
        assert received in text


@pytest.mark.parametrize("way", [("active", "released"), ("released", "active"), ("released", "released")])
@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"owners": ["user:z"]}, "owners"),
        ({"grants": {"user:a": "edit"}}, "grants"),
        ({"grants": {}}, "grants"),
        ({"keys": {"ci": {"role": "edit", "generation": 2}}}, "keys"),
        ({"keys": {}}, "keys"),
        ({"owners": [], "grants": {}, "keys": {}}, "owners and grants and keys"),
        ({"secrets": {"runner": {"ANTHROPIC_API_KEY": "env KEY"}}}, "secrets"),
        ({"settings": ["idleTimeout"], "limits": ["quota"]}, "settings and limits"),
    ],
    ids=str,
)
def test_a_release_is_alone_in_its_run_and_so_is_the_way_back(way, change, named):
    before, after = (entry(state, owners=["user:o"], grants={"user:a": "view"}, ci=1) for state in way)
    (text,) = refusals({"pay": before}, {"pay": {**after, **change}})
    assert f"its {named} would change in the same one" in text
    assert ("taken back" if way == ("released", "active") else "released") in text.split(" in this run")[0]
    assert ("as it was released" in text) == (way[0] == "released")
    assert ("as it was deployed last" in text) == (way[0] == "active")


def test_one_workspaces_release_refuses_nothing_of_anothers():
    before = {"a": entry(), "b": entry(grants={"user:a": "view"}), "c": entry("released")}
    after = {"a": entry("released"), "b": entry(grants={"user:z": "edit"})}
    assert refusals(before, after) == []


def test_an_entry_without_a_state_may_be_released_as_an_active_one():
    before = {key: value for key, value in entry().items() if key != "state"}
    assert refusals({"pay": before}, {"pay": entry("released")}) == []


@pytest.mark.parametrize(
    ("before", "after", "added"),
    [
        ({}, {"ci": 1}, True),
        ({"ci": 1}, {"ci": 2}, True),
        ({"ci": 1}, {"ci": 1}, False),
    ],
)
def test_the_objects_of_an_entry_are_named_by_kind(before, after, added):
    old, new = (object_names("pay", entry(owners=["user:a"], grants={"group:g": "edit"}, **k)) for k in (before, after))
    assert ("RoleBinding", "ambient-admin-a") in old & new
    assert ("RoleBinding", "ambient-permission-edit-g-group") in old & new
    assert {kind for kind, _ in new - old} == ({"RoleBinding", "ServiceAccount"} if added else set())
    assert object_names("other", entry(ci=1)).isdisjoint(object_names("pay", entry(ci=1)))
    assert object_names("pay", {}) == set()


# The identity of the generation before, beside the next one.


def with_key(generation=1, overlapping=None, role="edit", **rest):
    key = {"role": role, "generation": generation, **({"overlapping": overlapping} if overlapping else {}), **rest}
    return {**entry(), "keys": {"ci": key}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(with_key(1), with_key(2, 1), id="a bump"),
        pytest.param(with_key(1.0), with_key(2.0, 1.0), id="a bump, in numbers of the wire"),
        pytest.param(with_key(2, 1), with_key(2, 1), id="while it runs"),
        pytest.param(with_key(2, 1), with_key(2), id="its end"),
        pytest.param(with_key(2, 1), with_key(3, 2), id="another bump in it"),
        pytest.param(with_key(2, 1), with_key(3), id="another bump that ends it at once"),
        pytest.param(with_key(1), with_key(3), id="by two, without"),
        pytest.param(with_key(2, 1), with_key(2, 1, "view"), id="another role, a run after the bump"),
        pytest.param(with_key(1), with_key(2, None, "view"), id="another role, without"),
        pytest.param(with_key(1), with_key(2, 1, lifetimeSeconds=600), id="another life in the bump's run"),
        pytest.param(with_key(1), with_key(2, 1, overlapUntil="2027-01-31"), id="with its day"),
    ],
)
def test_an_identity_may_live_on_where_it_was(before, after):
    assert refusals({"pay": before}, {"pay": after}) == []


def test_after_a_lost_state_nothing_is_known_to_be_refused():
    assert refusals({}, {"pay": with_key(2, 1)}) == []


NO_SUCH = (
    "workspace 'pay': key 'ci': overlapUntil keeps the identity of generation {}, and the last deployment had none"
)


@pytest.mark.parametrize(
    ("before", "after", "kept", "received"),
    [
        pytest.param(entry(), with_key(2, 1), 1, ": it had no such key; remove overlapUntil", id="a new key"),
        pytest.param(
            with_key(1),
            with_key(3, 2),
            2,
            ": it had generation 1; remove overlapUntil, or write generation: 2",
            id="a bump by two",
        ),
        pytest.param(
            with_key(2), with_key(2, 1), 1, ": it had generation 2; remove overlapUntil", id="extended after it ended"
        ),
        pytest.param(
            with_key(3, 2), with_key(3, 1), 1, ": it had generation 3; remove overlapUntil", id="one before that"
        ),
    ],
)
def test_an_identity_that_was_not_there_cant_live_on(before, after, kept, received):
    assert refusals({"pay": before}, {"pay": after}) == [NO_SUCH.format(kept) + received]


def test_an_identity_that_lives_on_keeps_its_role_in_the_run_that_bumps():
    (text,) = refusals({"pay": with_key(1)}, {"pay": with_key(2, 1, "view")})
    assert text == (
        "workspace 'pay': key 'ci': its role changes from edit to view in the run that makes generation 2, and the "
        "identity of generation 1 stays valid with its own; deploy one of the two changes first"
    )


def test_an_identity_that_lives_on_keeps_its_user_in_the_run_that_bumps():
    (text, _) = refusals({"pay": with_key(1)}, {"pay": with_key(2, 1, actsAs="alice")})
    assert text == (
        "workspace 'pay': key 'ci': its actsAs changes in the run that makes generation 2, and the identity of "
        "generation 1 stays valid with its own; deploy one of the two changes first"
    )


@pytest.mark.parametrize("overlapping", [2, 3, -1, "1"])
def test_only_a_lower_generation_can_live_on(overlapping):
    (text,) = refusals({"pay": with_key(1)}, {"pay": with_key(2, overlapping)})
    assert text.startswith("workspace 'pay': keys.ci")


def test_each_key_is_refused_at_once():
    def two(generation, overlapping=None):
        return {**entry(), "keys": {name: with_key(generation, overlapping)["keys"]["ci"] for name in ("b", "a")}}

    assert [text.split("'")[3] for text in refusals({"pay": two(1)}, {"pay": two(3, 2)})] == ["a", "b"]


def test_both_identities_are_among_the_objects_of_an_entry():
    both, one = object_names("pay", with_key(2, 1)), object_names("pay", with_key(2))
    assert both == one | object_names("pay", with_key(1))
    assert len(both) == 2 * len(one)
    assert object_names("pay", with_key(2.0, 1.0)) == both


@pytest.mark.parametrize("way", [("active", "released"), ("released", "active"), ("released", "released")])
@pytest.mark.parametrize(("was", "is_now"), [(1, None), (1, 1), (None, None)])
def test_an_overlap_that_ends_is_no_change_of_a_released_workspace(way, was, is_now):
    before, after = ({**with_key(2, each), "state": state} for each, state in zip((was, is_now), way, strict=True))
    assert refusals({"pay": before}, {"pay": after}) == []


def test_but_its_day_is_somebodys_change():
    before, after = ({**with_key(2, 1, overlapUntil=day), "state": "released"} for day in ("2027-01-31", "2027-02-28"))
    (text,) = refusals({"pay": before}, {"pay": after})
    assert "its keys would change in the same one" in text


NIGHTLY = "ambient-key-nightly-build-3f2a91bc"

WITHOUT = {"pay": {"state": "active", "owners": [], "grants": {}, "keys": {}}}


def of_platform(generation=1, account=NIGHTLY, **more):
    key = {"role": "edit", "generation": generation, **({"serviceAccount": account} if account else {}), **more}
    return {"pay": {"state": "active", "owners": [], "grants": {}, "keys": {"ci": key}}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({}, of_platform(), ""),
        (of_platform(), of_platform(), ""),
        (of_platform(), of_platform(2), ""),
        (of_platform(), of_platform(2, account=None), ""),
        (of_platform(), of_platform(2, overlapping=1), ""),
        (of_platform(2, overlapping=1), of_platform(2), ""),
        (of_platform(2), of_platform(2, account=None), ""),
        # Adopted and rotated in one run; the preflight looks for the identity.
        (WITHOUT, of_platform(2, overlapping=1), ""),
        (WITHOUT, of_platform(2, account=None, overlapping=1), "the last deployment had none"),
        (WITHOUT, of_platform(3, overlapping=2), "the last deployment had none"),
        (of_platform(), of_platform(account=None), f"write serviceAccount: {NIGHTLY} in its entry again"),
        (of_platform(), of_platform(account="ambient-key-b-00000000"), "to ambient-key-b-00000000, and every token"),
        (of_platform(account=None), of_platform(), "remove serviceAccount: this stack has made the key"),
        (of_platform(), of_platform(2, account=None, overlapping=1), "write generation: 3 for a new identity"),
        ({}, of_platform(account="default"), "keys.ci.serviceAccount: 'default' is no ServiceAccount of a key"),
    ],
)
def test_the_identity_that_the_platform_made_is_not_exchanged(before, after, expected):
    texts = refusals(before, after)
    assert len(texts) == bool(expected)
    assert expected in "".join(texts)


def test_the_objects_of_an_adopted_key_have_the_platforms_names():
    assert object_names("pay", of_platform()["pay"]) == {
        ("ServiceAccount", NIGHTLY),
        ("RoleBinding", "ambient-key-edit-nightly-build-3f2a91bc"),
    }
