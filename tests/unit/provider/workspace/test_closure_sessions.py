"""What `ambient:index:Closure` does to sessions and schedules, over real gRPC and a real HTTP server."""

import pytest

from ambient_components.provider.workspace import sessions
from tests.support.fake_api import Answer
from tests.support.fake_plugin import CLOSURE, RefusedError, plain, running

NAMESPACE = "/api/v1/namespaces/pay"
SESSIONS = "/apis/vteam.ambient-code/v1alpha1/namespaces/pay/agenticsessions"
SETTINGS = "/apis/vteam.ambient-code/v1alpha1/namespaces/pay/projectsettings"
CRONJOBS = "/apis/batch/v1/namespaces/pay/cronjobs"
PODS = f"{NAMESPACE}/pods"
DESIRED = "ambient-code.io/desired-phase"
OURS = "ambient-components/suspended-on-close"
SCHEDULED = {"ambient-code.io/scheduled-session": "true"}
STOP = {"namespace": "pay", "staying": []}
DELETE_PODS = {**STOP, "sessions": "deletePods"}


@pytest.fixture
def world(monkeypatch):
    with running(monkeypatch) as all_of_it:
        all_of_it.api.add("/api/v1/namespaces", "pay", labels={"ambient-code.io/managed": "true"})
        yield all_of_it


def session(world, name="run-1", phase="Running", desired=None, pod=True):
    notes = {DESIRED: desired} if desired else {}
    status = {"status": {"phase": phase}} if phase else {}
    world.api.add(SESSIONS, name, annotations=notes, **status)
    if pod:
        labels = {"app": "ambient-code-runner", "agentic-session": name}
        world.api.add(PODS, f"{name}-runner", labels=labels, status={"phase": "Running"})


def schedule(world, name="schedule-1", suspended=False, shown="Nightly", **annotations):
    notes = {"ambient-code.io/display-name": shown, **annotations}
    world.api.add(CRONJOBS, name, labels=SCHEDULED, annotations=notes, spec={"suspend": suspended})


def operator(world, slept=1):
    """Stops what is to be stopped, after so many looks at the sessions."""
    looks = []

    def looked(_):
        looks.append(1)
        for path, one in list(world.api.objects.items()):
            if path.startswith(SESSIONS) and one["metadata"]["annotations"].get(DESIRED) == "Stopped":
                name = one["metadata"]["name"]
                if len(looks) > slept or f"{PODS}/{name}-runner" not in world.api.objects:
                    world.api.objects.pop(f"{PODS}/{name}-runner", None)
                    world.api.change(path, {"status": {"phase": "Stopped"}})

    world.api.rule("GET", "/agenticsessions$", looked)


def desired(world, name="run-1"):
    return world.api.objects[f"{SESSIONS}/{name}"]["metadata"]["annotations"].get(DESIRED)


def waits(world):
    """How often the plugin waited for sessions."""
    return world.waits.count(sessions._INTERVAL)


def warnings(world):
    return world.engine.texts("warning")


def notes(world):
    return world.engine.texts("info")


def close(world, desired=STOP):
    world.plugin.create(desired, urn=CLOSURE)


# Sessions


def test_running_sessions_are_asked_to_stop_as_the_platform_does_and_waited_for(world):
    session(world)
    session(world, "run-2", "Creating")
    operator(world)
    close(world)
    for name in ("run-1", "run-2"):
        (patch,) = world.api.seen("PATCH", f"{name}$")
        stop = patch.body["metadata"]["annotations"]
        assert set(stop) == {DESIRED, "ambient-code.io/stop-requested-at"}
        assert stop[DESIRED] == "Stopped"
    assert world.api.names(PODS) == []
    assert warnings(world) == []
    assert "closing pay waits up to 2m for sessions run-1, run-2" in notes(world)
    assert 0 < waits(world) < 10


@pytest.mark.parametrize("phase", ["Stopped", "Completed", "Failed"])
def test_a_session_that_has_ended_is_left_alone(world, phase):
    session(world, phase=phase, pod=False)
    close(world)
    assert world.api.seen("PATCH") == []
    assert waits(world) == 0


def test_a_request_that_the_platform_lost_is_made_again(world):
    """The operator drops the annotation when it has just made the pod."""
    session(world)
    lost = iter([True])

    def drop(request):
        if next(lost, False):
            return Answer(200, world.api.objects[request.path])
        return None

    world.api.rule("PATCH", "run-1$", drop)
    operator(world)
    close(world)
    assert len(world.api.seen("PATCH", "run-1$")) == 2
    assert warnings(world) == []


