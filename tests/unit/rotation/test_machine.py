from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ambient_components.rotation import Plan, TokenSecret, TokenState, plan
from ambient_components.rotation.machine import mint_reason, next_action
from ambient_components.rules.lifetimes import NEVER, Policy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = 86_400
POLICY = Policy(lifetime=90 * DAY, rotate_before=14 * DAY, overlap=7 * DAY)


def days(count):
    return timedelta(days=count)


def token_secret(name, issued=-10.0, expires: float | None = 80.0, dead=None):
    """A token Secret by the days between now and its issue and expiry."""
    return TokenSecret(
        name, f"uid-{name}", 1, NOW + days(issued), None if expires is None else NOW + days(expires), dead
    )


def names(steps):
    """A plan by the names of its token Secrets."""
    return {
        "revoke_first": [each.name for each, _ in steps.revoke_first],
        "mint": steps.mint,
        "revoke": [each.name for each, _ in steps.revoke],
        "retire": [each.name for each in steps.retire],
    }


def steps(*, revoke_first=(), mint=None, revoke=(), retire=()):
    return {"revoke_first": [*revoke_first], "mint": mint, "revoke": [*revoke], "retire": [*retire]}


NONE = TokenState()
LIVE = TokenState(token_secret("now"))
DUE = TokenState(token_secret("now", -80, 10))
EXPIRED = TokenState(token_secret("now", -91, -1))
DEAD = TokenState(token_secret("now", dead="it was revoked"))
OVERLAP = TokenState(token_secret("now", -6), (token_secret("old", -90, 4),))
OVERLAP_OVER = TokenState(token_secret("now", -7), (token_secret("old", -90, 4),))
PENDING = TokenState(token_secret("now"), pending=(token_secret("stuck", -99, 1),))
DUE_IN_OVERLAP = TokenState(token_secret("now", -6, 13), (token_secret("old", -90, 4),))
MANUAL = replace(POLICY, manual=True)
OVER_AND_DUE = TokenState(token_secret("now", -8, 13), (token_secret("old", -90, 4),))
FOUND = TokenState(retiring=tuple(token_secret(name, -9 + index, None) for index, name in enumerate("abc")))


@pytest.mark.parametrize(
    ("state", "policy", "force", "expected"),
    [
        pytest.param(NONE, POLICY, None, steps(mint="no token yet"), id="none"),
        pytest.param(LIVE, POLICY, None, steps(), id="live"),
        pytest.param(
            DUE, POLICY, None, steps(mint="the token expires on 2026-06-11T12:00:00Z", retire=["now"]), id="due"
        ),
        pytest.param(
            EXPIRED,
            POLICY,
            None,
            steps(mint="the token expired on 2026-05-31T12:00:00Z", revoke=["now"]),
            id="expired",
        ),
        pytest.param(
            DEAD, POLICY, None, steps(mint="the token no longer works: it was revoked", revoke=["now"]), id="dead"
        ),
        pytest.param(OVERLAP, POLICY, None, steps(retire=["old"]), id="within the overlap"),
        pytest.param(OVERLAP_OVER, POLICY, None, steps(revoke=["old"]), id="past the overlap"),
        pytest.param(PENDING, POLICY, None, steps(revoke=["stuck"]), id="a revocation is pending"),
        pytest.param(
            DUE,
            replace(POLICY, overlap=0),
            None,
            steps(mint="the token expires on 2026-06-11T12:00:00Z", revoke=["now"]),
            id="no overlap",
        ),
        pytest.param(
            OVERLAP, replace(POLICY, overlap=0), None, steps(revoke=["old"]), id="the overlap was taken away meanwhile"
        ),
        pytest.param(LIVE, POLICY, "because", steps(mint="because", revoke=["now"]), id="forced"),
        pytest.param(NONE, POLICY, "because", steps(mint="because"), id="forced with nothing held"),
        pytest.param(
            DUE_IN_OVERLAP,
            POLICY,
            None,
            steps(mint="the token expires on 2026-06-14T12:00:00Z", revoke_first=["old"], retire=["now"]),
            id="due while another retires",
        ),
        pytest.param(
            replace(OVERLAP, current=DEAD.current),
            POLICY,
            None,
            steps(mint="the token no longer works: it was revoked", revoke=["old", "now"]),
            id="dead, past the overlap of the one before",
        ),
        pytest.param(
            TokenState(token_secret("now", -6, dead="gone"), (token_secret("old", -90, 4),)),
            POLICY,
            None,
            steps(mint="the token no longer works: gone", revoke=["now"], retire=["old"]),
            id="dead, within the overlap of the one before",
        ),
        pytest.param(FOUND, POLICY, None, steps(mint="no token yet", retire=["a", "b", "c"]), id="three found"),
        pytest.param(
            replace(FOUND, current=token_secret("now", -2, 14)),
            POLICY,
            None,
            steps(mint="the token expires on 2026-06-15T12:00:00Z", revoke_first=["a", "b", "c"], retire=["now"]),
            id="three retire while due: the oldest goes first",
        ),
        pytest.param(
            TokenState(token_secret("now"), (token_secret("old", dead="it is gone"),)),
            POLICY,
            None,
            steps(),
            id="a dead one retires",
        ),
        pytest.param(
            replace(OVERLAP_OVER, pending=(token_secret("stuck"),)),
            POLICY,
            None,
            steps(revoke=["stuck", "old"]),
            id="pending and past the overlap",
        ),
        pytest.param(
            OVER_AND_DUE,
            POLICY,
            None,
            steps(mint="the token expires on 2026-06-14T12:00:00Z", revoke_first=["old"], retire=["now"]),
            id="due, and past the overlap of the one before",
        ),
        pytest.param(NONE, MANUAL, None, steps(mint="no token yet"), id="manual: the first one"),
        pytest.param(DUE, MANUAL, None, steps(), id="manual: due"),
        pytest.param(EXPIRED, MANUAL, None, steps(), id="manual: expired"),
        pytest.param(DEAD, MANUAL, None, steps(), id="manual: dead"),
        pytest.param(OVERLAP_OVER, MANUAL, None, steps(revoke=["old"]), id="manual: past an overlap"),
        pytest.param(PENDING, MANUAL, None, steps(revoke=["stuck"]), id="manual: a revocation is pending"),
        pytest.param(LIVE, MANUAL, "because", steps(revoke=["now"]), id="manual: forced"),
        pytest.param(NONE, MANUAL, "because", steps(mint="because"), id="manual: forced with nothing held"),
        pytest.param(OVERLAP, MANUAL, "because", steps(revoke=["old", "now"]), id="manual: forced in an overlap"),
        pytest.param(
            FOUND, MANUAL, None, steps(mint="no token yet", retire=["a", "b", "c"]), id="manual: three without a record"
        ),
    ],
)
def test_each_state_has_its_plan(state, policy, force, expected):
    outcome = plan(state, policy, NOW, force=force)
    assert names(outcome) == expected
    assert bool(outcome) == bool(expected["mint"] or expected["revoke"] or expected["revoke_first"])


