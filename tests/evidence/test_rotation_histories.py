"""A key's years as a state machine: whatever happens to it, in any order, with a crash at any call.

The executors are the real ones; the cluster, the engine around them and time are those of `key_simulation`. What must
hold is in `key_evaluator`: checked at each step, and at the end over every second that passed.
"""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ambient_components.provider.tokens.token_secrets import Existing
from ambient_components.rotation.state import format_time
from ambient_components.rules.lifetimes import Policy, default_overlap, default_rotate_before, misfit
from ambient_components.rules.rest_days import RestDays
from ambient_components.rules.workspaces import ACTIVE, CLOSED, RELEASED
from tests.support import evidence
from tests.support.key_cluster import CRASHES, DAY, FAILURES, START, moment
from tests.support.key_evaluator import Evaluator
from tests.support.key_simulation import KINDS, BrokenError, Stack, key, simulated_time
from tests.support.quick import ALL, examples

AREA = "rotation"
YEAR = 365 * DAY
HISTORIES = 400


@pytest.fixture(autouse=True, scope="module")
def _time():
    with simulated_time():
        yield


RESTS = [RestDays.of(days) for days in ([], ["sun"], ["fri", "sat", "sun"], ["mon", "2026-02-24/2026-04-02"])]


@st.composite
def policies(draw):
    """Whatever is not refused."""
    life = draw(st.sampled_from([600, DAY, 30 * DAY, 90 * DAY, YEAR]) | st.integers(600, YEAR))
    before = draw(st.sampled_from([default_rotate_before(life), life // 2, life - 1]) | st.integers(4, life - 1))
    most = min(before, life - before)
    overlap = draw(st.sampled_from([0, most, min(most, default_overlap(before))]) | st.integers(0, most))
    every = draw(st.sampled_from([0, (before - overlap) // 2]) | st.integers(0, before - overlap))
    policy = Policy(life, before, overlap, 0 if every == before else every)
    assert misfit(policy) is None
    rested = replace(policy, rest=draw(st.sampled_from(RESTS)))
    return policy if misfit(rested) else rested


FAULTS = st.none() | st.dictionaries(st.integers(1, 14), st.sampled_from(CRASHES + FAILURES), min_size=1, max_size=2)


TALLY: Counter[str] = Counter()
"""What all histories of a test came to."""


class Rotation(RuleBasedStateMachine):
    """One key, and all that people and clusters do to it."""

    @initialize(policy=policies(), kind=st.sampled_from([*KINDS.values(), {"manual": True}]), until_used=st.booleans())
    def begins(self, policy, kind, until_used):
        self.life, self.notice = policy.lifetime, policy.rotate_before
        self.every = max(
            60, policy.run_every or (policy.rotate_before - policy.overlap) // 2 or policy.rotate_before // 3
        )
        self.stack, self.at = Stack(Evaluator(reads_the_secret=True), key(policy, **kind, untilUsed=until_used)), 0
        self.run(None, 0, refresh=False, newest_first=False)

    # The stack.

    @rule(faults=FAULTS, late=st.sampled_from([0, 0, 30]), refresh=st.booleans(), newest_first=st.booleans())
    def run(self, faults, late, refresh, newest_first):
        self.stack.run(self.at, faults, late=late, refresh=refresh, newest_first=newest_first)
        self._later()

    @rule(call=st.integers(1, 9), fault=st.sampled_from(CRASHES + FAILURES), again=st.booleans())
    def a_run_with_something_to_do_dies(self, call, fault, again):
        self.at += self.life - self.notice
        for _ in range(1 + again):
            self.run({call: fault}, 0, refresh=False, newest_first=False)

    @rule()
    def runs_twice(self):
        self.stack.run_twice(self.at)
        self._later()

    @rule(number=st.integers(2, 12), share=st.sampled_from([1, 1, 2, 4]))
    def runs_on_time(self, number, share):
        for _ in range(number):
            self.at += self.every // share
            self.run(None, 0, refresh=False, newest_first=False)

    @rule(seconds=st.integers(1, YEAR), most=st.sampled_from([1, 3, 40]))
    def time_passes(self, seconds, most):
        self.at += min(seconds, most * self.every)

    # The file.

    @rule(overlapping=st.booleans())
    @precondition(lambda self: self.stack.life == ACTIVE)
    def rotates_the_identity(self, overlapping):
        there = self.stack.key["generation"] in self.stack.tokens
        self.stack.bump(self.at + 5 * self.every if overlapping and there else 0)

    @rule(policy=policies())
    def changes_the_policy(self, policy):
        self.life, self.notice = policy.lifetime, policy.rotate_before
        self.stack.change(**key(policy))

    @rule()
    @precondition(lambda self: self.stack.life == ACTIVE)
    def closes(self):
        self.stack.close()

    @rule()
    @precondition(lambda self: self.stack.life in (CLOSED, RELEASED))
    def opens(self):
        self.stack.open()

    @rule()
    @precondition(lambda self: self.stack.life == ACTIVE and self._whole())
    def releases(self):
        self.stack.release()

    @rule()
    @precondition(lambda self: self.stack.life == RELEASED and self.stack.is_released)
    def leaves_the_file(self):
        self.stack.leave_file()

    @rule()
    @precondition(lambda self: self.stack.life is None)
    def adopts(self):
        self.stack.adopt()

    # Accidents, and what others do.

    @rule()
    @precondition(lambda self: self.stack.life == ACTIVE)
    def loses_the_state(self):
        self.stack.lose_state()

    @rule()
    @precondition(lambda self: self.stack.life == ACTIVE)
    def replaces_the_account(self):
        self.stack.replaces_account = True

    @rule(which=st.integers(0, 2))
    @precondition(lambda self: self.stack.cluster.valid)
    def revokes_a_token(self, which):
        valid = self.stack.cluster.valid
        self.stack.cluster.revoke_by_hand(valid[which % len(valid)])

    @rule()
    def deletes_the_delivery(self):
        self.stack.evaluator.target_gone |= self.stack.cluster.delete_delivery()

    @rule(
        newest=st.booleans(), mark=st.sampled_from(["", "", "junk", format_time(START), format_time(moment(99 * YEAR))])
    )
    @precondition(lambda self: self.stack.accounts)
    def uses_the_platform(self, newest, mark):
        self.stack.use(self.at, (max if newest else min)(self.stack.accounts), mark)

    @rule(cap=st.none() | st.sampled_from([600, DAY, 30 * DAY]) | st.integers(600, YEAR))
    def caps_the_life_of_tokens(self, cap):
        self.stack.cluster.cap = cap

    @rule(refusing=st.booleans())
    def deletes_no_token_secret(self, refusing):
        self.stack.cluster.refusing = refusing

    @rule(refusing=st.booleans())
    def lets_nobody_deliver(self, refusing):
        self.stack.cluster.refusing_delivery = refusing

    def _whole(self):
        last = self.stack.runs[-1]
        return last.completed and [*self.stack.tokens] == self.stack.living(last.start) == self.stack.living(self.at)

    def _later(self):
        self.at = max(self.at, self.stack.cluster.now)

    def teardown(self):
        if not hasattr(self, "stack"):
            return
        cluster = self.stack.cluster
        if any(token.had is not None for token in cluster.tokens):
            self.stack.evaluator.finish(self.at)
        TALLY.update(
            {
                "histories over the real executors and a simulated cluster": 1,
                "runs in them": len(self.stack.runs),
                "runs that died in them": sum(run.crashed for run in self.stack.runs),
                "tokens minted in them": len(cluster.tokens),
                "seconds in them": self.at,
            }
        )


def test_whatever_happens_over_the_years():
    """See `Rotation`."""
    TALLY.clear()
    # The share of `make test` is the same in each run: a new history is found where there is time to look at it.
    same = settings().max_examples < ALL
    found = examples(HISTORIES, stateful_step_count=40, derandomize=same, suppress_health_check=list(HealthCheck))
    run_state_machine_as_test(Rotation, settings=found)
    years = TALLY.pop("seconds in them") // YEAR
    for what, number in {**TALLY, "years in them": years}.items():
        evidence.count(AREA, what, number)


BROKEN = {
    "leaves what a dead run minted": (
        "ambient_components.provider.tokens.access_token.existing",
        lambda *_: Existing(),
    ),
    "never revokes": ("ambient_components.provider.tokens.access_token.revoke", lambda *_: ()),
    "leaves what a closed workspace has": ("ambient_components.provider.workspace.closure._close", lambda *_: None),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_executor_is_found_out(what, monkeypatch):
    monkeypatch.setattr(*BROKEN[what])
    found = settings(max_examples=400, stateful_step_count=40, phases=[Phase.generate], derandomize=True, database=None)
    with pytest.raises(BrokenError):
        run_state_machine_as_test(Rotation, settings=settings(found, suppress_health_check=list(HealthCheck)))
