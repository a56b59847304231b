"""`ambient:index:ScheduledSession` over real gRPC and a real HTTP server: the owners of fields, image, closing."""

import pytest

from ambient_components.platform.naming import schedule_name
from tests.support.fake_plugin import CLOSURE, RefusedError, plain, running
from tests.support.fake_plugin import SCHEDULE as URN
from tests.support.schedules import (
    IMAGE,
    OWNER,
    SCHEDULE,
    TEMPLATE,
    of_backend,
    saved_in_form,
    template_of,
    variables_of,
)

CRONJOBS = "/apis/batch/v1/namespaces/pay/cronjobs"
NAME = schedule_name("pay", "review")
PATH = f"{CRONJOBS}/{NAME}"
CONFIG = "/api/v1/namespaces/ambient-code/configmaps"
OURS = "ambient-components/owner"
INPUTS = {
    "namespace": "pay",
    "name": NAME,
    "owner": OWNER,
    "platformNamespace": "ambient-code",
    "runAs": "system-serviceaccount-pay-ambient-session-trigger",
    "image": IMAGE,
    **SCHEDULE,
}
SMALL = {**INPUTS, "sessionTemplate": {"initialPrompt": "x"}}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay", labels={"ambient-code.io/managed": "true"})
        yield all_of_it


def create(world, inputs=INPUTS):
    return {**inputs, **world.plugin.create(inputs, URN)[1]}


def update(world, state, news):
    return {**news, **world.plugin.update(state, news, URN)}


def read(world, inputs, state):
    return world.plugin.read(inputs, state, URN)


def drift(world, inputs, state):
    """Return the paths that an update after a refresh would change."""
    answer = read(world, inputs, state)
    return sorted(world.plugin.diff(plain(answer.inputs), plain(answer.properties), inputs, URN).detailedDiff)


def live(world):
    return world.api.objects[PATH]


def without(inputs, *names):
    return {name: value for name, value in inputs.items() if name not in names}


# Create and update.


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("owner", [None, "other/prod"])
def test_a_foreign_one_of_its_name_is_refused(world, owner, preview):
    world.api.add(CRONJOBS, NAME, annotations={OURS: owner} if owner else {}, spec={})
    with pytest.raises(RefusedError, match="it is not touched"):
        world.plugin.create(INPUTS, URN, preview=preview)
    assert world.writes() == []


def test_one_without_an_owner_is_adopted_with_the_workspace(world):
    create(world)
    live(world)["metadata"]["annotations"].pop(OURS)
    create(world, {**INPUTS, "adopt": True})
    assert live(world)["metadata"]["annotations"][OURS] == OWNER


def test_one_of_the_ui_is_adopted_by_its_name_with_what_no_file_says(world):
    theirs = of_backend(NAME, "pay", "bob", SCHEDULE, "a/b:1")
    labels, notes = (theirs["metadata"][field] for field in ("labels", "annotations"))
    world.api.add(CRONJOBS, NAME, uid="theirs", labels=labels, annotations=notes, spec=theirs["spec"])
    state = create(world, {**SMALL, "adopt": True})
    assert (state["uid"], live(world)["metadata"]["annotations"][OURS]) == ("theirs", OWNER)
    template = template_of(live(world))
    assert (template["initialPrompt"], template["repos"]) == ("x", TEMPLATE["repos"])
    assert template["userContext"]["userId"] == INPUTS["runAs"]
    assert drift(world, {**SMALL, "adopt": True}, state) == []


def test_by_a_name_no_other_cronjob_is_adopted(world):
    world.api.add(CRONJOBS, NAME, spec={})
    with pytest.raises(RefusedError, match="it is not touched"):
        create(world, {**INPUTS, "adopt": True})


def test_fields_that_are_not_declared_any_more_return_to_the_default(world):
    given = {**INPUTS, "suspend": True, "reuseLastSession": True}
    state = create(world, given)
    assert variables_of(live(world))["REUSE_LAST_SESSION"] == "true"
    update(world, state, SMALL)
    template = template_of(live(world))
    assert "repos" not in template
    assert template["llmSettings"] == {"model": "claude-sonnet-4-6", "temperature": 0.7, "maxTokens": 4000}
    assert template["timeout"] == 300
    assert live(world)["spec"]["suspend"] is False
    assert variables_of(live(world))["REUSE_LAST_SESSION"] == "false"
    assert live(world)["metadata"]["annotations"]["ambient-code.io/reuse-last-session"] == "false"


