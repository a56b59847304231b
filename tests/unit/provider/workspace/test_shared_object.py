"""Settings that the platform writes as well, over real gRPC: how they are written and given back."""

import pytest

from ambient_components.access.adoption import EXISTING_OBJECT
from ambient_components.problem_json import AS_JSON, VARIABLE, decode
from tests.support.fake_api import Answer
from tests.support.fake_plugin import CONTAINERS, FLAGS, SETTINGS, refusal
from tests.support.parts import (
    EACH,
    LIMITS,
    MAP,
    MAPS,
    NAMESPACE,
    OPERATORS_LIMITS,
    PODS,
    PROJECT,
    RANGE,
    RANGES,
    SEARCH,
    SERVERS,
    WANTED,
    operator,
    spec,
)


def verbs(world):
    return [write.split()[0] for write in world.writes()]


# Create.


@EACH
def test_on_nothing_the_object_is_made_as_the_platform_makes_it(world, urn, desired, path, name):
    identity, state = world.plugin.create(desired, urn=urn)
    assert identity == f"pay/{name}"
    assert state == desired
    assert world.writes() == [f"POST {path.rsplit('/', 1)[0]}"]
    body = world.api.seen("POST")[0].body
    assert body["metadata"]["namespace"] == "pay"
    assert body["apiVersion"] == ("vteam.ambient-code/v1alpha1" if urn == SETTINGS else "v1")
    assert body["kind"] == {SETTINGS: "ProjectSettings", CONTAINERS: "LimitRange", FLAGS: "ConfigMap"}[urn]


@EACH
def test_ambient_is_told_of_an_object_that_exists_and_people_are_not(world, monkeypatch, urn, desired, path, name):
    world.plugin.create(desired, urn=urn)
    world.plugin.create(desired, urn=urn)
    assert world.engine.texts("info") == []
    monkeypatch.setenv(VARIABLE, AS_JSON)
    world.plugin.create(desired, urn=urn)
    (note,) = [one for text in world.engine.texts("info") for one in decode(text)]
    assert note.rule == EXISTING_OBJECT
    assert name in note.problem


def test_labels_that_an_object_lacks_are_added_and_others_stay(world):
    world.api.add(MAPS, "feature-flag-overrides", labels={"team": "x"}, data={"jira-write": "true"})
    world.plugin.create({"namespace": "pay", "flags": {"jira-write": True}}, urn=FLAGS)
    labels = world.api.objects[MAP]["metadata"]["labels"]
    assert labels["team"] == "x"
    assert labels["app.kubernetes.io/component"] == "feature-flags"


@pytest.mark.parametrize("late", [1, 3])
def test_the_operator_that_comes_in_between_is_patched(world, late):
    """It is not there when we look, and there when we write."""
    lookups = []

    def look(_):
        lookups.append(None)
        if len(lookups) == late:
            operator(world, mcpServers={"custom": {"theirs": SEARCH}})
        return Answer(404, {"message": "not there yet"}) if len(lookups) <= late else None

    world.api.rule("GET", "/projectsettings$", look)
    if late > 1:
        world.api.fail("POST", "/projectsettings$", 409, "already exists", times=late - 1)
    world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS)
    assert verbs(world) == ["POST"] * late + ["PATCH"]
    assert spec(world)["inactivityTimeoutSeconds"] == 600
    assert spec(world)["mcpServers"] == {"custom": {"theirs": SEARCH}}


def test_a_patch_holds_the_version_that_was_read_and_only_what_changes(world):
    operator(world)
    version = world.api.objects[PROJECT]["metadata"]["resourceVersion"]
    world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS)
    (patch,) = world.api.seen("PATCH")
    assert patch.body == {"metadata": {"resourceVersion": version}, "spec": {"inactivityTimeoutSeconds": 600}}


@EACH
def test_what_is_right_already_is_not_written(world, urn, desired, path, name):
    world.plugin.create(desired, urn=urn)
    world.api.log.clear()
    assert world.plugin.create(desired, urn=urn)[1] == desired
    assert world.plugin.update(desired, desired, urn=urn) == desired
    assert world.writes() == []


# Update.


@pytest.mark.parametrize(
    ("news", "after"),
    [
        ({"custom": {"search": SEARCH}}, {"custom": {"search": SEARCH}}),
        ({"disabled": ["webfetch"]}, {"disabled": ["webfetch"]}),
        (
            {"custom": {"search": {"type": "sse", "url": "https://b"}}},
            {"custom": {"search": {"type": "sse", "url": "https://b"}}},
        ),
        ({"custom": {"other": SEARCH}, "disabled": []}, {"custom": {"other": SEARCH}, "disabled": []}),
        (None, None),
    ],
    ids=str,
)
def test_servers_are_ours_as_a_whole_down_to_the_last_key(world, news, after):
    with_headers = {**SEARCH, "headers": {"Authorization": "Bearer ${TOKEN}", "X": "1"}}
    before = {"namespace": "pay", "mcpServers": {"custom": {"search": with_headers}, "disabled": ["webfetch"]}}
    operator(world)
    world.plugin.create(before, urn=SETTINGS)
    world.plugin.update(before, {"namespace": "pay", **({"mcpServers": news} if news else {})}, urn=SETTINGS)
    assert spec(world).get("mcpServers") == after