@pytest.mark.parametrize(
    ("state", "reasons"),
    [
        (PENDING, ["its revocation failed before"]),
        (OVERLAP_OVER, ["its overlap ended on 2026-06-01T12:00:00Z"]),
        (EXPIRED, ["it expired"]),
        (DEAD, ["it was revoked"]),
        (DUE_IN_OVERLAP, ["2 tokens are the most that live at once"]),
    ],
)
def test_each_revocation_says_why(state, reasons):
    outcome = plan(state, POLICY, NOW)
    assert [why for _, why in (*outcome.revoke_first, *outcome.revoke)] == reasons


# Former: another generation has taken its place.


@pytest.mark.parametrize(
    ("state", "policy", "force", "expected"),
    [
        pytest.param(NONE, POLICY, None, steps(), id="none"),
        pytest.param(LIVE, POLICY, None, steps(), id="live"),
        pytest.param(DUE, POLICY, None, steps(), id="due"),
        pytest.param(EXPIRED, POLICY, None, steps(), id="expired"),
        pytest.param(DEAD, POLICY, None, steps(), id="dead"),
        pytest.param(OVERLAP, POLICY, None, steps(retire=["old"]), id="in its overlap"),
        pytest.param(OVERLAP_OVER, POLICY, None, steps(revoke=["old"]), id="past its overlap"),
        pytest.param(OVER_AND_DUE, POLICY, None, steps(revoke=["old"]), id="past its overlap, and due"),
        pytest.param(PENDING, POLICY, None, steps(revoke=["stuck"]), id="a revocation is pending"),
        pytest.param(FOUND, POLICY, None, steps(retire=["a", "b", "c"]), id="without a record"),
        pytest.param(FOUND, replace(POLICY, overlap=0), None, steps(retire=["a", "b", "c"]), id="without an overlap"),
        pytest.param(LIVE, POLICY, "because", steps(revoke=["now"]), id="forced"),
        pytest.param(OVERLAP, POLICY, "because", steps(revoke=["old", "now"]), id="forced in its overlap"),
    ],
)
def test_a_former_identity_ends_what_is_over_and_never_mints(state, policy, force, expected):
    assert names(plan(state, policy, NOW, force=force, former=True)) == expected


