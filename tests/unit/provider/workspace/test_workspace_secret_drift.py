"""Secrets of a workspace that others changed: names and never values."""

import base64
import json

from pulumi.runtime import proto

from tests.support.workspace_secrets import (
    KEEP,
    KIND,
    SHOWN,
    create,
    desired,
    diff,
    held,
    refreshed,
    saved,
    update,
    warnings,
    world,
)

__all__ = ["world"]

SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE


def test_drift_is_names_and_never_values(world):
    state = create(world, desired({"A": "sk-1", "B": "sk-2", "C": "sk-3"}))
    assert refreshed(world, state) == state
    saved(world, A="sk-ui", C="sk-3", X="sk-x")
    outputs = refreshed(world, state)
    assert outputs == {**state, "drift": {"A": "changed", "B": "removed", "X": "added"}}
    assert "sk-ui" not in json.dumps(outputs)
    assert base64.b64encode(b"sk-ui").decode() not in json.dumps(outputs)


def test_drift_is_a_change_by_name_and_the_update_ends_it(world):
    news = desired({"A": "sk-1", "b.c": "sk-2", "C": "sk-3"})
    state = create(world, news)
    saved(world, A="sk-ui", C="sk-3", X="sk-x")
    state = refreshed(world, state)
    assert diff(world, news, state, news) == {
        "values.A": KIND.UPDATE,
        'values["b.c"]': KIND.ADD,
        "values.X": KIND.DELETE,
    }
    state = update(world, state, news)
    assert held(world) == {"A": "sk-1", "b.c": "sk-2", "C": "sk-3"}
    assert warnings(world) == [f"{SHOWN}: removed what others saved in it: X"]
    assert diff(world, news, state, news) == {}


def test_who_takes_back_what_was_kept_sees_it(world):
    before = desired(**KEEP)
    created = create(world, before)
    saved(world, ANTHROPIC_API_KEY="sk-ui")
    state, news = refreshed(world, created), desired(onDrift="overwrite")
    assert diff(world, before, state, news) == {"onDrift": KIND.UPDATE, "values.ANTHROPIC_API_KEY": KIND.UPDATE}
    update(world, state, news)
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}


def test_a_change_of_ours_is_told_as_what_it_is_beside_drift(world):
    before = desired({"A": "sk-1", "B": "sk-2"})
    state = create(world, before)
    saved(world, A="sk-1", B="sk-ui", X="sk-x")
    state = refreshed(world, state)
    news = desired({"A": "sk-1", "X": "sk-mine"})
    assert diff(world, before, state, news) == {"values.B": KIND.DELETE, "values.X": KIND.ADD}
