"""The plan for each state of a key's tokens: what is minted, revoked and kept."""

from dataclasses import replace

import pytest

from ambient_components.rotation import TokenState, plan
from tests.support.token_states import (
    DEAD,
    DUE,
    DUE_IN_OVERLAP,
    EXPIRED,
    FOUND,
    LIVE,
    MANUAL,
    NONE,
    NOW,
    OVERLAP,
    OVERLAP_OVER,
    PENDING,
    POLICY,
    token_secret,
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


OVER_AND_DUE = TokenState(token_secret("now", -8, 13), (token_secret("old", -90, 4),))


@pytest.mark.parametrize(
    ("state", "policy", "force", "expected"),
    [
        pytest.param(NONE, POLICY, None, steps(mint="first token"), id="none"),
        pytest.param(LIVE, POLICY, None, steps(), id="live"),
        pytest.param(TokenState(token_secret("now", expires=None)), POLICY, None, steps(), id="without an end"),
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
        pytest.param(FOUND, POLICY, None, steps(mint="first token", retire=["a", "b", "c"]), id="three found"),
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
        pytest.param(NONE, MANUAL, None, steps(mint="first token"), id="manual: the first one"),
        pytest.param(DUE, MANUAL, None, steps(), id="manual: due"),
        pytest.param(EXPIRED, MANUAL, None, steps(), id="manual: expired"),
        pytest.param(DEAD, MANUAL, None, steps(), id="manual: dead"),
        pytest.param(OVERLAP_OVER, MANUAL, None, steps(revoke=["old"]), id="manual: past an overlap"),
        pytest.param(PENDING, MANUAL, None, steps(revoke=["stuck"]), id="manual: a revocation is pending"),
        pytest.param(LIVE, MANUAL, "because", steps(revoke=["now"]), id="manual: forced"),
        pytest.param(NONE, MANUAL, "because", steps(mint="because"), id="manual: forced with nothing held"),
        pytest.param(OVERLAP, MANUAL, "because", steps(revoke=["old", "now"]), id="manual: forced in an overlap"),
        pytest.param(
            FOUND, MANUAL, None, steps(mint="first token", retire=["a", "b", "c"]), id="manual: three without a record"
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
        (PENDING, ["no state has it as valid, or its revocation failed before"]),
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