def test_sessions_that_do_not_stop_are_named_and_do_not_fail_the_step(world):
    session(world)
    session(world, "run-2")
    close(world)
    assert warnings(world) == [
        "pay is closed, and sessions run-1, run-2 did not stop within 2m. Pods that still run keep their credentials "
        "until they end: run-1-runner, run-2-runner. Delete them (kubectl delete pod -n pay run-1-runner), or write "
        "onClose: {sessions: deletePods}"
    ]
    assert waits(world) == 60
    assert desired(world) == desired(world, "run-2") == "Stopped"
    assert world.api.names(PODS) == ["run-1-runner", "run-2-runner"]


def test_a_session_without_a_pod_is_named_too(world):
    session(world, phase="", pod=False)
    close(world, {**STOP, "waitSeconds": 10})
    assert warnings(world) == [
        "pay is closed, and session run-1 did not stop within 10s. No pod of them runs, and none starts while the "
        "workspace is closed."
    ]
    assert waits(world) == 5


def test_the_pods_of_those_that_do_not_stop_are_deleted_where_the_file_says_so(world):
    session(world)
    close(world, DELETE_PODS)
    assert world.api.names(PODS) == []
    assert waits(world) >= 60
    assert "pay is closed: deleted pod run-1-runner of session run-1" in notes(world)


def test_a_pod_that_stays_after_its_deletion_is_named(world):
    session(world)
    world.api.rule("DELETE", "/pods/", Answer(200, {}))
    close(world, DELETE_PODS)
    (warning,) = warnings(world)
    assert warning.endswith("run-1-runner. They were deleted, and their node has not ended them")


def test_a_pod_that_cant_be_deleted_fails_the_step(world):
    session(world)
    world.api.fail("DELETE", "/pods/", 403, "a policy says no")
    with pytest.raises(RefusedError, match=r"could not delete pod run-1-runner of session run-1: .*a policy says no"):
        close(world, DELETE_PODS)


def test_a_session_that_cant_be_asked_is_a_warning_and_is_asked_once(world):
    session(world)
    world.api.fail("PATCH", "run-1$", 422, "a policy says no")
    close(world)
    assert len(world.api.seen("PATCH", "run-1$")) <= 2
    assert "could not ask session pay/run-1 to stop" in warnings(world)[0]


def test_a_cluster_without_the_platform_has_no_sessions(world):
    world.api.kinds -= {"agenticsessions", "cronjobs"}
    close(world)
    assert warnings(world) == []


def test_off_the_platforms_list_nobody_waits_for_what_the_operator_does_not_do(world):
    world.api.change(NAMESPACE, {"metadata": {"labels": {"ambient-code.io/managed": "false"}}})
    session(world, pod=False)
    world.plugin.update({**STOP, "found": ["x"]}, STOP, urn=CLOSURE)
    assert (desired(world), waits(world), warnings(world)) == ("Stopped", 0, [])


def test_a_run_that_is_cancelled_waits_no_longer(world):
    session(world)
    world.api.rule("GET", "/pods$", lambda _: world.plugin.servicer._engine.__setattr__("cancelled", True))
    with pytest.raises(RefusedError, match="the run is being cancelled while sessions of pay stop"):
        close(world)
    assert waits(world) == 0


@pytest.mark.parametrize("subject", [{"kind": "User", "name": "eve"}, {"kind": "ServiceAccount", "name": "mine"}])
def test_a_session_that_stops_keeps_its_own_identity_until_then_and_nobody_else_one_like_it(world, subject):
    bindings = "/apis/rbac.authorization.k8s.io/v1/namespaces/pay/rolebindings"
    own = {"kind": "ServiceAccount", "name": "ambient-session-run-1", "namespace": "pay"}
    session(world)
    uid = world.api.objects[f"{SESSIONS}/run-1"]["metadata"]["uid"]
    owners = [{"kind": "AgenticSession", "name": "run-1", "uid": uid}]
    for name, one in (("run-1", own), ("run-2", subject)):
        role = {"kind": "Role", "name": f"ambient-session-{name}-role"}
        world.api.add(bindings, f"ambient-session-{name}-rb", roleRef=role, subjects=[one])
        world.api.add(bindings.replace("rolebindings", "roles"), role["name"], rules=[])
        for path in (
            f"{bindings}/ambient-session-{name}-rb",
            f"{bindings.replace('rolebindings', 'roles')}/{role['name']}",
        ):
            world.api.change(path, {"metadata": {"ownerReferences": owners}})
    operator(world)
    close(world)
    writes = world.writes()
    requested = writes.index(f"PATCH {SESSIONS}/run-1")
    ended = {name: writes.index(f"DELETE {bindings}/ambient-session-{name}-rb") for name in ("run-1", "run-2")}
    assert ended["run-2"] < requested < ended["run-1"]


@pytest.mark.parametrize("collection", ["pods", "agenticsessions", "cronjobs"])
def test_what_cant_be_listed_fails_the_step_and_access_ends_all_the_same(world, collection):
    world.api.add(f"{NAMESPACE}/secrets", "ambient-runner-secrets")
    world.api.fail("GET", f"/{collection}$", 500, "etcd is away")
    with pytest.raises(RefusedError, match="etcd is away"):
        close(world)
    assert world.api.names(f"{NAMESPACE}/secrets") == []


