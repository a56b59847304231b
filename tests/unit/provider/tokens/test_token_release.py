"""Tokens of a workspace that is let go, taken back and adopted: what happens to their token Secrets."""

import json

import pytest

from ambient_components.platform.contract import BOUND_OBJECT, BOUND_OBJECT_LABEL, KEY_LABEL, OWNER_ANNOTATION
from tests.support.fake_plugin import RefusedError, plain, secret
from tests.support.tokens import DAY, NONE, SECRETS, WANTED

RELEASED = {**WANTED, "released": True}


@pytest.fixture
def rotated(world):
    """A state with two tokens: one that is current, one that retires."""
    _, state = world.plugin.create(WANTED)
    world.later(80 * DAY)
    state = world.plugin.update(state, WANTED)
    assert len(state["retiring"]) == 1
    world.api.log.clear()
    world.engine.lines.clear()
    return state


@pytest.fixture
def released(world, rotated):
    state = world.plugin.update(rotated, RELEASED)
    world.api.log.clear()
    return state


def marks(world):
    """The owner's mark of each handle."""
    owners = {}
    for path, one in world.api.objects.items():
        if path.startswith(f"{SECRETS}/"):
            owners[path.rsplit("/", 1)[1]] = one["metadata"]["annotations"].get(OWNER_ANNOTATION)
    return owners


def outputs(state):
    """All but the inputs."""
    return {name: value for name, value in state.items() if name not in RELEASED}


def test_letting_go_takes_the_marks_off_and_nothing_else(world, rotated):
    state = world.plugin.update(rotated, RELEASED)
    assert list(marks(world).values()) == [None, None]
    assert outputs(state) == outputs(rotated)
    assert state["token"] == rotated["token"]
    assert state["released"] is True
    assert [write.split()[0] for write in world.writes()] == ["PATCH", "PATCH"]
    for request in world.api.seen("PATCH"):
        # By its uid: a handle that took the name meanwhile is another one.
        assert request.body["metadata"].keys() == {"uid", "annotations"}
        assert request.body["metadata"]["annotations"] == {OWNER_ANNOTATION: None}
    assert "token-of-" not in json.dumps([one.body for one in world.api.log])


@pytest.mark.parametrize("day", [80, 88, 170, 400], ids=["now", "revocation due", "rotation due", "expired"])
def test_while_released_nothing_is_minted_or_revoked_whatever_is_due(world, released, day):
    world.later(day * DAY)
    answer = world.plugin.diff(RELEASED, released, RELEASED)
    assert answer.changes == NONE
    assert not answer.detailedDiff
    again = world.plugin.update(released, RELEASED)
    assert outputs(again) == outputs(released)
    assert {write.split()[0] for write in world.writes()} <= {"PATCH"}
    assert len(marks(world)) == 2


def test_a_release_on_the_day_of_a_rotation_mints_nothing(world, rotated):
    world.later(165 * DAY)
    answer = world.plugin.diff(WANTED, rotated, RELEASED)
    assert set(answer.detailedDiff) == {"released"}
    assert not answer.replaces
    state = world.plugin.update(rotated, RELEASED)
    assert outputs(state) == outputs(rotated)
    assert [write for write in world.writes() if not write.startswith("PATCH")] == []


def test_a_refresh_of_what_is_released_keeps_the_record(world, released):
    """Whoever adopted the workspace may have deleted its token Secrets: that is theirs by now."""
    for path in [path for path in world.api.objects if "/secrets/" in path]:
        del world.api.objects[path]
    answer = world.plugin.read(RELEASED, released)
    assert plain(answer.properties) == released
    assert plain(answer.properties)["token"] == secret(released["token"]["value"])


def test_what_was_never_deployed_has_no_token_to_let_go(world):
    (failure,) = world.plugin.check(RELEASED).failures
    assert "released: there is no token yet" in failure.reason
    assert not world.plugin.check(RELEASED, WANTED).failures


def test_taken_back_what_became_due_is_done(world, released):
    world.later(165 * DAY)
    assert "token" in world.plugin.diff(RELEASED, released, WANTED).detailedDiff
    state = world.plugin.update(released, WANTED)
    assert state["token"] != released["token"]
    assert set(marks(world).values()) == {"app/dev"}
    assert state["current"]["handle"] in marks(world)


def test_what_another_stack_has_adopted_meanwhile_is_not_taken_back(world, released):
    for name in marks(world):
        world.api.change(f"{SECRETS}/{name}", {"metadata": {"annotations": {OWNER_ANNOTATION: "other/one"}}})
    world.plugin.update(released, WANTED)
    assert "are not this stack's, and are not touched" in " ".join(world.engine.texts("warning"))
    assert set(marks(world).values()) == {"other/one"}
    assert world.writes() == []


def test_a_handle_of_another_identity_keeps_its_mark(world, rotated):
    notes = {OWNER_ANNOTATION: "app/dev", "ambient-components/service-account": "ambient-key-ci-2"}
    world.api.add(SECRETS, "generation-2", None, {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: "ci"}, notes)
    world.plugin.update(rotated, RELEASED)
    assert marks(world)["generation-2"] == "app/dev"


def test_a_mark_that_cant_be_taken_off_is_an_error(world, rotated):
    world.api.fail("PATCH", ".", 403, "no")
    with pytest.raises(RefusedError, match="403: no"):
        world.plugin.update(rotated, RELEASED)
