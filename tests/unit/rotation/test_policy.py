"""How long tokens live, when they are renewed and how long the one before lives on: defaults, and what does not fit."""

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ambient_components.rules.durations import parse_duration
from ambient_components.rules.lifetimes import NEVER, Policy, default_overlap, default_rotate_before, misfit

HOUR, DAY = 3600, 86_400
YEAR = 365 * DAY

lifetimes = st.sampled_from([600, 601, DAY, 56 * DAY, 90 * DAY, YEAR]) | st.integers(600, YEAR)
numbers = st.sampled_from([0, 1, 600, DAY, YEAR]) | st.integers(0, YEAR)


def text(misfit_):
    return None if misfit_ is None else "; ".join(misfit_)


# What does not fit.


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        pytest.param(Policy(90 * DAY, 14 * DAY, 7 * DAY), None, id="the default"),
        pytest.param(Policy(90 * DAY, 90 * DAY - 1, 1), None, id="renewed at once"),
        pytest.param(Policy(90 * DAY, 45 * DAY, 45 * DAY), None, id="half and half"),
        pytest.param(Policy(90 * DAY, 0, 0), None, id="no renewal window"),
        pytest.param(Policy(90 * DAY, 14 * DAY, 0), None, id="no overlap"),
        pytest.param(
            Policy(90 * DAY, 90 * DAY, 0),
            "a renewal window of 90d is not shorter than the life of 90d; allowed: rotateBefore under 90d",
            id="a renewal window as long as the life",
        ),
        pytest.param(
            Policy(DAY, 2 * DAY, DAY),
            "a renewal window of 2d is not shorter than the life of 1d; allowed: rotateBefore under 1d",
            id="a renewal window longer than the life",
        ),
        pytest.param(
            Policy(90 * DAY, 7 * DAY, 8 * DAY),
            "an overlap of 8d is longer than the renewal window of 7d: the token before expires first; allowed: "
            "overlap up to 7d",
            id="an overlap longer than the renewal window",
        ),
        pytest.param(
            Policy(90 * DAY, 0, 1),
            "an overlap of 1s is longer than the renewal window of 0: the token before expires first; allowed: "
            "overlap up to 0",
            id="an overlap without a renewal window",
        ),
        pytest.param(
            Policy(90 * DAY, 60 * DAY, 31 * DAY),
            "a renewal window of 60d and an overlap of 31d are more than the life of 90d: the next token would be due "
            "while the one before this still lives; allowed: overlap up to 30d",
            id="more than the life together",
        ),
        pytest.param(Policy(90 * DAY, 14 * DAY, 7 * DAY, 7 * DAY), None, id="runs just often enough"),
        pytest.param(
            Policy(90 * DAY, 14 * DAY, 7 * DAY, 8 * DAY),
            "a renewal window of 14d is too short for an overlap of 7d: runs come every 8d, as runEvery says, and "
            "the token before could expire sooner; allowed: rotateBefore from 15d, or overlap up to 6d",
            id="runs too seldom for the overlap",
        ),
        pytest.param(
            Policy(90 * DAY, 14 * DAY, 0, 14 * DAY),
            "a renewal window of 14d is too short: runs come every 14d, as runEvery says, and none might come in it; "
            "allowed: rotateBefore over 14d and a life longer than that, or rotate: manual",
            id="runs as seldom as the renewal window is long",
        ),
        pytest.param(Policy(90 * DAY, 14 * DAY, 0, 14 * DAY - 1), None, id="a run in each window, and no overlap"),
        pytest.param(Policy(DAY, 9 * DAY, 99 * DAY, YEAR, manual=True), None, id="manual: only the first one counts"),
        pytest.param(Policy.of(NEVER, run_every=YEAR), None, id="never"),
        pytest.param(Policy.of(NEVER, static=True), None, id="static"),
    ],
)
def test_what_does_not_fit_is_said_with_what_would(policy, expected):
    assert text(misfit(policy)) == expected


@given(lifetimes, numbers, numbers, st.just(0) | numbers)
def test_what_is_allowed_instead_fits(life, before, overlap, every):
    policy = Policy(life, before, overlap, every)
    wrong = misfit(policy)
    assume(wrong is not None)
    allowed = wrong[1].removeprefix("allowed: ")
    if "overlap up to " in allowed:
        most = allowed.rsplit("overlap up to ", 1)[1]
        better = replace(policy, overlap=0 if most == "0" else parse_duration(most))
        # One thing is said at a time: what is left may be wrong for the runs, never again for the overlap's own reason.
        again = misfit(better)
        assert again is None or again[0].startswith("a renewal window of ")
        assert better.overlap < policy.overlap
    if "rotateBefore from " in allowed:
        least = parse_duration(allowed.split("rotateBefore from ")[1].split(",")[0])
        again = misfit(replace(policy, rotate_before=least))
        assert again is None or "the life of" in again[0]


