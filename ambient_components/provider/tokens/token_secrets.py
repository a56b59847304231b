"""Token Secrets in the cluster: list and revoke.

A token Secret is an empty Secret that a token is bound to: deleting it revokes only that token, within ten seconds.

Workspace users who can create Secrets can forge token Secrets, in any number and of any size. So a run reads only their
metadata, and what it does with those that no state records is bounded.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from ambient_components.cluster import objects
from ambient_components.cluster.client import ApiError
from ambient_components.cluster.guard import WrongClusterError
from ambient_components.cluster.parallel import in_parallel
from ambient_components.cluster.revocation import SECRET, end
from ambient_components.errors import Problem, StepError, problems_of
from ambient_components.platform.contract import (
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    ISSUED_AT_ANNOTATION,
    KEY_LABEL,
    LAST_USED_AT_ANNOTATION,
    OWNER_ANNOTATION,
    SERVICE_ACCOUNT_ANNOTATION,
)
from ambient_components.provider.protocol.resource import Context, served_objects
from ambient_components.provider.tokens.properties import Identity
from ambient_components.rotation import TokenSecret, TokenState
from ambient_components.rotation.machine import was_quiet
from ambient_components.rotation.state import NO_TIME, format_time, time_of
from ambient_components.rules.warnings import LoudWarning, WarningRule

_TRIES: Final = 3
_REMOVED: Final = "the key is removed"

MOST: Final = 100
"""Unrecorded token Secrets of one identity that a run takes over or ends."""


def service_account_uid(context: Context, identity: Identity) -> str | None:
    account = context.guard.cluster.get(identity.account_path)
    return str(account["metadata"]["uid"]) if account else None


def still_used(context: Context, identity: Identity) -> str | None:
    """Return why the use of the next generation does not end the tokens of this one: its mark of use as of now.

    The program decides by the marks that the last refresh recorded, after which a user may have gone back.
    """
    mark = objects.annotations(context.guard.cluster.get(identity.account_path)).get(LAST_USED_AT_ANNOTATION)
    if was_quiet(identity.successor_used, mark):
        return None
    before = time_of(mark)
    return f"the platform saw their use on {format_time(before)}" if before else "the platform noted no use of them"


@dataclass(frozen=True, slots=True)
class Existing:
    recorded: tuple[TokenSecret, ...] = ()
    """Those that the state records."""
    unrecorded: tuple[TokenSecret, ...] = ()
    """Those that no state records, oldest first; at most `MOST`, together with pending revocations."""
    others: int = 0
    """Number of further ones that no state records."""


def existing(context: Context, identity: Identity, known: TokenState) -> Existing:
    """Return the token Secrets of this identity in the cluster.

    Token Secrets of another owner are skipped with a warning, and none ever fails a step. If there are too many, the
    API server's time of creation decides: no user can put a new one before an older one, so each has its turn.
    """
    by_uid = {token_secret.uid: token_secret for token_secret in known.token_secrets}
    most = max(0, MOST - len(known.pending))
    recorded, oldest, count = list[TokenSecret](), list[tuple[str, str, TokenSecret]](), 0
    for item in _owned(context, identity):
        token_secret = _found(item)
        if token_secret.uid in by_uid:
            recorded.append(by_uid[token_secret.uid])
            continue
        count += 1
        oldest.append((objects.text_at(item, "metadata", "creationTimestamp"), token_secret.name, token_secret))
        if len(oldest) > 2 * MOST:
            oldest = sorted(oldest)[:most]
    first = (secret for _, _, secret in sorted(oldest)[:most])
    kept = sorted(first, key=lambda secret: (secret.issued_at, secret.name))
    return Existing(tuple(recorded), tuple(kept), count - len(kept))


def _owned(context: Context, identity: Identity) -> Iterator[dict[str, Any]]:
    """Yield the metadata of the identity's token Secrets, except those of another owner."""
    selector = f"{BOUND_OBJECT_LABEL}={BOUND_OBJECT},{KEY_LABEL}={identity.key}"
    foreign, count = list[str](), 0
    for item in served_objects(context, identity.secrets_path, selector, metadata=True):
        notes = objects.annotations(item)
        if notes.get(SERVICE_ACCOUNT_ANNOTATION) != identity.service_account:
            continue
        # One without an owner was released and adopted with its namespace.
        if notes.get(OWNER_ANNOTATION) in (identity.owner, None):
            yield item
            continue
        count += 1
        if len(foreign) < objects.SHOWN:
            foreign.append(f"{objects.name(item)} (of {objects.short(notes[OWNER_ANNOTATION])})")
    if foreign:
        context.warn(
            WarningRule.FOREIGN_TOKENS,
            f"{identity.path}: Secrets that look like tokens of this key are not this stack's, and are not touched: "
            f"{objects.listing(foreign, count)}. If another stack declares the key, take it out of one of them",
        )


