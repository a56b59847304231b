"""`ambient:index:WorkspaceSecret` over real gRPC: what is checked, previewed and made."""

import pytest

from tests.support.fake_plugin import UNKNOWN, WORKSPACE_SECRET, secret
from tests.support.workspace_secrets import (
    KIND,
    RUNNER,
    SECRETS,
    SHOWN,
    create,
    desired,
    diff,
    encoded,
    held,
    there,
    update,
    warnings,
    world,
)

__all__ = ["world"]

# Create.


@pytest.mark.parametrize(
    ("name", "app"),
    [
        ("ambient-runner-secrets", "ambient-runner-secrets"),
        ("ambient-non-vertex-integrations", "ambient-integration-secrets"),
    ],
)
def test_the_secret_is_made_as_the_platforms_backend_makes_it(world, name, app):
    news = desired(secret=name)
    identity, state = world.plugin.create(news, urn=WORKSPACE_SECRET)
    assert identity == f"pay/{name}"
    assert state == {**news, "drift": {}}
    (request,) = world.api.seen("POST")
    assert request.body == {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": name,
            "namespace": "pay",
            "labels": {"app": app},
            "annotations": {"ambient-code.io/runner-secret": "true"},
        },
        "data": encoded({"ANTHROPIC_API_KEY": "sk-a"}),
    }
    assert held(world, f"{SECRETS}/{name}") == {"ANTHROPIC_API_KEY": "sk-a"}


def test_values_are_text_of_any_kind(world):
    values = {"A": "sk-ü€", "B": "sk-line\nsk-line", "C": ""}
    create(world, desired(values))
    assert held(world) == values


@pytest.mark.parametrize("policy", ["overwrite", "keep"])
def test_what_readers_select_on_is_mended_and_other_notes_stay(world, policy):
    world.api.add(SECRETS, "ambient-runner-secrets", labels={"team": "x", "app": "y"}, data=encoded({"FOO": "sk-f"}))
    create(world, desired({"FOO": "sk-f"}, onDrift=policy))
    metadata = world.api.objects[RUNNER]["metadata"]
    assert metadata["labels"] == {"team": "x", "app": "ambient-runner-secrets"}
    assert metadata["annotations"] == {"ambient-code.io/runner-secret": "true"}


# A preview.


@pytest.mark.parametrize("policy", ["overwrite", "keep"])
def test_a_preview_writes_nothing_and_says_what_would_go(world, policy):
    there(world, ANTHROPIC_API_KEY="sk-old", FOO="sk-foo")
    news = desired(onDrift=policy)
    _, state = world.plugin.create(news, urn=WORKSPACE_SECRET, preview=True)
    assert state == {**news, "drift": {}}
    assert update(world, {**desired({"B": "sk-b"}), "drift": {}}, news, preview=True) == state
    assert world.writes() == []
    # Once for the creation, once for the change.
    assert len(warnings(world)) == (2 if policy == "overwrite" else 0)
    for warning in warnings(world):
        assert f"{SHOWN}: others have saved FOO in it: the next run removes them" in warning


@pytest.mark.parametrize(
    "unknown", [{"values": UNKNOWN}, {"values": secret(UNKNOWN)}, {"namespace": UNKNOWN}, {"values": {"A": UNKNOWN}}]
)
def test_a_preview_copes_with_what_is_not_known_yet(world, unknown):
    news = {**desired(), **unknown}
    assert not world.plugin.check(news, urn=WORKSPACE_SECRET).failures
    world.plugin.create(news, urn=WORKSPACE_SECRET, preview=True)
    assert world.writes() == []


def test_known_values_are_checked_beside_unknown_ones(world):
    news = desired({"A": UNKNOWN, "B": 1})
    (failure,) = world.plugin.check(news, urn=WORKSPACE_SECRET).failures
    assert failure.reason.startswith("values.B: ")


def test_an_unknown_value_is_a_change_and_the_name_is_all_there_is_of_it(world):
    state = create(world, desired())
    news = desired({"ANTHROPIC_API_KEY": UNKNOWN})
    assert diff(world, desired(), state, news) == {"values.ANTHROPIC_API_KEY": KIND.UPDATE}


# Check.


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (
            {"secret": "my-own"},
            "secret: 'my-own' is not a Secret of a workspace; allowed: ambient-runner-secrets, "
            "ambient-non-vertex-integrations",
        ),
        ({"secret": None}, "secret: is missing; add it"),
        (
            {"secret": "ambient-runner-secret"},
            "secret: 'ambient-runner-secret' is not a Secret of a workspace; allowed: ambient-runner-secrets, "
            "ambient-non-vertex-integrations; "
            "did you mean 'ambient-runner-secrets'?",
        ),
        ({"onDrift": "ignore"}, "onDrift: 'ignore' is not a drift policy; allowed: overwrite, keep"),
        (
            {"onDrift": "overwite"},
            "onDrift: 'overwite' is not a drift policy; allowed: overwrite, keep; did you mean 'overwrite'?",
        ),
        ({"values": {}}, "values: is empty; leave out a secret without any value"),
        ({"values": None}, "values: is missing; add it"),
        ({"values": {"A": None, "B": "sk-b"}}, "values.A: text is expected"),
        ({"values": {"A": secret(7), "B": "sk-b"}}, "values.A: text is expected"),
    ],
)
def test_what_has_no_meaning_is_refused(world, wrong, text):
    answer = world.plugin.check({**desired(), **wrong}, urn=WORKSPACE_SECRET)
    assert [failure.reason for failure in answer.failures] == [text]