@given(lifetimes, numbers, numbers, st.just(0) | numbers)
def test_what_fits_has_a_run_in_each_notice_and_room_for_the_whole_overlap(life, before, overlap, every):
    policy = Policy(life, before, overlap, every)
    if misfit(policy) is not None:
        return
    assert before < life
    # The last run that may be the first of the renewal window comes this long before the expiry.
    assert not every or before - every >= overlap
    # No third one: when the next is due, the one before this is over.
    assert life - before >= overlap


# Defaults.


@given(lifetimes)
def test_the_built_in_policy_fits_every_life(life):
    policy = Policy.of(life)
    assert misfit(policy) is None
    assert (policy.rotate_before, policy.overlap) == (
        default_rotate_before(life),
        default_overlap(policy.rotate_before),
    )
    assert 0 < policy.overlap <= policy.rotate_before < life
    assert not policy.manual


@given(lifetimes, st.integers(1, YEAR))
def test_it_fits_where_a_run_comes_twice_in_its_notice(life, every):
    every = min(every, default_rotate_before(life) // 2)
    assert misfit(Policy.of(life, run_every=every)) is None


@given(lifetimes, st.none() | numbers, numbers)
def test_an_overlap_that_is_not_given_is_cut_to_what_fits(life, before, every):
    policy = Policy.of(life, before, run_every=every)
    wrong = misfit(policy)
    if policy.rotate_before < life and every < policy.rotate_before:
        assert wrong is None
    assert policy.overlap >= 0
    assert wrong is None or wrong[0].startswith("a renewal window of ")


@pytest.mark.parametrize(
    ("given_", "overlap"),
    [
        ({}, 7 * DAY),
        ({"run_every": 7 * DAY}, 7 * DAY),
        ({"run_every": 10 * DAY}, 4 * DAY),
        ({"run_every": 14 * DAY}, 0),
        ({"run_every": 99 * DAY}, 0),
        ({"rotate_before": 80 * DAY}, 10 * DAY),
        ({"rotate_before": 91 * DAY}, 0),
        ({"rotate_before": 0}, 0),
        ({"overlap": 9 * DAY, "run_every": 10 * DAY}, 9 * DAY),
        ({"overlap": 0}, 0),
    ],
    ids=str,
)
def test_the_overlap_of_ninety_days(given_, overlap):
    assert Policy.of(90 * DAY, **given_).overlap == overlap


@given(lifetimes, numbers, numbers, numbers)
def test_what_is_given_is_never_changed(life, before, overlap, every):
    assert Policy.of(life, before, overlap, every) == Policy(life, before, overlap, every)


# What does not expire, and what nobody renews.


@pytest.mark.parametrize(
    ("policy", "never", "manual", "static"),
    [
        (Policy.of(90 * DAY), False, False, False),
        (Policy.of(90 * DAY, manual=True), False, True, False),
        (Policy.of(NEVER), True, True, False),
        (Policy.of(NEVER, manual=False), True, False, False),
        (Policy.of(NEVER, static=True), True, True, True),
        (Policy.of(90 * DAY, static=True), True, True, True),
    ],
)
def test_what_never_expires_is_manual_unless_that_is_said(policy, never, manual, static):
    assert (policy.never, policy.manual, policy.static) == (never, manual, static)


def test_a_life_without_an_end_is_that_of_136_years():
    assert NEVER // YEAR == 136
    assert misfit(Policy.of(NEVER, manual=False)) is None


# A life that was granted.


@pytest.mark.parametrize(
    ("granted", "fits"),
    [(90 * DAY, True), (30 * DAY, True), (21 * DAY, True), (21 * DAY - 1, False), (14 * DAY, False), (600, False)],
)
def test_a_shorter_life_fits_as_long_as_notice_and_overlap_have_their_place_in_it(granted, fits):
    assert Policy.of(90 * DAY).fits(granted) is fits


def test_a_manual_policy_fits_any_life():
    assert Policy.of(90 * DAY, manual=True).fits(600)


@given(lifetimes, lifetimes)
def test_whatever_fits_a_life_fits_a_longer_one(one, two):
    policy = Policy.of(max(one, two))
    assert policy.fits(max(one, two)) or not policy.fits(min(one, two))
