"""A key whose run dies, is refused or gets no answer at each of its calls, in every situation that it has work in.

After each fault the runs continue daily, and the evaluator of the simulation checks that no user was locked out and no
token was forgotten. A crash after the cluster's last answer is one before the state is written. The last tests check
the evaluator itself: it must detect an executor that is broken on purpose.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from ambient_components.provider.tokens.token_secrets import Existing
from ambient_components.rotation import plan
from ambient_components.rotation.machine import end
from ambient_components.rules.lifetimes import NEVER, Policy
from tests.support.key_cluster import CRASHES, DAY, FAILURES
from tests.support.key_evaluator import Evaluator
from tests.support.key_simulation import KINDS, BrokenError, Stack, key, simulated_time


@pytest.fixture(autouse=True, scope="module")
def _time():
    with simulated_time():
        yield


BY_DAY = Policy(30 * DAY, 8 * DAY, 4 * DAY, DAY)
NO_OVERLAP = Policy(30 * DAY, 8 * DAY, 0, DAY)
LONG_NOTICE = Policy(30 * DAY, 25 * DAY, 5 * DAY, DAY)
DUE, OVER = 23 * DAY, 28 * DAY


@dataclass(frozen=True)
class Scene:
    """A moment at which a run has something to do."""

    prepare: Callable[[Stack], int]
    """Leads to that moment, and says when it is."""
    policy: Policy = BY_DAY
    key: dict = field(default_factory=dict)
    how: dict = field(default_factory=dict)
    """Of that run."""


def nothing(stack):
    return 0


def lost(stack):
    rotated(stack)
    stack.lose_state()
    return DUE + DAY


def made(at):
    def prepare(stack):
        stack.run(0)
        return at

    return prepare


made_at_once = made(DAY)


def rotated(stack):
    stack.run(0)
    stack.run(DUE)
    return OVER


def stuck(stack):
    rotated(stack)
    stack.cluster.refusing = True
    stack.run(OVER)
    stack.cluster.refusing = False
    return OVER + DAY


def died(stack):
    stack.run(0)
    stack.run(DUE, {"create /token": "crash after"})
    assert sum(token.excused == "undelivered" for token in stack.cluster.tokens) == 1
    return DUE + DAY


def never_made(stack):
    stack.run(0, {"create /token": "crash after"})
    return DAY


def two_retire(stack):
    """Its overlap ended while no run came, and the next one is due."""
    stack.run(0)
    stack.run(6 * DAY)
    return 12 * DAY


def bumped(until, at=DAY, before=made_at_once):
    def prepare(stack):
        before(stack)
        stack.bump(until)
        return at

    return prepare


def overlap_over(stack):
    bumped(10 * DAY)(stack)
    stack.run(DAY)
    return 10 * DAY


def in_use(stack):
    """The next generation, which the last refresh did not see yet; the one before has been quiet for two days."""
    bumped(20 * DAY)(stack)
    stack.run(DAY)
    stack.use(2 * DAY, 1)
    stack.use(4 * DAY, 2)
    return 5 * DAY


def gone_back(stack):
    """A refresh found the next generation in use, and then its user went back to the one before."""
    at = in_use(stack)
    stack.refresh(at)
    stack.use(at + DAY, 1)
    return at + 2 * DAY


def replaced(before=made_at_once):
    def prepare(stack):
        at = before(stack)
        stack.replaces_account = True
        return at

    return prepare


def another_life(stack):
    stack.run(0)
    stack.change(lifetimeSeconds=90 * DAY, rotateBeforeSeconds=40 * DAY, overlapSeconds=20 * DAY)
    return DUE


MOMENTS = {
    "the first run": Scene(nothing),
    "after a lost state": Scene(lost),
    "after a lost state, without an overlap": Scene(lost, NO_OVERLAP),
    "a rotation": Scene(made(DUE)),
    "a rotation without an overlap": Scene(made(DUE), NO_OVERLAP),
    "a rotation while one retires": Scene(two_retire, LONG_NOTICE),
    "a rotation after another life": Scene(another_life),
    "a rotation after a refresh": Scene(made(DUE), how={"refresh": True}),
    "a missed window": Scene(made(31 * DAY)),
    "a missed window, found by a refresh": Scene(made(31 * DAY), how={"refresh": True}),
    "the end of an overlap": Scene(rotated),
    "a revocation that failed": Scene(stuck),
    "after a run that died": Scene(died),
    "after a first run that died": Scene(never_made),
    "a generation": Scene(bumped(0)),
    "a generation in an overlap": Scene(bumped(0, DUE + DAY, rotated)),
    "a generation beside the one before": Scene(bumped(10 * DAY)),
    "a generation beside the one before, made first": Scene(bumped(10 * DAY), how={"newest_first": True}),
    "a generation beside one in its overlap": Scene(bumped(DUE + 5 * DAY, DUE + DAY, rotated)),
    "a generation's overlap over": Scene(overlap_over),
    "a generation before one in use": Scene(in_use, key={"untilUsed": True}, how={"refresh": True}),
    "a generation whose user went back": Scene(gone_back, key={"untilUsed": True}),
    "another ServiceAccount": Scene(replaced()),
    "another ServiceAccount in an overlap": Scene(replaced(rotated)),
    "a manual key's generation": Scene(bumped(10 * DAY), key={"manual": True}),
    "a key without an end, after a lost state": Scene(lost, Policy.of(NEVER)),
}


def rehearsed(scene, kind):
    """How many calls the run of a scene makes."""
    stack = Stack(Evaluator(), key(scene.policy, **scene.key, **kind))
    return stack.run(scene.prepare(stack), **scene.how).calls


def played(scene, kind, *faults_):
    """The scene, with a fault in its run and more in those after it; then every day for a life and more."""
    stack = Stack(Evaluator(reads_the_secret=True), key(scene.policy, **scene.key, **kind))
    at = scene.prepare(stack)
    for days, fault in enumerate(faults_):
        stack.run(at + days * DAY, fault, **scene.how)
    stack.run_twice(at + len(faults_) * DAY)
    for days in range(len(faults_) + 1, 33):
        stack.run(at + days * DAY)
    stack.evaluator.finish(at + 33 * DAY)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_fault_at_every_step(moment, kind):
    scene = MOMENTS[moment]
    for call in range(1, rehearsed(scene, KINDS[kind]) + 1):
        for fault in CRASHES + FAILURES:
            played(scene, KINDS[kind], {call: fault})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "moment",
    [
        "the first run",
        "a rotation",
        pytest.param("a rotation without an overlap", marks=pytest.mark.slow),
        pytest.param("a generation", marks=pytest.mark.slow),
    ],
)
def test_a_crash_at_every_step_and_another_at_every_step_of_the_run_after_it(moment, kind):
    scene = MOMENTS[moment]
    calls = range(1, rehearsed(scene, KINDS[kind]) + 3)
    for one in calls:
        for two in calls:
            played(scene, KINDS[kind], {one: "crash after"}, {two: "crash after"})


@pytest.mark.parametrize("overlap", [0, 4 * DAY])
@pytest.mark.parametrize("kind", ["delivered", "only there"])
def test_a_secret_that_cant_be_written_for_days(kind, overlap):
    stack = Stack(Evaluator(reads_the_secret=True), key(Policy(30 * DAY, 8 * DAY, overlap, DAY), **KINDS[kind]))
    for day in range(80):
        stack.cluster.refusing_delivery = DUE <= day * DAY < DUE + 6 * DAY
        stack.run_twice(day * DAY)
    stack.evaluator.finish(80 * DAY)
    assert not any("no run came" in text for run in stack.runs for text in run.warnings)


@pytest.mark.parametrize("fault", FAILURES)
@pytest.mark.parametrize("kind", ["delivered", "only there"])
def test_a_secret_that_cant_be_seen_is_not_lost(kind, fault):
    stack = Stack(Evaluator(reads_the_secret=True), key(BY_DAY, **KINDS[kind]))
    stack.run(0)
    stack.run(DAY, {"get /the-key": fault}, refresh=True)
    stack.run(2 * DAY)
    assert len(stack.cluster.tokens) == 1
    stack.evaluator.finish(3 * DAY)


# The evaluator detects what is broken.


def taken_first(*args, **kwargs):
    steps = plan(*args, **kwargs)
    return replace(steps, revoke_first=(*steps.revoke_first, *((one, "") for one in steps.retire)), retire=())


def forgotten(*args, **kwargs):
    return replace(plan(*args, **kwargs), retire=())


def cut_short(state, policy, now, **kwargs):
    return plan(state, replace(policy, overlap=0), now, **kwargs)


def too_early(state, policy, now, **kwargs):
    return plan(state, replace(policy, rotate_before=policy.rotate_before + DAY), now, **kwargs)


def too_late(state, policy, now, **kwargs):
    return plan(state, replace(policy, rotate_before=0), now, **kwargs)


def untold(*args, **kwargs):
    return replace(plan(*args, **kwargs), warnings=())


def too_sure(state, policy, now, **kwargs):
    return end(state, "a guess") if kwargs["former"] else plan(state, policy, now, **kwargs)


def never_over(*args, **kwargs):
    steps = plan(*args, **kwargs)
    return steps if steps.mint else replace(steps, retire=(*steps.retire, *(one for one, _ in steps.revoke)), revoke=())


EXECUTOR = "ambient_components.provider.tokens.access_token"
BROKEN = {
    "revokes before it mints": ("plan", taken_first, "a rotation", "kept", "never without a token"),
    "forgets those that retire": ("plan", forgotten, "a rotation", "kept", "nothing unrecorded"),
    "never revokes": ("revoke", lambda *_: (), "the end of an overlap", "kept", "nothing unrecorded"),
    "keeps what is over": ("plan", never_over, "the end of an overlap", "kept", "what is over is revoked"),
    "cuts the overlap": ("plan", cut_short, "a rotation", "kept", "never without a token"),
    "mints too early": ("plan", too_early, "a rotation", "kept", "no mint outside the window"),
    "mints too late": ("plan", too_late, "a rotation", "kept", "a run in the window renews"),
    "ends a generation before the next is used": (
        "plan",
        too_sure,
        "a generation beside the one before",
        "kept",
        "never without a token",
    ),
    "decides by the marks of the last refresh": (
        "still_used",
        lambda *_: None,
        "a generation whose user went back",
        "kept",
        "only a quiet identity ends early",
    ),
    "tells of no missed window": ("plan", untold, "a missed window", "kept", "a missed window is told"),
    "leaves what a dead run minted": (
        "existing",
        lambda _, __, known: Existing(known.token_secrets),
        "after a run that died",
        "kept",
        "nothing unrecorded",
    ),
    "looks for nothing after a lost state": (
        "set_owner",
        lambda *_: Existing(),
        "after a lost state",
        "kept",
        "nothing unrecorded",
    ),
    "revokes what a Secret holds": (
        "delivery.delivered_in",
        lambda *_: (),
        "a rotation",
        "delivered",
        "what lies in the Secret works",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_executor_is_found_out(what, monkeypatch):
    name, broken, moment, kind, invariant = BROKEN[what]
    monkeypatch.setattr(f"{EXECUTOR}.{name}", broken)
    calls = range(1, 12)
    crashes = [({one: "crash after"}, {two: "crash after"}) for one in calls for two in calls]
    with pytest.raises(BrokenError, match=rf"^{invariant}: "):
        any(played(MOMENTS[moment], KINDS[kind], *each) for each in [(), *crashes])
