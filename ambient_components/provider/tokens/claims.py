"""Claims of Kubernetes tokens: read without verification, to distinguish tokens."""

import base64
import binascii
import json
from typing import Any, Final

from ambient_components.rotation import TokenSecret

_STATIC_SECRET: Final = "kubernetes.io/serviceaccount/secret.name"  # noqa: S105  # a claim
_STATIC_ACCOUNT: Final = "kubernetes.io/serviceaccount/service-account.uid"


def is_of(token: str | None, token_secret: TokenSecret) -> bool:
    """Return whether a token is the one that is bound to this token Secret."""
    claims = _claims(token)
    return token_secret.name == claims.get(_STATIC_SECRET) or token_secret.uid == _bound(claims, "secret")


def account_uid(token: str | None) -> str | None:
    """Return the uid of a token's ServiceAccount; None if it has no such claim."""
    claims = _claims(token)
    static = claims.get(_STATIC_ACCOUNT)
    return static if isinstance(static, str) else _bound(claims, "serviceaccount")


def _bound(claims: dict[str, Any], kind: str) -> str | None:
    reported = claims.get("kubernetes.io")
    about = reported.get(kind) if isinstance(reported, dict) else None
    uid = about.get("uid") if isinstance(about, dict) else None
    return uid if isinstance(uid, str) else None


def _claims(token: str | None) -> dict[str, Any]:
    try:
        payload = (token or "").split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError, RecursionError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}
