"""What MinIO's admin API says no with, as text that a person can act on: what is wrong, and what to do. Never a secret.

Codes and the statuses they come with: MinIO's ``cmd/api-errors.go`` and ``cmd/admin-handler-utils.go``.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from ambient_components.failure import StepError
from ambient_components.keys.state import format_time
from ambient_components.provider.store import errors
from ambient_components.provider.store.errors import LostError, UnreachedError

ADDRESS: Final = "iamEndpoint (or endpoint) of the stack's objectStore"
"""Where the address of the store is written down."""
_GONE: Final = {"XMinioAdminNoSuchUser", "XMinioAdminNoSuchPolicy", "XMinioInvalidIAMCredentials"}
"""Beside status 404: there is no such user, policy or key."""
_OF_S3: Final = {"BadRequest", "InvalidBucketName", "MethodNotAllowed", "NoSuchBucket", "NoSuchKey", "NotImplemented"}
"""What a store that knows no admin API says: it takes the path for a bucket called minio."""
_PASSING: Final = (502, 503, 504)
"""Said by what stands before a store that is down; the store may have done what was asked for all the same."""
_SHOWN: Final = 200
"""Characters of a store's own words: it could say anything."""
_AGAIN: Final = "; run pulumi up again when it is well"


class RefusedError(errors.RefusedError):
    """The store said no, and did nothing. The code: MinIO's or S3's own."""

    @property
    def gone(self) -> bool:
        """Whether what was asked for is not there."""
        return self.status == 404 and self.code in _GONE


@dataclass(frozen=True, slots=True)
class Asked:
    """A request, for the text about it."""

    host: str
    key: str
    """The admin's access key id: a name."""
    right: str
    """What an admin needs for it, in MinIO's words."""
    now: datetime
    """The store's clock."""
    hide: tuple[str, ...]
    """Secrets, should the store repeat one."""


def refused(asked: Asked, status: int, body: str) -> StepError:
    """The error for an answer other than success."""
    code, said = _parsed(body, asked.hide)
    if status < 500:
        return RefusedError(f"the store at {asked.host} {_reason(asked, status, code, said, body)}", status, code)
    if code in _OF_S3 or (not code and status not in _PASSING):
        return LostError(f"the store at {asked.host} {_not_minio(f' ({code or status})')}")
    return LostError(f"the store at {asked.host} can't do it now ({code or status}{said}){_AGAIN}")


def _reason(asked: Asked, status: int, code: str, said: str, body: str) -> str:
    admin = f"the admin's access key {asked.key}"
    config = "of the stack's objectStore"
    match code:
        case "InvalidAccessKeyId":
            return f"does not know {admin}, or it is disabled or over: check accessKey {config}{said}"
        case "SignatureDoesNotMatch":
            return f"refuses the secret key of {admin}: check secretKey {config}"
        case "AccessDenied":
            return (
                f"does not let {admin} do this: it needs the right {asked.right}; MinIO's policy consoleAdmin has all"
            )
        case "RequestTimeTooSkewed":
            times = f"{format_time(asked.now)}, and this machine's {format_time(datetime.now(UTC))}"
            return f"refuses every request, as its clock says {times}: set the one that is wrong"
        case "AuthorizationHeaderMalformed" | "InvalidRegion":
            return f"is in another region: check region {config}{said}"
        case "XMinioIAMActionNotAllowed":
            return (
                "lets nobody make users, as MinIO does where they come from LDAP: have the bucket's credentials made "
                "there, and give them by driver: existing"
            )
        case "XMinioIAMPolicyInUse":
            return "keeps the policy, as somebody gave it to another user or group: detach it (mc admin policy detach)"
        case "XMinioAdminVersionMismatch":
            return f"speaks another version of MinIO's admin API than v3{said}"
        case "" if "HTTP request to an HTTPS server" in body:
            return f"speaks TLS: say https:// in {ADDRESS}"
        case "" if 300 <= status < 400:
            return f"sends requests elsewhere ({status}), where a signed one can't follow: check {ADDRESS}"
    return _not_minio(f" ({code or status})") if not code or code in _OF_S3 else f"refuses it ({status}, {code}{said})"


def unanswered(host: str, error: Exception) -> StepError:
    """The error for a request that got no answer, from urllib3's."""
    from urllib3.exceptions import ConnectTimeoutError, LocationValueError, ProxyError, SSLError  # noqa: PLC0415

    cause = getattr(error, "reason", None) or error
    if isinstance(cause, SSLError):
        if re.search(r"WRONG_VERSION|RECORD_LAYER|record layer|UNKNOWN_PROTOCOL", str(cause)):
            return UnreachedError(f"the store at {host} speaks no TLS: say http:// in {ADDRESS}, if that is meant")
        said = re.sub(r"\s*\(_ssl\.c:\d+\)", "", str(cause.args[0] if cause.args else cause))
        return UnreachedError(
            f"the store at {host} can't be trusted ({said}): give its authority's certificate by SSL_CERT_FILE, "
            f"or check {ADDRESS}"
        )
    if isinstance(cause, ProxyError):
        return UnreachedError(
            f"no way to the store at {host} by the proxy of the environment: check HTTPS_PROXY and NO_PROXY"
        )
    if not isinstance(cause, ConnectTimeoutError | LocationValueError):
        return LostError(f"the store at {host} gave no answer ({type(cause).__name__}){_AGAIN}")
    return UnreachedError(f"the store at {host} can't be reached ({_plain(cause)}): check {ADDRESS}")


def unreadable(host: str, error: Exception) -> LostError:
    """The error for an answer of success that can't be read."""
    if "AEAD ID" in str(error):
        return LostError(
            f"the store at {host} encrypts its answers as a MinIO in FIPS mode does, which the minio package can't read"
        )
    return LostError(f"the store at {host} {_not_minio('')}")


def _not_minio(what: str) -> str:
    return (
        f"does not answer as MinIO's admin API does{what}: check {ADDRESS}, which wants the API's address and not the "
        "console's; if the store is no MinIO, say credentials: iam"
    )


def _plain(cause: Exception) -> str:
    """Urllib3's words without the repr of its objects before them."""
    return re.sub(r"^[^:]*(Connection|Pool)[^:]*: ", "", str(cause))


def _parsed(body: str, hide: tuple[str, ...]) -> tuple[str, str]:
    """Code, and the message as an addition: in JSON, or in XML where MinIO did not look closer."""
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
