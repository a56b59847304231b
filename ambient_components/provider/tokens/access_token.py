"""``ambient:index:AccessToken``: the tokens of one key's ServiceAccount over its rotations.

`ambient_components.rotation` plans the steps; this module executes and records them. The state has the records of the
token Secrets and, encrypted, the token; the namespace has only the token Secrets.
"""

from datetime import timedelta
from typing import Any, Final

from ambient_components.engine import urns
from ambient_components.errors import StepError
from ambient_components.printable import counted
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values
from ambient_components.provider.protocol.wire import UNKNOWN
from ambient_components.provider.tokens import delivery
from ambient_components.provider.tokens import properties as token_properties
from ambient_components.provider.tokens.delivery import EMPTY, NO_KUBECONFIG, target_of
from ambient_components.provider.tokens.minting import in_words, is_of, mint
from ambient_components.provider.tokens.properties import (
    COMPUTED,
    SIGNAL,
    Identity,
    announce,
    kept,
    policy,
    record,
    retained,
    successor_use,
    token_state,
    unknown,
)
from ambient_components.provider.tokens.token_secrets import (
    Existing,
    delete_all,
    existing,
    revoke,
    service_account_uid,
    set_owner,
    still_used,
    warn_of_others,
)
from ambient_components.rotation import Plan, TokenSecret, TokenState, plan
from ambient_components.rotation.machine import end
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import WARN_AHEAD, Policy
from ambient_components.rules.warnings import LoudWarning, WarningRule

_REPLACES: Final = frozenset({"namespace", "serviceAccount"})
_UNRECORDED: Final = "no state has it: the run that minted it died, or it is not this stack's"


