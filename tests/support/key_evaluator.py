"""What must never happen to a key, checked at each step of `key_simulation` and over all of its years.

No code under test is used: due renewals, ended tokens and promised overlaps are computed here independently.
"""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from ambient_components.platform.contract import SERVICE_ACCOUNT_ANNOTATION
from ambient_components.rules.workspaces import CLOSED
from tests.support.key_cluster import DAY, SECRETS, Token, moment, seconds
from tests.support.key_simulation import Resource, Run, hold

UNRECORDED = "found without a record"

GRANTED_OVER_DEFAULT = 14 * DAY
MISSED = "no run came in the"


@dataclass
class Step:
    """One create or update."""

    after: Resource | None = None
    """What was recorded of it; None: nothing."""


@dataclass
class Promise:
    """That a token lives on, unless it expires before."""

    token: Token
    since: int
    until: int
    by: Token | None = None
    """The one that took its place."""


class Evaluator:
    """Checks each step of a stack. `finish` checks all the time that has passed."""

    def __init__(self, *, reads_the_secret=False):
        self.stack = None
        self.promises: list[Promise] = []
        self.kept: list[Promise] = []
        """Of identities that are gone."""
        self.forgotten: set[str] = set()
        """Accounts that the state knew before it was lost. One whose generation has passed by then is nobody's."""
        self.target_gone = False
        """Whether a person deleted the Secret that the key is delivered to, and no run has made it since."""
        self.reads_the_secret = reads_the_secret
        """Whether a delivered key's user holds no token, and takes what lies in the Secret for every request."""

    @property
    def _cluster(self):
        return self.stack.cluster

    # Beside each step.

    def begins(self, run: Run):
        """Notes what is asked in this run."""
        key = self.stack.key
        run.rotate_before = key.get("rotateBeforeSeconds", 0)
        run.overlap = key.get("overlapSeconds", 0)
        run.rests = self._rested(run.start) > run.start
        run.waits = bool(key.get("manual") or key.get("never"))

    def _rested(self, at):
        """The end of the days of rest that a second is in; the second itself if it is in none."""
        for _ in range(400):
            weekday, day = f"{moment(at):%a}".lower(), f"{moment(at):%Y-%m-%d}"
            days = self.stack.key.get("rotateNotOn", ())
            if not any(one == weekday or one[:10] <= day <= one[-10:] for one in days):
                break
            at += DAY - at % DAY
        return at

    def minted(self, token: Token):
        """At every moment at most two tokens of an identity are valid."""
        valid = [one for one in self._counted() if one.account == token.account]
        hold("two an identity", len(valid) <= 2, self._cluster.now, *valid)

    @contextmanager
    def step(self, run: Run, generation, before: Resource | None, news) -> Iterator[Step]:
        """Around a create or an update."""
        cluster, account = self._cluster, self.stack.account(generation)
        there = self._of(account)
        if before is None:
            for token in there:
                token.excused = UNRECORDED
        minted, revoked, step = len(cluster.tokens), cluster.revocations, Step()
        try:
            yield step
        finally:
            new = cluster.tokens[minted:]
            if step.after is None:
                for token in new:
                    token.excused = "undelivered"
        self._on_early_end(generation, before, step.after, cluster.now)
        if step.after.state["undelivered"] and (read := cluster.token(cluster.lies_there("token"))):
            read.excused = "its Secret holds it, and can't be written"  # it goes when the next is there
        if new or cluster.revocations > revoked:
            token_secrets = self._token_secrets(account)
            recorded = {token_secret.uid for token_secret in step.after.tokens.token_secrets}
            hold("nothing unrecorded", token_secrets <= recorded, token_secrets, recorded)
        for token in new:
            self._on_renewal(run, before, news, there, token)

    def _on_renewal(self, run, before, news, there, token):
        # What no state knows lives on where the file adopts it, and nowhere else.
        replaced = there if news.get("adopt") else []
        if before:
            # At most two are valid: the one before the last goes when another is issued, as for a Secret lost twice.
            for one in self.promises:
                if one.since and one.token.account == token.account:
                    one.until = min(one.until, run.start)
            current = before.tokens.current
            forced = before.state["serviceAccountUid"] != news["serviceAccountUid"]
            lost = before.state.get("undelivered")
            if current and not current.dead and not forced and not lost:
                opens = seconds(current.expires_at) - self._window(news["rotateBeforeSeconds"], current)
                hold("no mint outside the window", run.start >= opens, run.start, opens)
                waits = self._rested(run.start) + (news.get("runEverySeconds") or DAY) < seconds(current.expires_at)
                hold("no renewal on a day of rest", not (run.rests and waits), run)
            replaced = [one for one in there if current and one.uid == current.uid and not forced and not current.dead]
        else:
            for one in self.promises:
                one.by = one.by or token
        overlap = news["overlapSeconds"]
        self.promises += [Promise(one, token.issued, token.issued + overlap, token) for one in replaced]

    def bumped(self, overlap_until):
        """The identity before lives on until then; what was written of those before it is no more."""
        self.promises = [promise for promise in self.promises if promise.since]
        if not overlap_until:
            return
        for token in self._of(self.stack.account(self.stack.key["generation"] - 1)):
            resource = self.stack.tokens.get(self.stack.key["generation"] - 1)
            if resource and resource.tokens.current and token.uid == resource.tokens.current.uid:
                self.promises.append(Promise(token, 0, overlap_until))

    def policy_changed(self):
        """A shorter overlap ends what was promised under a longer one."""
        for promise in self.promises:
            if promise.since:
                promise.until = min(promise.until, promise.since + self.stack.key["overlapSeconds"])

    def goes(self, generation):
        """Its identity is removed, and with it what was promised."""
        account = self.stack.account(generation)
        overdue = [promise for promise in self.promises if promise.token.account == account and not promise.since]
        for one in overdue:
            hold("overlapUntil is kept", self._cluster.now >= one.until, one, self._cluster.now)
        self.kept += overdue
        self.promises = [promise for promise in self.promises if promise.token.account != account]

    def ended(self, run: Run):
        """After each run."""
        if not run.serving:
            # Also of a run that dies: if the file takes it back, only a refresh finds what it ended.
            for token in self._cluster.tokens:
                token.by_hand |= token.ended is not None and run.start <= token.ended <= run.end
        if self.reads_the_secret and (text := self._cluster.lies_there("token")):
            token = self._cluster.token(text)
            excused = token.account_gone or token.by_hand
            well = token.valid(run.end) or token.end == token.expires or excused
            hold("what lies in the Secret works", well, token, run)
        if self._cluster.lies_there("token") is not None:
            self.target_gone = False
        if not run.completed:
            return
        if self.stack.life == CLOSED:
            hold("a closed workspace's tokens are dead", not self._cluster.valid, run, *self._cluster.valid)
        self.forgotten -= {*map(self.stack.account, self.stack.living(run.start))}
        living = self.stack.living(run.start)
        hold("only what is declared is left", sorted(self.stack.tokens) == sorted(self.stack.accounts) == living, run)
        for generation in living:
            self._identity(run, generation)
        accounts = [self.stack.account(generation) for generation in living]
        valid = self._counted()
        hold("only what is declared is valid", {token.account for token in valid} <= {*accounts}, valid)
        most = 3 if len(living) > 1 else 2
        hold(f"{most} a key", len(valid) <= most, run, *valid)

    def _identity(self, run, generation):
        resource = self.stack.tokens[generation]
        state, inputs, current = resource.tokens, resource.inputs, resource.tokens.current
        newest = not inputs.get("former")
        if not run.serving:
            return
        if current and newest and not run.waits:
            token = self._cluster.token_of(current.uid)
            unseen = token.by_hand and not run.refreshed  # only a refresh looks for what others did
            hold("the current one works", unseen or token.end > run.start, current, run)
        if not self._cluster.refusing:
            over = current and state.retiring and run.start >= seconds(current.issued_at) + inputs["overlapSeconds"]
            late = resource.state.get("undelivered")  # what its Secret still holds goes when the next is there
            hold("what is over is revoked", late or not over, state.retiring, run)
            hold("what failed is tried again", not state.pending, state.pending)
        unseen = self.target_gone and not run.refreshed
        if newest and self.stack.key.get("deliver") and not resource.state.get("undelivered") and not unseen:
            there = self._cluster.lies_there("token")
            hold("it is delivered", there == self._cluster.token_of(current.uid).text, there)
            hold("as a kubeconfig too", f'"token": "{there}"' in self._cluster.lies_there("value"), there)

    def is_settled(self, run: Run):
        """Whether nothing was left to a run after it."""
        left = any(token.tokens.pending or token.state["undelivered"] for token in self.stack.tokens.values())
        return run.completed and not left

    # In the end.

    def finish(self, until):
        """Over all the time until then, second by second: what is valid changes at no other moments than these."""
        had = sorted((one for one in self._cluster.tokens if one.had is not None), key=lambda one: one.had)
        hold("somebody has a token", had, "nobody ever had one")
        counts = {token.uid: token.end for token in had}
        for one in (*self.promises, *self.kept):
            if one.by and one.by.had is not None:
                # Whoever has the next one is not counted on to use this one for longer, even where it works on.
                counts[one.token.uid] = min(one.token.end, max(one.until, one.by.had))
        for one, following in pairwise(had):
            if one.excused == UNRECORDED:
                # Its user was told for how long it stays valid beside the next one.
                counts[one.uid] = min(counts[one.uid], following.had)
        last = had[0]
        for to, one in [*((one.had, one) for one in had[1:]), (until, None)]:
            if to > counts[last.uid]:
                # Of one that is not counted on any more, the next one's end is what was missed.
                missed = [each for each in had if each.had < to and counts[each.uid] == each.end]
                self._gap(last if last in missed else max(missed or had, key=lambda each: each.end), to, until)
            if one and counts[one.uid] > counts[last.uid]:
                last = one
        for one in (*self.promises, *self.kept):
            one.until = self._until(one)
            if one.until <= until and not (one.token.account_gone or one.token.by_hand):
                lives = one.token.end >= min(one.until, one.token.expires)
                hold("the overlap promised is given", lives, one)

    def _until(self, promise: Promise):
        """When it ends: that of an identity in the first run after a use of the next one, if it was quiet before it."""
        ends = [promise.until]
        for generation in self.stack.uses if self.stack.key.get("untilUsed") else ():
            if not promise.since and self.stack.account(generation - 1) == promise.token.account:
                ends += [run.start for run in self.stack.runs if self._is_confirmed(generation, run.start)]
        return min(ends)

    def _is_confirmed(self, generation, now):
        """Whether its user had it and used it by now, two days or more after the mark that the one before has now."""
        tokens = [one for one in self._cluster.tokens if one.account == self.stack.account(generation)]
        had = min((one.had for one in tokens if one.had is not None), default=now)
        texts = [text for at, text in self.stack.marked.get(generation - 1, ()) if at <= now]
        if not texts or not texts[-1].startswith("20"):
            return False
        quiet = seconds(datetime.fromisoformat(texts[-1])) + 2 * DAY
        return any(max(had + 1, quiet) <= at <= now for at in self.stack.uses.get(generation, ()))

    def _on_early_end(self, generation, before: Resource | None, after: Resource, now):
        """No step decides by marks that are out of date."""
        living, ended = (before and before.tokens.current), after.tokens.current
        if self.stack.key.get("untilUsed") and living and not living.dead and "was used on" in (ended.dead or ""):
            hold("only a quiet identity ends early", self._is_confirmed(generation + 1, now), generation, now)

    def _gap(self, last: Token, to, until):
        """No token of the user's was valid from the end of this one on: was that a missed window, and was it told?"""
        runs = self.stack.runs
        # One that would have lasted for longer was ended on purpose.
        ended = any(
            token.by_hand and token.had <= to and token.expires > last.end
            for token in self._cluster.tokens
            if token.had
        )
        if runs[-1].waits or ended:
            return  # not renewed automatically
        # One that expires while a run is under way is the next run's.
        expired = last.end == last.expires
        first = bisect_left(runs, last.end, key=lambda run: run.start if expired else run.end)
        after = next((run for run in runs[first:] if run.completed and run.serving), None)
        hold("a gap ends with the next run", to <= (after.end if after else until), last, to, after)
        ended = runs[bisect_left(runs, last.end, key=lambda run: run.end) :][:1]
        ending = next((run for run in ended if run.start <= last.end), None)
        # Without an overlap the one before is revoked in the run that mints, and with that run the new one may be lost.
        if last.account_gone or (ending and not ending.overlap):
            return
        hold("never without a token", expired, last)
        for run in runs[bisect_left(runs, last.issued, key=lambda run: run.end) : first]:
            opens = last.expires - self._window(run.rotate_before, last)
            inside = run.completed and run.serving and not run.rests and opens <= run.start and run.end < last.expires
            # After a lost state a former identity may work on. Its user has the token that the run issued for the next.
            issued = any(
                token.had is not None and run.start <= token.issued <= run.end for token in self._cluster.tokens
            )
            hold("a run in the window renews", issued or not inside, last, run)
        late = [run for run in runs[first : bisect_left(runs, to, key=lambda run: run.end) + 1] if run.start <= to]
        if any(run.completed and run.serving for run in late):
            # Where one is made anew nothing is on record that could have been missed.
            anew = any(step.startswith("create") for run in late for step in run.steps)
            received = any(MISSED in text for run in late for text in run.warnings)
            hold("a missed window is told", anew or received, last, *late)

    @staticmethod
    def _window(rotate_before, of):
        """Return the requested renewal window of a token or token Secret, or the default if its life is too short."""
        granted = of.expires - of.issued if isinstance(of, Token) else seconds(of.expires_at) - seconds(of.issued_at)
        return rotate_before if rotate_before < granted else min(GRANTED_OVER_DEFAULT, granted // 4)

    def _counted(self):
        """The valid ones without those that are excused."""
        return [one for one in self._cluster.valid if not one.excused and one.account not in self.forgotten]

    def _of(self, account):
        """Those of an identity that work now."""
        return [token for token in self._cluster.valid if token.account == account]

    def _token_secrets(self, account):
        return {
            one["metadata"]["uid"]
            for path, one in self._cluster.objects.items()
            if path.startswith(f"{SECRETS}/")
            and one["metadata"]["annotations"].get(SERVICE_ACCOUNT_ANNOTATION) == account
        }