# A token is needed beside one that works.


@pytest.mark.parametrize(
    ("state", "policy", "expected"),
    [
        pytest.param(LIVE, POLICY, steps(mint="nobody has it", retire=["now"]), id="live"),
        pytest.param(LIVE, replace(POLICY, overlap=0), steps(mint="nobody has it", revoke=["now"]), id="no overlap"),
        pytest.param(
            OVERLAP, POLICY, steps(mint="nobody has it", revoke_first=["old"], retire=["now"]), id="while one retires"
        ),
        pytest.param(
            DUE, POLICY, steps(mint="the token expires on 2026-06-11T12:00:00Z", retire=["now"]), id="due anyway"
        ),
        pytest.param(LIVE, MANUAL, steps(mint="nobody has it", retire=["now"]), id="manual: who asks knows"),
    ],
)
def test_another_token_can_be_asked_for(state, policy, expected):
    assert names(plan(state, policy, NOW, again="nobody has it")) == expected


def test_a_former_identity_is_asked_in_vain():
    assert not plan(LIVE, POLICY, NOW, again="nobody has it", former=True)


# What is on record afterwards.


@pytest.mark.parametrize(
    ("state", "how", "current"),
    [
        (NONE, {"former": True}, None),
        (LIVE, {}, LIVE.current),
        (OVERLAP_OVER, {}, OVERLAP_OVER.current),
        (DUE, {"former": True}, DUE.current),
        (DUE, {}, None),
        (LIVE, {"force": "because"}, None),
        (LIVE, {"force": "because", "former": True}, LIVE.current.killed("because")),
    ],
)
def test_the_current_one_stays_on_record_where_none_is_minted(state, how, current):
    outcome = plan(state, POLICY, NOW, **how)
    assert outcome.current == current
    assert (outcome.current is None) == (bool(outcome.mint) or state.current is None)


def test_a_forced_manual_token_is_on_record_as_dead():
    assert plan(LIVE, MANUAL, NOW, force="because").current.dead == "because"


def test_without_overlap_the_reason_says_so():
    assert plan(DUE, replace(POLICY, overlap=0), NOW).revoke[0][1] == "it is replaced, and the overlap is 0"


def test_a_missed_window_is_a_warning_with_the_moment_and_the_window():
    (warning,) = plan(EXPIRED, POLICY, NOW).warnings
    assert "1209600 s" in warning
    assert "2026-05-31T12:00:00Z" in warning
    assert not plan(DUE, POLICY, NOW).warnings


def test_a_token_known_to_be_dead_is_no_missed_window():
    assert not plan(TokenState(token_secret("now", -91, -1, dead="gone")), POLICY, NOW).warnings


def test_a_window_that_was_missed_is_told_whatever_else_was_found_or_happened():
    found = TokenState(EXPIRED.current.killed(EXPIRED.current.lapse(NOW), lapsed=True))
    assert plan(found, POLICY, NOW).warnings == plan(EXPIRED, POLICY, NOW).warnings
    assert plan(EXPIRED, POLICY, NOW, force="because").warnings == plan(EXPIRED, POLICY, NOW).warnings
    assert not plan(LIVE, POLICY, NOW, force="because").warnings


@pytest.mark.parametrize("how", [{"policy": MANUAL}, {"former": True}])
def test_what_nobody_renews_misses_no_window(how):
    assert not plan(EXPIRED, how.pop("policy", POLICY), NOW, **how).warnings


@pytest.mark.parametrize(
    ("before_expiry", "due"),
    [(14 * DAY + 1, False), (14 * DAY, True), (1, True), (0, True), (-1, True)],
)
def test_rotation_is_due_from_the_second_on_which_the_window_opens(before_expiry, due):
    state = TokenState(replace(LIVE.current, expires_at=NOW + timedelta(seconds=before_expiry)))
    assert (mint_reason(state, POLICY, NOW) is not None) is due


def test_the_moment_of_expiry_counts_as_expired():
    state = TokenState(replace(LIVE.current, expires_at=NOW))
    assert mint_reason(state, POLICY, NOW) == "the token expired on 2026-06-01T12:00:00Z"


