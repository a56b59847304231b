"""Messages for errors of MinIO's admin API: what is wrong, and what to do. Never a secret.

Codes and their statuses: MinIO's ``cmd/api-errors.go`` and ``cmd/admin-handler-utils.go``.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ambient_components.errors import StepError
from ambient_components.provider.store import errors
from ambient_components.provider.store.errors import LostError, UnreachedError
from ambient_components.rotation.state import format_time

ADDRESS: Final = "iamEndpoint (or endpoint) of the stack's objectStore"
"""Setting with the address of the store."""
_GONE: Final = {"XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy", "XMinioInvalidIAMCredentials"}
"""Codes with status 404 for a missing user, policy or key."""
_OF_S3: Final = {"BadRequest", "InvalidBucketName", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NotImplemented"}
"""Codes of a store without this API, which reads the path as a bucket named minio."""
_PASSING: Final = (502, 503, 504)
"""Statuses of a proxy when its store is down; the store may have executed the request."""
_SHOWN: Final = 200
"""Maximum characters of a store's own message."""
_AGAIN: Final = "run pulumi up again when it is well"


class RefusedError(errors.RefusedError):
    """The store refused, and did nothing. The code is MinIO's or S3's."""

    @property
    def gone(self) -> bool:
        """Whether the requested object does not exist."""
        return self.status == 404 and self.code in _GONE


@dataclass(frozen=True, slots=True)
class Request:
    host: str
    key: str
    """Access key id of the admin; not a secret."""
    right: str
    """The right that an admin needs for it, by MinIO's name."""
    now: datetime
    """Time of the store's clock."""
    hide: tuple[str, ...]
    """Secrets to remove from the store's messages."""


def refused(request: Request, status: int, body: str) -> StepError:
    """Return the error for an unsuccessful response."""
    code, message = _parsed(body, request.hide)
    if status < 500:
        return RefusedError(
            f"the store at {request.host} {_reason(request, status, code, message, body)}", status, code
        )
    if code in _OF_S3 or (not code and status not in _PASSING):
        return LostError(f"the store at {request.host} {_not_minio(f' ({code or status})')}")
    return LostError(f"the store at {request.host} can't do it now ({code or status}{message})", _AGAIN)


def _reason(request: Request, status: int, code: str, message: str, body: str) -> str:
    admin = f"the admin's access key {request.key}"
    config = "of the stack's objectStore"
    match code:
        case "InvalidAccessKeyId":
            return f"does not know {admin}, or it is disabled or over: check accessKey {config}{message}"
        case "SignatureDoesNotMatch":
            return f"refuses the secret key of {admin}: check secretKey {config}"
        case "AccessDenied":
            return f"does not let {admin} do this: it needs the right {request.right}, which consoleAdmin has"
        case "RequestTimeTooSkewed":
            times = f"{format_time(request.now)}, and this machine's {format_time(datetime.now(UTC))}"
            return f"refuses every request, as its clock says {times}: set the one that is wrong"
        case "AuthorizationHeaderMalformed" | "InvalidRegion":
            return f"is in another region: check region {config}{message}"
        case "XMinioIAMActionNotAllowed":
            return (
                "allows no new users, as MinIO does where they come from LDAP: have the bucket's credentials made "
                "there, and give them by driver: existing"
            )
        case "XMinioIAMPolicyInUse":
            return "keeps the policy, as another user or group has it: detach it (mc admin policy detach)"
        case "XMinioAdminVersionMismatch":
            return f"speaks another version of MinIO's admin API than v3{message}"
        case "" if "HTTP request to an HTTPS server" in body:
            return f"speaks TLS: say https:// in {ADDRESS}"
        case "" if 300 <= status < 400:
            return f"sends requests elsewhere ({status}), where a signed one can't follow: check {ADDRESS}"
    return (
        _not_minio(f" ({code or status})") if not code or code in _OF_S3 else f"refuses it ({status}, {code}{message})"
    )


def unanswered(host: str, error: Exception) -> StepError:
    """Return the error for a request without a response, from urllib3's exception."""
    from urllib3.exceptions import ConnectTimeoutError, LocationValueError, ProxyError, SSLError  # noqa: PLC0415

    cause = getattr(error, "reason", None) or error
    if isinstance(cause, SSLError):
        if re.search(r"WRONG_VERSION|RECORD_LAYER|record layer|UNKNOWN_PROTOCOL", str(cause)):
            return UnreachedError(f"the store at {host} speaks no TLS: say http:// in {ADDRESS}, if that is meant")
        message = re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(cause.args[0] if cause.args else cause))
        return UnreachedError(
            f"the store at {host} can't be trusted ({message}): give its authority's certificate by SSL_CERT_FILE, "
            f"or check {ADDRESS}"
        )
    if isinstance(cause, ProxyError):
        return UnreachedError(
            f"no way to the store at {host} by the proxy of the environment: check HTTPS_PROXY and NO_PROXY"
        )
    if not isinstance(cause, ConnectTimeoutError | LocationValueError):
        return LostError(f"the store at {host} gave no answer ({type(cause).__name__})", _AGAIN)
    return UnreachedError(f"the store at {host} can't be reached ({_plain(cause)}): check {ADDRESS}")


def unreadable(host: str, error: Exception) -> LostError:
    """Return the error for a successful response that cannot be read."""
    if "AEAD ID" in str(error):
        return LostError(
            f"the store at {host} encrypts its answers as a MinIO in FIPS mode does, which the minio package can't read"
        )
    return LostError(f"the store at {host} {_not_minio('')}")


def _not_minio(what: str) -> str:
    return (
        f"does not answer as MinIO's admin API does{what}: check {ADDRESS}, which wants the API's address and not the "
        "console's, or say credentials: iam if the store is no MinIO"
    )


def _plain(cause: Exception) -> str:
    """Return urllib3's message without the repr of objects at its start."""
    return re.sub(r"^[^:]*(Connection|Pool)[^:]*: ", "", str(cause))


def _parsed(body: str, hide: tuple[str, ...]) -> tuple[str, str]:
    """Return the code, and the message as an addition; from JSON, or from XML for early errors."""
    try:
        answer = json.loads(body)
        code, message = str(answer["Code"]), str(answer.get("Message") or "")
    except (ValueError, TypeError, KeyError, AttributeError):
        code, message = _element("Code", body), _element("Message", body)
    if not re.fullmatch(r"[A-Za-z0-9]{1,80}", code):
        return "", ""
    for secret in filter(None, hide):
        message = message.replace(secret, "…")
    message = " ".join(message.split())[:_SHOWN]
    return code, f": {message}" if message.isprintable() and message else ""


def _element(name: str, body: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", body)
    return found[1] if found else ""
