"""`ambient:index:WorkspaceSecret` over real gRPC. Every value in here begins with ``sk-``, so that none goes unseen."""

import base64
import json

import pytest
from pulumi.runtime import proto

from tests.support.fake_plugin import UNKNOWN, WORKSPACE_SECRET, RefusedError, plain, running, secret

NAMESPACE = "/api/v1/namespaces/pay"
SECRETS = f"{NAMESPACE}/secrets"
RUNNER = f"{SECRETS}/ambient-runner-secrets"
SHOWN = "Secret pay/ambient-runner-secrets"
KIND = proto.PropertyDiff
SOME, NONE = proto.DiffResponse.DIFF_SOME, proto.DiffResponse.DIFF_NONE
KEEP = {"onDrift": "keep"}
GONE = pytest.mark.parametrize("gone", [[RUNNER], [RUNNER, NAMESPACE]])


def wanted(values=None, **more):
    """Inputs as the engine sends them: each value marked."""
    marked = {key: secret(value) for key, value in (values or {"ANTHROPIC_API_KEY": "sk-a"}).items()}
    return {"namespace": "pay", "secret": "ambient-runner-secrets", "values": marked, **more}


def encoded(values):
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay")
        yield all_of_it
        said = json.dumps([(line.severity, line.urn, line.text) for line in all_of_it.engine.lines])
        for form in ("sk-", "c2st"):
            assert form not in said, "a value was told to the engine"


def refusal(action):
    with pytest.raises(RefusedError) as raised:
        action()
    text = str(raised.value)
    assert "sk-" not in text
    assert "c2st" not in text
    assert "a bug in the ambient provider" not in text
    return text


def there(world, name="ambient-runner-secrets", **values):
    """Somebody, such as the UI, has saved it."""
    notes = {"annotations": {"ambient-code.io/runner-secret": "true"}, "labels": {"app": name}}
    return world.api.add(SECRETS, name, type="Opaque", data=encoded(values), **notes)


def saved(world, **values):
    """A save in the UI replaces all data."""
    data = world.api.objects[RUNNER].get("data") or {}
    world.api.change(RUNNER, {"data": {**dict.fromkeys(data), **encoded(values)}})


def held(world, path=RUNNER):
    """The values in the cluster."""
    return {key: base64.b64decode(value).decode() for key, value in world.api.objects[path]["data"].items()}


def warnings(world):
    return world.engine.texts("warning")


def refreshed(world, state):
    """State after a refresh, and what it says of drift."""
    inputs = {name: value for name, value in state.items() if name != "drift"}
    answer = world.plugin.read(inputs, state, urn=WORKSPACE_SECRET)
    assert plain(answer.inputs) == inputs
    return plain(answer.properties)


def diff(world, inputs, state, news):
    answer = world.plugin.diff(inputs, state, news, urn=WORKSPACE_SECRET)
    return {path: one.kind for path, one in answer.detailedDiff.items()}


def create(world, news):
    return world.plugin.create(news, urn=WORKSPACE_SECRET)[1]


def update(world, state, news, **more):
    return world.plugin.update(state, news, urn=WORKSPACE_SECRET, **more)


# Create.


@pytest.mark.parametrize(
    ("name", "app"),
    [
        ("ambient-runner-secrets", "ambient-runner-secrets"),
        ("ambient-non-vertex-integrations", "ambient-integration-secrets"),
    ],
)
def test_the_secret_is_made_as_the_platforms_backend_makes_it(world, name, app):
    news = wanted(secret=name)
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
    create(world, wanted(values))
    assert held(world) == values


def test_what_others_have_saved_is_removed_and_named_without_its_values(world):
    there(world, ANTHROPIC_API_KEY="sk-old", GEMINI_API_KEY="sk-theirs", FOO="sk-foo")
    create(world, wanted())
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}
    assert warnings(world) == [f"{SHOWN}: removed what others saved in it: FOO, GEMINI_API_KEY"]
    assert [one.split()[0] for one in world.writes()] == ["PATCH"]


