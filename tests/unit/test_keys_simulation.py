"""Five years of a key, with runs skipped, late, doubled and crashed at every step: nobody is ever locked out.

The executor is the real one; the cluster, the engine around it and time are those of `key_simulation`. What must hold is
in `key_judge`: at least one valid token a user has, at most two an identity, nothing minted and forgotten.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ambient_components.keys import NEVER, Policy, default_overlap, default_rotate_before, misfit, plan
from tests.support.key_judge import Judge
from tests.support.key_simulation import CRASHES, DAY, DELIVERED, DELIVERY, FAILURES, Stack, simulated_time

HOUR, YEAR = 3600, 365 * DAY
FIVE_YEARS = 5 * YEAR


@pytest.fixture(autouse=True, scope="module")
def _time():
    with simulated_time():
        yield


def key(policy: Policy, **rest):
    """What a program asks for."""
    if policy.lifetime == NEVER:
        return {"never": True, **rest}
    given_ = {"lifetimeSeconds": policy.lifetime, "rotateBeforeSeconds": policy.rotate_before}
    return {**given_, "overlapSeconds": policy.overlap, "runEverySeconds": policy.run_every, **rest}


def faults(rng, odds):
    """Of a run, at a call of it; of most runs none, and of a run that asks nobody none."""
    return {rng.randint(1, 6): rng.choice(CRASHES + FAILURES)} if rng.random() < odds else None


# Five years.

DAILY = Policy(90 * DAY, 14 * DAY, 7 * DAY, DAY)
POLICIES = {
    "1d": Policy(DAY, 6 * HOUR, 3 * HOUR, 3 * HOUR),
    "7d": Policy.of(7 * DAY, run_every=12 * HOUR),
    "30d": Policy.of(30 * DAY, run_every=DAY),
    "90d": DAILY,
    "1y": Policy.of(YEAR, run_every=7 * DAY),
    "90d, no overlap": Policy(90 * DAY, 14 * DAY, 0, 7 * DAY),
    "30d, a notice of most of it": Policy(30 * DAY, 25 * DAY, 5 * DAY, DAY),
    "7d, an overlap of half of it": Policy(7 * DAY, 84 * HOUR, 78 * HOUR, 6 * HOUR),
    "never": Policy.of(NEVER, run_every=7 * DAY),
    "10m": Policy(600, 150, 75, 75),
}
KINDS = {
    "kept": {},
    "delivered": {"deliver": DELIVERY},
    "only there": {"deliver": DELIVERY, "retain": "none"},
}


def punctual(stack, every, until, rng):
    """On time."""
    for at in range(0, until, every):
        stack.run(at)


def doubled(stack, every, until, rng):
    """On time, and every one twice."""
    for at in range(0, until, every):
        stack.run_twice(max(at, stack.cluster.now))


def skipped(stack, every, until, rng):
    """In time at least, else anytime: runs are skipped, or come by hand; late to the key, and with a refresh."""
    at = 0
    while at < until:
        stack.run(at, late=rng.choice([0, 0, every // 100]), refresh=rng.random() < 0.1)
        at = max(stack.cluster.now, at + every - rng.choice([0, rng.randint(0, every // 2), every - 60]))


def crashed(stack, every, until, rng):
    """On time, and every fourth of those that have something to do dies or fails on its way."""
    for at in range(0, until, every):
        stack.run(max(at, stack.cluster.now), faults(rng, 0.5))


SCHEDULES = {one.__name__: one for one in (punctual, doubled, skipped, crashed)}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("policy", POLICIES)
def test_five_years(policy, schedule):
    asked = POLICIES[policy]
    assert misfit(asked) is None
    until = FIVE_YEARS if asked.lifetime >= DAY else 2 * DAY
    rng = random.Random(f"{policy} {schedule}")
    stack = Stack(Judge(), key(asked))
    SCHEDULES[schedule](stack, asked.run_every, until, rng)
    stack.judge.finish(until)
    if schedule != "crashed":
        assert not any("no run came" in text for run in stack.runs for text in run.warnings)
    rotations = len(stack.cluster.tokens) - 1
    assert rotations >= until // asked.lifetime if asked.lifetime < NEVER else rotations == 0


# A crash at every step.


@dataclass(frozen=True)
class Scene:
    """A moment at which a run has something to do."""

    prepare: Callable[[Stack], int]
    """Leads to that moment, and says when it is."""
    policy: Policy = Policy(30 * DAY, 8 * DAY, 4 * DAY, DAY)
    key: dict = field(default_factory=dict)
    how: dict = field(default_factory=dict)
    """Of that run."""


NO_OVERLAP = Policy(30 * DAY, 8 * DAY, 0, DAY)
LONG_NOTICE = Policy(30 * DAY, 25 * DAY, 5 * DAY, DAY)
DUE, OVER = 23 * DAY, 28 * DAY


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


def bumped(until, at=DAY, before=made(DAY)):
    def prepare(stack):
        before(stack)
        stack.bump(until)
        return at

    return prepare


def overlap_over(stack):
    bumped(10 * DAY)(stack)
    stack.run(DAY)
    return 10 * DAY


def replaced(before=made(DAY)):
    def prepare(stack):
        at = before(stack)
        stack.replaces_account = True
        return at

    return prepare


def capped_notice(stack):
    stack.run(0)
    stack.change(lifetimeSeconds=90 * DAY, rotateBeforeSeconds=40 * DAY, overlapSeconds=20 * DAY)
    return 23 * DAY


MOMENTS = {
    "the first run": Scene(nothing),
    "after a lost state": Scene(lost),
    "after a lost state, without an overlap": Scene(lost, NO_OVERLAP),
    "a rotation": Scene(made(DUE)),
    "a rotation without an overlap": Scene(made(DUE), NO_OVERLAP),
    "a rotation while one retires": Scene(two_retire, LONG_NOTICE),
    "a rotation after another life": Scene(capped_notice),
    "a missed window": Scene(made(31 * DAY)),
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
    "another ServiceAccount": Scene(replaced()),
    "another ServiceAccount in an overlap": Scene(replaced(rotated)),
    "a manual key's first run": Scene(nothing, key={"manual": True}),
    "a rotation after a refresh": Scene(made(DUE), how={"refresh": True}),
}


def rehearsed(scene, kind):
    """How many calls the run of a scene makes."""
    stack = Stack(Judge(), key(scene.policy, **scene.key, **kind))
    return stack.run(scene.prepare(stack), **scene.how).calls


def played(scene, kind, *faults_):
    """The scene, with a fault in its run and more in those after it; then every day for a life and more."""
    stack = Stack(Judge(reads_the_secret=True), key(scene.policy, **scene.key, **kind))
    at = scene.prepare(stack)
    for days, fault in enumerate(faults_):
        stack.run_twice(at + days * DAY, fault, **scene.how)
    end = at + len(faults_) * DAY + 40 * DAY
    for later in range(at + len(faults_) * DAY, end, DAY):
        stack.run_twice(later)
    stack.judge.finish(end)


@pytest.mark.parametrize("fault", CRASHES + FAILURES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_fault_at_every_step(moment, kind, fault):
    scene = MOMENTS[moment]
    for call in range(1, rehearsed(scene, KINDS[kind]) + 1):
        played(scene, KINDS[kind], {call: fault})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("moment", ["the first run", "a rotation", "a rotation without an overlap", "a generation"])
def test_a_crash_at_every_step_and_another_at_every_step_of_the_run_after_it(moment, kind):
    scene = MOMENTS[moment]
    calls = range(1, rehearsed(scene, KINDS[kind]) + 3)
    for one in calls:
        for two in calls:
            played(scene, KINDS[kind], {one: "crash after"}, {two: "crash after"})


@pytest.mark.parametrize("overlap", [0, 4 * DAY])
@pytest.mark.parametrize("kind", ["delivered", "only there"])
def test_a_secret_that_cant_be_written_for_days(kind, overlap):
    stack = Stack(Judge(reads_the_secret=True), key(Policy(30 * DAY, 8 * DAY, overlap, DAY), **KINDS[kind]))
    for day in range(80):
        stack.cluster.refusing_delivery = DUE <= day * DAY < DUE + 6 * DAY
        stack.run_twice(day * DAY)
    stack.judge.finish(80 * DAY)


# Anything, at any time.


@st.composite
def policies(draw):
    """Whatever is not refused."""
    life = draw(st.sampled_from([600, DAY, 90 * DAY, YEAR]) | st.integers(600, YEAR))
    before = draw(st.sampled_from([default_rotate_before(life), life // 2, life - 1]) | st.integers(4, life - 1))
    most = min(before, life - before)
    overlap = draw(st.sampled_from([0, most, min(most, default_overlap(before))]) | st.integers(0, most))
    every = draw(st.sampled_from([0, (before - overlap) // 2]) | st.integers(0, before - overlap))
    policy = Policy(life, before, overlap, every)
    assert misfit(policy) is None or every == before
    return policy if misfit(policy) is None else replace(policy, run_every=0)


EVENTS = ["lost", "generation", "overlapping", "account", "policy", "stuck", "undelivered"]


@settings(max_examples=120, deadline=None)
@given(
    policies(),
    st.sampled_from([*KINDS.values(), {"manual": True}]),
    st.lists(st.tuples(st.integers(0, 299), st.sampled_from(EVENTS)), max_size=5),
    policies(),
    st.sampled_from([0, 0.1, 0.6]),
    st.integers(0, 2**32),
)
def test_whatever_happens_over_the_years(policy, kind, events, other, odds, seed):
    play_years(Stack(Judge(), key(policy, **kind)), policy, events, other, odds, seed)


def play_years(stack, policy, events, other, odds, seed):
    """Up to 300 runs, some too late, and what happens between them."""
    rng = random.Random(seed)
    every = max(60, policy.run_every or (policy.rotate_before - policy.overlap) // 2 or policy.rotate_before // 3)
    until = {"stuck": 0, "undelivered": 0}
    at = 0
    for number in range(min(300, FIVE_YEARS // every)):
        for when, what in events:
            if when == number:
                happens(stack, what, at + 5 * every, other, until)
        stack.cluster.refusing = at < until["stuck"]
        stack.cluster.refusing_delivery = at < until["undelivered"]
        run = rng.choice([stack.run, stack.run, stack.run_twice])
        how = {"refresh": rng.random() < 0.1, "newest_first": rng.random() < 0.5}
        run(at, faults(rng, odds), late=rng.choice([0, 0, 30]), **how)
        at = max(stack.cluster.now, at + rng.choice([every, rng.randint(1, every), 3 * every]))
    stack.judge.finish(at)


def happens(stack, what, later, other, until):
    """One event; some last for a while."""
    match what:
        case "lost":
            stack.lose_state()
        case "generation":
            stack.bump()
        case "overlapping":
            stack.bump(later if stack.key["generation"] in stack.tokens else 0)
        case "account":
            stack.replaces_account = True
        case "policy":
            stack.change(**key(other))
        case _:
            until[what] = later
