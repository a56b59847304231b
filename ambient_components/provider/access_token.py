"""``ambient:index:AccessToken``: the tokens of one key's ServiceAccount, over its rotations.

The steps come from `ambient_components.keys`; here they are carried out and recorded. State holds the handles and, as a
secret, the token; the namespace holds the handles alone.
"""

from dataclasses import replace
from typing import Any, Final

from ambient_components.contract import TOKEN_LIFETIME_MAX, TOKEN_LIFETIME_MIN
from ambient_components.durations import format_seconds
from ambient_components.failure import StepError
from ambient_components.keys import SCHEMA_VERSION, Handle, Plan, Policy, TokenState, plan
from ambient_components.keys.rotation import next_action
from ambient_components.keys.state import format_time
from ambient_components.naming import key_id_problem
from ambient_components.provider.handles import (
    Identity,
    Minted,
    delete_all,
    mark,
    mint,
    owned,
    revoke,
    service_account_uid,
    unmark,
)
from ambient_components.provider.resource import Change, Check, Context, Diff, Found, Values
from ambient_components.provider.wire import UNKNOWN, Secret

_REPLACES: Final = frozenset({"namespace", "serviceAccount"})
_REQUIRED: Final = ("namespace", "serviceAccount", "key", "owner")
_WHOLE: Final = ("generation", "rotateBeforeSeconds", "overlapSeconds")
_SECRET: Final = ("token", "previousToken")
_COMPUTED: Final = ("token", "current", "grantedSeconds", "retiring", "nextAction", "reason")