def test_with_keep_what_others_have_saved_stays_and_what_is_missing_is_added(world):
    there(world, ANTHROPIC_API_KEY="sk-theirs", GEMINI_API_KEY="", FOO="sk-foo")
    create(world, wanted({"ANTHROPIC_API_KEY": "sk-a", "GEMINI_API_KEY": "sk-g"}, **KEEP))
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-theirs", "GEMINI_API_KEY": "sk-g", "FOO": "sk-foo"}
    assert warnings(world) == []


@pytest.mark.parametrize("policy", ["overwrite", "keep"])
def test_a_secret_that_is_right_is_not_written(world, policy):
    there(world, ANTHROPIC_API_KEY="sk-a")
    create(world, wanted(onDrift=policy))
    assert world.writes() == []


@pytest.mark.parametrize("policy", ["overwrite", "keep"])
def test_what_readers_select_on_is_mended_and_other_notes_stay(world, policy):
    world.api.add(SECRETS, "ambient-runner-secrets", labels={"team": "x", "app": "y"}, data=encoded({"FOO": "sk-f"}))
    create(world, wanted({"FOO": "sk-f"}, onDrift=policy))
    metadata = world.api.objects[RUNNER]["metadata"]
    assert metadata["labels"] == {"team": "x", "app": "ambient-runner-secrets"}
    assert metadata["annotations"] == {"ambient-code.io/runner-secret": "true"}


# A preview.


@pytest.mark.parametrize("policy", ["overwrite", "keep"])
def test_a_preview_writes_nothing_and_says_what_would_go(world, policy):
    there(world, ANTHROPIC_API_KEY="sk-old", FOO="sk-foo")
    news = wanted(onDrift=policy)
    _, state = world.plugin.create(news, urn=WORKSPACE_SECRET, preview=True)
    assert state == {**news, "drift": {}}
    assert update(world, {**wanted({"B": "sk-b"}), "drift": {}}, news, preview=True) == news
    assert world.writes() == []
    # Once for the creation, once for the change.
    assert len(warnings(world)) == (2 if policy == "overwrite" else 0)
    for warning in warnings(world):
        assert f"{SHOWN}: others have saved FOO in it: pulumi up removes them" in warning


@pytest.mark.parametrize(
    "unknown", [{"values": UNKNOWN}, {"values": secret(UNKNOWN)}, {"namespace": UNKNOWN}, {"values": {"A": UNKNOWN}}]
)
def test_a_preview_copes_with_what_is_not_known_yet(world, unknown):
    news = {**wanted(), **unknown}
    assert not world.plugin.check(news, urn=WORKSPACE_SECRET).failures
    world.plugin.create(news, urn=WORKSPACE_SECRET, preview=True)
    assert world.writes() == []


def test_an_unknown_value_is_a_change_and_the_name_is_all_there_is_of_it(world):
    state = create(world, wanted())
    news = wanted({"ANTHROPIC_API_KEY": UNKNOWN})
    assert diff(world, wanted(), state, news) == {"values.ANTHROPIC_API_KEY": KIND.UPDATE}


# Update.


def test_values_change_in_place(world):
    state = create(world, wanted({"A": "sk-1", "B": "sk-2"}))
    uid = world.api.objects[RUNNER]["metadata"]["uid"]
    world.api.log.clear()
    news = wanted({"A": "sk-1", "B": "sk-3", "C": "sk-4"})
    assert update(world, state, news) == {**news, "drift": {}}
    assert held(world) == {"A": "sk-1", "B": "sk-3", "C": "sk-4"}
    assert world.api.objects[RUNNER]["metadata"]["uid"] == uid
    # Never a moment without it: a session that starts then would fail.
    assert [one.split()[0] for one in world.writes()] == ["PATCH"]
    assert world.api.seen("PATCH")[0].body["data"] == encoded({"B": "sk-3", "C": "sk-4"})
    assert warnings(world) == []


