"""Token Secrets and tokens in the cluster: mint, list, revoke.

A token Secret is an empty Secret that a token is bound to: deleting it revokes only that token, within ten seconds. The
token itself is never stored in the namespace, where all sessions could read it (docs/internals/adr/0005).
"""

import base64
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ambient_components import clock
from ambient_components.cluster import objects
from ambient_components.cluster.client import ApiError, core
from ambient_components.cluster.guard import WrongClusterError
from ambient_components.cluster.revocation import SECRET, end
from ambient_components.errors import Problem, StepError, problems_of
from ambient_components.platform.contract import (
    BOUND_OBJECT,
    BOUND_OBJECT_LABEL,
    ISSUED_AT_ANNOTATION,
    KEY_GENERATION_ANNOTATION,
    KEY_LABEL,
    OWNER_ANNOTATION,
    SERVICE_ACCOUNT_ANNOTATION,
)
from ambient_components.platform.naming import token_secret_name
from ambient_components.provider.protocol.resource import Context, Values
from ambient_components.provider.tokens.claims import account_uid
from ambient_components.rotation import TokenSecret
from ambient_components.rotation.state import format_time, parse_time, time_of
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import Policy
from ambient_components.rules.warnings import LoudWarning, WarningRule

_TRIES: Final = 3
_TOLERANCE: Final = 60
"""Maximum difference between clocks in seconds; a cluster's maximum lifetime differs by hours."""
_STATIC_SECONDS: Final = 30
_REMOVED: Final = "the key is removed"
_ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105  # an annotation
"""Kubernetes' annotation for the ServiceAccount of a static token."""


@dataclass(frozen=True, slots=True)
class Identity:
    """A key's ServiceAccount, with the owner that its token Secrets must have."""

    namespace: str
    service_account: str
    key: str
    generation: int
    owner: str

    @classmethod
    def of(cls, values: Values) -> "Identity":
        """Read the identity from an AccessToken's inputs or state."""
        return cls(
            values["namespace"],
            values["serviceAccount"],
            values["key"],
            int(values.get("generation") or 1),
            values["owner"],
        )

    @property
    def path(self) -> str:
        """Id of the resource: NAMESPACE/SERVICEACCOUNT."""
        return f"{self.namespace}/{self.service_account}"

    @property
    def namespace_path(self) -> str:
        """API path of the namespace."""
        return core("namespaces", self.namespace)

    @property
    def account_path(self) -> str:
        """API path of the ServiceAccount."""
        return core("namespaces", self.namespace, "serviceaccounts", self.service_account)

    @property
    def secrets_path(self) -> str:
        """API path of the namespace's Secrets."""
        return core("namespaces", self.namespace, "secrets")


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token that is not yet recorded."""

    token_secret: TokenSecret
    token: str
    granted_seconds: int | None
    """Granted lifetime; None if the token does not expire."""

    def __repr__(self) -> str:
        return f"Minted({self.token_secret!r})"


def service_account_uid(context: Context, identity: Identity) -> str | None:
    """Return the uid of the ServiceAccount; None if it does not exist."""
    account = context.guard.cluster.get(identity.account_path)
    return str(account["metadata"]["uid"]) if account else None


def owned(context: Context, identity: Identity) -> tuple[TokenSecret, ...]:
    """Return the token Secrets of this identity in the cluster, oldest first.

    Workspace users who can create Secrets can forge one in every field. Token Secrets of another owner are skipped with
    a warning, and none ever fails a step.
    """
    selector = f"{BOUND_OBJECT_LABEL}={BOUND_OBJECT},{KEY_LABEL}={identity.key}"
    token_secrets, foreign = [], []
    for item in context.guard.cluster.list(identity.secrets_path, selector):
        notes, name = objects.annotations(item), objects.name(item)
        if notes.get(SERVICE_ACCOUNT_ANNOTATION) != identity.service_account or not name:
            continue
        # One without an owner was released and adopted with its namespace.
        if notes.get(OWNER_ANNOTATION) not in (identity.owner, None):
            foreign.append(f"{name} (of {notes[OWNER_ANNOTATION]})")
        else:
            token_secrets.append(_found(item))
    if foreign:
        context.warn(
            WarningRule.FOREIGN_TOKENS,
            f"{identity.path}: Secrets that look like tokens of this key are not this stack's, and are not touched: "
            f"{objects.listing(foreign)}. If another stack declares the key, take it out of one of them",
        )
    return tuple(sorted(token_secrets, key=lambda token_secret: (token_secret.issued_at, token_secret.name)))


def set_owner(context: Context, identity: Identity) -> tuple[TokenSecret, ...]:
    """Put the ownership annotation on the identity's token Secrets that have none, and return all of them."""
    token_secrets = owned(context, identity)
    for token_secret in token_secrets:
        _note_owner(context, identity, token_secret, identity.owner)
    return token_secrets