class AccessToken:
    """The resource type; it has no state of its own."""

    token = "ambient:index:AccessToken"  # noqa: S105  # a type token

    def check(self, context: Context, olds: Values, news: Values) -> Check:  # noqa: ARG002  # asks no cluster
        """Refuses what no cluster would grant, and adds the defaults of the policy."""
        failures = [f"{name} is missing" for name in _REQUIRED if news.get(name) in (None, "")]
        failures += [
            f"{name}: text is expected"
            for name in _REQUIRED
            if news.get(name) is not UNKNOWN and not isinstance(news.get(name) or "", str)
        ]
        key = news.get("key")
        if isinstance(key, str) and key and (problem := key_id_problem(key)):
            failures.append(f"key: {problem}")
        failures += [f"{name}: a whole number is expected" for name in _WHOLE if not _is_whole(news.get(name))]
        life = news.get("lifetimeSeconds")
        if life is None:
            failures.append("lifetimeSeconds is missing")
        elif life is not UNKNOWN and not (isinstance(life, int) and TOKEN_LIFETIME_MIN <= life <= TOKEN_LIFETIME_MAX):
            failures.append(
                f"lifetimeSeconds: {life} is not a life that can be granted; allowed: whole seconds from "
                f"{TOKEN_LIFETIME_MIN} (10m, Kubernetes' own limit) to {TOKEN_LIFETIME_MAX} (1y, the platform's)"
            )
        if news.get("released") and not olds:
            failures.append("released: there is no token yet that could be let go")
        generation = news.get("generation")
        if isinstance(generation, int) and generation < 1:
            failures.append("generation: 1 or a higher number is expected")
        if failures or UNKNOWN in (life, news.get("rotateBeforeSeconds"), news.get("overlapSeconds")):
            return Check(failures=tuple(failures))
        policy = _policy(news)
        if not 0 <= policy.overlap <= policy.rotate_before < policy.lifetime:
            return Check(
                failures=(
                    f"rotateBeforeSeconds {policy.rotate_before} and overlapSeconds {policy.overlap} don't fit a life "
                    f"of {policy.lifetime} s; allowed: 0 <= overlap <= rotateBefore < lifetime",
                )
            )
        defaults = {
            "generation": 1,
            "rotateBeforeSeconds": policy.rotate_before,
            "overlapSeconds": policy.overlap,
        }
        return Check({name: value for name, value in defaults.items() if news.get(name) is None})

    def diff(self, context: Context, inputs: Values, state: Values, news: Values) -> Diff:
        """Changed inputs; and the outputs that a rotation or a revocation which is due would change."""
        changes = {
            name: Change.UPDATE if name in inputs and name in news else Change.ADD if name in news else Change.DELETE
            for name in sorted({*inputs, *news})
            if inputs.get(name) != news.get(name)
        }
        replaces = _REPLACES & changes.keys()
        if replaces:
            return Diff(changes, frozenset(), frozenset(replaces))
        due = self._due(context, state, news)
        if due.mint:
            return Diff(changes, frozenset(_COMPUTED))
        if due:
            return Diff(changes, frozenset({"retiring", "pendingRevocations", "nextAction"}))
        return Diff(changes)

    def create(self, context: Context, news: Values) -> tuple[str, Values]:
        """Mints the first token. Handles that are there without a state file are kept through the overlap."""
        identity = Identity.of(news)
        if context.preview:
            return identity.path, _unknown_outputs("no token yet")
        held = mark(context, identity)
        policy = _policy(news)
        # The newest of them may be in use: the state file was lost, or an earlier create died (docs/how-it-works.md).
        state = TokenState(retiring=held)
        outputs = self._carry_out(context, identity, policy, state, plan(state, policy, context.now), {})
        if held and policy.overlap:
            context.warn(
                f"{len(held)} token(s) of this key were in the cluster without a record (a lost state file, or a run "
                f"that died); they stay valid for {format_seconds(policy.overlap)} and are then revoked"
            )
        return identity.path, outputs

    def read(self, context: Context, identity: str, inputs: Values, state: Values) -> Found | None:
        """Tells a live token from one that was revoked, deleted or has expired. Nothing is minted."""
        if not inputs:
            msg = (
                f"{identity} can't be imported: a token can't be read back from a cluster; declare the key, and the "
                "next pulumi up mints one"
            )
            raise StepError(msg)
        about = Identity.of(inputs)
        if inputs.get("released"):
            if not context.guard.cluster.get(about.namespace_path):
                return None
            return Found(_kept(state))
        known = _state(state)
        uid = service_account_uid(context, about)
        if uid is None and not context.guard.cluster.get(about.namespace_path):
            return None
        alive = {handle.uid for handle in owned(context, about)}
        expected = inputs.get("serviceAccountUid")
        current = known.current
        if current and not current.dead:
            if uid is None:
                current = current.killed("its ServiceAccount was deleted")
            elif expected and expected != uid:
                current = current.killed("its ServiceAccount was replaced")
            elif current.uid not in alive:
                current = current.killed("it was revoked: its handle was deleted")
            elif current.expires_at and context.now >= current.expires_at:
                current = current.killed(f"it expired on {format_time(current.expires_at)}")
        found = TokenState(
            current,
            tuple(handle for handle in known.retiring if handle.uid in alive),
            tuple(handle for handle in known.pending if handle.uid in alive),
        )
        return Found(_record(found, _policy(inputs), state))

    def update(self, context: Context, identity: str, state: Values, news: Values) -> Values:  # noqa: ARG002
        """Rotates or revokes where that is due; a mere change of the policy mints nothing."""
        if news.get("released"):
            if not context.preview:
                unmark(context, Identity.of(news))
            return _kept(state)
        steps = self._due(context, state, news)
        if context.preview:
            return _unknown_outputs(steps.mint, state) if steps.mint else _kept(state)
        about = Identity.of(news)
        if state.get("released"):
            mark(context, about)
        known = _state(state)
        policy = _policy(news)
        if steps:
            recorded = {handle.uid for handle in known.handles}
            lost = tuple(handle for handle in owned(context, about) if handle.uid not in recorded)
            undelivered = tuple((handle, "it was minted by a run that died, and never delivered") for handle in lost)
            steps = replace(steps, revoke_first=(*steps.revoke_first, *undelivered))
        return self._carry_out(context, about, policy, known, steps, state)

    def delete(self, context: Context, identity: str, state: Values) -> None:  # noqa: ARG002
        """Revokes every token of the identity. What fails is told, and left to the ServiceAccount's own delete."""
        delete_all(context, Identity.of(state), _state(state).handles)

    def _due(self, context: Context, state: Values, news: Values) -> Plan:
        if news.get("released"):
            return Plan()
        force = None
        before, after = state.get("serviceAccountUid"), news.get("serviceAccountUid")
        # An empty one is not given: nothing to compare.
        if before and (after is UNKNOWN or after) and before != after:
            force = "its ServiceAccount is replaced"
        if UNKNOWN in (news.get("lifetimeSeconds"), news.get("overlapSeconds"), news.get("rotateBeforeSeconds")):
            return Plan(mint=force)
        return plan(_state(state), _policy(news), context.now, force=force)

    def _carry_out(
        self, context: Context, identity: Identity, policy: Policy, known: TokenState, steps: Plan, state: Values
    ) -> dict[str, Any]:
        for warning in steps.warnings:
            context.warn(warning)
        failed = revoke(context, identity, steps.revoke_first)
        minted: Minted | None = None
        current = known.current
        if steps.mint:
            minted = mint(context, identity, policy)
            current = minted.handle
            _tell(context, policy, minted)
        failed += revoke(context, identity, steps.revoke)
        after = TokenState(current, steps.retire, failed)
        outputs = _record(after, policy, state)
        if minted:
            outputs |= {
                "token": Secret(minted.token),
                "grantedSeconds": minted.granted_seconds,
                "reason": steps.mint,
            }
        return outputs