class AccessToken:
    token = urns.ACCESS_TOKEN

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002  # asks no cluster
        failures = token_properties.problems(olds, news)
        if failures or not token_properties.known(news):
            return Check(failures=tuple(failures))
        return Check(token_properties.defaults(news))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        changes = token_properties.changes(inputs, news)
        _warn_of_the_end(context, state, news)
        replaces = _REPLACES & changes.keys()
        if replaces:
            return Diff(changes, frozenset(), frozenset(replaces))
        due = self._due(context, state, news)
        if due.mint:
            return Diff(changes, frozenset(COMPUTED))
        computed = {"retiring", "pendingRevocations", "nextAction"} if due else set()
        if self._to_deliver(state, news):
            computed |= {"undelivered", "deliveredAt"}
        return Diff(changes, frozenset(computed))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Mint the first token. Unrecorded tokens are revoked, unless the stack file adopts them."""
        identity = Identity.of(news)
        former = bool(news.get("former"))
        if context.preview:
            return identity.path, unknown(None if former else "first token", news)
        _require_whole(news)
        # After a lost state the newest may be in use; only the stack file can tell.
        adopted: tuple[TokenSecret, ...] = ()
        lost = Existing()
        if news.get("adopt"):
            adopted = set_owner(context, identity, TokenState(), identity.owner).unrecorded
        else:
            lost = existing(context, identity, TokenState())
        state = TokenState(retiring=adopted)
        steps = plan(state, policy(news), context.now, former=former)
        outputs = self._carry_out(context, news, state, steps, {}, lost)
        overlap = policy(news).overlap
        if adopted and overlap and not former:
            context.warn(
                LoudWarning.UNRECORDED_TOKENS,
                f"key {identity.namespace}/{identity.key}: {counted(len(adopted), 'token')} in the cluster without a "
                f"record (a lost state, or a run that died), valid for another {format_seconds(overlap)}",
            )
        return identity.path, outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        about = Identity.of(inputs)
        if inputs.get("released"):
            if not context.guard.cluster.get(about.namespace_path):
                return None
            return ReadResult(kept(state))
        known = token_state(state)
        uid = service_account_uid(context, about)
        if uid is None and not context.guard.cluster.get(about.namespace_path):
            return None
        there = existing(context, about, known)
        warn_of_others(context, about, there)
        alive = {token_secret.uid for token_secret in there.recorded}
        expected = inputs.get("serviceAccountUid")
        current = known.current
        if current and not current.dead:
            if uid is None:
                current = current.killed("its ServiceAccount was deleted")
            elif expected and expected != uid:
                current = current.killed("its ServiceAccount was replaced")
            elif current.uid not in alive:
                current = current.killed("it was revoked: its token Secret was deleted")
            elif lapse := current.lapse(context.now):
                current = current.killed(lapse, lapsed=True)
        tokens = TokenState(
            current,
            tuple(token_secret for token_secret in known.retiring if token_secret.uid in alive),
            # Including unrecorded ones, which an interrupted run minted: they must not wait for a rotation.
            (*(each for each in known.pending if each.uid in alive), *(there.unrecorded if current else ())),
        )
        outputs = record(tokens, inputs, state)
        if undelivered := state.get("undelivered") or delivery.lost(context, inputs, tokens):
            outputs |= {"undelivered": undelivered, "deliveredAt": None}
        return ReadResult(outputs)

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        if news.get("released"):
            if not context.preview:
                set_owner(context, Identity.of(news), token_state(state), None)
            return kept(state)
        steps = self._due(context, state, news)
        if context.preview:
            overlap = policy(news).overlap_delta if token_properties.known(news) else None
            announce(context, steps, overlap, "token")
            return unknown(steps.mint, news, state) if steps.mint else kept(state)
        _require_whole(news)
        about = Identity.of(news)
        if steps and successor_use(news) and (why := still_used(context, about)):
            context.note(f"the tokens of {about.path} stay: {why}")
            news = {**news, SIGNAL: None}
            steps = self._due(context, state, news)
        known = token_state(state)
        if state.get("released"):
            set_owner(context, about, known, about.owner)
        lost = existing(context, about, known) if steps else Existing()
        return self._carry_out(context, news, known, steps, state, lost)

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Revoke all tokens of the identity. Failures are warnings, because the ServiceAccount is deleted next."""
        about = Identity.of(state)
        delete_all(context, about, token_state(state))
        target = target_of(state)
        try:
            if target:
                delivery.remove(context, about, target)
        except StepError as error:
            # The token is invalid by now, so a leftover Secret must not block the deletion of the ServiceAccount.
            failure = error.problem.within(f"could not delete {target}, which held the key", "delete it by hand")
            context.warn(LoudWarning.NOT_DONE, failure)

    def _due(self, context: Context, state: Values, news: Values) -> Plan:
        if news.get("released"):
            return Plan()
        force = None
        before, after = state.get("serviceAccountUid"), news.get("serviceAccountUid")
        # Empty means not set, so there is nothing to compare.
        if before and (after is UNKNOWN or after) and before != after:
            force = "its ServiceAccount is replaced"
        former = bool(news.get("former"))
        if not token_properties.known(news):
            return Plan(mint=None if former else force)
        # A run that was given the same use before has ended the tokens by it, or found them in use.
        if (ended := successor_use(news)) and state.get(SIGNAL) != news.get(SIGNAL):
            return end(token_state(state), ended)
        due = plan(token_state(state), policy(news), context.now, force=force, former=former)
        lost = state.get("undelivered")
        if due.mint or not lost or retained(news) or former or policy(news).manual:
            return due
        if lost.endswith(NO_KUBECONFIG):
            return due
        # The Secret had the only copy, so no user has the token any more.
        return plan(token_state(state), policy(news), context.now, again=f"the token is lost: {lost}")

    def _to_deliver(self, state: Values, news: Values) -> bool:
        return bool(state.get("undelivered") and news.get("deliver") and not news.get("former"))

    def _carry_out(
        self,
        context: Context,
        news: Values,
        known: TokenState,
        steps: Plan,
        state: Values,
        lost: Existing,
    ) -> dict[str, Any]:
        identity, requested = Identity.of(news), policy(news)
        warn_of_others(context, identity, lost)
        target = None if news.get("former") else target_of(news)
        # Before minting, so that a foreign Secret is refused while nothing has changed.
        there = (delivery.look(context, identity, target) if target else None) or EMPTY
        moved = delivery.moved_from(context, identity, state, target)
        for warning in steps.warnings:
            context.warn(LoudWarning.MISSED_RENEWAL, warning)
        # The token in a delivery Secret may be the only valid one its user has: it is revoked after the next is
        # delivered.
        before = (*steps.revoke_first, *((token_secret, _UNRECORDED) for token_secret in lost.unrecorded))
        read = delivery.delivered_in((token_secret for token_secret, _ in before), there, moved)
        failed = revoke(context, identity, [each for each in before if each[0] not in read])
        minted: TokenSecret | None = None
        current, bearer = steps.current or known.current, state.get("token")
        if steps.mint:
            minted, bearer = mint(context, identity, requested, news.get("serviceAccountUid") or None)
            current = minted
            _tell(context, requested, minted, steps.mint)
        if bearer is None and current is not None:
            # The state does not have the token; the delivery Secret may.
            bearer = next((text for text in (there[0], moved[0]) if is_of(text, current)), None)
        undelivered = None
        if target and bearer is not None:
            still = bool(steps.retire) or bool(news.get("overlapping"))
            previous = delivery.token_before(there if there[0] else moved, bearer, steps.retire) if still else None
            undelivered = delivery.hand_over(context, news, target, minted, bearer, previous)
        elif target and current is not None:
            undelivered = f"{target} does not hold it, and it was not kept: only another generation has another token"
        if not undelivered and (old := target_of(state)) and old != target and not news.get("former"):
            delivery.leave(context, identity, old, target)
        ending = (*(each for each in before if each[0] in read), *steps.revoke)
        kept_back = (
            delivery.delivered_in((token_secret for token_secret, _ in ending if not token_secret.dead), there, moved)
            if undelivered
            else ()
        )
        failed += revoke(context, identity, [each for each in ending if each[0] not in kept_back])
        after = TokenState(current, (*steps.retire, *kept_back), failed)
        outputs = record(after, news, {**state, "token": bearer})
        outputs["undelivered"] = undelivered
        if undelivered or current is None:
            outputs["deliveredAt"] = None
        elif minted or state.get("undelivered") or target != target_of(state) or not state.get("deliveredAt"):
            # By both clocks, so that no earlier use counts.
            outputs["deliveredAt"] = format_time(max(context.now, current.issued_at))
        if minted:
            outputs |= {"grantedSeconds": minted.granted_seconds, "reason": steps.mint}
        return outputs


