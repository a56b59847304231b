"""Access keys of the store: inputs and outputs of their resource; found, minted, revoked, and the key in use."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Any, Final

from ambient_components import clock
from ambient_components.cluster.client import core
from ambient_components.cluster.objects import decoded, mapping
from ambient_components.errors import Problem, StepError, refusal
from ambient_components.model.base import Model
from ambient_components.model.marks import sent
from ambient_components.model.rotation import Overlap
from ambient_components.model.storage import BucketCredentials, BucketName, Prefix, SecretPath, StoreUser
from ambient_components.model.types import FilledText, Flag, Generation
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.protocol.wire import UNKNOWN, Secret
from ambient_components.provider.store.accounts import Account, AccountState, LiveKey, NewKey
from ambient_components.provider.tokens.properties import (
    failures,
    input_findings,
    known,
    life_missing,
    rotation,
    without_unknown,
)
from ambient_components.rotation import SCHEMA_VERSION, TokenSecret, TokenState
from ambient_components.rules.buckets import access_policy, same_policy
from ambient_components.rules.findings import verdict_finding
from ambient_components.rules.lifetimes import ACCESS_KEY_LIFE, Policy, misfit, policy_of
from ambient_components.rules.warnings import LoudWarning

WHAT: Final = "access key"
"""Noun for messages."""

_VARIABLE: Final = "S3_ACCESS_KEY"
"""Variable in the sessions' Secret. Contract 4."""
_USER_GONE: Final = "the store's user was deleted"


class CredentialInputs(Model):
    user: Annotated[StoreUser, sent("credentials", required=True, unknown="")]
    """Name of the store's user; another name is another user with its own keys."""

    bucket: Annotated[BucketName, sent("credentials", required=True, unknown="")]
    """The only bucket that the keys give access to."""

    owner: Annotated[FilledText, sent("credentials", required=True, unknown="")]
    """Owner, PROJECT/FLEET; a user of another owner is never changed."""

    prefix: Annotated[Prefix | None, sent("credentials")] = None
    """Prefix that the keys give access to, with a slash at its end. Default: the whole bucket."""

    used_in: Annotated[SecretPath | None, sent("credentials")] = None
    """NAMESPACE/SECRET; the key in its S3_ACCESS_KEY is in use and is not revoked while it is there."""

    generation: Annotated[Generation, sent("credentials")] = 1
    """Generation of the user, from 1 (the default)."""

    run_every: Annotated[Overlap | None, sent("credentials")] = None
    """Guaranteed interval of runs. Default: none."""

    keys_only: Annotated[Flag | None, sent("credentials")] = None
    """Another tool, such as pulumi-aws, creates the user and its policy."""

    incomplete: Annotated[Flag | None, sent("credentials")] = None
    """The user or its policy failed in this run: the step fails without changes."""

    released: Annotated[Flag | None, sent("credentials")] = None
    """No key is created or revoked, and the ownership annotation is removed."""


class AccessKeyTerms(BucketCredentials):
    """Lifetime and renewal of the keys: programs other than sessions may need no overlap."""

    rotate_before: Annotated[Overlap | None, sent("credentials")] = None
    """Renewal window: the first run within this time before expiry renews the access key. Default: 14d, or a quarter of
    a shorter lifetime.
    """

    overlap: Annotated[Overlap | None, sent("credentials")] = None
    """How long the old access key stays valid after a renewal. Default: half of rotateBefore."""


def problems(olds: Values, news: Values) -> list[Problem]:
    given = without_unknown(news)
    findings = input_findings("credentials", (CredentialInputs, AccessKeyTerms), given, news.keys() - given.keys())
    if not findings and known(news):
        findings += verdict_finding((), misfit(policy(news), WHAT))
    wrong = failures(findings) + life_missing(news)
    if news.get("released") and not olds:
        wrong.append(refusal("released: there is no access key yet that could be let go"))
    return wrong


def policy(values: Values) -> Policy:
    return policy_of(values, ACCESS_KEY_LIFE)


def account(values: Values) -> Account:
    return Account(values["user"], values["owner"], keys_only=bool(values.get("keysOnly")))


def rights(values: Values) -> Mapping[str, Any]:
    return access_policy(values["bucket"], values.get("prefix") or "")


def generation(values: Values) -> int:
    return int(values.get("generation") or 1)


COMPUTED: Final = ("accessKey", "secretKey", "current", "retiring", "nextAction", "reason")
"""Outputs that change when a key is minted."""

_OUTPUTS: Final = (*COMPUTED, "pendingRevocations", "foreign", "drift", "schemaVersion")


def record(
    state: TokenState, inputs: Values, before: Values, foreign: Sequence[str], drift: Mapping[str, str]
) -> dict[str, Any]:
    """Return the outputs for recorded keys; values that only minting changes are copied."""
    secret = before.get("secretKey")
    return {
        "accessKey": before.get("accessKey"),
        "secretKey": Secret(secret) if secret is not None else None,
        **rotation(state, policy(inputs)),
        "reason": before.get("reason"),
        "foreign": sorted(foreign),
        "drift": dict(drift),
    }


def kept(state: Values) -> dict[str, Any]:
    outputs = {name: state.get(name) for name in _OUTPUTS}
    if outputs["secretKey"] is not None:
        outputs["secretKey"] = Secret(outputs["secretKey"])
    return outputs


def unknown(reason: str | None, state: Values | None = None) -> dict[str, Any]:
    """Return the outputs of a preview that would mint a key: only the reason is known."""
    before = state or {}
    return {
        **dict.fromkeys(COMPUTED, UNKNOWN),
        "secretKey": Secret(UNKNOWN),
        "pendingRevocations": before.get("pendingRevocations") or [],
        "reason": reason,
        "foreign": before.get("foreign") or [],
        "drift": {},
        "schemaVersion": SCHEMA_VERSION,
    }


