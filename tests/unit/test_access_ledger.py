import pytest

from ambient_components.access import refusals


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
    assert f"in an object called {name}. Remove user:a.b" in text


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
        "workspace 'pay': key 'ci': generation 2 is behind the deployed 3; generations only go up: "
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
