"""Access keys of the store as the rules of rotation see them: found, minted, revoked, and which of them is in use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from ambient_components import clock
from ambient_components.cluster import core
from ambient_components.cluster_objects import decoded, mapping
from ambient_components.failure import StepError
from ambient_components.keys import Handle, TokenState
from ambient_components.provider.credential_inputs import account, generation, rights
from ambient_components.provider.resource import Context, Values
from ambient_components.provider.store.accounts import LiveKey, NewKey, Standing
from ambient_components.rules.lifetimes import Policy
from ambient_components.storage import same_policy

WHAT: Final = "access key"
"""What people call it."""

_VARIABLE: Final = "S3_ACCESS_KEY"
"""Of the Secret that sessions get. Contract 4."""
_USER_GONE: Final = "the store's user was deleted"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the store has shown of the keys on record, and of others."""

    state: TokenState
    """What is on record, with what became of it."""
    all: tuple[LiveKey, ...] = ()
    """Every key that is there, oldest first."""
    unrecorded: tuple[LiveKey, ...] = ()
    """Ours and not on record, oldest first: minted by a run that died, or by one whose state was lost."""
    foreign: tuple[str, ...] = ()
    """Ids of those that somebody made by hand."""
    drift: Mapping[str, str] = field(default_factory=dict)
    """What differs from what was declared, by what it is."""


def recorded_ids(state: TokenState) -> list[str]:
    """Ids of the keys on record."""
    return [handle.uid for handle in state.handles]


def see(context: Context, values: Values, known: TokenState) -> Seen:
    """Looks at the account: what became of its keys, and what others have changed.

    Raises:
        StepError: the store gives no answer.
    """
    standing = context.store.accounts.look(account(values), recorded_ids(known))
    there = {key.id: key for key in standing.keys} if standing else {}
    state = _with_fates(context, known, there, _USER_GONE if standing is None else None)
    ids = recorded_ids(known)
    unrecorded = tuple(key for key in there.values() if key.ours and key.id not in ids)
    foreign = tuple(key.id for key in there.values() if not key.ours)
    return Seen(state, tuple(there.values()), unrecorded, foreign, _drift(values, standing, unrecorded))


def _with_fates(context: Context, known: TokenState, there: Mapping[str, LiveKey], all_gone: str | None) -> TokenState:
    # Unlike a token's, a key's death is no final one: who deactivated it can activate it again.
    def judged(handle: Handle) -> Handle:
        why = _fate(context, handle, there, all_gone)
        if why is None:
            return replace(handle, dead=None, lapsed=False)
        lapsed = not all_gone and handle.lapse(context.now) is not None
        return handle if handle.dead else handle.killed(why, lapsed=lapsed)

    pending = [(handle, judged(handle)) for handle in known.pending if handle.uid in there]
    risen = [now for before, now in pending if before.dead and not now.dead]
    retiring = sorted(
        (*(judged(handle) for handle in known.retiring if handle.uid in there), *risen),
        key=lambda handle: handle.issued_at,
    )
    return TokenState(
        judged(known.current) if known.current else None,
        tuple(handle for handle in retiring if not handle.dead),
        # One that somebody deactivated is of no use, and takes one of two places.
        (*(before for before, now in pending if now not in risen), *(handle for handle in retiring if handle.dead)),
    )


def _fate(context: Context, handle: Handle, there: Mapping[str, LiveKey], all_gone: str | None) -> str | None:
    """Why a key no longer works; None: it does, as far as can be seen. A life that is over ends no key of IAM's."""
    key = there.get(handle.uid)
    if key and key.active:
        return None
    # A store that ends keys itself has done so.
    return all_gone or handle.lapse(context.now) or ("it was deactivated" if key else "it was deleted")


def _drift(values: Values, standing: Standing | None, unrecorded: tuple[LiveKey, ...]) -> dict[str, str]:
    if standing is None:
        return {"user": "removed"}
    found = {}
    if standing.owner != values["owner"]:
        found["owner"] = "changed" if standing.owner else "removed"
    if not values.get("keysOnly"):
        if not same_policy(standing.policy, rights(values)):
            found["policy"] = "changed" if standing.policy else "removed"
        if standing.widened:
            found["policies"] = f"added: {', '.join(standing.widened)}"
    if unrecorded:
        found["keys"] = f"unrecorded: {', '.join(key.id for key in unrecorded)}"
    return found


def in_use(context: Context, values: Values) -> str | None:
    """The id of the key that lies in the Secret that sessions get; None where that is not known, or none does.

    Raises:
        StepError: the cluster gives no answer.
    """
    used_in = values.get("usedIn")
    if not used_in:
        return None
    namespace, _, name = used_in.partition("/")
    secret = context.guard.cluster.get(core("namespaces", namespace, "secrets", name))
    return decoded(mapping(mapping(secret).get("data")).get(_VARIABLE))


def as_handle(key: LiveKey, of_generation: int) -> Handle:
    """A key that was found, as one of the rules' tokens; moved with the test clock, like all that is minted."""
    return Handle(key.id, key.id, of_generation, key.issued_at + clock.offset())


@dataclass(frozen=True, slots=True)
class Minted:
    """A fresh key, on its way into the state."""

    handle: Handle
    key: NewKey


def mint(context: Context, values: Values, asked: Policy) -> Minted:
    """Makes an access key.

    Raises:
        StepError: the engine is gone, or the store refuses.
    """
    context.engine.require(context.urn)
    life = timedelta(seconds=asked.lifetime)
    moved = clock.offset()
    ends = None if asked.never else context.now - moved + life
    made = context.store.accounts.mint(account(values), rights(values), ends)
    issued = (made.issued_at + moved).replace(microsecond=0)
    end = None if asked.never else issued + life
    if made.expires_at is not None:
        end = made.expires_at + moved
    return Minted(Handle(made.id, made.id, generation(values), issued, end), made)


def revoke(context: Context, values: Values, handles: Iterable[tuple[Handle, str]]) -> tuple[Handle, ...]:
    """Ends keys, and returns those that could not be: a failed revocation fails no step, it is tried again."""
    failed = []
    for handle, reason in handles:
        try:
            context.store.accounts.revoke(account(values), handle.uid)
        except StepError as error:
            failed.append(handle)
            told = f"could not revoke access key {handle.uid} ({reason}): {error}"
            context.warn(f"{told}; the next pulumi up tries again")
        else:
            context.note(f"revoked access key {handle.uid}: {reason}")
    return tuple(failed)