def _require_whole(news: Values) -> None:
    """Refuse a token without a complete identity, so that the engine keeps what it would replace."""
    if news.get("incomplete"):
        msg = f"no token for {Identity.of(news).path}: its ServiceAccount or its RoleBinding could not be made"
        raise StepError(msg)


def _warn_of_the_end(context: Context, state: Values, news: Values) -> None:
    """Warn about the end of a token without renewal, because no later run renews it either."""
    current = token_state(state).current
    if news.get("released") or news.get("former") or not token_properties.known(news):
        return
    requested, ahead = policy(news), news.get("warnAheadSeconds")
    if not requested.manual or requested.never or current is None or current.dead or current.expires_at is None:
        return
    left = current.expires_at - context.now
    if ahead is UNKNOWN or left > timedelta(seconds=WARN_AHEAD if ahead is None else ahead):
        return
    ends = "expires" if left > timedelta() else "expired"
    context.warn(
        WarningRule.TOKEN_ENDING,
        f"the token {ends} on {format_time(current.expires_at)}, and is not renewed (rotate: manual): another "
        "generation of the key has a new one (ambient keys rotate)",
    )


def _tell(context: Context, requested: Policy, minted: TokenSecret, why: str) -> None:
    expires = minted.expires_at
    ends = f", valid until {format_time(expires)}" if expires and not requested.never else ", without an end"
    context.note(f"minted {minted.name}: {why}{ends}")
    granted = minted.granted_seconds
    # Clocks may differ by seconds; a cluster's maximum differs by hours.
    if granted is not None and granted < requested.lifetime - 60:
        context.warn(
            WarningRule.SHORTER_LIFETIME,
            f"the cluster granted {in_words(granted)} where {format_seconds(requested.lifetime)} were asked: it "
            "caps the life of tokens, and the next token is due accordingly earlier",
        )