@dataclass(frozen=True, slots=True)
class Observed:
    state: TokenState
    """The recorded keys with their status."""
    all: tuple[LiveKey, ...] = ()
    """All existing keys, oldest first."""
    unrecorded: tuple[LiveKey, ...] = ()
    """Unrecorded keys of this tool, oldest first: from an interrupted run, or after a lost state."""
    foreign: tuple[str, ...] = ()
    """Ids of keys that were created by hand."""
    drift: Mapping[str, str] = field(default_factory=dict)
    """Differences from the declaration, by part."""


def recorded_ids(state: TokenState) -> list[str]:
    return [access_key.uid for access_key in state.token_secrets]


def observe(context: Context, values: Values, known: TokenState) -> Observed:
    existing = context.store.accounts.look(account(values), recorded_ids(known))
    there = {key.id: key for key in existing.keys} if existing else {}
    state = _with_fates(context, known, there, _USER_GONE if existing is None else None)
    ids = recorded_ids(known)
    unrecorded = tuple(key for key in there.values() if key.ours and key.id not in ids)
    foreign = tuple(key.id for key in there.values() if not key.ours)
    return Observed(state, tuple(there.values()), unrecorded, foreign, _drift(values, existing, unrecorded))


def _with_fates(context: Context, known: TokenState, there: Mapping[str, LiveKey], all_gone: str | None) -> TokenState:
    # Unlike a revoked token, a deactivated key can be activated again.
    def checked(access_key: TokenSecret) -> TokenSecret:
        why = _fate(context, access_key, there, all_gone)
        if why is None:
            return replace(access_key, dead=None, lapsed=False)
        lapsed = not all_gone and access_key.lapse(context.now) is not None
        return access_key if access_key.dead else access_key.killed(why, lapsed=lapsed)

    pending = [(access_key, checked(access_key)) for access_key in known.pending if access_key.uid in there]
    risen = [now for before, now in pending if before.dead and not now.dead]
    retiring = sorted(
        (*(checked(access_key) for access_key in known.retiring if access_key.uid in there), *risen),
        key=lambda access_key: access_key.issued_at,
    )
    return TokenState(
        checked(known.current) if known.current else None,
        tuple(access_key for access_key in retiring if not access_key.dead),
        # A deactivated key is useless, and takes one of two places.
        (
            *(before for before, now in pending if now not in risen),
            *(access_key for access_key in retiring if access_key.dead),
        ),
    )


def _fate(context: Context, access_key: TokenSecret, there: Mapping[str, LiveKey], all_gone: str | None) -> str | None:
    """Return why a key is invalid; None if it seems valid. IAM does not enforce a lifetime."""
    key = there.get(access_key.uid)
    if key and key.active:
        return None
    # A store with expiry has applied it.
    return all_gone or access_key.lapse(context.now) or ("it was deactivated" if key else "it was deleted")


def _drift(values: Values, existing: AccountState | None, unrecorded: tuple[LiveKey, ...]) -> dict[str, str]:
    if existing is None:
        return {"user": "removed"}
    drift = {}
    if existing.owner != values["owner"]:
        drift["owner"] = "changed" if existing.owner else "removed"
    if not values.get("keysOnly"):
        if not same_policy(existing.policy, rights(values)):
            drift["policy"] = "changed" if existing.policy else "removed"
        if existing.widened:
            drift["policies"] = f"added: {', '.join(existing.widened)}"
    if unrecorded:
        drift["keys"] = f"unrecorded: {', '.join(key.id for key in unrecorded)}"
    return drift


def in_use(context: Context, values: Values) -> str | None:
    """Return the id of the key in the sessions' Secret; None if unknown or missing."""
    used_in = values.get("usedIn")
    if not used_in:
        return None
    namespace, _, name = used_in.partition("/")
    secret = context.guard.cluster.get(core("namespaces", namespace, "secrets", name))
    return decoded(mapping(mapping(secret).get("data")).get(_VARIABLE))


def as_recorded(key: LiveKey, of_generation: int) -> TokenSecret:
    """Return an existing key as a token of the rules, shifted with the test clock like minted ones."""
    return TokenSecret(key.id, key.id, of_generation, key.issued_at + clock.offset())


@dataclass(frozen=True, slots=True)
class Minted:
    access_key: TokenSecret
    key: NewKey


def mint(context: Context, values: Values, requested: Policy) -> Minted:
    context.engine.require(context.urn)
    life = timedelta(seconds=requested.lifetime)
    moved = clock.offset()
    ends = None if requested.never else context.now - moved + life
    made = context.store.accounts.mint(account(values), rights(values), ends)
    issued = (made.issued_at + moved).replace(microsecond=0)
    end = None if requested.never else issued + life
    if made.expires_at is not None:
        end = made.expires_at + moved
    return Minted(TokenSecret(made.id, made.id, generation(values), issued, end), made)


def revoke(context: Context, values: Values, access_keys: Iterable[tuple[TokenSecret, str]]) -> tuple[TokenSecret, ...]:
    """Delete keys, and return those that failed: every run retries, and the step does not fail."""
    failed = []
    for access_key, reason in access_keys:
        try:
            context.store.accounts.revoke(account(values), access_key.uid)
        except StepError as error:
            failed.append(access_key)
            warning = f"could not revoke access key {access_key.uid} ({reason})"
            context.warn(LoudWarning.NOT_DONE, error.problem.within(warning, "deploy again"))
        else:
            context.note(f"revoked access key {access_key.uid}: {reason}")
    return tuple(failed)
