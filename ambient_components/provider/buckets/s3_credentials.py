"""``ambient:index:S3Credentials``: a user of the object store for one workspace, with access keys over rotations.

As for AccessToken, `ambient_components.rotation` plans the steps; here they use the two keys that IAM allows per user.
The state has the id and, encrypted, the secret of the newest key.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from ambient_components.engine import urns
from ambient_components.errors import StepError
from ambient_components.provider.buckets import access_keys
from ambient_components.provider.buckets.access_keys import (
    COMPUTED,
    WHAT,
    Observed,
    account,
    as_recorded,
    generation,
    in_use,
    kept,
    mint,
    observe,
    policy,
    record,
    recorded_ids,
    revoke,
    rights,
    unknown,
)
from ambient_components.provider.protocol.resource import Check, Context, Diff, ReadResult, Values
from ambient_components.provider.protocol.wire import Secret
from ambient_components.provider.store.accounts import MAX_KEYS
from ambient_components.provider.tokens import properties as token_properties
from ambient_components.provider.tokens.properties import announce, known, token_state
from ambient_components.rotation import Plan, TokenSecret, TokenState, plan
from ambient_components.rotation.state import format_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.warnings import LoudWarning, WarningRule

_UNRECORDED: Final = "it is not on record: the run that minted it died, or its state was lost"
_Ending = list[tuple[TokenSecret, str]]


class S3Credentials:
    token = urns.S3_CREDENTIALS

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002  # asks no store
        failures = access_keys.problems(olds, news)
        if failures or not known(news):
            return Check(failures=tuple(failures))
        return Check(token_properties.defaults(news))

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        changes = token_properties.changes(inputs, news)
        if "user" in changes:
            return Diff(changes, frozenset(), frozenset({"user"}))
        due = _due(context, state, news)
        if due.mint:
            return Diff(changes, frozenset(COMPUTED))
        computed = {"retiring", "pendingRevocations", "nextAction"} if due else set()
        if state.get("drift") and not news.get("released"):
            computed.add("drift")
        return Diff(changes, frozenset(computed))

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Create the user and its first key. An unrecorded key that sessions use is kept through the overlap."""
        if context.preview:
            return str(news["user"] or ""), unknown("first access key")
        _require_whole(news)
        context.store.accounts.ensure(account(news), rights(news))
        observed = observe(context, news, TokenState())
        using = in_use(context, news)
        staying, others, foreign = _sorted_out(news, observed, using)
        _tell_of_former(context, observed, others, staying)
        # Before minting, because two keys are the maximum.
        failed = revoke(context, news, [(access_key, _UNRECORDED) for access_key in others])
        remaining = replace(observed, state=TokenState(retiring=staying, pending=failed), foreign=foreign)
        if staying:
            overlap = policy(news).overlap
            context.warn(
                LoudWarning.UNRECORDED_TOKENS,
                f"access key {staying[0].uid} was in the store without a record (a lost state file, or a run that "
                f"died), and stays valid {f'for {format_seconds(overlap)}' if overlap else 'until the next run'}",
            )
        steps = plan(remaining.state, policy(news), context.now, what=WHAT)
        return str(news["user"]), self._carry_out(context, news, remaining, steps, {}, using)

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> ReadResult | None:  # noqa: ARG002
        if inputs.get("released"):
            return ReadResult(kept(state))
        recorded = token_state(state)
        try:
            observed = observe(context, inputs, recorded)
        except StepError as error:
            # An error would end the refresh, and with it revocations that do not need the store.
            context.warn(
                LoudWarning.NOT_CHECKED,
                error.problem.within(f"the access keys of the object store's user {inputs['user']} are not looked at"),
            )
            return ReadResult(kept(state))
        if observed.foreign:
            _tell_of_foreign(context, inputs, observed)
        for what, how in sorted(observed.drift.items()):
            differs = f"the object store's user {inputs['user']} is not as declared: {what} {how}"
            context.warn(WarningRule.CHANGED_STORE_USER, differs)
        return ReadResult(record(observed.state, inputs, state, observed.foreign, observed.drift))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        if news.get("released"):
            if not context.preview:
                context.store.accounts.clear_owner(account(news))
            return kept(state)
        if context.preview:
            return _foretold(context, state, news)
        _require_whole(news)
        who, accounts, of = account(news), context.store.accounts, generation(news)
        recorded = token_state(state)
        # From the store's current state, not from the last refresh.
        observed = observe(context, news, recorded)
        if observed.drift.get("owner") == "removed":
            accounts.set_owner(who, recorded_ids(recorded))
        accounts.ensure(who, rights(news))
        using = in_use(context, news)
        # A key in use is kept, whatever the record says (an older state may have been restored).
        used = [key for key in observed.unrecorded if key.active and key.id == using]
        lost = [as_recorded(key, of) for key in observed.unrecorded if key not in used]
        staying = tuple(as_recorded(key, of) for key in used)
        _tell_of_former(context, observed, lost, staying)
        failed = revoke(context, news, [(access_key, _UNRECORDED) for access_key in lost])
        retiring = (*staying, *observed.state.retiring)
        remaining = replace(
            observed, state=TokenState(observed.state.current, retiring, (*observed.state.pending, *failed))
        )
        steps = plan(remaining.state, policy(news), context.now, what=WHAT)
        if not steps.mint:
            accounts.settle(who, recorded_ids(remaining.state))
        return self._carry_out(context, news, remaining, steps, state, using)

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Delete all keys and the user; refused while a session's Secret contains a valid key."""
        if state.get("released"):
            return
        who, accounts = account(state), context.store.accounts
        recorded = token_state(state)
        existing = accounts.look(who, recorded_ids(recorded))
        if existing is None:
            return
        using = in_use(context, state)
        if any(key.active and key.id == using for key in existing.keys):
            msg = (
                f"access key {using} is still in use by Secret {state['usedIn']}, so it is not revoked: what puts "
                "another key there, or removes the Secret, did not end. Deploy again"
            )
            raise StepError(msg)
        if existing.owner == who.owner and not who.keys_only:
            accounts.remove(who)
            return
        for access_key in recorded.token_secrets:
            accounts.revoke(who, access_key.uid)
        if who.keys_only:
            accounts.remove(who)
            return
        owner_text = (
            f"has the ownership tag of the stack {existing.owner}" if existing.owner else "has no ownership tag"
        )
        rest = [key.id for key in existing.keys if key.id not in recorded_ids(recorded)]
        context.warn(
            LoudWarning.FORGOTTEN_BUCKET,
            f"the object store's user {who.name} {owner_text}: the keys on record are revoked, and the user is "
            "left alone" + (f", with the keys {', '.join(rest)}" if rest else ""),
        )

    def _carry_out(
        self, context: Context, news: Values, observed: Observed, steps: Plan, state: Values, using: str | None
    ) -> dict[str, Any]:
        def in_session(access_key: TokenSecret) -> bool:
            return access_key.uid == using and not access_key.dead

        if observed.foreign:
            _tell_of_foreign(context, news, observed)
        stuck = [access_key for access_key, _ in steps.revoke_first if in_session(access_key)]
        if stuck:
            # The next key never reached the Secret: this run writes it, and the next run continues.
            context.warn(
                LoudWarning.ACCESS_KEY_IN_USE,
                f"access key {stuck[0].uid} is still in use by Secret {news['usedIn']}, and two keys are the most: a "
                "new one is minted once that Secret holds the one after it. If this run writes it, the next one mints",
            )
            ending = [each for each in steps.revoke_first if each[0] not in stuck]
            failed = revoke(context, news, ending)
            gone = [access_key for access_key, _ in ending]
            retiring = tuple(access_key for access_key in observed.state.retiring if access_key not in gone)
            pending = (*failed, *(access_key for access_key in observed.state.pending if access_key in stuck))
            return record(TokenState(observed.state.current, retiring, pending), news, state, observed.foreign, {})
        if steps.warnings:
            _tell_of_a_missed_window(context, observed.state)
        room = MAX_KEYS - 1 - len(observed.foreign)
        first, after = _ordered(steps, in_session, room)
        failed = revoke(context, news, first)
        minted = mint(context, news, policy(news)) if steps.mint else None
        current = minted.access_key if minted else steps.current or observed.state.current
        if minted:
            ends = minted.access_key.expires_at
            until = f", to be replaced before {format_time(ends)}" if ends else ", without an end"
            context.note(f"minted access key {minted.access_key.uid}: {steps.mint}{until}")
        kept_back = tuple(access_key for access_key, _ in after if in_session(access_key))
        for access_key in kept_back:
            context.warn(
                LoudWarning.ACCESS_KEY_IN_USE,
                f"access key {access_key.uid} lies in Secret {news['usedIn']} still, so it is not revoked yet: the "
                "next run does, once another key lies there",
            )
        failed += revoke(context, news, [each for each in after if each[0] not in kept_back])
        outputs = record(TokenState(current, (*steps.retire, *kept_back), failed), news, state, observed.foreign, {})
        if minted:
            outputs["accessKey"] = minted.key.id
            outputs["secretKey"] = Secret(minted.key.secret)
            outputs["reason"] = steps.mint
        return outputs