def test_a_preview_names_sessions_and_schedules_and_changes_nothing(world):
    session(world)
    schedule(world)
    world.plugin.create(DELETE_PODS, urn=CLOSURE, preview=True)
    assert notes(world) == [
        "closing pay suspends schedule Nightly (CronJob schedule-1)",
        "closing pay stops sessions: run-1, and deletes their pods after 2m",
    ]
    assert world.writes() == []


def test_a_refresh_finds_pods_only_where_the_next_update_deletes_them(world):
    session(world)
    access = plain(world.plugin.read(DELETE_PODS, DELETE_PODS, urn=CLOSURE, identity="pay").properties)["found"]
    assert (access, warnings(world)) == (["pod run-1-runner"], [])
    access = plain(world.plugin.read(STOP, STOP, urn=CLOSURE, identity="pay").properties)["found"]
    assert access == []
    (warning,) = warnings(world)
    assert "pods of its sessions still run, with their credentials: run-1-runner" in warning


# Schedules


def suspended(world, name="schedule-1"):
    one = world.api.objects[f"{CRONJOBS}/{name}"]
    return one["spec"]["suspend"], one["metadata"]["annotations"].get(OURS)


def reopened(world):
    world.api.change(NAMESPACE, {"metadata": {"labels": {"ambient-code.io/managed": "true"}}})
    world.plugin.delete({**STOP, "found": []}, urn=CLOSURE)


def test_other_cronjobs_run_on(world):
    world.api.add(CRONJOBS, "backup", spec={"suspend": False})
    close(world)
    assert suspended(world, "backup") == (False, None)


@pytest.mark.parametrize("label", ["false", None])
def test_nothing_is_resumed_where_the_workspace_goes(world, label):
    schedule(world, suspended=True, **{OURS: "true"})
    world.api.change(NAMESPACE, {"metadata": {"labels": {"ambient-code.io/managed": label}}})
    world.plugin.delete({**STOP, "found": []}, urn=CLOSURE)
    world.api.change(NAMESPACE, {"metadata": {"labels": {"ambient-code.io/managed": "true"}, "deletionTimestamp": "x"}})
    world.plugin.delete({**STOP, "found": []}, urn=CLOSURE)
    del world.api.objects[NAMESPACE]
    world.plugin.delete({**STOP, "found": []}, urn=CLOSURE)
    assert suspended(world) == (True, "true")


def test_reopening_has_the_operator_look_at_the_workspace_again(world):
    """It then makes the account by which schedules run, which closing ended."""
    world.api.add(SETTINGS, "projectsettings", spec={})
    reopened(world)
    assert world.api.objects[f"{SETTINGS}/projectsettings"]["metadata"]["annotations"]["ambient-components/opened-at"]


def test_a_resumption_that_failed_is_tried_again(world):
    schedule(world)
    schedule(world, "schedule-2")
    close(world)
    world.api.fail("PATCH", "schedule-2$", 500, "no", times=1)
    with pytest.raises(RefusedError):
        reopened(world)
    reopened(world)
    assert suspended(world) == suspended(world, "schedule-2") == (False, None)


def test_a_schedule_that_was_resumed_meanwhile_is_found_and_suspended_again(world):
    schedule(world)
    close(world)
    world.api.change(f"{CRONJOBS}/schedule-1", {"spec": {"suspend": False}})
    state = plain(world.plugin.read(STOP, STOP, urn=CLOSURE, identity="pay").properties)
    assert state["found"] == ["schedule Nightly (CronJob schedule-1)"]
    world.plugin.update(state, STOP, urn=CLOSURE)
    assert suspended(world) == (True, "true")


def test_a_step_that_fails_suspends_nothing(world):
    """The file may be taken back after it, and then nothing would resume them."""
    schedule(world)
    world.api.add(f"{NAMESPACE}/secrets", "ambient-runner-secrets")
    world.api.fail("DELETE", "ambient-runner-secrets$", 403, "a policy says no")
    with pytest.raises(RefusedError):
        close(world)
    assert suspended(world) == (False, None)


def test_a_session_that_a_schedule_made_at_the_last_moment_is_asked_to_stop(world):
    schedule(world)
    world.api.rule("PATCH", "schedule-1$", lambda _: session(world, phase="", pod=False))
    close(world)
    assert desired(world) == "Stopped"


def test_a_schedule_that_cant_be_suspended_fails_the_step_and_the_others_are(world):
    schedule(world)
    schedule(world, "schedule-2")
    world.api.fail("PATCH", "schedule-1$", 403, "a policy says no")
    with pytest.raises(RefusedError, match=r"could not suspend schedule Nightly \(CronJob schedule-1\): "):
        close(world)
    assert suspended(world, "schedule-2") == (True, "true")