# Changes in the UI.


def test_a_suspension_in_the_ui_stays_where_none_is_declared(world):
    state = create(world)
    world.api.change(PATH, {"spec": {"suspend": True}})
    assert drift(world, INPUTS, state) == []
    update(world, state, {**INPUTS, "schedule": "0 8 * * *"})
    assert live(world)["spec"]["suspend"] is True


def test_a_declared_suspension_is_restored(world):
    given = {**INPUTS, "suspend": False}
    state = create(world, given)
    world.api.change(PATH, {"spec": {"suspend": True}})
    assert drift(world, given, state) == ["suspend"]
    update(world, state, given)
    assert live(world)["spec"]["suspend"] is False


def test_what_the_form_saves_is_restored_where_it_is_declared(world):
    state = create(world)
    containers = saved_in_form(live(world), initialPrompt="Do something else")
    world.api.change(PATH, {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": containers}}}}}})
    assert drift(world, INPUTS, state) == [
        "runAs",
        "sessionTemplate.environmentVariables",
        "sessionTemplate.initialPrompt",
        "sessionTemplate.llmSettings.maxTokens",
        "sessionTemplate.llmSettings.temperature",
        "sessionTemplate.timeout",
    ]
    update(world, state, INPUTS)
    assert template_of(live(world))["userContext"]["userId"] == INPUTS["runAs"]
    assert drift(world, INPUTS, state) == []


def test_what_the_form_saves_stays_where_it_is_not_declared(world):
    state = create(world, SMALL)
    containers = saved_in_form(live(world), inactivityTimeout=60, runnerType="gemini-cli")
    world.api.change(PATH, {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": containers}}}}}})
    assert drift(world, SMALL, state) == ["runAs"]
    update(world, state, SMALL)
    assert {**template_of(live(world)), "inactivityTimeout": 60, "runnerType": "gemini-cli"} == template_of(live(world))


def test_a_name_that_only_the_sessions_have_lost_is_restored(world):
    state = create(world)
    template = template_of(live(world))
    containers = saved_in_form(live(world), **{name: one for name, one in template.items() if name != "displayName"})
    world.api.change(PATH, {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": containers}}}}}})
    assert drift(world, INPUTS, state) == ["drift"]
    update(world, state, INPUTS)
    assert template_of(live(world))["displayName"] == "Morning review"


def test_a_text_of_others_is_secret_in_the_state(world):
    state = create(world)
    containers = saved_in_form(live(world), initialPrompt="my password is hunter2")
    world.api.change(PATH, {"spec": {"jobTemplate": {"spec": {"template": {"spec": {"containers": containers}}}}}})
    seen = plain(read(world, INPUTS, state).inputs)["sessionTemplate"]["initialPrompt"]
    assert isinstance(seen, dict)  # a secret on the wire


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"jobTemplate": None},
        {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "other"}]}}}}},
        {"jobTemplate": {"spec": {"template": {"spec": {"containers": [{"name": "trigger", "env": [1, {}]}]}}}}},
        {"jobTemplate": {"spec": {"template": "x"}}, "suspend": "yes", "schedule": 5},
    ],
)
def test_whatever_others_write_is_read_and_put_right(world, spec):
    state = create(world)
    live(world)["spec"] = spec
    read(world, INPUTS, state)
    update(world, state, INPUTS)
    assert template_of(live(world))["initialPrompt"] == TEMPLATE["initialPrompt"]


# Image.