def _due(context: Context, state: Values, news: Values) -> Plan:
    if news.get("released") or not known(news):
        return Plan()
    return plan(token_state(state), policy(news), context.now, what=WHAT)


def _foretold(context: Context, state: Values, news: Values) -> dict[str, Any]:
    steps = _due(context, state, news)
    for what, how in sorted((state.get("drift") or {}).items()):
        context.note(f"the store's user {news['user']} would be put right: {what} {how}")
    announce(context, steps, policy(news).overlap_delta if known(news) else None, WHAT)
    if steps.mint:
        return unknown(steps.mint, state)
    return kept(state) | {"drift": {}}


def _sorted_out(
    news: Values, observed: Observed, using: str | None
) -> tuple[tuple[TokenSecret, ...], list[TokenSecret], tuple[str, ...]]:
    """Sort the existing keys before the first mint: the key to keep, keys to revoke, and ids of foreign keys."""
    foreign = tuple(key for key in observed.foreign if key != using)
    mine = [key for key in observed.all if key.id not in foreign]
    working = [key for key in mine if key.active]
    # If the key in use is unknown, it is assumed to be the newest.
    staying = [key for key in working if key.id == using] if news.get("usedIn") else working[-1:]
    of = generation(news)
    ending = [as_recorded(key, of) for key in mine if key not in staying]
    return tuple(as_recorded(key, of) for key in staying), ending, foreign


