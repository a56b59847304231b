"""Secrets of a workspace that change or end, and saves of others in between."""

import pytest

from tests.support.fake_plugin import WORKSPACE_SECRET, refusal
from tests.support.workspace_secrets import (
    GONE,
    KEEP,
    RUNNER,
    SHOWN,
    create,
    desired,
    encoded,
    held,
    refreshed,
    saved,
    there,
    update,
    warnings,
    world,
)

__all__ = ["world"]


def refused(action):
    """A refusal, without a value in it."""
    text = refusal(action)
    assert not any(form in text for form in ("sk-", "c2st"))
    return text


# Update.


def test_values_change_in_place(world):
    state = create(world, desired({"A": "sk-1", "B": "sk-2"}))
    uid = world.api.objects[RUNNER]["metadata"]["uid"]
    world.api.log.clear()
    news = desired({"A": "sk-1", "B": "sk-3", "C": "sk-4"})
    assert update(world, state, news) == {**news, "drift": {}}
    assert held(world) == {"A": "sk-1", "B": "sk-3", "C": "sk-4"}
    assert world.api.objects[RUNNER]["metadata"]["uid"] == uid
    # Never a moment without it: a session that starts then would fail.
    assert [write.split()[0] for write in world.writes()] == ["PATCH"]
    assert world.api.seen("PATCH")[0].body["data"] == encoded({"B": "sk-3", "C": "sk-4"})
    assert warnings(world) == []


@pytest.mark.parametrize(
    ("news", "kept"),
    [
        pytest.param({"A": "sk-1", "B": "sk-2"}, {"A": "sk-ui", "X": "sk-x"}, id="nothing changed"),
        pytest.param({"A": "sk-9", "B": "sk-2"}, {"A": "sk-9", "X": "sk-x"}, id="the saved one changed"),
        pytest.param({"A": "sk-1", "B": "sk-9"}, {"A": "sk-ui", "B": "sk-9", "X": "sk-x"}, id="the removed one"),
        pytest.param({"B": "sk-2"}, {"X": "sk-x"}, id="the saved one left"),
        pytest.param({"A": "sk-1", "B": "sk-2", "C": "sk-3"}, {"A": "sk-ui", "C": "sk-3", "X": "sk-x"}, id="a new one"),
    ],
)
def test_with_keep_a_save_stays_until_ours_changes(world, news, kept):
    before = desired({"A": "sk-1", "B": "sk-2"}, **KEEP)
    state = create(world, before)
    saved(world, A="sk-ui", X="sk-x")
    state = refreshed(world, state)
    update(world, state, desired(news, **KEEP))
    assert held(world) == kept
    assert warnings(world) == []


def test_a_save_that_drops_the_storage_is_told_by_name(world):
    names = ("STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    values = {name: f"sk-{name.lower()}" for name in names}
    state = create(world, desired({**values, "FOO": "sk-foo"}))
    saved(world, **{**values, "FOO": "sk-ui"})
    refreshed(world, state)
    assert warnings(world) == []
    saved(world, STORAGE_MODE="sk-shared", FOO="sk-foo")
    refreshed(world, state)
    (warning,) = warnings(world)
    lost = "S3_ACCESS_KEY, S3_BUCKET, S3_ENDPOINT, S3_SECRET_KEY, STORAGE_MODE"
    assert warning.startswith(f"{SHOWN}: something has changed or removed {lost}: the state of sessions")


def test_a_save_in_between_is_seen_and_told_once(world):
    there(world, ANTHROPIC_API_KEY="sk-old", FOO="sk-foo")

    def theirs(_):
        if len(world.api.seen("PATCH")) <= 2:
            saved(world, ANTHROPIC_API_KEY="sk-old", FOO=f"sk-{len(world.api.log)}")

    world.api.rule("PATCH", ".", theirs)
    create(world, desired())
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}
    assert warnings(world) == [f"{SHOWN}: removed what others saved in it: FOO"]


def test_nothing_is_called_removed_that_could_not_be(world):
    there(world, FOO="sk-foo")
    world.api.fail("PATCH", ".", 403, "no")
    refused(lambda: create(world, desired()))
    assert warnings(world) == []


@pytest.mark.parametrize(
    ("method", "code", "reported"),
    [("POST", 422, "wrong"), ("PATCH", 500, "etcd"), ("GET", 403, "no"), ("POST", 502, "")],
)
def test_no_error_quotes_a_value(world, method, code, reported):
    if method == "PATCH":
        there(world)
    world.api.fail(method, "/secrets", code, reported)
    assert reported in refused(lambda: create(world, desired()))


# Delete.


@GONE
def test_a_delete_of_what_is_gone_is_none(world, gone):
    state = create(world, desired())
    for path in gone:
        del world.api.objects[path]
    world.plugin.delete(state, urn=WORKSPACE_SECRET)