def clear_owner(context: Context, identity: Identity) -> None:
    """Remove the ownership annotation from the identity's token Secrets; the tokens stay valid for the next owner."""
    for token_secret in owned(context, identity):
        _note_owner(context, identity, token_secret, None)


def _note_owner(context: Context, identity: Identity, token_secret: TokenSecret, owner: str | None) -> None:
    path = f"{identity.secrets_path}/{token_secret.name}"
    body = {"metadata": {"uid": token_secret.uid, "annotations": {OWNER_ANNOTATION: owner}}}
    try:
        context.guard.cluster.patch(path, body)
    except ApiError as error:
        # Deleted or replaced since, so it is no longer this token's Secret.
        if error.status not in (404, 409):
            raise


def mint(context: Context, identity: Identity, policy: Policy, account: str | None = None) -> Minted:
    """Create a token Secret and a token bound to it.

    Args:
        context: Context of the step.
        identity: The key's ServiceAccount.
        policy: Policy of the token.
        account: UID that the ServiceAccount must have; None skips the check.

    Raises:
        StepError: The engine does not run, or the cluster refuses. The token Secret is then deleted; if that fails, the
            next run finds and deletes it.
    """
    context.engine.require(context.urn)
    cluster = context.guard.cluster
    issued = context.now
    body = _body(identity, issued, static=policy.static)
    try:
        made = cluster.create(identity.secrets_path, body)
    except ApiError as error:
        raise _explain(error, identity, "create the token Secret") from None
    uid = str(made["metadata"]["uid"])
    name = str(made["metadata"]["name"])
    token_secret = TokenSecret(name, uid, identity.generation, issued)
    # Both ends from the server's clock: the granted lifetime, independent of delays and of this machine's clock.
    made_at = parse_time(made["metadata"]["creationTimestamp"])
    # Shifted with the test clock, so that a shifted run sees the granted lifetime.
    token_secret = replace(token_secret, issued_at=made_at + clock.offset())
    try:
        if policy.static:
            token = _static_token(context, identity, name)
            _require_account(identity, token, account)
            return Minted(token_secret, token, None)
        token, expires = _request_token(context, identity, policy, name, uid)
        _require_account(identity, token, account)
        granted = round((expires - made_at).total_seconds())
        if problem := _too_short(policy, granted):
            raise StepError(problem)
    except BaseException:
        # Whatever the error: no token Secret is left unrecorded.
        revoke(context, identity, [(token_secret, "no token came of it")])
        raise
    return Minted(replace(token_secret, expires_at=expires + clock.offset()), token, granted)


def _request_token(
    context: Context, identity: Identity, policy: Policy, token_secret: str, uid: str
) -> tuple[str, datetime]:
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {
            "expirationSeconds": policy.lifetime,
            "boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": token_secret, "uid": uid},
        },
    }
    try:
        answer = context.guard.cluster.create(f"{identity.account_path}/token", request)
    except ApiError as error:
        raise _explain(error, identity, "mint a token") from None
    try:
        return str(answer["status"]["token"]), parse_time(answer["status"]["expirationTimestamp"])
    except (KeyError, TypeError, ValueError):
        msg = f"can't mint a token for {identity.path}: the answer holds none, or no expiry"
        raise StepError(msg) from None


def _static_token(context: Context, identity: Identity, name: str) -> str:
    """Return the token that Kubernetes' token controller writes into a Secret of this type."""
    deadline = time.monotonic() + _STATIC_SECONDS
    while time.monotonic() < deadline:
        secret = context.guard.cluster.get(f"{identity.secrets_path}/{name}")
        if secret is None:
            msg = f"can't mint a token for {identity.path}: its Secret vanished"
            raise StepError(msg, "check whether its ServiceAccount is there")
        if token := (secret.get("data") or {}).get("token"):
            return base64.b64decode(token).decode()
        time.sleep(0.2)
    msg = f"can't mint a token for {identity.path}: no token came into its Secret within {_STATIC_SECONDS} s"
    raise StepError(msg, "check whether the cluster's token controller runs")


def _require_account(identity: Identity, token: str, expected: str | None) -> None:
    """Require that a token is for the expected account, which a workspace user may have replaced between two requests.

    Raises:
        StepError: The token is for another account of that name.
    """
    found = account_uid(token)
    if expected and found is not None and found != expected:
        msg = f"ServiceAccount {identity.path} was replaced during this run: its token is revoked. Run again"
        raise StepError(msg)


def in_words(granted: int) -> str:
    """Return a granted lifetime to the minute: it may be a second off, since the server creates two objects for it."""
    return format_seconds(round(granted / 60) * 60 or granted)


