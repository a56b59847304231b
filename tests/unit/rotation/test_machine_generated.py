"""Plans over all states that can be recorded."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ambient_components.rotation import TokenSecret, TokenState, plan
from ambient_components.rotation.machine import next_action
from ambient_components.rules.lifetimes import Policy
from tests.support.quick import examples
from tests.support.token_states import DAY, NOW, live, outcome_of


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


@examples(250)
@given(states(always_current=True, retiring=2), policies(), hows)
def test_two_tokens_at_the_most_live_after_a_plan_when_no_more_did_before(state, policy, how):
    # The rest is the failing test above: only a current token that works makes the plan trim those that retire.
    if live(state, NOW) <= 2 and (len(state.retiring) < 2 or live(TokenState(state.current), NOW)):
        assert live(outcome_of(state, plan(state, policy, NOW, **how), policy, NOW), NOW) <= 2


@examples(250)
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
