"""Minting: a token Secret, and a token that is bound to it.

The token itself is never stored in the namespace, where all sessions could read it (docs/internals/adr/0005).
"""

import base64
import secrets
import time
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from ambient_components import clock
from ambient_components.cluster.client import ApiError
from ambient_components.cluster.objects import Json, token_claims
from ambient_components.errors import StepError
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
from ambient_components.provider.protocol.resource import Context
from ambient_components.provider.tokens.properties import Identity
from ambient_components.provider.tokens.token_secrets import revoke
from ambient_components.rotation import TokenSecret
from ambient_components.rotation.state import format_time, parse_time
from ambient_components.rules.durations import format_seconds
from ambient_components.rules.lifetimes import Policy

_TOLERANCE: Final = 60
"""Maximum difference between clocks in seconds; a cluster's maximum lifetime differs by hours."""
_STATIC_SECONDS: Final = 30
_STATIC_SECRET: Final = "kubernetes.io/serviceaccount/secret.name"  # noqa: S105  # a claim
_STATIC_ACCOUNT: Final = "kubernetes.io/serviceaccount/service-account.uid"
_ACCOUNT_OF_TOKEN: Final = "kubernetes.io/service-account.name"  # noqa: S105  # an annotation
"""Kubernetes' annotation for the ServiceAccount of a static token."""


def mint(context: Context, identity: Identity, policy: Policy, account: str | None = None) -> tuple[TokenSecret, str]:
    """Create a token Secret and a token bound to it.

    Args:
        account: UID that the ServiceAccount must have; None skips the check.

    Raises:
        StepError: The engine does not run, or the cluster refuses. The token Secret is then deleted; if that fails, the
            next run finds and deletes it.
    """
    context.engine.require(context.urn)
    cluster = context.guard.cluster
    body = _body(identity, context.now, static=policy.static)
    try:
        made = cluster.create(identity.secrets_path, body)
    except ApiError as error:
        raise _explain(error, identity, "create the token Secret") from None
    uid = str(made["metadata"]["uid"])
    name = str(made["metadata"]["name"])
    # Both ends from the server's clock: the granted lifetime, independent of delays and of this machine's clock.
    # Shifted with the test clock, so that a shifted run sees the granted lifetime.
    issued = parse_time(made["metadata"]["creationTimestamp"]) + clock.offset()
    token_secret = TokenSecret(name, uid, identity.generation, issued)
    try:
        if policy.static:
            token = _static_token(context, identity, name)
        else:
            token, expires = _request_token(context, identity, policy, name, uid)
            token_secret = replace(token_secret, expires_at=expires + clock.offset())
        _require_account(identity, token, account)
        granted = token_secret.granted_seconds
        if granted is not None and (problem := _too_short(policy, granted)):
            raise StepError(problem)
    except BaseException:
        # Whatever the error: no token Secret is left unrecorded.
        revoke(context, identity, [(token_secret, "no token came of it")])
        raise
    return token_secret, token


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
    """Require that a token is for the expected account, which a workspace user may have replaced in between."""
    actual = account_uid(token)
    if expected and actual is not None and actual != expected:
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


def _explain(error: ApiError, identity: Identity, what: str) -> StepError:
    # Quotas and admission policies explain themselves.
    if error.lacks_right:
        return StepError(
            f"no right to {what} in {identity.namespace} ({error})", "give this right to the identity of the kubeconfig"
        )
    if error.status == 404:
        return StepError(
            f"can't {what}: {identity.namespace}/{identity.service_account} is not there ({error})",
            "if it was deleted by hand, run ambient up --refresh, which makes it again",
        )
    return StepError(f"can't {what} for {identity.path}: {error}")


# Claims of tokens, read without verification, to distinguish tokens.


def is_of(token: str | None, token_secret: TokenSecret) -> bool:
    claims = token_claims(token)
    return token_secret.name == claims.get(_STATIC_SECRET) or token_secret.uid == _bound(claims, "secret")


def account_uid(token: str | None) -> str | None:
    """Return the uid of a token's ServiceAccount; None if it has no such claim."""
    claims = token_claims(token)
    static = claims.get(_STATIC_ACCOUNT)
    return static if isinstance(static, str) else _bound(claims, "serviceaccount")


def _bound(claims: Json, kind: str) -> str | None:
    reported = claims.get("kubernetes.io")
    about = reported.get(kind) if isinstance(reported, dict) else None
    uid = about.get("uid") if isinstance(about, dict) else None
    return uid if isinstance(uid, str) else None