def test_the_limits_of_pods_stay_through_all_of_it(world):
    world.api.add(RANGES, "ambient-default-limits", spec={"limits": [PODS, OPERATORS_LIMITS]})
    world.plugin.create(LIMITS, urn=CONTAINERS)
    ours = {"type": "Container", **{name: value for name, value in LIMITS.items() if name != "namespace"}}
    assert spec(world, RANGE)["limits"] == [PODS, ours]
    news = {**LIMITS, "max": {"cpu": "6"}}
    world.plugin.update(LIMITS, news, urn=CONTAINERS)
    assert spec(world, RANGE)["limits"] == [PODS, {**ours, "max": {"cpu": "6"}}]
    world.plugin.delete(news, urn=CONTAINERS)
    assert spec(world, RANGE)["limits"] == [PODS, OPERATORS_LIMITS]


# Delete.


@EACH
def test_an_object_is_never_deleted(world, urn, desired, path, name):
    world.plugin.create(desired, urn=urn)
    world.plugin.delete(desired, urn=urn)
    assert path in world.api.objects
    assert world.api.seen("DELETE") == []


@EACH
@pytest.mark.parametrize("namespace", ["there", "gone"])
def test_a_delete_of_what_is_gone_is_none(world, urn, desired, path, name, namespace):
    if namespace == "gone":
        del world.api.objects[NAMESPACE]
    world.plugin.delete(desired, urn=urn)
    assert world.writes() == []


@EACH
def test_a_delete_while_the_namespace_goes_is_none(world, urn, desired, path, name):
    world.plugin.create(desired, urn=urn)

    def vanish(_):
        world.api.objects.pop(path, None)
        world.api.objects.pop(NAMESPACE, None)

    world.api.rule("PATCH", f"{name}$", vanish)
    world.plugin.delete(desired, urn=urn)
    assert verbs(world) == ["POST", "PATCH"]


# Races.


@pytest.mark.parametrize("times", [1, 9])
def test_a_conflict_reads_again(world, times):
    operator(world)

    def theirs(_):
        if len(world.api.seen("PATCH")) <= times:
            world.api.change(PROJECT, {"status": {"count": len(world.api.log)}})

    world.api.rule("PATCH", ".", theirs)
    world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS)
    assert len(world.api.seen("PATCH")) == times + 1
    assert spec(world)["inactivityTimeoutSeconds"] == 600


def test_what_changed_in_between_is_not_lost(world):
    operator(world)
    changed = []

    def theirs(_):
        if not changed:
            changed.append(world.api.change(PROJECT, {"spec": {"groupAccess": [{"groupName": "g", "role": "edit"}]}}))

    world.api.rule("PATCH", ".", theirs)
    world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS)
    assert spec(world)["groupAccess"] == [{"groupName": "g", "role": "edit"}]


def test_others_without_a_pause_are_told_and_end_it(world):
    operator(world)
    world.api.fail("PATCH", ".", 409, "the object has been modified")
    text = refusal(lambda: world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS))
    assert text.startswith("ProjectSettings of pay is written by others without a pause: PATCH ")
    assert "the object has been modified" in text
    assert text.endswith("; run again")
    assert len(world.api.seen("PATCH")) == 10


def test_an_object_that_vanishes_between_two_steps_is_made_again(world):
    operator(world)
    world.api.rule("PATCH", ".", lambda _: world.api.objects.pop(PROJECT, None) and None, times=1)
    world.plugin.create({"namespace": "pay", "inactivityTimeoutSeconds": 600}, urn=SETTINGS)
    assert spec(world)["inactivityTimeoutSeconds"] == 600


def test_a_cluster_without_the_platform_is_told_as_what_it_is(world):
    world.api.kinds.remove("projectsettings")
    text = refusal(lambda: world.plugin.create(WANTED, urn=SETTINGS))
    assert "404: the server could not find the requested resource" in text
    assert "without a pause" not in text
    assert len(world.api.seen("POST")) == 1


@pytest.mark.parametrize("code", [403, 422, 500])
def test_a_refusal_of_the_cluster_is_told_at_once(world, code):
    operator(world)
    world.api.fail("PATCH", ".", code, "because of a rule")
    assert "because of a rule" in refusal(lambda: world.plugin.create(WANTED, urn=SETTINGS))
    assert len(world.api.seen("PATCH")) == 1


def test_what_is_made_has_what_the_crd_requires(world):
    world.plugin.create({"namespace": "pay", "mcpServers": SERVERS}, urn=SETTINGS)
    assert spec(world) == {"groupAccess": [], "inactivityTimeoutSeconds": 86_400, "mcpServers": SERVERS}