def _too_short(policy: Policy, granted: int) -> str | None:
    """Return why a granted lifetime is too short; None if it is not. Clocks may differ by seconds."""
    if granted >= policy.lifetime - _TOLERANCE or (not policy.never and policy.fits(granted)):
        return None
    most = in_words(granted)
    if policy.never:
        return (
            f"the cluster caps the life of tokens: it granted {most} where one without an end was asked. Write a "
            f"lifetime up to {most}, and maxTokenLifetime: {most} in the stack's config, so that it is refused before "
            "a run"
        )
    return (
        f"the cluster caps the life of tokens: it granted {most} where {format_seconds(policy.lifetime)} were asked, "
        f"too short for the renewal window of {format_seconds(policy.rotate_before)} and what goes with it. Write "
        f"lifetime: {most} or less, with a rotateBefore that fits it, and maxTokenLifetime: {most} in the stack's "
        "config, so that it is refused before a run"
    )


def revoke(
    context: Context, identity: Identity, token_secrets: Iterable[tuple[TokenSecret, str]], tries: int = _TRIES
) -> tuple[TokenSecret, ...]:
    """Delete token Secrets, and return those that failed: every run retries, and the step does not fail."""
    failed = []
    for token_secret, why in token_secrets:
        problem = _revoke(context, identity, token_secret, tries)
        if problem is None:
            context.note(f"revoked {token_secret.name}: {why}")
        else:
            failed.append(token_secret)
            failure = problem.within(f"could not revoke {token_secret.name} ({why})", "run pulumi up again")
            context.warn(LoudWarning.NOT_DONE, failure)
    return tuple(failed)


def _revoke(context: Context, identity: Identity, token_secret: TokenSecret, tries: int) -> Problem | None:
    last: Problem | None = None
    for attempt in range(tries):
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


def delete_all(context: Context, identity: Identity, recorded: Iterable[TokenSecret]) -> None:
    """Revoke all tokens of an identity, recorded ones first; failures are warnings.

    Raises:
        WrongClusterError: This is another cluster; the key stays recorded.
    """
    known = {token_secret.uid: token_secret for token_secret in recorded}
    failed = revoke(context, identity, [(token_secret, _REMOVED) for token_secret in known.values()])
    try:
        others = [token_secret for token_secret in owned(context, identity) if token_secret.uid not in known]
    except WrongClusterError:
        # Not a failed revocation: this is not the stack's cluster, and objects of the same name are foreign.
        raise
    except StepError as error:
        others = []
        context.warn(LoudWarning.NOT_CHECKED, error.problem.within("could not look for further tokens of this key"))
    if revoke(context, identity, [(token_secret, _REMOVED) for token_secret in others]) or failed:
        follows = "the deletion of the key's ServiceAccount, which follows, ends these tokens too"
        context.warn(LoudWarning.NOT_DONE, follows)


def _body(identity: Identity, issued: datetime, *, static: bool) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token" if static else "Opaque",
        "metadata": {
            # Random instead of a counter: after an interruption the next number is unknown.
            "name": token_secret_name(identity.service_account, secrets.token_hex(4)),
            "labels": {BOUND_OBJECT_LABEL: BOUND_OBJECT, KEY_LABEL: identity.key},
            "annotations": {
                OWNER_ANNOTATION: identity.owner,
                KEY_GENERATION_ANNOTATION: str(identity.generation),
                SERVICE_ACCOUNT_ANNOTATION: identity.service_account,
                ISSUED_AT_ANNOTATION: format_time(issued),
                **({_ACCOUNT_OF_TOKEN: identity.service_account} if static else {}),
            },
        },
    }


def _found(item: dict[str, Any]) -> TokenSecret:
    # Annotations can be forged; a token Secret with invalid ones must still be deleted.
    noted = objects.annotations(item).get(ISSUED_AT_ANNOTATION)
    made = objects.metadata(item).get("creationTimestamp")
    issued = time_of(noted) or time_of(made) or datetime.fromtimestamp(0, UTC)
    generation = objects.generation(item) or 1
    return TokenSecret(objects.name(item), objects.uid(item), generation, issued)


def _explain(error: ApiError, identity: Identity, what: str) -> StepError:
    # Quotas and admission policies explain themselves.
    if error.lacks_right:
        return StepError(
            f"no right to {what} in {identity.namespace} ({error})", "give this right to the identity of the kubeconfig"
        )
    if error.status == 404:
        return StepError(
            f"can't {what}: {identity.namespace}/{identity.service_account} is not there ({error})",
            "if it was deleted by hand, run pulumi refresh, and then pulumi up, which makes it again",
        )
    return StepError(f"can't {what} for {identity.path}: {error}")