def test_a_value_that_leaves_goes_without_a_warning(world):
    state = create(world, wanted({"A": "sk-1", "B": "sk-2"}))
    update(world, state, wanted({"A": "sk-1"}))
    assert held(world) == {"A": "sk-1"}
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
    before = wanted({"A": "sk-1", "B": "sk-2"}, **KEEP)
    state = create(world, before)
    saved(world, A="sk-ui", X="sk-x")
    state = refreshed(world, state)
    update(world, state, wanted(news, **KEEP))
    assert held(world) == kept
    assert warnings(world) == []


def test_a_save_that_drops_the_storage_is_told_by_name(world):
    names = ("STORAGE_MODE", "S3_ENDPOINT", "S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    values = {name: f"sk-{name.lower()}" for name in names}
    state = create(world, wanted({**values, "FOO": "sk-foo"}))
    saved(world, **{**values, "FOO": "sk-ui"})
    refreshed(world, state)
    assert warnings(world) == []
    saved(world, STORAGE_MODE="sk-shared", FOO="sk-foo")
    refreshed(world, state)
    (warning,) = warnings(world)
    lost = "S3_ACCESS_KEY, S3_BUCKET, S3_ENDPOINT, S3_SECRET_KEY, STORAGE_MODE"
    assert warning.startswith(f"{SHOWN}: something has changed or removed {lost}: the state of sessions")


def test_a_secret_that_vanished_is_made_again(world):
    state = create(world, wanted())
    del world.api.objects[RUNNER]
    update(world, state, wanted(**KEEP))
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}


def test_a_save_in_between_is_seen_and_told_once(world):
    there(world, ANTHROPIC_API_KEY="sk-old", FOO="sk-foo")

    def theirs(_):
        if len(world.api.seen("PATCH")) <= 2:
            saved(world, ANTHROPIC_API_KEY="sk-old", FOO=f"sk-{len(world.api.log)}")

    world.api.rule("PATCH", ".", theirs)
    create(world, wanted())
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}
    assert warnings(world) == [f"{SHOWN}: removed what others saved in it: FOO"]


def test_nothing_is_called_removed_that_could_not_be(world):
    there(world, FOO="sk-foo")
    world.api.fail("PATCH", ".", 403, "no")
    refusal(lambda: create(world, wanted()))
    assert warnings(world) == []


@pytest.mark.parametrize(
    ("method", "code", "said"), [("POST", 422, "wrong"), ("PATCH", 500, "etcd"), ("GET", 403, "no"), ("POST", 502, "")]
)
def test_no_error_quotes_a_value(world, method, code, said):
    if method == "PATCH":
        there(world)
    world.api.fail(method, "/secrets", code, said)
    assert said in refusal(lambda: create(world, wanted()))


# Read and drift.


def test_drift_is_names_and_never_values(world):
    state = create(world, wanted({"A": "sk-1", "B": "sk-2", "C": "sk-3"}))
    assert refreshed(world, state) == state
    saved(world, A="sk-ui", C="sk-3", X="sk-x")
    found = refreshed(world, state)
    assert found == {**state, "drift": {"A": "changed", "B": "removed", "X": "added"}}
    assert "sk-ui" not in json.dumps(found)
    assert base64.b64encode(b"sk-ui").decode() not in json.dumps(found)


def test_drift_is_a_change_by_name_and_the_update_ends_it(world):
    news = wanted({"A": "sk-1", "b.c": "sk-2", "C": "sk-3"})
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


def test_with_keep_drift_is_no_change(world):
    news = wanted(**KEEP)
    created = create(world, news)
    saved(world, ANTHROPIC_API_KEY="sk-ui")
    state = refreshed(world, created)
    assert state["drift"] == {"ANTHROPIC_API_KEY": "changed"}
    assert world.plugin.diff(news, state, news, urn=WORKSPACE_SECRET).changes == NONE


def test_who_takes_back_what_was_kept_sees_it(world):
    before = wanted(**KEEP)
    created = create(world, before)
    saved(world, ANTHROPIC_API_KEY="sk-ui")
    state, news = refreshed(world, created), wanted(onDrift="overwrite")
    assert diff(world, before, state, news) == {"onDrift": KIND.UPDATE, "values.ANTHROPIC_API_KEY": KIND.UPDATE}
    update(world, state, news)
    assert held(world) == {"ANTHROPIC_API_KEY": "sk-a"}