def test_the_image_is_the_clusters_and_follows_it(world):
    given = without(INPUTS, "image")
    world.api.add(CONFIG, "operator-config", data={"OPERATOR_IMAGE": "a/b:1", "IMAGE_PULL_POLICY": "Always"})
    state = create(world, given)
    container = live(world)["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert (state["image"], container["imagePullPolicy"]) == ("a/b:1", "Always")
    assert drift(world, given, state) == []
    world.api.change(f"{CONFIG}/operator-config", {"data": {"OPERATOR_IMAGE": "a/b:2"}})
    assert drift(world, given, state) == ["drift"]
    assert update(world, state, given)["image"] == "a/b:2"


@pytest.mark.parametrize("preview", [True, False])
@pytest.mark.parametrize("denied", [True, False])
def test_an_unknown_image_is_the_platforms_default_with_a_warning(world, preview, denied):
    if denied:
        world.api.fail("GET", "/configmaps/operator-config$", 403, "deployer cannot get configmaps")
    _, outputs = world.plugin.create(without(INPUTS, "image"), URN, preview=preview)
    (warning,) = world.engine.texts("warning")
    assert "the image of the platform's operator is not known" in warning
    if not preview:
        assert outputs["image"] == "quay.io/ambient_code/vteam_operator:latest"


# Closing, opening and releasing.


def closed(world, state):
    return update(world, state, {**INPUTS, "closed": True})


def closure(world):
    world.plugin.create({"namespace": "pay", "staying": []}, CLOSURE)


def opened(world):
    world.plugin.delete({"namespace": "pay", "staying": []}, CLOSURE)


@pytest.mark.parametrize("declared", [True, False])
def test_what_is_declared_meanwhile_holds_after_the_opening(world, declared):
    state = closed(world, create(world))
    closure(world)
    meanwhile = {**INPUTS, "closed": True, "suspend": declared}
    state = update(world, state, meanwhile)
    assert live(world)["spec"]["suspend"] is True
    update(world, state, without(meanwhile, "closed"))
    opened(world)
    assert live(world)["spec"]["suspend"] is declared


def test_a_suspension_that_is_not_declared_any_more_ends_with_the_opening(world):
    state = create(world, {**INPUTS, "suspend": True})
    state = update(world, state, {**INPUTS, "suspend": True, "closed": True})
    closure(world)
    state = closed(world, state)
    assert live(world)["spec"]["suspend"] is True
    update(world, state, INPUTS)
    opened(world)
    assert live(world)["spec"]["suspend"] is False


def test_one_that_is_new_in_a_closed_workspace_waits(world):
    create(world, {**INPUTS, "closed": True})
    assert live(world)["spec"]["suspend"] is True
    opened(world)
    assert live(world)["spec"]["suspend"] is False


def test_a_release_ends_the_ownership_alone(world):
    state = create(world)
    world.api.change(PATH, {"spec": {"schedule": "5 5 * * *"}})
    released = {**INPUTS, "released": True}
    state = update(world, state, released)
    assert OURS not in live(world)["metadata"]["annotations"]
    assert live(world)["spec"]["schedule"] == "5 5 * * *"
    assert drift(world, released, state) == []
    update(world, state, INPUTS)  # the release is undone
    assert live(world)["metadata"]["annotations"][OURS] == OWNER


# Check.


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": "hourly"},
        {"schedule": None},
        {"namespace": ""},
        {"runAs": ""},
        {"runAs": "alice@example.com"},
        {"displayName": ""},
        {"displayName": "x" * 51},
        {"displayName": "two\nlines"},
        {"displayName": "ghp_" + "x" * 36},
        {"suspend": "yes"},
        {"reuseLastSession": 1},
        {"sessionTemplate": {}},
        {"sessionTemplate": None},
        {"other": 1},
    ],
    ids=str,
)
def test_inputs_that_are_refused(world, change):
    warned = {**INPUTS, "sessionTemplate": {**TEMPLATE, "mcpServers": {"disabled": ["unknown"]}}}
    assert not world.plugin.check(warned, urn=URN).failures
    failures = world.plugin.check({**INPUTS, **change}, urn=URN).failures
    assert failures
    assert "ghp_" not in str(failures)
    assert not world.plugin.check(INPUTS, urn=URN).failures


def test_one_that_others_deleted_is_made_again(world):
    state = create(world)
    world.api.objects.pop(PATH)
    assert read(world, INPUTS, state).id == ""
    update(world, state, INPUTS)
    assert PATH in world.api.objects