def _ordered(steps: Plan, in_session: Callable[[TokenSecret], bool], room: int) -> tuple[_Ending, _Ending]:
    """Return which keys to revoke before a mint, and which after it.

    A failed mint must not remove a valid key, so valid keys are revoked after it, unless there is no room for another
    key.

    Args:
        room: Maximum number of other keys when one is minted.
    """
    first = [*steps.revoke_first, *(each for each in steps.revoke if each[0].dead)]
    after = [each for each in steps.revoke if not each[0].dead]
    for each in tuple(after) if steps.mint else ():
        if len(steps.retire) + len(after) > room and not in_session(each[0]):
            after.remove(each)
            first.append(each)
    return first, after


def _require_whole(news: Values) -> None:
    """Refuse a key without a complete user, so that the engine keeps what it would replace."""
    if news.get("incomplete"):
        msg = f"no access key for {news['user']}: the user or its policy could not be made"
        raise StepError(msg)


def _tell_of_foreign(context: Context, values: Values, observed: Observed) -> None:
    context.warn(
        WarningRule.FOREIGN_ACCESS_KEYS,
        f"access keys made by hand for the object store's user {values['user']} open bucket "
        f"{values['bucket']} as well: {', '.join(sorted(observed.foreign))}",
        "delete them",
        "or, if a secret may be known to others, write another generation for the bucket's credentials: the user goes "
        "with all its keys",
    )


def _tell_of_former(
    context: Context, observed: Observed, ending: Iterable[TokenSecret], staying: Iterable[TokenSecret]
) -> None:
    """Warn about revoked keys older than the key in use: running sessions may still use them."""
    working = {key.id for key in observed.all if key.active}
    oldest = min((access_key.issued_at for access_key in staying), default=None)
    for access_key in ending:
        if oldest is not None and access_key.uid in working and access_key.issued_at <= oldest:
            context.warn(
                LoudWarning.UNRECORDED_TOKENS,
                f"access key {access_key.uid} was in the store without a record, beside the one that is in use: it is "
                "revoked now, as two keys are the most, and sessions that started before the last rotation lose it",
            )


def _tell_of_a_missed_window(context: Context, state: TokenState) -> None:
    current = state.current
    if current is None or current.expires_at is None:
        return
    since = "it has been refused since" if current.dead else "it has worked on, as this store ends no key by itself"
    context.warn(
        LoudWarning.MISSED_RENEWAL,
        f"no run came in time to replace access key {current.uid} before {format_time(current.expires_at)}: {since}",
    )