def test_a_change_of_ours_is_told_as_what_it_is_beside_drift(world):
    before = wanted({"A": "sk-1", "B": "sk-2"})
    state = create(world, before)
    saved(world, A="sk-1", B="sk-ui", X="sk-x")
    state = refreshed(world, state)
    news = wanted({"A": "sk-1", "X": "sk-mine"})
    assert diff(world, before, state, news) == {"values.B": KIND.DELETE, "values.X": KIND.ADD}


@GONE
def test_without_the_secret_there_is_nothing(world, gone):
    state = create(world, wanted())
    for path in gone:
        del world.api.objects[path]
    assert not world.plugin.read(wanted(), state, urn=WORKSPACE_SECRET).id


def test_a_value_is_a_change_of_its_own_and_in_place(world):
    before = wanted({"A": "sk-1", "B": "sk-2"})
    state = create(world, before)
    news = wanted({"A": "sk-9", "C": "sk-3"})
    changes = {"values.A": KIND.UPDATE, "values.B": KIND.DELETE, "values.C": KIND.ADD}
    assert diff(world, before, state, news) == changes
    assert not world.plugin.diff(before, state, news, urn=WORKSPACE_SECRET).replaces


@pytest.mark.parametrize(("name", "value"), [("namespace", "other"), ("secret", "ambient-non-vertex-integrations")])
def test_another_secret_is_another_resource(world, name, value):
    state = create(world, wanted())
    answer = world.plugin.diff(wanted(), state, wanted(**{name: value}), urn=WORKSPACE_SECRET)
    assert list(answer.replaces) == [name]


# Delete.


def test_a_delete_takes_the_secret_away_whoever_saved_into_it(world):
    state = create(world, wanted())
    saved(world, FOO="sk-theirs")
    there(world, "ambient-non-vertex-integrations", FOO="sk-other")
    world.plugin.delete(state, urn=WORKSPACE_SECRET)
    assert world.api.names(SECRETS) == ["ambient-non-vertex-integrations"]


@GONE
def test_a_delete_of_what_is_gone_is_none(world, gone):
    state = create(world, wanted())
    for path in gone:
        del world.api.objects[path]
    world.plugin.delete(state, urn=WORKSPACE_SECRET)


# Check.


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"secret": "my-own"}, "secret: 'my-own'; allowed: ambient-runner-secrets, ambient-non-vertex-integrations"),
        ({"secret": None}, "secret: None; allowed: ambient-runner-secrets, ambient-non-vertex-integrations"),
        (
            {"secret": "ambient-runner-secret"},
            "secret: 'ambient-runner-secret'; allowed: ambient-runner-secrets, ambient-non-vertex-integrations; "
            "did you mean 'ambient-runner-secrets'?",
        ),
        ({"onDrift": "ignore"}, "onDrift: 'ignore' is not a drift policy; allowed: overwrite, keep"),
        (
            {"onDrift": "overwite"},
            "onDrift: 'overwite' is not a drift policy; allowed: overwrite, keep; did you mean 'overwrite'?",
        ),
        ({"values": {}}, "values: at least one is expected; leave out a secret without any"),
        ({"values": None}, "values: at least one is expected; leave out a secret without any"),
        ({"values": {"A": None, "B": "sk-b"}}, "values: A: text is expected"),
        ({"values": {"A": secret(7), "B": "sk-b"}}, "values: A: text is expected"),
    ],
)
def test_what_has_no_meaning_is_refused(world, wrong, text):
    answer = world.plugin.check({**wanted(), **wrong}, urn=WORKSPACE_SECRET)
    assert [failure.reason for failure in answer.failures] == [text]


@pytest.mark.parametrize("policy", [{}, {"onDrift": "overwrite"}, {"onDrift": "keep"}, {"onDrift": UNKNOWN}])
def test_what_is_right_comes_back_with_its_marks(world, policy):
    news = wanted(**policy)
    answer = world.plugin.check(news, urn=WORKSPACE_SECRET)
    assert not answer.failures
    assert plain(answer.inputs) == news