@pytest.mark.parametrize(("seconds", "ended"), [(7 * DAY - 1, False), (7 * DAY, True)])
def test_an_overlap_ends_on_its_second(seconds, ended):
    current = replace(LIVE.current, issued_at=NOW - timedelta(seconds=seconds))
    assert bool(plan(TokenState(current, (token_secret("old"),)), POLICY, NOW)) is ended


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (NONE, "no token yet"),
        (LIVE, None),
        (TokenState(token_secret("now", expires=None)), None),
        (OVERLAP, None),
        (PENDING, None),
        (FOUND, "no token yet"),
    ],
)
def test_only_what_is_missing_or_ending_is_a_reason_to_mint(state, reason):
    assert mint_reason(state, POLICY, NOW) == reason


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (NONE, None),
        (LIVE, ("rotate", NOW + days(80 - 14))),
        (DUE, ("rotate", NOW + days(10 - 14))),
        (OVERLAP, ("revoke", NOW + days(1))),
        (DUE_IN_OVERLAP, ("rotate", NOW + days(13 - 14))),
        (TokenState(token_secret("now", expires=None)), None),
        (TokenState(token_secret("now", expires=None), (token_secret("old"),)), ("revoke", NOW + days(-10 + 7))),
        (FOUND, None),
    ],
)
def test_the_next_action_is_the_earlier_of_revoking_and_rotating(state, expected):
    assert next_action(state, POLICY) == expected


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (NONE, None),
        (LIVE, ("expire", NOW + days(80))),
        (DUE, ("expire", NOW + days(10))),
        (EXPIRED, ("expire", NOW + days(-1))),
        (DEAD, None),
        (OVERLAP, ("revoke", NOW + days(1))),
        (PENDING, ("revoke", NOW + days(-99))),
        (TokenState(token_secret("now", expires=None)), None),
    ],
)
@pytest.mark.parametrize("how", [{"policy": MANUAL}, {"policy": POLICY, "former": True}], ids=["manual", "former"])
def test_what_nobody_renews_is_next_to_expire(state, expected, how):
    assert next_action(state, **how) == expected


def test_a_token_without_an_end_has_nothing_before_it():
    state = TokenState(token_secret("now", expires=49_710))
    for policy in (Policy.of(NEVER), Policy.of(NEVER, manual=False), Policy.of(NEVER, static=True)):
        assert next_action(state, policy) is None
        assert mint_reason(state, policy, NOW + days(49_000)) is None


def test_a_dead_token_is_next_to_be_rotated_at_once():
    moment = next_action(DEAD, POLICY)[1]
    assert moment <= NOW


def test_a_cap_below_the_window_does_not_rotate_in_every_run():
    granted = timedelta(days=1)
    state = outcome_of(NONE, plan(NONE, POLICY, NOW), POLICY, NOW, granted)
    assert not plan(state, POLICY, NOW)


def test_what_is_found_without_a_record_is_all_kept():
    found = tuple(token_secret(name, -3 + index) for index, name in enumerate("abc"))
    outcome = plan(TokenState(retiring=found), POLICY, NOW)
    assert (outcome.retire, outcome.revoke_first, outcome.revoke) == (found, (), ())


@pytest.mark.parametrize("current", [DEAD.current, EXPIRED.current], ids=["dead", "expired"])
def test_two_that_retire_make_room_for_the_next_token(current):
    retiring = tuple(token_secret(name, -3 + index) for index, name in enumerate("ab"))
    state = TokenState(current and replace(current, issued_at=NOW - days(1)), retiring)
    assert live(outcome_of(state, plan(state, POLICY, NOW), POLICY, NOW), NOW) <= 2


# Over all states that can be recorded.


def outcome_of(state, outcome: Plan, policy, now, granted: timedelta | None = None):
    """What is on record once every step of a plan has succeeded."""
    current = outcome.current
    if outcome.mint:
        expires = now + (granted or timedelta(seconds=policy.lifetime))
        current = TokenSecret("minted", "uid-minted", 1, now, expires)
    return TokenState(current, outcome.retire)


def live(state, now):
    """How many tokens of a state still work."""
    return sum(not each.dead and (each.expires_at is None or each.expires_at > now) for each in state.token_secrets)