def _found(item: dict[str, Any]) -> TokenSecret:
    # Annotations can be forged; a token Secret with invalid ones must still be deleted.
    noted = objects.annotations(item).get(ISSUED_AT_ANNOTATION)
    made = objects.metadata(item).get("creationTimestamp")
    issued = time_of(noted) or time_of(made) or NO_TIME
    generation = objects.generation(item) or 1
    return TokenSecret(objects.name(item), objects.uid(item), generation, issued)


def warn_of_others(context: Context, identity: Identity, there: Existing) -> None:
    """Warn of unrecorded token Secrets that this run leaves to later runs."""
    if there.others:
        context.warn(
            LoudWarning.UNRECORDED_TOKENS,
            f"{identity.path}: no state has {there.others} more Secrets that look like tokens of this key. They stay "
            f"for now: a run ends at most {MOST} of them, the oldest first",
            f"find who makes them: kubectl get secrets -n {identity.namespace} -l {KEY_LABEL}={identity.key} -o yaml "
            "--show-managed-fields",
            "run ambient up --refresh until this warning is gone",
        )


def set_owner(context: Context, identity: Identity, known: TokenState, owner: str | None) -> Existing:
    """Set the ownership annotation of the identity's token Secrets, and return them.

    Args:
        owner: None removes the annotation; the tokens stay valid for the next owner.
    """
    there = existing(context, identity, known)
    warn_of_others(context, identity, there)
    ours = (*there.recorded, *there.unrecorded)
    in_parallel(lambda token_secret: _note_owner(context, identity, token_secret, owner), ours)
    return there


def _note_owner(context: Context, identity: Identity, token_secret: TokenSecret, owner: str | None) -> None:
    path = f"{identity.secrets_path}/{token_secret.name}"
    body = {"metadata": {"uid": token_secret.uid, "annotations": {OWNER_ANNOTATION: owner}}}
    try:
        context.guard.cluster.patch(path, body, metadata=True)
    except ApiError as error:
        # Deleted or replaced since, so it is no longer this token's Secret.
        if error.status not in (404, 409):
            raise


def revoke(
    context: Context, identity: Identity, token_secrets: Iterable[tuple[TokenSecret, str]]
) -> tuple[TokenSecret, ...]:
    """Delete token Secrets, and return those that failed: every run retries, and the step does not fail.

    One note and one warning are about all of the same reason.
    """
    todo = [*token_secrets]
    problems = in_parallel(lambda ending: _revoke(context, identity, ending[0]), todo)
    done = dict[str, list[str]]()
    failed = dict[str, list[tuple[TokenSecret, Problem]]]()
    for (token_secret, why), problem in zip(todo, problems, strict=True):
        if problem is None:
            done.setdefault(why, []).append(token_secret.name)
        else:
            failed.setdefault(why, []).append((token_secret, problem))
    for why, names in done.items():
        context.note(f"revoked {objects.listing(names)}: {why}")
    for why, failures in failed.items():
        what = f"could not revoke {objects.listing([ending.name for ending, _ in failures])} ({why})"
        context.warn(LoudWarning.NOT_DONE, failures[0][1].within(what, "deploy again"))
    return tuple(token_secret for failures in failed.values() for token_secret, _ in failures)


def _revoke(context: Context, identity: Identity, token_secret: TokenSecret) -> Problem | None:
    last: Problem | None = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(0.2 * 2**attempt)
        try:
            end(context.guard.cluster, SECRET, identity.namespace, token_secret.name, token_secret.uid)
        except WrongClusterError:
            raise
        except Exception as error:  # whatever the error, the newly minted token must be recorded
            last = problems_of(error)[0]
        else:
            return None
    return last


def delete_all(context: Context, identity: Identity, known: TokenState) -> None:
    """Revoke all tokens of an identity, recorded ones first; failures are warnings.

    Raises:
        WrongClusterError: This is another cluster; the key stays recorded.
    """
    recorded = {token_secret.uid: token_secret for token_secret in known.token_secrets}
    failed = revoke(context, identity, [(token_secret, _REMOVED) for token_secret in recorded.values()])
    there = Existing()
    try:
        there = existing(context, identity, known)
    except WrongClusterError:
        # Not a failed revocation: this is not the stack's cluster, and objects of the same name are foreign.
        raise
    except StepError as error:
        context.warn(LoudWarning.NOT_CHECKED, error.problem.within("could not look for further tokens of this key"))
    failed += revoke(context, identity, [(token_secret, _REMOVED) for token_secret in there.unrecorded])
    follows = "the deletion of the key's ServiceAccount, which follows, ends these tokens too"
    if failed:
        context.warn(LoudWarning.NOT_DONE, follows)
    if there.others:
        context.warn(
            LoudWarning.UNRECORDED_TOKENS,
            f"{identity.path}: {there.others} more Secrets that look like tokens of this key stay: {follows}",
            f"delete them: kubectl delete secrets -n {identity.namespace} -l {KEY_LABEL}={identity.key}",
        )
