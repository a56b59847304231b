"""Five years of a key, with runs skipped, late, doubled and dead on their way: nobody is ever locked out.

The executor is the real one; the cluster, the engine around it and time are those of `key_simulation`. What must hold
is in `key_evaluator`: at least one valid token that a user has, at most two an identity, nothing minted and forgotten.
Between two events nothing changes, so what holds at each of them holds at every second.
"""

import random

import pytest

from ambient_components.rotation.state import format_time
from ambient_components.rules.lifetimes import NEVER, Policy, misfit
from ambient_components.rules.rest_days import RestDays
from tests.support.key_cluster import CRASHES, DAY, FAILURES, START, moment
from tests.support.key_evaluator import Evaluator
from tests.support.key_simulation import KINDS, Stack, key, simulated_time

HOUR, YEAR = 3600, 365 * DAY
FIVE_YEARS = 5 * YEAR


@pytest.fixture(autouse=True, scope="module")
def _time():
    with simulated_time():
        yield


def chance(seed):
    return random.Random(seed)  # noqa: S311  # chance that can be had again


def faults(rng, odds):
    """Of a run, at a call of it; of most runs none, and of a run that asks nobody none."""
    return {rng.randint(1, 6): rng.choice(CRASHES + FAILURES)} if rng.random() < odds else None


# Five years.

DAILY = Policy(90 * DAY, 14 * DAY, 7 * DAY, DAY)
POLICIES = {
    "1d": Policy(DAY, 8 * HOUR, 4 * HOUR, 4 * HOUR),
    "7d": Policy.of(7 * DAY, run_every=12 * HOUR),
    "30d": Policy.of(30 * DAY, run_every=DAY),
    "90d": DAILY,
    "1y": Policy.of(YEAR, run_every=7 * DAY),
    "30d, not at weekends": Policy.of(30 * DAY, run_every=DAY, rest=RestDays.of(["sat", "sun"])),
    "90d, no overlap": Policy(90 * DAY, 14 * DAY, 0, 7 * DAY),
    "30d, a renewal window of most of it": Policy(30 * DAY, 25 * DAY, 5 * DAY, DAY),
    "7d, an overlap of half of it": Policy(7 * DAY, 84 * HOUR, 78 * HOUR, 6 * HOUR),
    "never": Policy.of(NEVER, run_every=7 * DAY),
    "10m": Policy(600, 150, 75, 75),
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


MANY_RUNS = {"1d", "7d, an overlap of half of it"}
"""Policies with six runs or four a day: three fifths of the time of all."""


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "policy", [pytest.param(name, marks=pytest.mark.slow) if name in MANY_RUNS else name for name in POLICIES]
)
def test_five_years(policy, schedule):
    requested = POLICIES[policy]
    assert misfit(requested) is None
    until = FIVE_YEARS if requested.lifetime >= DAY else 2 * DAY
    rng = chance(f"{policy} {schedule}")
    stack = Stack(Evaluator(reads_the_secret=True), key(requested))
    SCHEDULES[schedule](stack, requested.run_every, until, rng)
    stack.evaluator.finish(until)
    if schedule != "crashed":
        assert not any("no run came" in text for run in stack.runs for text in run.warnings)
    rotations = len(stack.cluster.tokens) - 1
    assert rotations >= until // requested.lifetime if requested.lifetime < NEVER else rotations == 0


# Everything, once; anything at any time is in tests/evidence/test_rotation_histories.py.


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
            stack.change(**other)
        case _:
            until[what] = later


ONCE = [(200, "stuck"), (420, "lost"), (640, "account"), (860, "generation"), (1080, "overlapping"), (1400, "policy")]


@pytest.mark.parametrize("odds", [0, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_five_years_in_which_everything_happens_once(kind, odds):
    stack, until = Stack(Evaluator(reads_the_secret=True), key(DAILY, **KINDS[kind])), {"stuck": 0}
    rng = chance(kind)
    for day in range(5 * 365):
        for what in [what for when, what in ONCE if when == day]:
            happens(stack, what, (day + 30) * DAY, key(Policy.of(30 * DAY, run_every=DAY)), until)
        stack.cluster.refusing = day * DAY < until["stuck"]
        stack.run(max(day * DAY, stack.cluster.now), faults(rng, odds))
    stack.evaluator.finish(FIVE_YEARS)
    assert stack.key["generation"] == 3
    assert not any("no run came" in text for run in stack.runs for text in run.warnings)


FALSE_MARKS = ["junk", format_time(START), format_time(moment(FIVE_YEARS + YEAR))]
"""Of a clock that is off, or of no clock."""


@pytest.mark.parametrize("odds", [0, 0.5])
@pytest.mark.parametrize("kind", KINDS)
def test_generations_that_end_when_the_next_is_used(kind, odds):
    stack = Stack(Evaluator(reads_the_secret=True), key(DAILY, untilUsed=True, **KINDS[kind]))
    rng, early = chance(kind), set()
    for day in range(5 * 365):
        if day % 60 == 59:
            stack.bump((day + rng.randint(1, 40)) * DAY)
        stack.run(max(day * DAY, stack.cluster.now), faults(rng, odds), refresh=rng.random() < 0.5)
        early |= {number for number, token in stack.tokens.items() if token.inputs.get("successorUsed")}
        living = stack.living(stack.cluster.now)
        generation = rng.choice([living[0], living[-1], living[-1], living[-1]])
        stack.use(stack.cluster.now + 1, generation, rng.choice([*[""] * 6, *FALSE_MARKS]))
    stack.evaluator.finish(FIVE_YEARS)
    assert 5 <= len(early) < stack.key["generation"] - 1