def _tell(context: Context, policy: Policy, minted: Minted) -> None:
    # A clock may differ by seconds between here and the server; a cap takes hours.
    if minted.granted_seconds < policy.lifetime - 60:
        context.warn(
            f"the cluster granted {format_seconds(minted.granted_seconds)} where {format_seconds(policy.lifetime)} "
            "were asked: it caps the life of tokens; the next token is due accordingly earlier"
        )


def _policy(values: Values) -> Policy:
    return Policy.of(values["lifetimeSeconds"], values.get("rotateBeforeSeconds"), values.get("overlapSeconds"))


def _state(state: Values) -> TokenState:
    try:
        return TokenState.from_wire(state)
    except ValueError as error:
        raise StepError(str(error)) from None


def _record(state: TokenState, policy: Policy, before: Values) -> dict[str, Any]:
    """The outputs for a token state; what only minting changes is carried over from before."""
    action = next_action(state, policy)
    token = before.get("token")
    return {
        "token": Secret(token) if token is not None else None,
        "previousToken": None,
        "current": state.current.to_wire() if state.current else None,
        "retiring": _wire(state.retiring),
        "pendingRevocations": _wire(state.pending),
        "grantedSeconds": before.get("grantedSeconds"),
        "nextAction": {"what": action[0], "at": format_time(action[1])} if action else None,
        "reason": before.get("reason"),
        "schemaVersion": SCHEMA_VERSION,
    }


def _is_whole(value: Any) -> bool:
    return value is None or value is UNKNOWN or (isinstance(value, int) and not isinstance(value, bool))


def _kept(state: Values) -> dict[str, Any]:
    """The recorded outputs, with the marks of the secret ones."""
    kept = {name: state.get(name) for name in _outputs()}
    return kept | {name: Secret(kept[name]) for name in _SECRET if kept[name] is not None}


def _wire(handles: tuple[Handle, ...]) -> list[dict[str, Any]]:
    return [handle.to_wire() for handle in handles]


def _outputs() -> tuple[str, ...]:
    return (*_COMPUTED, "previousToken", "pendingRevocations", "schemaVersion")


def _unknown_outputs(reason: str | None, state: Values | None = None) -> dict[str, Any]:
    """What a preview can say of a token that an update would mint: why, and nothing else."""
    return {
        **dict.fromkeys(_COMPUTED, UNKNOWN),
        "token": Secret(UNKNOWN),
        "previousToken": None,
        "pendingRevocations": (state or {}).get("pendingRevocations") or [],
        "reason": reason,
        "schemaVersion": SCHEMA_VERSION,
    }