@st.composite
def policies(draw):
    lifetime = draw(st.sampled_from([600, 90 * DAY, 365 * DAY]) | st.integers(600, 365 * DAY))
    before = draw(st.sampled_from([0, lifetime // 4, lifetime - 1]) | st.integers(0, lifetime - 1))
    overlap = draw(st.sampled_from([0, before, draw(st.integers(0, before))]))
    return Policy(lifetime, before, overlap, manual=draw(st.booleans()))


@st.composite
def states(draw, *, always_current=False, retiring=3, pending=2):
    """Token Secrets over a year around now; whatever a provider can have recorded, and some more."""
    ages = st.sampled_from([0, 600, DAY, 30 * DAY, 364 * DAY]) | st.integers(0, 400 * DAY)
    lives = st.sampled_from([600, 365 * DAY]) | st.integers(600, 365 * DAY)

    def one(name):
        issued = NOW - timedelta(seconds=draw(ages))
        expires = draw(st.none() | lives.map(lambda life: issued + timedelta(seconds=life)))
        return TokenSecret(name, f"uid-{name}", 1, issued, expires, draw(st.none() | st.just("it was revoked")))

    current = one("current") if always_current or draw(st.booleans()) else None
    old = sorted((one(f"old{n}") for n in range(draw(st.integers(0, retiring)))), key=lambda each: each.issued_at)
    return TokenState(current, tuple(old), tuple(one(f"stuck{n}") for n in range(draw(st.integers(0, pending)))))


forces = st.none() | st.just("its ServiceAccount is replaced")


hows = st.fixed_dictionaries({"force": forces, "former": st.booleans(), "again": st.none() | st.just("nobody has it")})


@given(states(), policies(), hows)
def test_the_current_token_is_never_revoked_before_the_next_is_minted(state, policy, how):
    outcome = plan(state, policy, NOW, **how)
    current = state.current and state.current.uid
    assert current not in [each.uid for each, _ in outcome.revoke_first]
    if not outcome.mint:
        assert not outcome.revoke_first
        assert how["force"] or current not in [each.uid for each, _ in outcome.revoke]


@given(states(), policies(), hows)
def test_no_handle_is_lost_and_none_is_named_twice(state, policy, how):
    outcome = plan(state, policy, NOW, **how)
    named = [each.uid for each, _ in (*outcome.revoke_first, *outcome.revoke)] + [each.uid for each in outcome.retire]
    assert len(named) == len(set(named))
    kept = {outcome.current.uid} if outcome.current else set()
    gone = {each.uid for each in state.retiring if each.dead}
    assert {each.uid for each in state.token_secrets} == set(named) | kept | gone


@settings(max_examples=250)
@given(states(always_current=True, retiring=2), policies(), hows)
def test_two_tokens_at_the_most_live_after_a_plan_when_no_more_did_before(state, policy, how):
    # The rest is the failing test above: only a current token that works makes the plan trim those that retire.
    if live(state, NOW) <= 2 and (len(state.retiring) < 2 or live(TokenState(state.current), NOW)):
        assert live(outcome_of(state, plan(state, policy, NOW, **how), policy, NOW), NOW) <= 2


@settings(max_examples=250)
@given(states(always_current=True, retiring=1, pending=1), policies(), hows)
def test_two_tokens_at_the_most_live_at_the_moment_of_a_mint(state, policy, how):
    outcome = plan(state, policy, NOW, **how)
    ended = {each.uid for each, _ in outcome.revoke_first}
    left = TokenState(retiring=tuple(each for each in state.token_secrets if each.uid not in ended))
    # What works with the ServiceAccount that was is nobody's any more.
    if outcome.mint and not how["force"] and live(TokenState(state.current), NOW):
        assert live(left, NOW) <= 1


@given(states(), policies(), hows)
def test_a_plan_leaves_nothing_to_do_at_the_same_moment(state, policy, how):
    if state.current is None and policy.overlap == 0:
        return  # the provider hands no retiring handle in then
    after = outcome_of(state, plan(state, policy, NOW, **how), policy, NOW)
    assert not plan(after, policy, NOW, former=how["former"])


@given(states(), policies(), hows)
def test_nobody_mints_for_a_former_identity_and_for_a_manual_key_once(state, policy, how):
    outcome = plan(state, policy, NOW, **how)
    if how["former"]:
        assert not outcome.mint
    elif policy.manual and not how["again"]:
        assert bool(outcome.mint) is (state.current is None)


@given(states(), policies())
def test_a_live_token_outside_its_window_is_left_alone(state, policy):
    current = state.current
    if current is None or current.dead or current.expires_at is None:
        return
    if current.expires_at - timedelta(seconds=policy.rotate_before) > NOW:
        assert plan(state, policy, NOW).mint is None


@given(states(), policies())
def test_pending_revocations_are_tried_in_every_plan(state, policy):
    outcome = plan(state, policy, NOW)
    revoked = [each for each, _ in (*outcome.revoke_first, *outcome.revoke)]
    assert [each for each in revoked if each in state.pending] == list(state.pending)


@given(states(), policies())
def test_the_next_action_is_what_the_plan_then_does(state, policy):
    action = next_action(replace(state, pending=()), policy)
    if action is None or (state.current and state.current.dead):
        return
    what, moment = action
    outcome = plan(replace(state, pending=()), policy, moment)
    if what == "rotate":
        assert outcome.mint
    elif what == "expire":
        assert not outcome.mint
    else:
        assert outcome or all(each.dead for each in state.retiring)
